// One plot: its lines, its bands and markers, and what its head says. What it shows is described by the kernel.
import uPlot from "uplot";
import type { ChartPanel } from "../shared/messages.ts";
import { Store } from "../shared/store.ts";
import { count, valueText } from "../shared/words.ts";
import type { Chart } from "./chart.ts";
import { chances, drawBands, drawGuide, drawGuideLabel, drawMarkers, drawSigns } from "./drawing.ts";
import { atSteps, column, divergence, type Line, panelLines, reading, summary } from "./lines.ts";
import { plotOptions } from "./options.ts";
import { type Arrived, MOST_POINTS, Pace, Series, seriesKey } from "./series.ts";
import type { Head } from "./sight.ts";

const HEIGHT = 256;
const LARGE = 1.6;
const SAID_EVERY_MS = 1000;
const NEAR = 6; // pixels from the cursor

const stepped = uPlot.paths.stepped?.({ align: 1 });

export class Panel {
  readonly description: ChartPanel;
  readonly name: string;
  readonly head: Store<Head>;
  /** Whether something has come that is not drawn. */
  waits = false;
  readonly chart: Chart;
  private readonly lines: Set<string>;
  private readonly reading: Set<string>;
  private readonly series = new Map<string, Series>();
  private readonly lastSteps = new Map<number, number>(); // by run
  private pace = new Pace();
  private plot: uPlot | null = null;
  private root: HTMLElement | null = null;
  private holder: HTMLElement | null = null;
  private hidden = new Set<string>();
  private hover: number | null = null;
  private pointed = false;
  private stale = true;
  drawn: Line[] = [];
  private longest = 0; // letters of a value
  private said = -Infinity;
  private later = 0;

  constructor(description: ChartPanel, chart: Chart) {
    this.description = description;
    this.name = description.name;
    this.chart = chart;
    this.lines = new Set(description.lines.map(({ metric }) => metric));
    this.reading = new Set([...this.lines, ...description.bands.flatMap(({ metric, mean }) => [metric, mean])]);
    const nothing = { lines: [], values: [], at: "", diverged: "", tip: null, layout: 0 };
    this.head = new Store<Head>({ ...nothing, room: chart.room(this.name), hidden: this.hidden });
  }

  /** The panel's box, and the one inside it for the plot, are on the page. */
  mount(root: HTMLElement, holder: HTMLElement): () => void {
    this.root = root;
    this.holder = holder;
    this.stale = true;
    const leave = this.chart.watch(holder);
    return () => {
      leave();
      this.plot?.destroy();
      this.plot = this.root = this.holder = null;
    };
  }

  /** Whether the panel draws this metric. */
  reads(metric: string): boolean {
    return this.reading.has(metric);
  }

  /** Forget every line: another run may have others. What the user hid stays hidden, where `keep` says so. */
  clear(keep: boolean): void {
    if (!keep) this.hidden = new Set();
    this.series.clear();
    this.lastSteps.clear();
    this.stale = true;
  }

  append({ metric, layer, run, steps, values, spread }: Arrived): void {
    const key = seriesKey(metric, layer, run);
    let series = this.series.get(key);
    if (!series) {
      series = new Series(metric, layer, run);
      this.series.set(key, series);
      this.stale = true;
    }
    // A deep network has many lines: together they keep no more points than a few lines would.
    const limit = Math.max(200, Math.min(MOST_POINTS, Math.floor((8 * MOST_POINTS) / this.series.size)));
    series.append(steps, values, spread, limit);
    if (!steps.length) return;
    this.lastSteps.set(run, Math.max(this.lastStepOf(run), steps[steps.length - 1]));
    if (this.lines.has(metric)) this.pace.hear(values);
  }

  /** The last step that has a value of the run with this place. */
  lastStepOf(run: number): number {
    return this.lastSteps.get(run) ?? 0;
  }

  get lastStep(): number {
    return Math.max(0, ...this.lastSteps.values());
  }

