// What the user chose to see: which steps, which layers and angles, which runs.
import { shaded, type Theme, translucent } from "../shared/theme.ts";
import { count } from "../shared/words.ts";
import type { Line } from "./lines.ts";
import type { Panel } from "./panel.ts";
import { type Layer, MEAN, type Range, type Run } from "./series.ts";

/** One choice of a menu: its value, its words. */
export type Choice = [string, string];

const WHOLE = "all";
const ZOOMED = "zoomed";
const LAST = [100, 1000, 10000];
const FEWEST_AROUND = 25;
const SHARE_AROUND = 0.04;

/** Which steps are in sight: the whole run, its last so many steps, or those the user zoomed to. */
export class Window {
  private last: number | null = null;
  private zoomedTo: Range | null = null;

  get zoomed(): boolean {
    return this.zoomedTo !== null;
  }

  get choices(): Choice[] {
    const last: Choice[] = LAST.map((steps) => [String(steps), `the last ${count(steps)} steps`]);
    return [[WHOLE, "the whole run"], ...last, ...(this.zoomed ? [[ZOOMED, "zoomed"] as Choice] : [])];
  }

  get choice(): string {
    return this.zoomed ? ZOOMED : String(this.last ?? WHOLE);
  }

  /** The steps in sight of a run that has come to `lastStep`. */
  range(lastStep: number): Range {
    if (this.zoomedTo) return this.zoomedTo;
    return [this.last === null ? 0 : Math.max(0, lastStep - this.last), Math.max(1, lastStep)];
  }

  /** Take a choice, and go on with the run. */
  choose(choice: string): void {
    if (choice === ZOOMED) return;
    this.last = choice === WHOLE ? null : Number(choice);
    this.zoomedTo = null;
  }

  /** Show these steps, whatever the run does; null: what was in sight before zooming. */
  zoom(range: Range | null): void {
    this.zoomedTo = range;
  }

  /** Show the steps around `step`. */
  around(step: number, lastStep: number): void {
    const reach = Math.max(FEWEST_AROUND, Math.round(SHARE_AROUND * Math.max(lastStep, step)));
    this.zoomedTo = [Math.max(0, step - reach), step + reach];
  }
}

const ALL = "all";
const ENDS = "ends";
/** More lines than these nobody can tell apart: then, unless the user says otherwise, the runs' means are shown. */
const MOST_LINES = 8;

/** Which hidden layers' lines are in sight, and which of the angles. */
export class Layers {
  /** The metrics that have a line a layer. */
  metrics: { metric: string; label: string }[] = [];
  /** The angle that is shown alone; "" for both. */
  angle = "";
  private last = 0;
  private chosen = "";

  /** Forget the layers of former runs; until the user chooses, show what the kernel says ("" for what suits). */
  begin(chosen: string, angle: string): void {
    this.last = 0;
    this.chosen = chosen;
    this.angle = this.metrics.some(({ metric }) => metric === angle) ? angle : "";
  }

  choose(choice: string): void {
    this.chosen = choice;
  }

  /** A series of this layer has come. */
  hear(layer: Layer): void {
    if (typeof layer === "number") this.last = Math.max(this.last, layer);
  }

  /** The choices that make sense. */
  get choices(): Choice[] {
    if (this.last < 2) return [];
    const each = Array.from({ length: this.last }, (_, i): Choice => [String(i + 1), `layer ${i + 1}`]);
    const ends: Choice[] = this.last > 2 ? [[ENDS, "first and last"]] : [];
    return [[ALL, "all layers"], ...ends, [MEAN, "mean over layers"], ...each];
  }

  /** The choices of angles; none where there is nothing to choose. */
  get angles(): Choice[] {
    if (!this.last || this.metrics.length < 2) return [];
    const both: Choice = ["", this.metrics.map(({ label }) => label).join(" and ")];
    return [both, ...this.metrics.map(({ metric, label }): Choice => [metric, label])];
  }

  /** The user's choice of layers, or what suits so many runs. */
  choice(runs: number): string {
    if (this.chosen) return this.chosen;
    const lines = runs * this.last * (this.angle ? 1 : this.metrics.length);
    return runs > 1 && this.last > 1 && lines > MOST_LINES ? MEAN : ALL;
  }

  /** Whether a line of this metric and layer is to be drawn beside those of so many runs. */
  shows(metric: string, layer: Layer, runs: number): boolean {
    if (layer === null) return true;
    if (this.angle && metric !== this.angle) return false;
    const choice = this.choice(runs);
    if (choice === MEAN || layer === MEAN) return choice === layer;
    if (choice === ENDS) return layer === 1 || layer === this.last;
    return choice === ALL || Number(choice) === layer;
  }
}

const COLOUR = /^#[0-9a-f]{6}$/i;
const PLAIN_COLOUR = "#767676";

