// Making an element. Text goes in by textContent only: nothing that comes from the kernel is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

function filled(made, className, attributes, children) {
  if (className) made.setAttribute("class", className);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** An element with a class, attributes, and children (texts or elements). */
export function element(name, className, attributes = {}, ...children) {
  return filled(document.createElement(name), className, attributes, children);
}

/** A short piece of a line as the plot draws it: colour, dash, width. */
export function swatch({ colour, dash, width }, length) {
  const stroke = { x1: 0, x2: length, y1: 4, y2: 4, stroke: colour, "stroke-width": width, "stroke-dasharray": (dash ?? []).join(" ") };
  const line = filled(document.createElementNS(SVG, "line"), "", stroke, []);
  const size = { width: length, height: 8, "aria-hidden": "true" };
  return filled(document.createElementNS(SVG, "svg"), "dfa-swatch", size, [line]);
}

/** Set a text where it has changed, so that nothing is laid out, or announced, in vain. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
