// A line that says, of the control in hand, what it is and takes: what a screen reader hears, for those who see.
import { element, setText } from "./element.js";

export class Hint {
  /** `controls` maps fields to controls; `around` is where they stand; `welcome` is said before one is in hand. */
  constructor(controls, around, welcome) {
    this.root = element("p", "dfa-hint", { "aria-hidden": "true" }, welcome);
    const explain = ({ target }) => {
      const control = controls.get(target.closest?.(".dfa-control")?.dataset.field);
      if (control) setText(this.root, [control.spec.help, control.input.about].filter(Boolean).join(" "));
    };
    for (const name of ["focusin", "pointerover", "change"]) around.addEventListener(name, explain);
  }
}
