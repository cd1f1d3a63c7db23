// The chart: takes the kernel's messages, and draws at most once a frame, in linked panels.
import type { ChartEvent, ChartRows, ChartSnapshot, FocusMessage, PartMessage } from "../shared/messages.ts";
import { Store } from "../shared/store.ts";
import { readTheme, type Theme, watchTheme } from "../shared/theme.ts";
import { type Mark, marks } from "./lines.ts";
import { Panel } from "./panel.ts";
import { arrived, type Range } from "./series.ts";
import { type Around, Layers, NOTHING_YET, type Room, Runs, Window } from "./sight.ts";

const TWO_COLUMNS_FROM = 560;
const ROW_FROM = 640;
const TWO_IN_A_ROW_FROM = 320;
const [WIDE_FROM, HIGH_FROM] = [1100, 230];
const MOST_EVENTS = 200;
const SETTLE_MS = 300; // after the last message everything is drawn, however little it moves a curve
const FLASH_MS = 1600;

export class Chart {
  /** Whether the panels stand in one row, as high as what is around them. */
  readonly row: boolean;
  /** Links the cursors of the panels. */
  readonly key = `dfa-${Math.random().toString(36).slice(2)}`;
  readonly around = new Store<Around>(NOTHING_YET);
  readonly runs = new Runs();
  readonly layers = new Layers();
  logSteps = false;
  logValues = false;
  marks: Mark[] = [];
  /** A step lit up for a moment. */
  flash: number | null = null;
  /** The step at which training stopped because the loss was not finite. */
  diverged: number | null = null;
  theme!: Theme;
  large = "";

  private readonly only: string[] | null;
  private readonly window = new Window();
  private panels: Panel[] = [];
  private events: ChartEvent[] = [];
  private session: number | null = null;
  private run = "";
  private began = false;
  private root: HTMLElement | null = null;
  private width = 0;
  private height = 0;
  private readonly resizing = new ResizeObserver(() => this.look(() => (this.resized = true)));
  private unwatch: () => void = () => {};
  private resized = false;
  private moved = false;
  private settling = false;
  private frame = 0;
  private settle = 0;
  private light = 0;

  /** `only` are the names of the panels to show, in that order; null for all. */
  constructor(row: boolean, only: string[] | null) {
    this.row = row;
    this.only = only;
  }

  mount(root: HTMLElement): () => void {
    this.root = root;
    this.theme = readTheme(root);
    const leave = this.watch(root);
    return () => {
      leave();
      cancelAnimationFrame(this.frame);
      clearTimeout(this.light);
      clearTimeout(this.settle);
      this.resizing.disconnect();
      this.unwatch();
      this.root = null;
      for (const panel of this.panels) panel.destroy();
    };
  }

  /** Hear of the size of a box from now on; returns what ends it. */
  watch(box: Element): () => void {
    this.resizing.observe(box);
    return () => this.resizing.unobserve(box);
  }

  /** One message: a snapshot, which replaces everything, or rows that go on where the last message ended. */
  receive(message: PartMessage, buffers: DataView[]): void {
    if (message.type === "focus") {
      this.focus((message as FocusMessage).step);
      return;
    }
    const { series, events, status, diverged = null } = message as ChartRows;
    if (message.type === "snapshot") this.begin(message as ChartSnapshot);
    else if (message.type !== "rows" || !this.began) return;
    for (const one of arrived(series, buffers[0], this.runs.all)) {
      this.layers.hear(one.layer);
      for (const panel of this.panels) if (panel.reads(one.metric)) panel.append(one);
    }
    if (events.length) {
      this.events = [...this.events, ...events].slice(-MOST_EVENTS);
      this.remark();
    }
    if (status) {
      this.diverged = diverged;
      this.around.patch({ status });
    }
    this.schedule();
  }

  private begin({ session, run, runs, panels: all, layers, angle }: ChartSnapshot): void {
    this.began = true;
    if (run !== this.run) this.window.zoom(null);
    const others = session !== this.session;
    const keep = !this.runs.take(runs) && !others;
    this.run = run;
    this.session = session;
    this.events = [];
    this.marks = [];
    this.moved = this.resized = true; // new panels have no size yet
    const { only } = this;
    const found = only ? only.flatMap((name) => all.filter((panel) => panel.name === name)) : all;
    const names = (panels: { name: string }[]) => panels.map(({ name }) => name).join();
    if (names(found) === names(this.panels)) for (const panel of this.panels) panel.clear(keep);
    else {
      this.panels = found.map((description) => new Panel(description, this));
      this.layers.metrics = found.flatMap(({ lines }) => lines.filter((line) => line.per_layer));
    }
    if (!others) return;
    // Runs that have nothing in common with those before: what was chosen and hidden no longer applies.
    this.window.choose("all");
    this.runs.hidden.clear();
    this.logSteps = this.logValues = false;
    this.layers.begin(layers, angle);
  }

  /** How much room a panel has. */
  room(name: string): Room {
    if (!this.row || this.large === name) return "full";
    const { letters } = this.theme ?? { letters: 1 };
    return this.width >= WIDE_FROM * letters && this.height >= HIGH_FROM * letters ? "wide" : "small";
  }