  /** Hide a line, or show it again. */
  toggle({ series, place }: Line): void {
    this.hidden = new Set(this.hidden);
    if (!this.hidden.delete(series.key)) this.hidden.add(series.key);
    this.plot?.setSeries(place, { show: this.shows(series) });
    this.head.patch({ hidden: this.hidden });
  }

  /** The pointer is over this panel, or its keys have the focus. */
  point(on: boolean): void {
    if (on === this.pointed) return;
    this.pointed = on;
    this.refresh();
  }

  /** Colours, sizes, axes or the runs in sight have changed: make the plot anew at the next frame. */
  restyle(): void {
    this.stale = true;
  }

  /** Draw again what is there, with `axes` laid out anew: the space for labels may have changed. */
  repaint(axes: boolean): void {
    this.plot?.redraw(false, axes);
  }

  resize(): void {
    const { width, height } = this.size;
    if (!width || !height) return;
    if (!this.plot) this.draw(true);
    else if (width !== this.plot.width || height !== this.plot.height) {
      this.plot.setSize({ width, height });
      this.head.patch({ layout: this.head.get().layout + 1 });
    }
  }

  /** Draw what has come since the last frame. What nobody could see yet waits, unless `all` is to be drawn. */
  draw(all: boolean): void {
    if (this.stale) this.build();
    const { chart, drawn, plot, root } = this;
    if (!plot || !root) return;
    root.dataset.points = String(drawn.reduce((sum, { series }) => sum + series.steps.length, 0));
    root.dataset.markers = String(chart.marks.length);
    root.dataset.lastMarker = String(chart.marks.at(-1)?.step ?? "");
    const place = (step: number) => plot.valToPos(step, "x", true);
    // Where one points, the point and its value are of the same rows.
    this.waits =
      !all && this.hover === null && this.pace.canWait(chart.range(), chart.lastStep(), place, plot.scales.y);
    if (!this.waits) {
      plot.setData(this.data(), false);
      const [min, max] = chart.range();
      plot.setScale("x", { min, max });
    }
    this.refresh();
    this.say();
  }

  destroy(): void {
    clearTimeout(this.later);
    this.plot?.destroy();
    this.plot = null;
  }

  private get size(): { width: number; height: number } {
    const { holder, chart } = this;
    if (!holder) return { width: 0, height: 0 };
    const { letters } = chart.theme;
    const own = Math.round(HEIGHT * Math.sqrt(letters) * (chart.large === this.name ? LARGE : 1));
    return { width: holder.clientWidth, height: chart.row ? holder.clientHeight : own };
  }

  /** Whether the user has hidden neither the line nor its run. */
  shows(series: Series): boolean {
    return !this.hidden.has(series.key) && this.chart.runs.shows(series.run);
  }

  private get inSight(): Line[] {
    return this.drawn.filter(({ series }) => this.shows(series));
  }

  get logarithmic(): boolean {
    return this.description.spans_decades && this.chart.logValues;
  }

  private build(): void {
    const { width, height } = this.size;
    if (!width || !height || !this.holder) return; // not laid out yet: the next resize draws it
    this.stale = false;
    this.plot?.destroy();
    const { chart, description } = this;
    const { runs, theme, layers } = chart;
    const chosen = [...this.series.values()].filter(({ metric, layer }) =>
      layers.shows(metric, layer, runs.all.length),
    );
    this.drawn = panelLines(chosen, description, { runs: runs.all, several: runs.several, theme });
    this.longest = 0;
    const lines = this.drawn.filter(({ series }) => runs.shows(series.run));
    const { layout } = this.head.get();
    this.head.patch({ lines, hidden: this.hidden, room: chart.room(this.name), layout: layout + 1 });
    this.plot = new uPlot(plotOptions(this, width, height, stepped), this.data(), this.holder);
  }

  drawBehind(plot: uPlot): void {
    const { chart, description } = this;
    const bands = chances(description, this.series, this.inSight, chart.runs.several);
    drawBands(plot, bands, this.inSight, chart.lastStepOf(0) || 1);
    if (description.guide !== null) drawGuide(plot, description.guide, chart.theme, uPlot.pxRatio);
  }

