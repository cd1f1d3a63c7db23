// The page's own colours: JupyterLab's where it has them, else those of the text around the chart.

function channels(colour) {
  const found = colour.match(/[\d.]+/g);
  return found && colour.startsWith("rgb") ? found.slice(0, 3) : ["128", "128", "128"];
}

/** Colours for the canvas, read from the style that `element` has now. */
export function readTheme(element) {
  const style = getComputedStyle(element);
  const [red, green, blue] = channels(style.color);
  const ink = (opacity) => `rgba(${red},${green},${blue},${opacity})`;
  return { text: ink(0.85), faint: ink(0.62), grid: ink(0.1), line: ink(0.4), marker: ink(0.55), font: style.fontFamily };
}

/** `#rrggbb` made translucent. */
export function translucent(colour, opacity) {
  const part = (place) => parseInt(colour.slice(place, place + 2), 16);
  return `rgba(${part(1)},${part(3)},${part(5)},${opacity})`;
}

/** Call `changed` when the page turns dark or light; returns a function that stops watching. */
export function watchTheme(changed) {
  const observer = new MutationObserver(changed);
  const options = { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class", "style"] };
  observer.observe(document.body, options);
  const media = window.matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    media.removeEventListener("change", changed);
  };
}
