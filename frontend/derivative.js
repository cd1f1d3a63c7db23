// The derivative's editor: f, f′ and g drawn; g chosen in the menu above, typed as text in x, or drawn by hand.
import { element, setText } from "./element.js";
import { Plot } from "./plot.js";
import { Points, sampled } from "./points.js";
import { same, shown } from "./values.js";

export class DerivativeEditor {
  /** `control` is the one of activation_derivative: what is typed or drawn goes out through it. */
  constructor(control, key) {
    this.control = control;
    control.settled = () => this.curves && this.show(this.curves, control.value);
    this.drawing = false;
    this.plot = new Plot(key);
    this.points = new Points(this.plot, (points) => this.control.commit({ name: "points", points }));
    const id = `${key}-expression`;
    const attributes = { id, type: "text", spellcheck: "false", autocomplete: "off", maxlength: 500 };
    const hint = { placeholder: "1 - tanh(x)**2", "aria-describedby": `${id}-help`, "data-testid": "dfa-expression" };
    this.text = element("input", "dfa-box dfa-expression", { ...attributes, ...hint });
    const use = () => {
      const typed = this.text.value.trim();
      if (typed && !same(typed, this.control.sent?.value ?? this.value)) this.control.commit(typed);
    };
    this.text.addEventListener("change", use);
    this.text.addEventListener("keydown", ({ key }) => (key === "Enter" ? use() : key === "Escape" && this.showText()));
    const allowed = "Text in x: + - * / **, comparisons, tanh, exp, sin, abs, max and others. Enter uses it.";
    const help = element("span", "dfa-unseen", { id: `${id}-help` }, allowed);
    this.text.title = allowed;
    this.hand = this.button("draw", "Draw by hand", "Drag points; arrow keys move the chosen one.", () =>
      this.toggle(),
    );
    this.more = this.button("point-add", "+ point", "Another point, in the widest gap.", () => this.points.insert());
    this.less = this.button("point-remove", "− point", "Take away the chosen point (Delete).", () =>
      this.points.remove(),
    );
    this.hand.setAttribute("aria-pressed", "false");
    this.less.addEventListener("pointerdown", (event) => event.preventDefault()); // the chosen point keeps the focus
    const typing = element(
      "div",
      "dfa-row dfa-wide",
      {},
      element("label", "dfa-label", { for: id }, "g(x) ="),
      this.text,
      help,
    );
    const buttons = element("div", "dfa-line", {}, this.hand, this.more, this.less);
    this.gaps = element("p", "dfa-warning", { role: "status", "data-testid": "dfa-undefined" });
    this.root = element(
      "div",
      "dfa-derivative",
      { "data-testid": "dfa-derivative" },
      this.plot.root,
      this.plot.legend,
      this.gaps,
      typing,
      buttons,
    );
  }

  button(name, text, title, press) {
    const made = element("button", "dfa-button", { type: "button", title, "data-testid": `dfa-do-${name}` }, text);
    made.addEventListener("click", press);
    return made;
  }

  toggle() {
    this.drawing = !this.drawing;
    this.show(this.curves, this.value);
  }

  /** The curves that the kernel computed, and the derivative in force. */
  show(curves, value) {
    const drawn = value && value.name === "points" ? value.points : null;
    if (!same(value, this.value)) this.drawing = Boolean(drawn);
    this.value = value;
    this.curves = curves;
    const where = curves.undefined;
    setText(this.gaps, where ? `g has no finite value ${where}: a preactivation there makes the update undefined.` : "");
    if (!this.points.busy && !this.control.sent) {
      const words = `f, its derivative f′, and g in force: ${shown(value)}`;
      this.plot.draw(curves, words);
      this.points.show(this.drawing ? (drawn ?? sampled(curves.x, curves.g)) : []);
    }
    this.hand.setAttribute("aria-pressed", String(this.drawing));
    this.more.hidden = this.less.hidden = !this.drawing;
    if (document.activeElement !== this.text) this.showText();
  }

  showText() {
    const own = typeof this.value === "string" && this.control.input.name === null;
    this.text.value = own ? this.value : "";
  }

  lock(locked) {
    this.points.locked = locked;
    for (const one of [this.text, this.hand, this.more, this.less]) one.disabled = locked;
  }
}
