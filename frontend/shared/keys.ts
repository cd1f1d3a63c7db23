// Plain keys inside a widget are its own, not the notebook's.

/**
 * In command mode JupyterLab would take a menu's arrow keys for its cells. It looks for this attribute on the element that
 * has the focus. What is held with Ctrl, Alt or ⌘, and Shift+Enter, stays JupyterLab's: saving and running work from here
 * too. Returns what ends it.
 */
export function keepPlainKeys(root: HTMLElement): () => void {
  const keep = (event: KeyboardEvent) => {
    const { target, key } = event;
    if (!(target instanceof Element) || !root.contains(target)) return;
    const theirs = event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && key === "Enter");
    target.toggleAttribute("data-lm-suppress-shortcuts", !theirs);
  };
  window.addEventListener("keydown", keep, true); // before JupyterLab, which listens on the document
  return () => window.removeEventListener("keydown", keep, true);
}
