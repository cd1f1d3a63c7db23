// The line above the panels: what the run is doing, how far it is, the settings in force, and any error in words.
import { element, setText } from "./element.js";

// Counters change many times a second: a screen reader must not be told each time.
const FIELDS = [
  ["state", "", "polite"],
  ["step", "step", "off"],
  ["samples", "samples seen", "off"],
  ["settings", "", "polite"],
  ["error", "", "off"], // the desk says it where it belongs, and aloud
];
const NO_ANSWER = "no answer";

export class StatusLine {
  constructor() {
    this.values = new Map();
    this.root = element("div", "dfa-status", { role: "status", "aria-atomic": "false", "data-testid": "dfa-status" });
    for (const [name, label, live] of FIELDS) this.add(name, label, live);
  }

  add(name, label, live) {
    const value = element("span", "dfa-value", { "data-testid": `dfa-${name}`, "aria-live": live });
    const field = element("span", `dfa-field dfa-field-${name}`);
    if (label) field.append(element("span", "dfa-label", {}, label));
    field.append(value);
    this.root.append(field);
    this.values.set(name, { field, value });
  }

  show(status) {
    const silent = this.root.closest(".dfa-silent") !== null; // nobody knows what the run is doing (answers.js)
    for (const name of Object.keys(status)) if (!this.values.has(name)) this.add(name, name, "off");
    for (const [name, { field, value }] of this.values) {
      const text = name === "state" && silent ? NO_ANSWER : (status[name] ?? "");
      setText(value, text);
      field.classList.toggle("dfa-empty", text === "");
      if (name === "state") field.dataset.state = text;
    }
  }
}
