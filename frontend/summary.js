// What a panel shows, in words, for those who hear it; at most once a second.
import { count, valueText } from "./words.js";

const EVERY_MS = 1000;

/** The text: title, the last value of each line, unit, step, and how many changes are marked. */
export function summaryText({ title, unit, decimals }, lines, lastStep, changes) {
  const values = lines.map(({ series, name }) => `${name} ${valueText(series.last, decimals)}`);
  const said = values.length ? `${values.join(", ")}${unit ? ` ${unit}` : ""}, at step ${count(lastStep)}` : "no values yet";
  const marked = changes ? `; ${count(changes)} ${changes === 1 ? "change" : "changes"} marked` : "";
  return `${title}: ${said}${marked}`;
}

export class Summary {
  /** `text()` is asked for when it is time; the label goes to `target`. */
  constructor(target, text) {
    this.target = target;
    this.text = text;
    this.said = -Infinity;
    this.later = null;
  }

  refresh() {
    const wait = this.said + EVERY_MS - performance.now();
    if (wait > 0) {
      this.later ??= setTimeout(() => this.refresh(), wait + 1);
      return;
    }
    this.stop();
    this.said = performance.now();
    this.target.setAttribute("aria-label", this.text());
  }

  stop() {
    clearTimeout(this.later);
    this.later = null;
  }
}
