// The runs on the chart: their names and colours, and which of them the user hid.
import { shaded, translucent } from "./theme.js";

const COLOUR = /^#[0-9a-f]{6}$/i;
const PLAIN_COLOUR = "#767676";

export class Runs {
  constructor() {
    this.all = [];
    this.hidden = new Set(); // by place
  }

  get several() {
    return this.all.length > 1;
  }

  /**
   * Take other runs; what is hidden stays hidden where that run, or one of its name, still is. Returns whether places
   * changed: a run that is called otherwise by now is the same run.
   */
  take(runs) {
    const same = (one, other) => one && other && (one.name === other.name || (one.id !== undefined && one.id === other.id));
    const gone = [...this.hidden].map((place) => this.all[place]);
    const moved = this.all.some((one, place) => !same(one, runs[place]));
    this.all = runs.map((one) => ({ ...one, colour: COLOUR.test(one.colour) ? one.colour : PLAIN_COLOUR }));
    this.hidden = new Set(this.all.flatMap((one, place) => (gone.some((other) => same(one, other)) ? [place] : [])));
    return moved;
  }

  /** Whether the user has not hidden the run with this place. */
  shows(place) {
    return !this.hidden.has(place);
  }

  show(place, on) {
    if (on) this.hidden.delete(place);
    else this.hidden.add(place);
  }

  showAll() {
    this.hidden.clear();
  }

  /** Name, colour and width of each, as its key shows them. */
  looks(theme) {
    return this.all.map(({ name, colour, faint }) => {
      const own = shaded(colour, theme.shade);
      return { name, faint, colour: faint ? translucent(own, 0.5) : own, width: (faint ? 1.5 : 2.5) * theme.strokes };
    });
  }
}