  /** The steps in sight. */
  range(): Range {
    return this.window.range(this.lastStep());
  }

  /** The last step that has a value of the run with this place, in any panel. */
  lastStepOf(run: number): number {
    return Math.max(0, ...this.panels.map((panel) => panel.lastStepOf(run)));
  }

  lastStep(): number {
    const lastMark = this.marks[this.marks.length - 1]?.step ?? 0;
    return Math.max(lastMark, ...this.panels.map((panel) => panel.lastStep));
  }

  chooseSteps(choice: string): void {
    this.look(() => this.window.choose(choice));
  }

  chooseLayers(choice: string): void {
    this.restyle(() => this.layers.choose(choice));
  }

  chooseAngle(metric: string): void {
    this.restyle(() => (this.layers.angle = metric));
  }

  setLog(axis: "logSteps" | "logValues", on: boolean): void {
    this.restyle(() => (this[axis] = on));
  }

  showRun(place: number, on: boolean): void {
    this.restyle(() => {
      this.runs.show(place, on);
      this.remark();
    });
  }

  /** Give one panel all the room; "" for none. */
  enlarge(name: string): void {
    if (name === this.large) return;
    this.restyle(() => {
      this.large = name;
      this.resized = true;
    });
  }

  /** Show these steps; null for what was in sight before zooming. */
  zoom(range: Range | null): void {
    this.look(() => this.window.zoom(range));
  }

  /** Show the steps around `step`, and light it up for a moment. */
  private focus(step: number): void {
    if (!Number.isFinite(step)) return;
    this.flash = step;
    clearTimeout(this.light);
    this.light = window.setTimeout(() => {
      this.flash = null;
      for (const panel of this.panels) panel.repaint(false);
    }, FLASH_MS);
    this.window.around(step, this.lastStep());
    this.moved = true; // drawn even where these steps are in sight already
    this.schedule();
  }

  private remark(): void {
    this.marks = marks(this.events, this.runs.all, (run) => this.runs.shows(run));
    this.moved = true;
  }

  private look(change: () => void): void {
    change();
    this.schedule();
  }

  /** Change what the plots must be made anew for. */
  private restyle(change: () => void): void {
    change();
    for (const panel of this.panels) panel.restyle();
    this.schedule();
  }

  private schedule(): void {
    if (!this.frame && this.root) this.frame = requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    this.frame = 0;
    if (!this.root) return;
    if (this.resized) this.resize();
    this.tell();
    if (this.moved) for (const panel of this.panels) panel.repaint(true);
    const all = this.moved || this.settling;
    this.moved = this.settling = false;
    for (const panel of this.panels) panel.draw(all);
    clearTimeout(this.settle);
    if (this.panels.some((panel) => panel.waits)) {
      this.settle = window.setTimeout(() => this.look(() => (this.settling = true)), SETTLE_MS);
    }
  }

  /** Tell what stands around the panels how things are, where that has changed. */
  private tell(): void {
    const { window, layers, runs, logSteps, logValues, large, panels } = this;
    const next: Omit<Around, "panels" | "hiddenRuns" | "status"> = {
      columns: this.columns,
      large,
      runs: runs.looks(this.theme),
      steps: { choices: window.choices, chosen: window.choice },
      layers: { choices: layers.choices, chosen: layers.choice(runs.all.length) },
      angles: { choices: layers.angles, chosen: layers.angle },
      zoomed: window.zoomed,
      logSteps,
      logValues,
    };
    const before = this.around.get();
    const told = JSON.stringify([next, [...runs.hidden]]);
    if (told === this.told && before.panels === panels) return;
    this.told = told;
    this.around.patch({ ...next, panels, hiddenRuns: new Set(runs.hidden) });
  }
  private told = "";

  private get columns(): number {
    const all = this.panels.length;
    const wide = this.width / (this.theme?.letters ?? 1);
    if (!this.row) return Math.min(all, wide >= TWO_COLUMNS_FROM ? 2 : 1);
    return wide >= ROW_FROM ? all : Math.min(all, wide >= TWO_IN_A_ROW_FROM ? 2 : 1);
  }

  private resize(): void {
    this.resized = false;
    const { root } = this;
    if (!root) return;
    const width = root.clientWidth;
    if (width && !this.width) {
      // Put on the page, or moved to another place of it: only now is known what is around.
      this.unwatch();
      this.unwatch = watchTheme(root, () => this.look(() => this.retheme()));
    }
    const rooms = () => this.panels.map(({ name }) => this.room(name)).join();
    const before = rooms();
    this.width = width;
    this.height = root.clientHeight;
    this.retheme();
    if (rooms() !== before) for (const panel of this.panels) panel.restyle();
    for (const panel of this.panels) panel.resize();
  }

  private retheme(): void {
    if (!this.root) return;
    const theme = readTheme(this.root);
    if (JSON.stringify(theme) === JSON.stringify(this.theme)) return;
    this.theme = theme;
    this.restyle(() => {});
  }
}
