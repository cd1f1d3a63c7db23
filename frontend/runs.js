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

  /** Take other runs; what is hidden stays hidden where a run of that name still is. Returns whether places changed. */
  take(runs) {
    const hidden = new Set([...this.hidden].map((place) => this.all[place]?.name));
    const moved = this.all.some(({ name }, place) => runs[place]?.name !== name);
    this.all = runs.map((one) => ({ ...one, colour: COLOUR.test(one.colour) ? one.colour : PLAIN_COLOUR }));
    this.hidden = new Set(this.all.flatMap(({ name }, place) => (hidden.has(name) ? [place] : [])));
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
