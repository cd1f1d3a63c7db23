// The explorer's plain keys are its own.

/**
 * In command mode JupyterLab would take a menu's arrow keys for its cells. It looks for this attribute on the element that
 * has the focus. What is held with Ctrl, Alt or ⌘, and Shift+Enter, stays JupyterLab's: saving and running work from here
 * too.
 */
function keepKeys(event) {
  const { target, key } = event;
  if (!(target instanceof Element) || !target.closest(".dfa-explorer")) return;
  const theirs = event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && key === "Enter");
  target.toggleAttribute("data-lm-suppress-shortcuts", !theirs);
}

/** From now on, for as long as the page is there. */
export function keepPlainKeys() {
  window.addEventListener("keydown", keepKeys, true); // before JupyterLab, which listens on the document
}
