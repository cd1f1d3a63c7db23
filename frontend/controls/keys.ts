// The keys of a whole widget, wherever in it the focus is.
import { beganAt } from "../shared/keys.ts";
import { BUTTONS } from "../shared/messages.ts";

const PRESSED: Record<string, string> = { space: " ", "→": "ArrowRight" };
const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex], [contenteditable]";

/** What is pressed, how it is written, the button it stands for, in words. */
export const KEYS: [pressed: string, written: string, name: string, words: string][] = [
  ...Object.entries(BUTTONS).map(([name, { key, key_help }]): [string, string, string, string] => [
    PRESSED[key] ?? key,
    key,
    name,
    key_help,
  ]),
  ["?", "?", "keys", "this list"] as [string, string, string, string],
].filter(([, , , words]) => words);

/** The key of a button as a page names it to those who listen. */
export const shortcut = (key: string): string | undefined =>
  ({ space: "Space", "→": "ArrowRight" })[key] ?? (key || undefined);

/** Whether the element under the focus has a use of its own for this key. */
function taken(target: Element, key: string): boolean {
  if (target.closest("textarea, select, [contenteditable], input:not([type=range])")) return true;
  if (target.closest("button, summary, a[href]")) return key === " ";
  if (target.closest("input[type=range], [role=slider]")) return key.startsWith("Arrow");
  return false;
}

/**
 * Listen inside of `root`; `press(name)` does what the button of that name does. A click beside all controls gives the
 * focus to `rest`, not to the notebook, and its keys with it. Returns what ends it.
 */
export function listenForKeys(root: () => HTMLElement | null, rest: HTMLElement, press: (name: string) => void) {
  const inside = (target: Element | null): target is Element => target !== null && root()?.contains(target) === true;
  const down = (event: KeyboardEvent) => {
    const { key } = event;
    const target = beganAt(event);
    if (event.defaultPrevented || !inside(target)) return;
    if (event.ctrlKey || event.metaKey || event.altKey || taken(target, key)) return;
    const found = KEYS.find(([pressed]) => pressed === (key.length === 1 ? key.toLowerCase() : key));
    if (!found || (event.repeat && found[2] !== "step_1")) return;
    event.preventDefault();
    press(found[2]);
  };
  const point = (event: PointerEvent) => {
    const target = beganAt(event);
    if (!inside(target)) return;
    const nearest = target.closest(FOCUSABLE);
    const host = root();
    if (nearest && nearest !== host && host?.contains(nearest)) return;
    setTimeout(() => rest.focus({ preventScroll: true }));
  };
  window.addEventListener("keydown", down, true);
  document.addEventListener("pointerdown", point);
  return () => {
    window.removeEventListener("keydown", down, true);
    document.removeEventListener("pointerdown", point);
  };
}
