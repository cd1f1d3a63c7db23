// A question in the page, beside the button it is about: what begins anew drops the lanes that run beside.
import { element, setText } from "./element.js";

const FROM_MAIN = ["reset", "new_seed", "new_run"];
const BEGINS_ANEW = [...FROM_MAIN, "preset", "load"];

export class Ask {
  constructor() {
    this.words = element("span", "", { "data-testid": "dfa-ask-words" });
    this.yes = element("button", "dfa-button", { type: "button", "data-testid": "dfa-ask-yes" }, "Do it");
    this.no = element("button", "dfa-button", { type: "button", "data-testid": "dfa-ask-no" }, "Keep them");
    const attributes = { role: "group", "aria-label": "lanes would be dropped", hidden: "", "data-testid": "dfa-ask" };
    this.root = element("div", "dfa-ask dfa-line", attributes, this.words, this.yes, this.no);
    this.yes.addEventListener("click", () => this.leave(this.does));
    this.no.addEventListener("click", () => this.leave());
    this.root.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.leave();
    });
  }

  /** Whether an act must be asked about while these lanes are there. */
  needed(act, lanes = []) {
    return lanes.length > 1 && BEGINS_ANEW.includes(act);
  }

  /** Ask whether to `act`, below the element `beside`; `does` is what is done if so. */
  put(act, lanes, beside, does) {
    const names = lanes.slice(1).map(({ name }) => name);
    this.does = does;
    this.from = document.activeElement;
    const drops = `This drops ${names.length} other lane${names.length > 1 ? "s" : ""}: ${names.join(", ")}.`;
    setText(this.words, FROM_MAIN.includes(act) ? `${drops} The new run has the settings of ${lanes[0].name}.` : drops);
    beside.after(this.root);
    this.root.hidden = false;
    this.no.focus();
  }

  /** The question is over: there are no lanes to be dropped any more. */
  update({ lanes = [] }) {
    if (lanes.length < 2 && !this.root.hidden) this.leave();
  }

  leave(does) {
    if (this.root.contains(document.activeElement)) this.from?.focus();
    this.root.hidden = true;
    does?.();
  }
}
