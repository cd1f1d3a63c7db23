// A drawer: what a toolbar button opens below the toolbar, in the page's flow, so that no output cell cuts it off.
import { element } from "./element.js";

export class Drawer {
  /** `button` opens and shuts it; `others` are all drawers of the toolbar, of which one is open at a time. */
  constructor(button, key, label, others) {
    this.button = button;
    this.others = others;
    const shut = element("button", "dfa-button dfa-shut", { type: "button", "aria-label": `close: ${label}` }, "✕");
    this.body = element("div", "dfa-drawer-body");
    this.root = element(
      "div",
      "dfa-drawer",
      { id: key, role: "group", "aria-label": label, hidden: "" },
      this.body,
      shut,
    );
    button.setAttribute("aria-expanded", "false");
    button.setAttribute("aria-controls", key);
    button.addEventListener("click", () => this.open(this.root.hidden));
    shut.addEventListener("click", () => this.leave());
    this.root.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.leave();
    });
  }

  open(open) {
    if (open) this.others.forEach((other) => other !== this && other.open(false));
    this.root.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
    if (open) this.body.querySelector("select, button, input, textarea")?.focus();
  }

  leave() {
    this.open(false);
    this.button.focus();
  }
}
