// What a control is and takes, whole: a button unfolds it below the control, and a screen reader hears it with it.
import { element, setText } from "./element.js";

export class Help {
  /** `id` is what the control is described by; `label` names the control. */
  constructor(id, label, testid) {
    this.words = element("p", "dfa-help", { id, hidden: "" });
    const controls = { "aria-expanded": "false", "aria-controls": id, "aria-label": `help: ${label}` };
    this.button = element("button", "dfa-ask-help", { type: "button", ...controls, "data-testid": testid }, "?");
    this.button.addEventListener("click", () => this.open(this.words.hidden));
    for (const one of [this.button, this.words]) {
      one.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || this.words.hidden) return;
        event.stopPropagation();
        this.open(false);
      });
    }
  }

  say(text) {
    setText(this.words, text);
    this.button.title = text;
  }

  open(open) {
    this.words.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
  }
}
