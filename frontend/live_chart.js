// The live chart: takes messages from the kernel (live_chart.py), draws at most once a frame, in four linked panels.
import "uplot/dist/uPlot.min.css";
import "./live_chart.css";
import { element } from "./element.js";
import { Head } from "./head.js";
import { marks } from "./markers.js";
import { Panel } from "./panel.js";
import { StatusLine } from "./status.js";
import { readTheme, shaded, translucent, watchTheme } from "./theme.js";
import { View } from "./view.js";

const TWO_COLUMNS_FROM = 560;
const TWO_COLUMNS_OF_SEVERAL_FROM = 760;
const MOST_EVENTS = 200;
const ASK_AGAIN_MS = 1000;
const FLASH_MS = 1600;
const SETTLE_MS = 300; // after the last message everything is drawn, however little it moves a curve
const COLOUR = /^#[0-9a-f]{6}$/i;
const PLAIN_COLOUR = "#767676";

class Chart {
  constructor(ask) {
    this.ask = ask;
    this.number = null; // of the last message; null while a snapshot is awaited
    this.run = null;
    this.runs = [];
    this.hiddenRuns = new Set(); // by place
    this.view = new View();
    this.logSteps = false;
    this.logValues = false;
    this.events = [];
    this.marks = [];
    this.flash = null; // a step
    this.panels = [];
    this.frame = 0;
    this.status = new StatusLine();
    this.head = new Head({
      follow: (last) => this.look(() => this.view.follow(last)),
      logSteps: (on) => this.restyle(() => (this.logSteps = on)),
      logValues: (on) => this.restyle(() => (this.logValues = on)),
      showRun: (place, on) =>
        this.restyle(() => {
          if (on) this.hiddenRuns.delete(place);
          else this.hiddenRuns.add(place);
          this.remark();
        }),
    });
    this.grid = element("div", "dfa-grid");
    this.root = element("div", "dfa-chart", { "data-testid": "dfa-chart" }, this.status.root, this.head.root, this.grid);
    // At the next frame: what is laid out anew while sizes are being told is an error in every browser's log.
    this.resizing = new ResizeObserver(() => this.look(() => (this.resized = true)));
    this.resizing.observe(this.root);
    this.unwatch = () => {};
    this.parent = null;
    this.key = `dfa-${Math.random().toString(36).slice(2)}`;
    this.theme = readTheme(this.root);
  }

  /** One message: a snapshot, which replaces everything, or rows that go on where the last message ended. */
  receive(message, buffers) {
    if (message.type === "focus") return this.focus(message.step);
    if (message.type === "snapshot") this.begin(message);
    else if (message.type !== "rows" || this.number === null) return;
    else if (message.number !== this.number + 1) {
      this.number = null; // one was lost on the way
      this.ask();
      return;
    }
    this.number = message.number;
    this.append(message, buffers[0]);
    if (message.events.length) {
      this.events = [...this.events, ...message.events].slice(-MOST_EVENTS);
      this.remark();
    }
    if (message.status) this.latest = message.status;
    this.schedule();
  }

  begin({ run, runs, panels }) {
    if (run !== this.run) this.view.zoom(null);
    this.run = run;
    if (runs.length !== this.runs.length) this.hiddenRuns.clear();
    this.runs = runs.map((one) => ({ ...one, colour: COLOUR.test(one.colour) ? one.colour : PLAIN_COLOUR }));
    this.events = [];
    this.marks = [];
    this.moved = true;
    this.root.classList.toggle("dfa-several", this.several);
    if (this.panels.length) this.panels.forEach((panel) => panel.clear());
    else {
      this.panels = panels.map((description) => new Panel(description, this));
      this.grid.replaceChildren(...this.panels.map((panel) => panel.root));
    }
    this.buildHead();
    this.resized = true; // the columns depend on the number of runs
  }

  get several() {
    return this.runs.length > 1;
  }

  /** Whether the user has not hidden the run with this place. */
  shows(run) {
    return !this.hiddenRuns.has(run);
  }

  remark() {
    this.marks = marks(this.events, this.runs, (run) => this.shows(run));
    this.moved = true;
  }

  buildHead() {
    const looks = this.runs.map(({ name, colour, faint }) => {
      const own = shaded(colour, this.theme.shade);
      return { name, faint, colour: faint ? translucent(own, 0.5) : own, width: (faint ? 1.5 : 2.5) * this.theme.strokes };
    });
    this.head.build(looks, this.hiddenRuns);
  }

