// One plot: its lines, its legend, its bands and markers. What it shows is described by the kernel (panels.py).
import uPlot from "uplot";
import { panelAxes } from "./axes.js";
import { drawBands } from "./bands.js";
import { element, setText } from "./element.js";
import { Legend } from "./legend.js";
import { drawMarkers, headroom } from "./markers.js";
import { MOST_POINTS, Series, seriesKey } from "./series.js";
import { count, lineName, valueText } from "./words.js";

const HEIGHT = 256;
const DASH = [7, 5];
const SUMMARY_EVERY_MS = 1000;

export class Panel {
  /** `shared` is what all panels have in common: `range()`, `events`, `lastStep()`, `theme`, `key`, `zoom(range)`. */
  constructor(description, shared) {
    this.description = description;
    this.shared = shared;
    this.lines = new Map(description.lines.map((line) => [line.metric, line]));
    this.bandOf = new Map(description.bands.map((band) => [band.metric, band]));
    this.means = new Set(description.bands.map((band) => band.mean));
    this.series = new Map();
    this.plot = null;
    this.hover = null;
    this.stale = true;
    this.summarized = -Infinity;
    this.later = null;
    this.legend = new Legend(description.decimals, (place, show) => this.plot.setSeries(place + 1, { show }));
    this.at = element("span", "dfa-at");
    this.holder = element("div", "dfa-plot");
    const title = element("div", "dfa-title-row", {}, element("span", "dfa-title", {}, description.title), this.at);
    const head = element("div", "dfa-head", {}, title, this.legend.root);
    this.root = element("div", "dfa-panel", { role: "group", "data-testid": `dfa-panel-${description.name}` }, head, this.holder);
    Object.assign(this.root.dataset, { points: "0", markers: "0" });
  }

  /** Whether the panel draws this metric. */
  reads(metric) {
    return this.lines.has(metric) || this.bandOf.has(metric) || this.means.has(metric);
  }

  /** Forget every line: another run may have others. */
  clear() {
    this.series.clear();
    this.stale = true;
  }

  append(metric, layer, steps, values, spread) {
    const key = seriesKey(metric, layer);
    if (!this.series.has(key)) {
      this.series.set(key, new Series(metric, layer));
      this.stale = true;
    }
    // A deep network has many lines: together they keep no more points than a few lines would.
    const limit = Math.max(200, Math.min(MOST_POINTS, Math.floor((8 * MOST_POINTS) / this.series.size)));
    this.series.get(key).append(steps, values, spread, limit);
  }

  /** The lines in the order of the legend: by layer, then as described; each with its colour. */
  drawn() {
    const order = [...this.lines.keys()];
    return [...this.series.values()]
      .filter((series) => this.lines.has(series.metric))
      .sort((a, b) => (a.layer ?? 0) - (b.layer ?? 0) || order.indexOf(a.metric) - order.indexOf(b.metric))
      .map((series) => {
        const line = this.lines.get(series.metric);
        return { series, line, name: lineName(line, series.layer), colour: this.colour(line.per_layer ? series.layer - 1 : line.colour) };
      });
  }

  colour(place) {
    return this.description.palette[place % this.description.palette.length];
  }

  bands() {
    return [...this.series.values()]
      .filter((series) => this.bandOf.has(series.metric))
      .map((series) => {
        const band = this.bandOf.get(series.metric);
        // Recorded at the same steps as the band itself, where it is recorded at all.
        const means = this.series.get(seriesKey(band.mean, series.layer))?.values;
        const centre = (i) => means?.[i] ?? band.centre;
        return { series, factor: band.factor, centre, colour: this.colour((series.layer ?? 1) - 1) };
      });
  }

  get lastStep() {
    return Math.max(0, ...[...this.series.values()].map((series) => series.lastStep));
  }

  /** Draw what has come since the last frame. */
  draw() {
    if (this.stale) this.build();
    if (!this.plot) return;
    this.plot.setData(this.data(), false);
    this.plot.setScale("x", this.scale());
    this.refreshLegend();
    this.summarize();
  }

  scale() {
    const [min, max] = this.shared.range();
    return { min, max };
  }

  data() {
    const drawn = this.drawn();
    this.root.dataset.points = String(drawn.reduce((sum, { series }) => sum + series.steps.length, 0));
    this.root.dataset.markers = String(this.shared.events.length);
    if (!drawn.length) return [[]];
    return uPlot.join(drawn.map(({ series }) => [series.steps, series.values]));
  }

  build() {
    const width = this.holder.clientWidth;
    if (!width) return; // not laid out yet: the next resize draws it
    this.stale = false;
    this.plot?.destroy();
    const drawn = this.drawn();
    this.legend.build(drawn);
    this.plot = new uPlot(this.options(width, drawn), this.data(), this.holder);
  }

