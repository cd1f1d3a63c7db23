// The keys of the whole explorer, wherever in it the focus is, and the fold that lists them.
import BUTTONS from "./buttons.json" with { type: "json" };
import { element } from "./element.js";

const PRESSED = { space: " ", "→": "ArrowRight" };

/** What is pressed, how it is written, the button it stands for, in words. */
const KEYS = [
  ...Object.entries(BUTTONS).map(([name, { key, key_help }]) => [PRESSED[key] ?? key, key, name, key_help]),
  ["?", "?", "keys", "this list"],
].filter(([, , , words]) => words);
const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex], [contenteditable]";

/** Whether the element under the focus has a use of its own for this key. */
function taken(target, key) {
  if (target.closest("textarea, select, [contenteditable], input:not([type=range])")) return true;
  if (target.closest("button, summary, a[href]")) return key === " ";
  if (target.closest("input[type=range], [role=slider]")) return key.startsWith("Arrow");
  return false;
}

/** Listen for the desk's explorer; `press(name)` does what the button of that name does. Returns what ends it. */
export function listenForKeys(desk, press) {
  const host = () => desk.root.closest(".dfa-explorer") ?? desk.root;
  const inside = (target) => target instanceof Element && host().contains(target);
  const down = (event) => {
    const { target, key } = event;
    if (event.defaultPrevented || !inside(target)) return;
    const theirs = event.ctrlKey || event.metaKey || event.altKey;
    // In command mode JupyterLab would take plain keys for its cells; it looks for this on what has the focus.
    target.toggleAttribute("data-lm-suppress-shortcuts", !theirs && !(event.shiftKey && key === "Enter"));
    if (theirs || taken(target, key)) return;
    const found = KEYS.find(([pressed]) => pressed === (key.length === 1 ? key.toLowerCase() : key));
    if (!found || (event.repeat && found[2] !== "step_1")) return;
    event.preventDefault();
    press(found[2]);
  };
  // A click beside all controls would give the focus to the notebook, and its keys with it.
  const point = ({ target }) => {
    if (!inside(target)) return;
    const nearest = target.closest(FOCUSABLE);
    if (nearest && host().contains(nearest) && nearest !== host()) return;
    setTimeout(() => desk.toolbar.root.focus({ preventScroll: true }));
  };
  window.addEventListener("keydown", down, true);
  document.addEventListener("pointerdown", point);
  return () => {
    window.removeEventListener("keydown", down, true);
    document.removeEventListener("pointerdown", point);
  };
}

export class KeysFold {
  constructor() {
    const rows = KEYS.flatMap(([, written, , words]) => [
      element("dt", "", {}, element("kbd", "", {}, written)),
      element("dd", "", {}, words),
    ]);
    this.summary = element("summary", "", {}, "Keys");
    const more = "Arrow keys move a slider, the dial or a point of the derivative; Escape leaves what was begun.";
    this.root = element(
      "details",
      "dfa-fold",
      { "data-testid": "dfa-keys" },
      this.summary,
      element("dl", "dfa-keys", {}, ...rows),
    );
    this.root.append(element("p", "dfa-note", {}, more));
  }

  update() {}

  toggle() {
    this.root.open = !this.root.open;
    if (this.root.open) this.summary.focus();
  }
}
