// A menu in the row above the panels, whose choices may change.
import { element } from "./element.js";

let made = 0;

export class Menu {
  /** `choose(value)` is called when the user takes one. */
  constructor(label, testId, choose) {
    const id = `${testId}-${(made += 1)}`;
    this.select = element("select", "dfa-chart-menu", { id, "data-testid": testId });
    this.select.addEventListener("change", () => choose(this.select.value));
    this.root = element("span", "dfa-choice", { hidden: "" }, element("label", "", { for: id }, label), this.select);
    this.written = "";
  }

  /** Offer `choices`, [value, words] each, with `chosen` among them; without any there is no menu. */
  show(choices, chosen) {
    const written = JSON.stringify(choices);
    if (written !== this.written) {
      this.written = written;
      this.root.hidden = !choices.length;
      this.select.replaceChildren(...choices.map(([value, words]) => element("option", "", { value }, words)));
    }
    if (this.select.value !== chosen) this.select.value = chosen;
  }
}
