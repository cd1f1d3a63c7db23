// Which steps are in sight: the whole run, its last so many steps, or those the user zoomed to.

/** The windows of the menu: how many of the last steps; null is the whole run. */
export const WINDOWS = [null, 100, 1000, 10000];
const FEWEST_AROUND = 25;
const SHARE_AROUND = 0.04;

export class View {
  constructor() {
    this.last = null;
    this.zoomed = null;
  }

  /** The steps in sight, as [from, to], in a run that has come to `lastStep`. */
  range(lastStep) {
    if (this.zoomed) return this.zoomed;
    return [this.last === null ? 0 : Math.max(0, lastStep - this.last), Math.max(1, lastStep)];
  }

  /** Show the last so many steps, and go on with the run; null: all of them. */
  follow(last) {
    this.last = last;
    this.zoomed = null;
  }

  /** Show these steps, whatever the run does; null: what was in sight before zooming. */
  zoom(range) {
    this.zoomed = range;
  }

  /** Show the steps around `step`. */
  around(step, lastStep) {
    const reach = Math.max(FEWEST_AROUND, Math.round(SHARE_AROUND * Math.max(lastStep, step)));
    this.zoomed = [Math.max(0, step - reach), step + reach];
  }
}