  append(message, view) {
    const numbers = new Float64Array(view ? view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) : 0);
    let place = 0;
    const take = (count) => numbers.subarray(place, (place += count));
    for (const { metric, layer, count, run = 0 } of message.series) {
      const steps = take(count);
      const values = take(count);
      const spread = this.runs[run].spread ? take(count) : null;
      for (const panel of this.panels) if (panel.reads(metric)) panel.append(metric, layer, run, steps, values, spread);
    }
  }

  schedule() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = 0;
    if (this.resized) this.resize();
    if (this.latest) this.status.show(this.latest);
    this.head.show(this.view);
    if (this.moved) this.panels.forEach((panel) => panel.relayout());
    const all = this.moved || this.settling;
    this.moved = this.settling = false;
    this.panels.forEach((panel) => panel.draw(all));
    clearTimeout(this.settled);
    if (this.panels.some((panel) => panel.waits)) this.settled = setTimeout(() => this.look(() => (this.settling = true)), SETTLE_MS);
  }

  /** The steps in sight. */
  range() {
    return this.view.range(this.lastStep());
  }

  /** The last step that has a value of the run with this place, in any panel. */
  lastStepOf(run) {
    return Math.max(0, ...this.panels.map((panel) => panel.lastStepOf(run)));
  }

  lastStep() {
    const lastMark = this.marks.length ? this.marks[this.marks.length - 1].step : 0;
    return Math.max(lastMark, ...this.panels.map((panel) => panel.lastStep));
  }

  zoom(range) {
    this.look(() => this.view.zoom(range));
  }

  look(change) {
    change();
    this.schedule();
  }

  /** Change what the plots must be made anew for. */
  restyle(change) {
    change();
    this.panels.forEach((panel) => panel.restyle());
    this.schedule();
  }

  /** Show the steps around `step`, and light it up for a moment. */
  focus(step) {
    if (!Number.isFinite(step)) return;
    this.flash = step;
    this.view.around(step, this.lastStep());
    clearTimeout(this.flashed);
    this.flashed = setTimeout(() => {
      this.flash = null;
      this.panels.forEach((panel) => panel.repaint());
    }, FLASH_MS);
    this.schedule();
  }

  resize() {
    this.resized = false;
    if (this.root.parentNode !== this.parent) {
      this.parent = this.root.parentNode; // put on the page, or moved to another place
      this.unwatch();
      this.unwatch = watchTheme(this.root, () => this.retheme());
    }
    this.retheme();
    const least = (this.several ? TWO_COLUMNS_OF_SEVERAL_FROM : TWO_COLUMNS_FROM) * this.theme.letters;
    this.grid.classList.toggle("dfa-two-columns", this.root.clientWidth >= least);
    this.panels.forEach((panel) => panel.resize());
  }

  retheme() {
    const theme = readTheme(this.root);
    if (JSON.stringify(theme) === JSON.stringify(this.theme)) return;
    this.theme = theme;
    this.buildHead();
    this.restyle(() => {});
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.flashed);
    clearTimeout(this.settled);
    this.resizing.disconnect();
    this.unwatch();
    this.panels.forEach((panel) => panel.destroy());
  }
}

/**
 * The explorer's plain keys are its own: in command mode JupyterLab would take a menu's arrow keys for its cells. It
 * looks for this attribute on the element that has the focus. What is held with Ctrl, Alt or ⌘, and Shift+Enter, stays
 * JupyterLab's: saving and running work from here too.
 */
function keepKeys(event) {
  const { target, key } = event;
  if (!(target instanceof Element) || !target.closest(".dfa-explorer")) return;
  const theirs = event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && key === "Enter");
  target.toggleAttribute("data-lm-suppress-shortcuts", !theirs);
}
window.addEventListener("keydown", keepKeys, true); // before JupyterLab, which listens on the document

/** What anywidget calls for each place the chart is shown in. */
function render({ model, el }) {
  const hello = () => model.send({ type: "hello" });
  const chart = new Chart(hello);
  // A hello can be lost: while a page reloads, JupyterLab may send it to a subshell that is gone already.
  const asking = setInterval(() => chart.number === null && hello(), ASK_AGAIN_MS);
  const receive = (message, buffers) => chart.receive(message, buffers);
  model.on("msg:custom", receive);
  el.append(chart.root);
  hello();
  return () => {
    clearInterval(asking);
    model.off("msg:custom", receive);
    chart.destroy();
  };
}

export default { render };