  options(width, drawn) {
    const { shared } = this;
    return {
      width,
      height: HEIGHT,
      padding: [() => headroom(shared.events), 14, 0, 0],
      legend: { show: false },
      select: { show: true },
      cursor: {
        y: false,
        points: { size: 7 },
        drag: { x: true, y: false, setScale: false },
        bind: { dblclick: () => () => shared.zoom(null) },
        dataIdx: nearestWithValue,
        sync: { key: shared.key, setSeries: false, scales: ["x", null], filters: { pub: (type) => type === "mousemove" || type === "mouseleave" } },
      },
      scales: { x: { time: false, auto: false }, y: { range: (_, low, high) => this.heights(low, high) } },
      axes: panelAxes(shared, this.description),
      series: [
        {},
        ...drawn.map(({ line, colour, series }) => ({
          stroke: colour,
          width: line.dashed ? 1.6 : 2,
          dash: line.dashed ? DASH : undefined,
          show: this.legend.shows(series),
          points: { size: 4, fill: colour },
        })),
      ],
      hooks: {
        drawClear: [(plot) => drawBands(plot, this.behind())],
        draw: [(plot) => drawMarkers(plot, shared.events, shared.theme, uPlot.pxRatio)],
        setCursor: [(plot) => this.point(plot)],
        setSelect: [(plot) => this.select(plot)],
      },
    };
  }

  behind() {
    return {
      bands: this.bands(),
      drawn: this.drawn().filter(({ series }) => this.legend.shows(series)),
      guide: this.description.guide,
      guideLabel: this.description.guide_label,
      until: this.lastStep,
      theme: this.shared.theme,
      pixels: uPlot.pxRatio,
    };
  }

  /** The y axis' ends: what the panel always shows, and more where the values need it. */
  heights(least, greatest) {
    const { low, high, floor, ceiling } = this.description;
    let bottom = Math.min(low ?? Infinity, least ?? Infinity);
    let top = Math.max(high ?? -Infinity, greatest ?? -Infinity);
    if (!Number.isFinite(bottom)) bottom = 0;
    if (!Number.isFinite(top) || top <= bottom) top = bottom + 1;
    const margin = 0.05 * (top - bottom);
    if (high === null || top > high) top += margin;
    if (low === null || bottom < low) bottom -= margin;
    return [Math.max(bottom, floor ?? -Infinity), Math.min(top, ceiling ?? Infinity)];
  }

  select(plot) {
    const { left, width } = plot.select;
    if (width < 4) return;
    const range = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.shared.zoom(range);
  }

  point(plot) {
    const { left } = plot.cursor;
    const hover = left === null || left === undefined || left < 0 ? null : Math.round(plot.posToVal(left, "x"));
    if (hover === this.hover) return;
    this.hover = hover;
    this.refreshLegend();
  }

  refreshLegend() {
    setText(this.at, this.hover === null ? "" : `at step ${count(this.hover)}`);
    this.legend.refresh(this.hover);
  }

  /** What the panel shows, in words, for those who hear it; at most once a second. */
  summarize() {
    const wait = this.summarized + SUMMARY_EVERY_MS - performance.now();
    if (wait > 0) {
      this.later ??= setTimeout(() => this.summarize(), wait + 1);
      return;
    }
    clearTimeout(this.later);
    this.later = null;
    this.summarized = performance.now();
    const { title, unit, decimals } = this.description;
    const values = this.drawn().map(({ series, name }) => `${name} ${valueText(series.last, decimals)}`);
    const changes = this.shared.events.length;
    const said = values.length ? `${values.join(", ")}${unit ? ` ${unit}` : ""}, at step ${count(this.lastStep)}` : "no values yet";
    this.root.setAttribute("aria-label", `${title}: ${said}${changes ? `; ${count(changes)} changes marked` : ""}`);
  }

  resize() {
    const width = this.holder.clientWidth;
    if (!width) return;
    if (!this.plot) this.draw();
    else if (width !== this.plot.width) this.plot.setSize({ width, height: HEIGHT });
  }

  /** The space for labels and the colours may have changed: lay out the axes again. */
  relayout() {
    this.plot?.redraw(false, true);
  }

  destroy() {
    clearTimeout(this.later);
    this.plot?.destroy();
  }
}

/** The joined table has holes where another line has its steps: the cursor's point jumps to the nearest value. */
function nearestWithValue(plot, place, index) {
  const column = plot.data[place];
  if (place === 0 || index === null || index === undefined || column[index] != null) return index;
  for (let away = 1; away < column.length; away += 1) {
    if (column[index - away] != null) return index - away;
    if (column[index + away] != null) return index + away;
  }
  return index;
}