  drawOver(plot: uPlot): void {
    const { chart, description } = this;
    const { theme, marks, flash, runs } = chart;
    const pixels = uPlot.pxRatio;
    drawSigns(plot, this.inSight, theme, pixels);
    drawGuideLabel(plot, description, this.inSight, theme, pixels);
    const texts = chart.room(this.name) === "full";
    drawMarkers(plot, { marks, flash, several: runs.several, texts, theme }, pixels);
  }

  /** The columns of the plot; what they hold is noted for whoever looks at the page from outside. */
  private data(): uPlot.AlignedData {
    const { chart, drawn } = this;
    const range = chart.range();
    this.pace.note(range, chart.lastStep());
    if (!drawn.length) return [[]];
    const tables: ReturnType<typeof column>[] = [];
    for (const line of drawn) {
      tables[line.place - 1] = column(line, range, chart.lastStepOf(line.series.run), this.logarithmic);
    }
    const [from, to] = range;
    const some = tables.some(([steps]) => steps.length && steps[0] <= to && steps[steps.length - 1] >= from);
    if (this.root) this.root.dataset.sight = some ? "some" : "none";
    return uPlot.join(tables);
  }

  select(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < 4) return;
    const range: [number, number] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.chart.zoom(range);
  }

  pointAt(plot: uPlot): void {
    const { left } = plot.cursor;
    const hover = left === undefined || left < 0 ? null : plot.posToVal(left, "x");
    if (hover === this.hover) return;
    this.hover = hover;
    this.refresh();
  }

  /** Values, steps and changes of the head: the last ones, or those under the cursor. */
  private refresh(): void {
    const { hover, chart, description } = this;
    const before = this.head.get();
    // Not every step is measured: where the values are from is said, not where the cursor or the run stands.
    const found = reading(before.lines, hover);
    const step = found.step ?? Math.round(hover ?? 0);
    const old = hover !== null || (found.step !== null && step < chart.lastStep());
    const at = old ? atSteps(found.step === null ? [step] : found.steps) : "";
    const texts = (decimals: number) => found.values.map((value) => valueText(value, decimals));
    const values = texts(Math.max(0, description.decimals - (before.room === "small" ? 1 : 0)));
    const said = {
      at: old ? atSteps([step]) : "",
      values: texts(description.decimals),
      steps: found.steps.map((one) => (one === null || one === step ? "" : `at ${count(one)}`)),
    };
    const tip = this.pointed && this.plot ? { ...said, changes: this.changes(this.plot) } : null;
    const longest = Math.max(this.longest, ...values.map(({ length }) => length));
    const diverged = description.spans_decades ? divergence(this.drawn, chart.diverged) : "";
    const next = { values, at, diverged, tip };
    const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
    if (same(next, { values: before.values, at: before.at, diverged: before.diverged, tip: before.tip })) return;
    const layout = before.layout + (longest > this.longest ? 1 : 0);
    this.longest = longest;
    this.head.patch({ ...next, layout });
  }

  /** The changes near the cursor; the last ones where the focus is here, and no cursor. */
  private changes(plot: uPlot): string[] {
    const { marks } = this.chart;
    const left = plot.cursor.left ?? 0;
    const near = marks.filter(({ step }) => Math.abs(plot.valToPos(step, "x") - left) < NEAR);
    return [...new Set((this.hover === null ? marks.slice(-3) : near).map(({ label }) => label))];
  }

  /** Say what the panel shows to those who hear it, at most once a second. */
  private say(): void {
    const wait = this.said + SAID_EVERY_MS - performance.now();
    clearTimeout(this.later);
    if (wait > 0) this.later = window.setTimeout(() => this.say(), wait);
    if (wait > 0 || !this.root) return;
    this.said = performance.now();
    const words = summary(this.description, this.inSight, this.lastStep, this.chart.marks.length);
    this.root.setAttribute("aria-label", words);
  }
}
