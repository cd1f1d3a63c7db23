// Whether the kernel answers: each act has a number, which the desk's state gives back once the kernel has heard it.
import { element } from "./element.js";

const PATIENCE_MS = 2000;
const WORDS =
  "The kernel does not answer. If it was restarted or died, run the explorer's cell again. If a cell is running, what you did takes effect when it ends.";

export class Answers {
  /** `page` is this desk's own name; `ask(message)` sends a message that asks for nothing but an answer. */
  constructor(page, ask) {
    this.page = page;
    this.ask = ask;
    this.number = 0; // of the last act
    this.open = []; // acts without an answer, {number, at}, the oldest first
    this.timer = null;
    this.silent = false;
    this.root = element("p", "dfa-error dfa-no-answer", { role: "alert", "data-testid": "dfa-no-answer", hidden: "" });
  }

  /** The act with its number; from now on its answer is waited for. */
  numbered(message) {
    this.open.push({ number: (this.number += 1), at: performance.now() });
    this.wait();
    return { ...message, page: this.page, number: this.number };
  }

  /** The kernel says the number of the last act that it heard of each page. */
  hear(answered) {
    const last = answered?.[this.page] ?? 0;
    const left = this.open.filter(({ number }) => number > last);
    if (left.length === this.open.length) return;
    this.open = left;
    this.turn(false);
    this.wait();
  }

  wait() {
    clearTimeout(this.timer);
    if (!this.open.length) return;
    const rest = this.silent ? PATIENCE_MS : PATIENCE_MS - (performance.now() - this.open[0].at);
    this.timer = setTimeout(() => this.miss(), Math.max(0, rest));
  }

  /** No answer: say so, and ask now and then, for the act itself may have been lost on the way. */
  miss() {
    this.turn(true);
    this.ask(this.numbered({ do: "watching" }));
  }

  turn(silent) {
    this.silent = silent;
    this.root.hidden = !silent;
    this.root.textContent = silent ? WORDS : "";
    const whole = this.root.closest(".dfa-explorer") ?? this.root.closest(".dfa-desk");
    whole?.classList.toggle("dfa-silent", silent);
  }

  destroy() {
    clearTimeout(this.timer);
  }
}
