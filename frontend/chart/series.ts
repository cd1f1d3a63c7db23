// What one line has drawn so far, kept small; what a message holds; and whether anybody could see what is new.
import type { ChartRun, ChartSeries } from "../shared/messages.ts";

export const MOST_POINTS = 1000;
const HAIR = 1e-6;

/** What stands for the layer in a series that is the mean over layers (new_rows.py). */
export const MEAN = "mean";
export type Layer = number | string | null;

/** New rows of one series, as a message has them. */
export interface Arrived {
  metric: string;
  layer: Layer;
  run: number;
  steps: ArrayLike<number>;
  values: ArrayLike<number>;
  spread: ArrayLike<number> | null;
}

/** The series of a message: its buffer holds float64, series after series; `runs` say whether they have a spread. */
export function arrived(series: ChartSeries[], view: DataView | undefined, runs: { spread: boolean }[]): Arrived[] {
  const bytes = view ? view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) : new ArrayBuffer(0);
  const numbers = new Float64Array(bytes as ArrayBuffer);
  let place = 0;
  const take = (count: number) => {
    place += count;
    return numbers.subarray(place - count, place);
  };
  return series.map(({ metric, layer, count, run = 0 }) => {
    const [steps, values] = [take(count), take(count)];
    return { metric, layer, run, steps, values, spread: runs[run].spread ? take(count) : null };
  });
}

const finite = (value: number) => (Number.isFinite(value) ? value : null);

/** What tells one line of a panel from the others. */
export const seriesKey = (metric: string, layer: Layer, run = 0): string => `${run}:${metric}:${layer ?? ""}`;

export class Series {
  readonly key: string;
  readonly metric: string;
  readonly layer: Layer;
  readonly run: number;
  steps: number[] = [];
  /** null where not finite. */
  values: (number | null)[] = [];
  /** With replicas, standard deviations. */
  spread: (number | null)[] | null = null;
  /** The first step whose value was not finite. */
  broken: number | null = null;

  constructor(metric: string, layer: Layer, run = 0) {
    this.key = seriesKey(metric, layer, run);
    this.metric = metric;
    this.layer = layer;
    this.run = run;
  }

  /** Append rows; thin once there are more than `limit`, so that a frame costs the same however long the run is. */
  append(
    steps: ArrayLike<number>,
    values: ArrayLike<number>,
    spread: ArrayLike<number> | null,
    limit = MOST_POINTS,
  ): void {
    if (spread) this.spread ??= [];
    for (let i = 0; i < steps.length; i += 1) {
      // Two values at one step, before and after a change: a hair apart, so that the line jumps there.
      const last = this.steps.length - 1;
      if (this.steps[last] === steps[i]) this.steps[last] -= HAIR;
      this.steps.push(steps[i]);
      this.values.push(finite(values[i]));
      if (this.broken === null && !Number.isFinite(values[i])) this.broken = steps[i];
      if (spread) this.spread?.push(finite(spread[i]));
    }
    if (this.steps.length > limit) this.keep(thin(this.steps, this.values, 0.75 * limit));
  }

  private keep(indices: number[] | null): void {
    if (!indices) return;
    const pick = <Value>(column: Value[]) => indices.map((index) => column[index]);
    this.steps = pick(this.steps);
    this.values = pick(this.values);
    if (this.spread) this.spread = pick(this.spread);
  }

  get lastStep(): number {
    return this.steps[this.steps.length - 1] ?? 0;
  }

  get last(): number | null {
    return this.values[this.values.length - 1] ?? null;
  }

  /** How many rows lie at or before `step`. */
  private rank(step: number): number {
    let low = 0;
    let high = this.steps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.steps[middle] <= step) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * The place of the value that stands for `step`: of the nearest one, of `held` values of the last one at or before it;
   * -1 where there is none, and before the first: a fork has no past of its own.
   */
  placeAt(step: number, held = false): number {
    const before = this.rank(step) - 1;
    if (held || before === this.steps.length - 1) return before;
    const after = this.steps[before + 1] - step;
    if (before < 0) return after > 1 ? -1 : 0;
    return step - this.steps[before] <= after ? before : before + 1;
  }

