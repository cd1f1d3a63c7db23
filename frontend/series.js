// What one line has drawn so far: steps, values (null where not finite) and, with replicas, standard deviations.
import { thin } from "./thinning.js";

export const MOST_POINTS = 1000;
const HAIR = 1e-6;

const finite = (value) => (Number.isFinite(value) ? value : null);

/** What tells one line of a panel from the others. */
export const seriesKey = (metric, layer, run = 0) => `${run}:${metric}:${layer ?? ""}`;

export class Series {
  constructor(metric, layer, run = 0) {
    this.key = seriesKey(metric, layer, run);
    this.metric = metric;
    this.layer = layer;
    this.run = run;
    this.steps = [];
    this.values = [];
    this.spread = null;
    this.broken = null; // the first step whose value was not finite
  }

  /** Append rows; thin once there are more than `limit`, so that a frame costs the same however long the run is. */
  append(steps, values, spread, limit = MOST_POINTS) {
    if (spread && !this.spread) this.spread = [];
    for (let i = 0; i < steps.length; i += 1) {
      // Two values at one step, before and after a change: a hair apart, so that the line jumps there.
      const last = this.steps.length - 1;
      if (this.steps[last] === steps[i]) this.steps[last] -= HAIR;
      this.steps.push(steps[i]);
      this.values.push(finite(values[i]));
      if (this.broken === null && !Number.isFinite(values[i])) this.broken = steps[i];
      if (spread) this.spread.push(finite(spread[i]));
    }
    if (this.steps.length > limit) this.keep(thin(this.steps, this.values, 0.75 * limit));
  }

  keep(indices) {
    const pick = (column) => indices.map((index) => column[index]);
    this.steps = pick(this.steps);
    this.values = pick(this.values);
    if (this.spread) this.spread = pick(this.spread);
  }

  get lastStep() {
    return this.steps.length ? this.steps[this.steps.length - 1] : 0;
  }

  get last() {
    return this.values.length ? this.values[this.values.length - 1] : null;
  }

  /** How many rows lie at or before `step`. */
  rank(step) {
    let low = 0;
    let high = this.steps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.steps[middle] <= step) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The place of the value nearest to `step`; outside where there is none. */
  nearestPlace(step) {
    const low = this.rank(step);
    const before = low ? step - this.steps[low - 1] : Infinity;
    const after = low < this.steps.length ? this.steps[low] - step : Infinity;
    return before <= after ? low - 1 : low;
  }

  /** The value nearest to `step`; null where there is none. */
  near(step) {
    return this.values[this.nearestPlace(step)] ?? null;
  }

  /** The step of that value; null where there is none. */
  nearest(step) {
    return this.steps[this.nearestPlace(step)] ?? null;
  }

  /** The value in force at `step`: the last one at or before it; null where there is none. */
  heldAt(step) {
    return this.values[this.rank(step) - 1] ?? null;
  }

  /** Steps and values from `from` to `to`, and the ones just outside, to which the line goes on. */
  between(from, to) {
    const start = Math.max(0, this.rank(from) - 1);
    const end = this.rank(to) + 1;
    if (start === 0 && end >= this.steps.length) return [this.steps, this.values];
    return [this.steps.slice(start, end), this.values.slice(start, end)];
  }
}
