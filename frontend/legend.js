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

  /** Make a key for each line; where several runs have several lines each, in a table: a row a run, a column a line. */
  build(lines, several) {
    const rows = new Map();
    for (const line of lines) rows.set(line.run, [...(rows.get(line.run) ?? []), line]);
    const table = several && [...rows.values()].some((row) => row.length > 1);
    this.keys = [];
    this.root.classList.toggle("dfa-legend-table", table);
    if (table) this.table(rows, [...new Set(lines.map(({ label }) => label))]);
    else this.root.replaceChildren(...lines.map((line) => this.key(line, several ? [line.run.name, ` · ${line.label}`] : [line.label])));
  }

  table(rows, labels) {
    this.root.style.setProperty("--dfa-columns", labels.length);
    const cells = [element("span"), ...labels.map((label) => element("span", "dfa-column", { "aria-hidden": "true" }, label))];
    for (const [run, row] of rows) {
      const name = element("span", "dfa-run-name", { "aria-hidden": "true", title: run.name }, run.name);
      name.style.borderColor = row[0].colour;
      const found = new Map(row.map((line) => [line.label, line]));
      cells.push(name, ...labels.map((label) => (found.has(label) ? this.key(found.get(label), [""], found.get(label).name) : element("span"))));
    }
    this.root.replaceChildren(...cells);
  }

  /** `shown` is the text in sight and what only a screen reader says after it; `before` what it says before. */
  key(line, [shown, after = ""], before = "") {
    const { series } = line;
    const value = element("span", "dfa-number");
    const attributes = { type: "button", "aria-pressed": String(this.shows(series)), title: `Show or hide ${line.name}` };
    const silent = (text) => (text ? [element("span", "dfa-unseen", {}, text)] : []);
    const text = element("span", "dfa-key-name", {}, ...silent(before), shown, ...silent(after));
    const button = element("button", "dfa-key", attributes, swatch(line, shown ? 20 : 30), text, value);
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
