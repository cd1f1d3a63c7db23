// A number to set: a box to type it in and, where there is a span for it, a slider beside the box.
import { element } from "./element.js";
import { Scale } from "./scale.js";
import { read, same, written } from "./values.js";

export class NumberInput {
  /** `what` has id, label, kind, slider, minimum, optional, several, placeholder; `commit` is given what was set. */
  constructor(what, commit) {
    this.what = what;
    this.commit = commit;
    this.dirty = false;
    this.value = undefined;
    const attributes = { id: what.id, type: "text", spellcheck: "false", autocomplete: "off" };
    if (what.kind !== "text" && what.kind !== "integers" && !what.several) attributes.inputmode = "decimal";
    if (what.placeholder) attributes.placeholder = what.placeholder;
    if (what.describedBy) attributes["aria-describedby"] = what.describedBy;
    if (what.testid) attributes["data-testid"] = what.testid;
    this.box = element("input", "dfa-box", attributes);
    this.box.addEventListener("input", () => (this.dirty = true));
    this.box.addEventListener("change", () => this.set(read(this.box.value, what)));
    this.box.addEventListener("blur", () => this.rest());
    this.box.addEventListener("keydown", ({ key }) => {
      if (key === "Escape") this.rest();
      // Not left to the browser's own change event, which JupyterLab can keep a box from.
      else if (key === "Enter" && this.dirty) this.set(read(this.box.value, what));
    });
    this.parts = [this.box];
    if (what.slider) this.parts.unshift(this.slide());
  }

  slide() {
    const { what } = this;
    this.scale = new Scale(what.slider, { whole: what.kind === "integer", minimum: what.minimum });
    const { low, high, step } = this.scale;
    const attributes = { type: "range", min: low, max: high, step, "aria-label": `${what.label}, slider` };
    if (what.describedBy) attributes["aria-describedby"] = what.describedBy;
    if (what.testid) attributes["data-testid"] = `${what.testid}-slider`;
    this.slider = element("input", "dfa-slider", attributes);
    const moved = () => this.scale.value(Number(this.slider.value));
    this.slider.addEventListener("input", () => {
      this.dirty = true;
      this.box.value = written(moved());
      this.slider.setAttribute("aria-valuetext", this.words(moved()));
    });
    this.slider.addEventListener("change", () => this.set(moved()));
    this.slider.addEventListener("blur", () => this.rest());
    return this.slider;
  }

  words(value) {
    return `${written(value)} ${this.what.unit ?? ""}`.trim();
  }

  set(value) {
    this.dirty = false;
    const news = !same(value, this.value);
    this.show(value); // also so that a change event after Enter is no second change
    if (news) this.commit(value);
  }

  /** Leave off what was begun and not committed. */
  rest() {
    if (this.dirty) {
      this.dirty = false;
      this.show(this.value);
    }
  }

  get busy() {
    return this.dirty && this.parts.includes(document.activeElement);
  }

  show(value) {
    this.value = value;
    if (this.busy) return;
    const text = written(value);
    if (this.box.value !== text) this.box.value = text;
    this.box.title = text.length > 9 ? text : "";
    if (!this.slider) return;
    this.slider.value = this.scale.position(Array.isArray(value) ? value[0] : value);
    this.slider.setAttribute("aria-valuetext", this.words(value));
  }

  lock(locked) {
    for (const part of this.parts) part.disabled = locked;
  }
}
