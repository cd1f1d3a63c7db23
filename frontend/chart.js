// The chart: takes messages from the kernel (live_chart.py), draws at most once a frame, in linked panels.
import { element } from "./element.js";
import { Flash } from "./flash.js";
import { Head } from "./head.js";
import { Layers } from "./layers.js";
import { marks } from "./markers.js";
import { seriesOf } from "./message.js";
import { Panel, plotHeight } from "./panel.js";
import { Room } from "./room.js";
import { Runs } from "./runs.js";
import { StatusLine } from "./status.js";
import { readTheme, watchTheme } from "./theme.js";
import { View } from "./view.js";

const TWO_COLUMNS_FROM = 560;
const MOST_EVENTS = 200;
const SETTLE_MS = 300; // after the last message everything is drawn, however little it moves a curve

export class Chart {
  constructor(ask) {
    this.ask = ask;
    this.number = null; // of the last message; null while a snapshot is awaited
    this.session = null;
    this.run = null;
    this.held = new Runs();
    this.layers = new Layers();
    this.view = new View();
    this.logSteps = false;
    this.logValues = false;
    this.events = [];
    this.marks = [];
    this.light = new Flash(() => this.panels.forEach((panel) => panel.repaint()));
    this.diverged = null; // a step
    this.panels = [];
    this.frame = 0;
    this.status = new StatusLine();
    this.head = new Head({
      follow: (last) => this.look(() => this.view.follow(last)),
      logSteps: (on) => this.restyle(() => (this.logSteps = on)),
      logValues: (on) => this.restyle(() => (this.logValues = on)),
      chooseLayers: (choice) => this.restyle(() => (this.layers.chosen = choice)),
      chooseAngle: (metric) => this.restyle(() => (this.layers.metric = metric)),
      showRun: (place, on) =>
        this.restyle(() => {
          this.held.show(place, on);
          this.remark();
        }),
    });
    this.grid = element("div", "dfa-grid");
    this.root = element("div", "dfa-chart", { "data-testid": "dfa-chart" }, this.status.root, this.head.root, this.grid);
    // At the next frame: what is laid out anew while sizes are being told is an error in every browser's log.
    this.resizing = new ResizeObserver(() => this.look(() => (this.resized = true)));
    this.resizing.observe(this.root);
    this.room = new Room(() => this.look(() => (this.resized = true)));
    this.tall = null;
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
    if (message.status) {
      this.latest = message.status;
      this.diverged = message.diverged ?? null;
    }
    this.schedule();
  }

  begin({ session, run, runs, panels, layers, angle }) {
    if (run !== this.run) this.view.zoom(null);
    const others = session !== this.session;
    if (others) this.forget();
    this.run = run;
    this.session = session;
    const keep = !this.held.take(runs);
    this.events = [];
    this.marks = [];
    this.moved = true;
    const names = (all) => all.map(({ name }) => name).join();
    if (names(panels) === names(this.panels)) this.panels.forEach((panel) => panel.clear(keep));
    else {
      this.panels.forEach((panel) => panel.destroy());
      this.panels = panels.map((description) => new Panel(description, this));
      this.layers.metrics = panels.flatMap(({ lines }) => lines.filter((line) => line.per_layer));
      this.grid.replaceChildren(...this.panels.map((panel) => panel.root));
    }
    if (others) this.layers.begin(layers, angle);
    this.buildHead();
    this.resized = true; // new panels have no size yet
  }

  /** Other runs, which have nothing in common with those before: what was chosen and hidden no longer applies. */
  forget() {
    this.view.follow(null);
    this.layers.reset();
    this.held.showAll();
    this.panels.forEach((panel) => panel.clear(false));
    this.logSteps = this.logValues = false;
    this.head.uncheck();
  }

  get flash() {
    return this.light.step;
  }

  get runs() {
    return this.held.all;
  }

  get several() {
    return this.held.several;
  }

  /** Whether the user has not hidden the run with this place. */
  shows(run) {
    return this.held.shows(run);
  }

  remark() {
    this.marks = marks(this.events, this.runs, (run) => this.shows(run));
    this.moved = true;
  }

  buildHead() {
    this.head.build(this.held.looks(this.theme), this.held.hidden);
  }

  append(message, view) {
    for (const one of seriesOf(message, view, this.runs)) {
      this.layers.hear(one.layer);
      for (const panel of this.panels) if (panel.reads(one.metric)) panel.append(one);
    }
  }

  schedule() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = 0;
    if (this.resized) this.resize();
    if (this.latest) this.status.show(this.latest);
    this.head.show(this.view, this.layers, this.runs.length);
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
    this.light.light(step);
    this.view.around(step, this.lastStep());
    this.moved = true; // drawn even where these steps are in sight already
    this.schedule();
  }

  resize() {
    this.resized = false;
    if (this.root.parentNode !== this.parent) {
      this.parent = this.root.parentNode; // put on the page, or moved to another place
      this.unwatch();
      this.unwatch = watchTheme(this.root, () => this.look(() => this.retheme()));
    }
    this.retheme();
    const least = TWO_COLUMNS_FROM * this.theme.letters;
    const columns = this.root.clientWidth >= least ? 2 : 1;
    this.grid.classList.toggle("dfa-two-columns", columns === 2);
    this.useRoom(columns);
    this.panels.forEach((panel) => panel.resize());
  }

  /** Where the page has height to spare, the plots have it. */
  useRoom(columns) {
    if (!this.panels.length) return;
    const now = this.panels[0].holder.clientHeight;
    this.tall = this.room.height(this.root, now, plotHeight(this.theme), Math.ceil(this.panels.length / columns));
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
    this.light.stop();
    clearTimeout(this.settled);
    this.resizing.disconnect();
    this.room.stop();
    this.unwatch();
    this.panels.forEach((panel) => panel.destroy());
  }
}
