// Making an element. Text goes in by textContent only: nothing that comes from the kernel is ever parsed as HTML.

/** An element with a class, attributes, and children (texts or elements). */
export function element(name, className, attributes = {}, ...children) {
  const made = document.createElement(name);
  if (className) made.className = className;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A short piece of a line as the plot draws it: colour, dash, width. */
export function swatch({ colour, dash, width }, length) {
  const made = element("span", "dfa-swatch", { "aria-hidden": "true" });
  const stops = [];
  let place = 0;
  (dash ?? [length]).forEach((reach, i) => {
    const ink = i % 2 ? "transparent" : colour;
    stops.push(`${ink} ${place}px`, `${ink} ${(place += reach)}px`);
  });
  made.style.width = `${length}px`;
  made.style.height = `${Math.max(2, Math.round(width))}px`;
  made.style.background = `repeating-linear-gradient(90deg, ${stops.join(", ")})`;
  return made;
}

/** Set a text where it has changed, so that nothing is laid out, or announced, in vain. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
