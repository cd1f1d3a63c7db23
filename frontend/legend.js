// The lines' names and values: the last ones, or those under the cursor. Each key hides its line and shows it again.
import { element, setText, swatch } from "./element.js";
import { valueText } from "./words.js";

/** How a table is laid out, from the widest to the narrowest: the first that fits is taken. */
const LAYOUTS = [[], ["dfa-turned"], ["dfa-turned", "dfa-stacked"], ["dfa-turned", "dfa-stacked", "dfa-cut"]];
const LAYOUT_NAMES = LAYOUTS[LAYOUTS.length - 1];

export class Legend {
  /** `toggled(line, shown)` is called when the user hides or shows a line. */
  constructor(decimals, toggled) {
    this.decimals = decimals;
    this.toggled = toggled;
    this.hidden = new Set();
    this.keys = [];
    this.longest = 0; // letters of a value
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
    this.longest = 0;
    this.tabular = lines.length > 0 && lines[0].row !== undefined;
    this.root.classList.toggle("dfa-legend-table", this.tabular);
    this.root.classList.remove(...LAYOUT_NAMES);
    if (this.tabular) this.table(rows, [...new Set(lines.map(({ column }) => column))]);
    else this.root.replaceChildren(...lines.map((line) => this.key(line, line.label)));
  }

  table(rows, labels) {
    this.root.style.setProperty("--dfa-rows", rows.size);
    this.root.style.setProperty("--dfa-columns", labels.length);
    const cells = [at(1, 1, element("span", "dfa-legend-corner"))];
    labels.forEach((label, column) => cells.push(at(1, column + 2, element("span", "dfa-legend-title", { "aria-hidden": "true" }, label))));
    [...rows].forEach(([text, lines], row) => {
      const name = element("span", "dfa-run-name", { "aria-hidden": "true", title: text }, text);
      name.style.borderColor = lines[0].colour;
      cells.push(at(row + 2, 1, name));
      for (const line of lines) cells.push(at(row + 2, labels.indexOf(line.column) + 2, this.key(line)));
    });
    this.root.replaceChildren(...cells);
  }

  /** Lay the table out so that every column is in sight, where that can be. */
  fit() {
    if (!this.tabular) return;
    for (const layout of LAYOUTS) {
      for (const name of LAYOUT_NAMES) this.root.classList.toggle(name, layout.includes(name));
      if (this.root.scrollWidth <= this.root.clientWidth) return;
    }
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
    const longest = Math.max(0, ...this.keys.map(({ value }) => value.textContent.length));
    if (longest <= this.longest) return;
    this.longest = longest;
    this.fit();
  }
}

/** The cell in its place in the table, counted from 1. */
function at(row, column, cell) {
  cell.style.setProperty("--dfa-row", row);
  cell.style.setProperty("--dfa-column", column);
  return cell;
}

/** Long enough for the dashes to come once and to begin again. */
function swatchLength({ dash }, least) {
  const once = (dash ?? []).reduce((sum, length) => sum + length, 0);
  return Math.max(least, Math.round(1.6 * once));
}
