// The lines' names and values: the last ones, or those under the cursor. Each key hides its line and shows it again.
import { element, setText, swatch } from "./element.js";
import { valueText } from "./words.js";

export class Legend {
  /** `toggled(line, shown)` is called when the user hides or shows a line. */
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

  showAll() {
    this.hidden.clear();
  }

  /** Make a key for each line; where the lines have rows (lines.js), in a table. */
  build(lines) {
    const rows = new Map();
    for (const line of lines) rows.set(line.row, [...(rows.get(line.row) ?? []), line]);
    this.keys = [];
    const tabular = lines.length > 0 && lines[0].row !== undefined;
    this.root.classList.toggle("dfa-legend-table", tabular);
    if (tabular) this.table(rows, [...new Set(lines.map(({ column }) => column))]);
    else this.root.replaceChildren(...lines.map((line) => this.key(line, line.label)));
  }

  table(rows, labels) {
    this.root.style.setProperty("--dfa-columns", labels.length);
    const cells = [element("span", "dfa-legend-corner"), ...labels.map((label) => element("span", "dfa-legend-title", { "aria-hidden": "true" }, label))];
    for (const [text, row] of rows) {
      const name = element("span", "dfa-run-name", { "aria-hidden": "true", title: text }, text);
      name.style.borderColor = row[0].colour;
      const found = new Map(row.map((line) => [line.column, line]));
      cells.push(name, ...labels.map((label) => (found.has(label) ? this.key(found.get(label)) : element("span"))));
    }
    this.root.replaceChildren(...cells);
  }

  /** A button with the line's colour and dash, its value, and `text`; without one only a screen reader says its name. */
  key(line, text = "") {
    const { series } = line;
    const value = element("span", "dfa-number");
    const attributes = { type: "button", "aria-pressed": String(this.shows(series)), title: `Show or hide ${line.name}` };
    const name = text ? element("span", "dfa-key-name", {}, text) : element("span", "dfa-unseen", {}, line.name);
    const button = element("button", "dfa-key", attributes, swatch(line, swatchLength(line, text ? 20 : 22)), name, value);
    button.addEventListener("click", () => {
      if (!this.hidden.delete(series.key)) this.hidden.add(series.key);
      button.setAttribute("aria-pressed", String(this.shows(series)));
      this.toggled(line, this.shows(series));
    });
    this.keys.push({ line, value });
    return button;
  }

  /** Show the values nearest to `step`; the last ones where it is null. */
  refresh(step) {
    for (const { line, value } of this.keys) {
      const { series } = line;
      const found = step === null ? series.last : line.line.held ? series.heldAt(step) : series.near(step);
      setText(value, valueText(found, this.decimals));
    }
  }
}

/** Long enough for the dashes to come once and to begin again. */
function swatchLength({ dash }, least) {
  const once = (dash ?? []).reduce((sum, length) => sum + length, 0);
  return Math.max(least, Math.round(1.6 * once));
}
