// One control for one setting, made from its spec: label, help, the way to set it, whether it is confirmed yet, and
// why the last value was refused.
import { ChoiceInput } from "./choice.js";
import { element, setText } from "./element.js";
import { Help } from "./help.js";
import { NumberInput } from "./number.js";
import { same } from "./values.js";

const PATIENCE_MS = 3000;

export class Control {
  /**
   * `change(field, value)` is called with what the user set. With `draft` nothing is awaited: the control keeps what was
   * set until `receive` is told another value in force.
   */
  constructor(spec, { key, change, draft = false }) {
    this.spec = spec;
    this.change = change;
    this.draft = draft;
    this.sent = undefined;
    const id = `${key}-${spec.field}`;
    this.help = new Help(`${id}-help`, spec.label, `dfa-help-${spec.field}`);
    const placeholder = spec.optional ? (spec.field.startsWith("probe") ? "auto" : "none") : "";
    const what = { ...spec, id, describedBy: `${id}-help`, testid: `dfa-control-${spec.field}`, placeholder };
    const commit = (value) => this.commit(value);
    this.input = spec.kind === "choice" ? new ChoiceInput(what, commit) : new NumberInput(what, commit);
    this.mark = element("span", "dfa-mark", { "aria-hidden": "true" });
    const unit = spec.unit && spec.unit !== "×" ? element("span", "dfa-unit", {}, spec.unit) : "";
    this.label = element("label", "dfa-label", { for: id }, spec.label, this.mark);
    const name = element("span", "dfa-name", {}, this.label, this.help.button);
    this.row = element("div", "dfa-row", {}, name, ...this.input.parts);
    if (unit) this.label.append(unit);
    this.row.classList.toggle("dfa-wide", !this.input.slider);
    this.refused = element("p", "dfa-error", { role: "alert", "data-testid": `dfa-refused-${spec.field}` });
    const below = [this.refused, this.help.words, ...(this.input.below ?? [])];
    this.root = element("div", "dfa-control", { "data-field": spec.field }, this.row, ...below);
    this.explain();
  }

  /** The help: what the setting is, and what the choice that is shown is. */
  explain() {
    this.help.say([this.spec.help, this.input.about].filter(Boolean).join(" "));
  }

  /** Why what was set here was refused; "" where nothing is to be said. */
  tell(text) {
    setText(this.refused, text);
  }

  /** What the user set goes out; until it is confirmed the control says so and keeps showing it. */
  commit(value) {
    this.input.show(value);
    this.explain();
    if (!this.draft) {
      this.sent = { value };
      this.pend(true);
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.refuse(), PATIENCE_MS);
    }
    this.change(this.spec.field, value);
  }

  /** The value in force, as the kernel says. */
  receive(value) {
    const moved = !same(value, this.value);
    this.value = value;
    if (this.sent && !moved && !same(value, this.sent.value)) return;
    this.settle();
  }

  /** The kernel took it not: back to the value in force. */
  refuse() {
    if (this.sent) this.settle();
  }

  settle() {
    clearTimeout(this.waiting);
    this.sent = undefined;
    this.pend(false);
    this.input.show(this.value);
    this.explain();
    this.settled?.();
  }

  pend(pending) {
    this.root.classList.toggle("dfa-pending", pending);
    this.mark.textContent = pending ? "…" : "";
    this.row.setAttribute("aria-busy", String(pending));
  }

  hide(hidden) {
    this.root.hidden = hidden;
  }

  /** `why` it cannot be used, in words; "" where it can. */
  lock(why) {
    this.input.lock(Boolean(why));
    this.row.title = why;
  }

  destroy() {
    clearTimeout(this.waiting);
  }
}
