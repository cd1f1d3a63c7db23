// Making an SVG element, as element.js makes an HTML one.
const SPACE = "http://www.w3.org/2000/svg";

/** An SVG element with a class, attributes, and children (texts or elements). */
export function svg(name, className, attributes = {}, ...children) {
  const made = document.createElementNS(SPACE, name);
  if (className) made.setAttribute("class", className);
  place(made, attributes);
  made.append(...children);
  return made;
}

/** Set attributes where they have changed. */
export function place(target, attributes) {
  for (const [key, value] of Object.entries(attributes)) {
    if (target.getAttribute(key) !== String(value)) target.setAttribute(key, value);
  }
}
