// The lines' names and values: the last ones, or those under the cursor. Each key hides its line and shows it again.
import { element, setText } from "./element.js";
import { valueText } from "./words.js";

export class Legend {
  /** `toggled(place, shown)` is called when the user hides or shows the line with that place. */
  constructor(decimals, toggled) {
    this.decimals = decimals;
    this.toggled = toggled;
    this.hidden = new Set();
    this.keys = [];
    this.root = element("div", "dfa-legend");
  }

  shows(series) {
    return !this.hidden.has(series.key);
  }

  /** Make a key for each of `drawn`: its series, line, name and colour. */
  build(drawn) {
    this.keys = drawn.map(({ series, line, name, colour }, place) => {
      const swatch = element("span", "dfa-swatch");
      swatch.style.borderTop = `2px ${line.dashed ? "dashed" : "solid"} ${colour}`;
      const value = element("span", "dfa-number");
      const attributes = { type: "button", "aria-pressed": String(this.shows(series)), title: "Show or hide this line" };
      const button = element("button", "dfa-key", attributes, swatch, name, value);
      button.addEventListener("click", () => {
        if (!this.hidden.delete(series.key)) this.hidden.add(series.key);
        button.setAttribute("aria-pressed", String(this.shows(series)));
        this.toggled(place, this.shows(series));
      });
      return { series, button, value };
    });
    this.root.replaceChildren(...this.keys.map(({ button }) => button));
  }

  /** Show the values nearest to `step`; the last ones where it is null. */
  refresh(step) {
    for (const { series, value } of this.keys) {
      setText(value, valueText(step === null ? series.last : series.near(step), this.decimals));
    }
  }
}
