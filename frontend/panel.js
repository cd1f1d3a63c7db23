// One plot: its lines, its legend, its bands and markers. What it shows is described by the kernel (panels.py).
import uPlot from "uplot";
import { columns } from "./columns.js";
import { element, setText } from "./element.js";
import { Legend } from "./legend.js";
import { panelLines } from "./lines.js";
import { plotOptions } from "./options.js";
import { Pace } from "./pace.js";
import { MOST_POINTS, Series, seriesKey } from "./series.js";
import { Summary, summaryText } from "./summary.js";
import { count } from "./words.js";

const HEIGHT = 256;
const CHANCE_COLOUR = "#808080";

/** A plot's own height in pixels, with such a theme. */
export const plotHeight = (theme) => Math.round(HEIGHT * Math.sqrt(theme.letters));

export class Panel {
  /**
   * `shared` is what all panels have in common: `range()`, `runs`, `several`, `shows(run)`, `layers`, `marks`, `flash`,
   * `diverged`, `lastStepOf(run)`, `logSteps`, `logValues`, `theme`, `tall` (the plots' height, null for their own), `key`,
   * `zoom(range)`.
   */
  constructor(description, shared) {
    this.description = description;
    this.name = description.name;
    this.shared = shared;
    this.lines = new Map(description.lines.map((line) => [line.metric, line]));
    this.bandOf = new Map(description.bands.map((band) => [band.metric, band]));
    this.means = new Set(description.bands.map((band) => band.mean));
    this.series = new Map();
    this.lastSteps = new Map(); // by run
    this.pace = new Pace();
    this.waits = false; // whether something has come that is not drawn
    this.plot = null;
    this.hover = null;
    this.stale = true;
    this.drawn = [];
    this.legend = new Legend(description.decimals, ({ place, series }) => this.plot.setSeries(place, { show: this.shows(series) }));
    this.at = element("span", "dfa-at");
    this.diverged = element("span", "dfa-diverged");
    this.holder = element("div", "dfa-plot", { "data-empty": description.empty });
    const title = element("div", "dfa-title-row", {}, element("span", "dfa-title", {}, description.title), element("span", "dfa-note", {}, description.note), this.diverged, this.at);
    const head = element("div", "dfa-head", {}, title, this.legend.root);
    this.root = element("div", "dfa-panel", { role: "group", "data-testid": `dfa-panel-${description.name}` }, head, this.holder);
    Object.assign(this.root.dataset, { points: "0", markers: "0", sight: "some" });
    this.summary = new Summary(this.root, () => summaryText(description, this.drawn.filter(({ series }) => shared.shows(series.run)), this.lastStep, shared.marks.length));
  }

  /** Whether the panel draws this metric. */
  reads(metric) {
    return this.lines.has(metric) || this.bandOf.has(metric) || this.means.has(metric);
  }

  /** Forget every line: another run may have others. What the user hid stays hidden, where `keep` says so. */
  clear(keep) {
    if (!keep) this.legend.showAll();
    this.series.clear();
    this.lastSteps.clear();
    this.stale = true;
  }

  append({ metric, layer, run, steps, values, spread }) {
    const key = seriesKey(metric, layer, run);
    if (!this.series.has(key)) {
      this.series.set(key, new Series(metric, layer, run));
      this.stale = true;
    }
    // A deep network has many lines: together they keep no more points than a few lines would.
    const limit = Math.max(200, Math.min(MOST_POINTS, Math.floor((8 * MOST_POINTS) / this.series.size)));
    this.series.get(key).append(steps, values, spread, limit);
    if (!steps.length) return;
    this.lastSteps.set(run, Math.max(this.lastStepOf(run), steps[steps.length - 1]));
    if (this.lines.has(metric)) this.pace.hear(values);
  }

  /** Whether the user has hidden neither the line nor its run. */
  shows(series) {
    return this.legend.shows(series) && this.shared.shows(series.run);
  }

  get logarithmic() {
    return this.description.spans_decades && this.shared.logValues;
  }