/** What a short piece of a line looks like in a legend. */
export interface Look {
  colour: string;
  width: number;
  dash?: number[];
  /** Which sign stands on the line, 0 for none: see `sign` in drawing.ts. */
  sign: number;
}

/** The sign on the lines of the run with this place: beside its colour, where there are several. */
export const signOf = (place: number, runs: Run[]): number => (runs.length < 2 || runs[place].faint ? 0 : place);

/** The runs on the chart: their names and colours, and which of them the user hid. */
export class Runs {
  all: Run[] = [];
  /** Places of the hidden ones. */
  hidden = new Set<number>();

  get several(): boolean {
    return this.all.length > 1;
  }

  /**
   * Take other runs; what is hidden stays hidden where that run, or one of its name, still is. Returns whether places
   * changed: a run that is called otherwise by now is the same run.
   */
  take(runs: Run[]): boolean {
    const same = (one?: Run, other?: Run) =>
      !!one && !!other && (one.name === other.name || (one.id !== undefined && one.id === other.id));
    const gone = [...this.hidden].map((place) => this.all[place]);
    const moved = this.all.some((one, place) => !same(one, runs[place]));
    this.all = runs.map((one) => ({ ...one, colour: COLOUR.test(one.colour) ? one.colour : PLAIN_COLOUR }));
    const hidden = this.all.flatMap((one, place) => (gone.some((other) => same(one, other)) ? [place] : []));
    this.hidden = new Set(hidden);
    return moved;
  }

  shows(place: number): boolean {
    return !this.hidden.has(place);
  }

  show(place: number, on: boolean): void {
    if (on) this.hidden.delete(place);
    else this.hidden.add(place);
  }

  /** Name and look of each, as its key shows them. */
  looks(theme: Theme): (Look & { name: string; faint: boolean })[] {
    return this.all.map(({ name, colour, faint }, place) => {
      const own = shaded(colour, theme.shade);
      const width = (faint ? 1.5 : 2.5) * theme.strokes;
      return { name, faint, colour: faint ? translucent(own, 0.5) : own, width, sign: signOf(place, this.all) };
    });
  }
}

/** What stands around the panels. */
export interface Around {
  panels: Panel[];
  columns: number;
  /** The name of the enlarged panel, "" for none. */
  large: string;
  runs: (Look & { name: string; faint: boolean })[];
  hiddenRuns: ReadonlySet<number>;
  steps: { choices: Choice[]; chosen: string };
  layers: { choices: Choice[]; chosen: string };
  angles: { choices: Choice[]; chosen: string };
  zoomed: boolean;
  logSteps: boolean;
  logValues: boolean;
  status: Record<string, string>;
}

const NO_CHOICE = { choices: [], chosen: "" };

export const NOTHING_YET: Around = {
  panels: [],
  columns: 1,
  large: "",
  runs: [],
  hiddenRuns: new Set(),
  steps: NO_CHOICE,
  layers: NO_CHOICE,
  angles: NO_CHOICE,
  zoomed: false,
  logSteps: false,
  logValues: false,
  status: {},
};

/** How much room a panel has: all it wants, a row on a wide screen, or a row on a small one. */
export type Room = "full" | "wide" | "small";

/** At which step the exact values are, and the changes there; `steps` are those of values from another one, else "". */
export interface Tip {
  at: string;
  values: string[];
  steps: string[];
  changes: string[];
}

/** What a panel's head shows; `values` are those of `lines`. */
export interface Head {
  room: Room;
  lines: Line[];
  values: string[];
  /** Keys of the lines that the user hid. */
  hidden: ReadonlySet<string>;
  at: string;
  diverged: string;
  /** The table at the cursor; null where nobody points at this panel. */
  tip: Tip | null;
  /** Counts up whenever the head may have to be laid out anew. */
  layout: number;
}

/** How many keys with their names say more than all keys without. */
const NAMED = 2;

/**
 * Of keys that find no room say how many. Names are left out where there is no room for `NAMED` keys with them, of
 * several runs, which are known by their colours, where there is none for all.
 */
export function leaveOut(legend: HTMLElement, more: HTMLElement, one: boolean): void {
  const keys = [...legend.children] as HTMLElement[];
  const over = () => {
    const room = legend.getBoundingClientRect();
    return keys.filter((key) => {
      const { bottom, right } = key.getBoundingClientRect();
      return bottom > room.bottom + 2 || right > room.right + 1; // one that is wider than all the room is out, too
    });
  };
  const show = (left: HTMLElement[]) => {
    for (const key of keys) key.classList.toggle("dfa-over", left.includes(key));
    more.textContent = left.length ? `+${left.length}` : "";
  };
  show([]);
  const all = over().length === 0;
  if (!all && one) {
    show(over());
    show(over()); // "+2" takes room itself
  }
  if (all || (one && keys.length - over().length >= NAMED)) return;
  legend.classList.add("dfa-nameless");
  show([]);
  show(over());
  show(over());
}