  /** The value nearest to `step`; null where there is none, and before the first. */
  near(step: number): number | null {
    return this.values[this.placeAt(step)] ?? null;
  }

  /** Steps and values from `from` to `to`, and the ones just outside, to which the line goes on. */
  between(from: number, to: number): [number[], (number | null)[]] {
    const start = Math.max(0, this.rank(from) - 1);
    const end = this.rank(to) + 1;
    if (start === 0 && end >= this.steps.length) return [this.steps, this.values];
    return [this.steps.slice(start, end), this.values.slice(start, end)];
  }
}

// Thinning is the twin of dfa_lab/widgets/chart/thinning.py: each bucket of steps keeps its least and greatest value.
// These are the shares of buckets that grow from the first step and from the last; the rest is equally wide.
const FROM_START = 0.15;
const FROM_END = 0.25;

/** A function that maps a step to 0–1, never falling: where it rises fast the buckets are narrow. */
function warp(first: number, last: number): (step: number) => number {
  const length = last - first;
  if (!length) return () => 0;
  const decades = Math.log1p(length);
  return (step) => {
    const done = step - first;
    const fromStart = Math.log1p(done) / decades;
    const fromEnd = 1 - Math.log1p(length - done) / decades;
    return ((1 - FROM_START - FROM_END) * done) / length + FROM_START * fromStart + FROM_END * fromEnd;
  };
}

/**
 * Indices of at most `limit` points (at least 4) that stand for the curve, its first and last among them; null where
 * all of them may stay.
 */
export function thin(steps: number[], values: (number | null)[], limit: number): number[] | null {
  const count = steps.length;
  if (count <= limit) return null;
  const buckets = Math.max(1, Math.floor((limit - 2) / 2));
  const place = warp(steps[0], steps[count - 1]);
  const bucketOf = (index: number) => Math.min(Math.floor(place(steps[index]) * buckets), buckets - 1);
  const keep = [0];
  const put = (index: number) => {
    if (index > keep[keep.length - 1]) keep.push(index);
  };
  let start = 0;
  let bucket = bucketOf(0);
  while (start < count) {
    let [least, greatest, end, next] = [-1, -1, start, bucket];
    do {
      const value = values[end];
      if (value !== null) {
        if (least < 0 || value < (values[least] as number)) least = end;
        if (greatest < 0 || value > (values[greatest] as number)) greatest = end;
      }
      end += 1;
      if (end < count) next = bucketOf(end);
    } while (end < count && next === bucket);
    if (least < 0) put(start);
    else {
      put(Math.min(least, greatest));
      put(Math.max(least, greatest));
    }
    start = end;
    bucket = next;
  }
  put(count - 1);
  return keep;
}

export type Range = [number, number];

/** Whether what has come since the last drawing could be seen: what moves a curve by less than a pixel may wait. */
export class Pace {
  private drawn: [number, number, number] | null = null;
  private least = Infinity;
  private greatest = -Infinity;

  /** Values that have come and are not drawn yet. */
  hear(values: ArrayLike<number>): void {
    for (let i = 0; i < values.length; i += 1) {
      if (values[i] < this.least) this.least = values[i];
      if (values[i] > this.greatest) this.greatest = values[i];
    }
  }

  /**
   * Whether the picture of a moment ago will do for the steps `range` of a run that has come to `last`: no edge and no
   * curve's end has moved by a pixel, and no new value lies outside the axis. `place(step)` is in pixels.
   */
  canWait(
    [from, to]: Range,
    last: number,
    place: (step: number) => number,
    { min, max }: { min?: number; max?: number },
  ): boolean {
    const { drawn } = this;
    if (!drawn || this.least < (min ?? Infinity) || this.greatest > (max ?? -Infinity)) return false;
    return [from, to, Math.min(last, to)].every((step, i) => Math.abs(place(step) - place(drawn[i])) < 1);
  }

  /** The plot is drawn as it should be now. */
  note([from, to]: Range, last: number): void {
    this.least = Infinity;
    this.greatest = -Infinity;
    this.drawn = [from, to, Math.min(last, to)];
  }
}

/** A run as the chart has it; its colour is safe to be mixed. */
export type Run = ChartRun;