  /** The bands of chance of the lines in sight. */
  bands() {
    const { several } = this.shared;
    return [...this.series.values()].flatMap((series) => {
      const band = this.bandOf.get(series.metric);
      const beside = ({ series: { metric, layer } }) => metric === band.of && layer === series.layer;
      if (!band || !this.drawn.some((line) => beside(line) && this.shows(line.series))) return [];
      // Recorded at the same steps as the band itself, where it is recorded at all.
      const means = this.series.get(seriesKey(band.mean, series.layer))?.values;
      const centre = (i) => means?.[i] ?? band.centre;
      const { palette } = this.description;
      const colour = several ? CHANCE_COLOUR : palette[((series.layer ?? 1) - 1) % palette.length];
      return [{ series, factor: band.factor, centre, colour }];
    });
  }

  get lastStep() {
    return Math.max(0, ...this.lastSteps.values());
  }

  /** Draw what has come since the last frame. What nobody could see yet waits, unless `all` is to be drawn. */
  draw(all) {
    if (this.stale) this.build();
    if (!this.plot) return;
    const { drawn, plot, shared } = this;
    this.root.dataset.points = String(drawn.reduce((sum, { series }) => sum + series.steps.length, 0));
    this.root.dataset.markers = String(shared.marks.length);
    setText(this.diverged, this.divergence());
    const place = (step) => plot.valToPos(step, "x", true);
    this.waits = !all && this.pace.canWait(shared.range(), shared.lastStep(), place, plot.scales.y);
    if (!this.waits) {
      plot.setData(this.data(), false);
      plot.setScale("x", this.scale());
    }
    this.refreshLegend();
    this.summary.refresh();
  }

  /** In words, whether and where a loss was lost. */
  divergence() {
    if (!this.description.spans_decades) return "";
    const broken = this.drawn.map(({ series }) => series.broken).filter((step) => step !== null);
    const step = this.shared.diverged ?? (broken.length ? Math.min(...broken) : null);
    return step === null ? "" : `diverged at step ${count(step)}`;
  }

  scale() {
    const [min, max] = this.shared.range();
    return { min, max };
  }

  /** The columns of the plot; what they hold is noted for whoever looks at the page from outside. */
  data() {
    const { drawn, shared } = this;
    const { data, inSight } = columns(drawn, shared.range(), (run) => shared.lastStepOf(run), this.logarithmic);
    if (drawn.length) this.root.dataset.sight = inSight ? "some" : "none";
    this.pace.note(shared.range(), shared.lastStep());
    return data;
  }

  /** The last step that has a value of the run with this place. */
  lastStepOf(run) {
    return this.lastSteps.get(run) ?? 0;
  }

  build() {
    const width = this.holder.clientWidth;
    if (!width) return; // not laid out yet: the next resize draws it
    this.stale = false;
    this.plot?.destroy();
    const { description, shared } = this;
    const inSight = ({ metric, layer }) => shared.layers.shows(metric, layer, shared.runs.length);
    this.drawn = panelLines([...this.series.values()].filter(inSight), description, shared);
    this.legend.build(this.drawn.filter(({ series }) => shared.shows(series.run)));
    this.plot = new uPlot(plotOptions(this, width), this.data(), this.holder);
  }

  get height() {
    return this.shared.tall ?? plotHeight(this.shared.theme);
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

  /** The measured step nearest to `step`, over all lines. */
  nearestStep(step) {
    const found = this.drawn.map(({ series }) => series.nearest(step)).filter((one) => one !== null);
    return Math.round(found.reduce((best, one) => (Math.abs(one - step) < Math.abs(best - step) ? one : best), found[0] ?? step));
  }

  refreshLegend() {
    // Not every step is measured: where the values are from is said, not where the cursor or the run stands.
    const step = this.hover === null ? this.lastStep : this.nearestStep(this.hover);
    const said = step > 0 && (this.hover !== null || step < this.shared.lastStep()) ? `at step ${count(step)}` : "";
    setText(this.at, said);
    this.legend.refresh(this.hover);
  }

  resize() {
    const width = this.holder.clientWidth;
    if (!width) return;
    if (!this.plot) this.draw(true);
    else if (width !== this.plot.width || this.height !== this.plot.height) {
      this.plot.setSize({ width, height: this.height });
      this.legend.fit();
    }
  }

  /** The space for labels may have changed: lay out the axes again. */
  relayout() {
    this.plot?.redraw(false, true);
  }

  /** Draw again what is there: a marker lit up, or went out. */
  repaint() {
    this.plot?.redraw(false, false);
  }

  /** Colours, sizes, axes or the runs in sight have changed: make the plot anew at the next frame. */
  restyle() {
    this.stale = true;
  }

  destroy() {
    this.summary.stop();
    this.plot?.destroy();
  }
}
