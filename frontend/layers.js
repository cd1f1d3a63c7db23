// Which hidden layers' lines are in sight, and which of the angles; chosen in the row above the panels.

/** What stands for the layer in a series that is the mean over layers (rows.py). */
export const MEAN = "mean";
const ALL = "all";
const ENDS = "ends";
/** More lines than these nobody can tell apart: then, unless the user says otherwise, the runs' means are shown. */
const MOST_LINES = 8;

export class Layers {
  constructor() {
    this.metrics = []; // that have a line a layer: {metric, label}
    this.reset();
  }

  /** Forget the layers of former runs, and what was chosen among them. */
  reset() {
    this.last = 0;
    this.chosen = null;
    this.metric = null; // both
  }

  /** What is in sight until the user chooses, as the kernel says; "" leaves it as it is. */
  begin(layers, angle) {
    if (layers) this.chosen = layers;
    if (this.metrics.some(({ metric }) => metric === angle)) this.metric = angle;
  }

  /** A series of this layer has come. */
  hear(layer) {
    if (layer !== null && layer !== MEAN) this.last = Math.max(this.last, layer);
  }

  /** The choices that make sense, as [value, words]. */
  get choices() {
    const each = Array.from({ length: this.last }, (_, i) => [String(i + 1), `layer ${i + 1}`]);
    const ends = this.last > 2 ? [[ENDS, "first and last"]] : [];
    return this.last > 1 ? [[ALL, "all layers"], ...ends, [MEAN, "mean over layers"], ...each] : [];
  }

  /** The choices of angles, as [value, words]; none where there is nothing to choose. */
  get angles() {
    if (!this.last || this.metrics.length < 2) return [];
    const both = this.metrics.map(({ label }) => label).join(" and ");
    return [["", both], ...this.metrics.map(({ metric, label }) => [metric, label])];
  }

  /** The user's choice of layers, or what suits so many runs. */
  choice(runs) {
    if (this.chosen !== null) return this.chosen;
    const lines = runs * this.last * (this.metric ? 1 : this.metrics.length);
    return runs > 1 && this.last > 1 && lines > MOST_LINES ? MEAN : ALL;
  }

  /** Whether a line of this metric and layer is to be drawn beside those of so many runs. */
  shows(metric, layer, runs) {
    if (layer === null) return true;
    if (this.metric && metric !== this.metric) return false;
    const choice = this.choice(runs);
    if (choice === MEAN || layer === MEAN) return choice === layer;
    if (choice === ENDS) return layer === 1 || layer === this.last;
    return choice === ALL || Number(choice) === layer;
  }
}
