// The live chart: takes messages from the kernel (live_chart.py), draws at most once a frame, in four linked panels.
import "uplot/dist/uPlot.min.css";
import "./live_chart.css";
import { element } from "./element.js";
import { Panel } from "./panel.js";
import { StatusLine } from "./status.js";
import { readTheme, watchTheme } from "./theme.js";

const TWO_COLUMNS_FROM = 560;
const MOST_EVENTS = 200;
const ASK_AGAIN_MS = 1000;

class Chart {
  constructor(ask) {
    this.ask = ask;
    this.number = null; // of the last message; null while a snapshot is awaited
    this.run = null;
    this.spread = false;
    this.window = null;
    this.events = [];
    this.panels = [];
    this.frame = 0;
    this.status = new StatusLine(() => this.zoom(null));
    this.grid = element("div", "dfa-grid");
    this.root = element("div", "dfa-chart", { "data-testid": "dfa-chart" }, this.status.root, this.grid);
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(this.root);
    this.unwatch = watchTheme(() => this.retheme());
    this.key = `dfa-${Math.random().toString(36).slice(2)}`;
    this.theme = readTheme(this.root);
  }

  /** One message: a snapshot, which replaces everything, or rows that go on where the last message ended. */
  receive(message, buffers) {
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
      this.moved = true;
    }
    if (message.status) this.latest = message.status;
    this.schedule();
  }

  begin({ run, spread, panels }) {
    if (run !== this.run) this.window = null;
    this.run = run;
    this.spread = spread;
    this.events = [];
    this.moved = true;
    if (this.panels.length) this.panels.forEach((panel) => panel.clear());
    else {
      this.panels = panels.map((description) => new Panel(description, this));
      this.grid.replaceChildren(...this.panels.map((panel) => panel.root));
    }
  }

  append(message, view) {
    const numbers = new Float64Array(view ? view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) : 0);
    let place = 0;
    const take = (count) => numbers.subarray(place, (place += count));
    for (const { metric, layer, count } of message.series) {
      const steps = take(count);
      const values = take(count);
      const spread = this.spread ? take(count) : null;
      for (const panel of this.panels) if (panel.reads(metric)) panel.append(metric, layer, steps, values, spread);
    }
  }

  schedule() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = 0;
    if (this.latest) this.status.show(this.latest);
    this.status.wholeRun.hidden = this.window === null;
    if (this.moved) this.panels.forEach((panel) => panel.relayout());
    this.moved = false;
    this.panels.forEach((panel) => panel.draw());
  }

  /** The steps in sight: what the user zoomed to, or the whole run. */
  range() {
    return this.window ?? [0, Math.max(1, this.lastStep())];
  }

  lastStep() {
    const lastEvent = this.events.length ? this.events[this.events.length - 1].step : 0;
    return Math.max(lastEvent, ...this.panels.map((panel) => panel.lastStep));
  }

  zoom(range) {
    this.window = range;
    this.schedule();
  }

  resize() {
    this.grid.classList.toggle("dfa-two-columns", this.root.clientWidth >= TWO_COLUMNS_FROM);
    this.theme = readTheme(this.root);
    this.panels.forEach((panel) => panel.resize());
  }

  retheme() {
    this.theme = readTheme(this.root);
    this.panels.forEach((panel) => panel.relayout());
  }

  destroy() {
    cancelAnimationFrame(this.frame);
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
