// Plain keys inside a widget are its own, not the notebook's.

/**
 * In command mode JupyterLab would take a menu's arrow keys for its cells. It looks for this attribute on the element that
 * has the focus. What is held with Ctrl, Alt or ⌘, and Shift+Enter, stays JupyterLab's: saving and running work from here
 * too. Returns what ends it.
 */
export function keepPlainKeys(root: HTMLElement): () => void {
  const keep = (event: KeyboardEvent) => {
    const { key } = event;
    const target = beganAt(event);
    if (!target || !root.contains(target)) return;
    const theirs = event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && key === "Enter");
    target.toggleAttribute("data-lm-suppress-shortcuts", !theirs);
  };
  window.addEventListener("keydown", keep, true); // before JupyterLab, which listens on the document
  return () => window.removeEventListener("keydown", keep, true);
}

/** The element that an event began at, inside a shadow root too; null where it is none. */
export function beganAt(event: Event): Element | null {
  const [first] = event.composedPath();
  return first instanceof Element ? first : null;
}

/** The element with the focus, as `inside` sees it: within its shadow root, or on the page. */
export const focusedBeside = (inside: Element | null | undefined): HTMLElement | null =>
  ((inside?.getRootNode() as Document | ShadowRoot | undefined)?.activeElement as HTMLElement | undefined) ?? null;
