// Whether what has come since the last drawing could be seen: what moves a curve by less than a pixel may wait.

/** What a plot showed when it was drawn: the steps in sight, the last step of the run, and the heights. */
export class Pace {
  constructor() {
    this.forget();
  }

  /** Nothing drawn so far counts: the next drawing cannot wait. */
  forget() {
    this.drawn = null;
    this.least = Infinity;
    this.greatest = -Infinity;
  }

  /** Values that have come and are not drawn yet. */
  hear(values) {
    for (const value of values) {
      if (value < this.least) this.least = value;
      if (value > this.greatest) this.greatest = value;
    }
  }

  /**
   * Whether the picture of a moment ago will do for the steps `from` to `to` of a run that has come to `last`: no edge
   * and no curve's end has moved by a pixel, and no new value lies outside the axis. `place(step)` is in pixels.
   */
  canWait([from, to], last, place, { min, max }) {
    if (!this.drawn || this.least < min || this.greatest > max) return false;
    const now = [from, to, Math.min(last, to)];
    return now.every((step, i) => Math.abs(place(step) - place(this.drawn[i])) < 1);
  }

  /** The plot is drawn as it should be now. */
  note([from, to], last) {
    this.forget();
    this.drawn = [from, to, Math.min(last, to)];
  }
}
