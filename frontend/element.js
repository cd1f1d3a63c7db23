// Making an element. Text goes in by textContent only: nothing that comes from the kernel is ever parsed as HTML.

/** An element with a class, attributes, and children (texts or elements). */
export function element(name, className, attributes = {}, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Set a text where it has changed, so that nothing is laid out, or announced, in vain. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
