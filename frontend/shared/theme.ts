// The page's own colours: JupyterLab's where it has them, else those of the text around the chart. A class on an
// ancestor (dfa-theme-light, -dark, -projector) overrides them: see base.css.

function channels(colour: string): number[] {
  const found = colour.match(/[\d.]+/g);
  return found && colour.startsWith("rgb") ? found.slice(0, 3).map(Number) : [128, 128, 128];
}

const part = (colour: string, place: number) => parseInt(colour.slice(place, place + 2), 16);
const parts = (colour: string) => [1, 3, 5].map((place) => part(colour, place));

const brightness = ([red, green, blue]: number[]) => 0.299 * red + 0.587 * green + 0.114 * blue;

/** Whether a colour, as the page's style has it, is a dark one. */
export const isDark = (colour: string): boolean => brightness(channels(colour)) < 128;

/**
 * Whether `element` stands in a shadow root (marimo) whose page is dark there: style sheets inside see nothing of the
 * page around. Elsewhere false: style sheets know.
 */
export function isOnDarkHost(element: Element): boolean {
  const root = element.getRootNode();
  if (!(root instanceof ShadowRoot)) return false;
  const colours: string[] = [];
  for (let around: Node | null = root.host; around; around = around.parentNode ?? (around as ShadowRoot).host ?? null) {
    if (around instanceof Element) colours.push(getComputedStyle(around).backgroundColor);
  }
  return isDark(firstPainted(colours.map(asRgb)));
}

/** The first of these backgrounds, from the inside to the outside, that can be seen; white where there is none. */
export const firstPainted = (colours: string[]): string =>
  colours.find((colour) => colour !== "transparent" && (colour.match(/[\d.]+/g) ?? [])[3] !== "0") ??
  "rgb(255, 255, 255)";

/** A colour that a style sheet may write in another way (oklch, lab …) in red, green and blue: a canvas knows. */
function asRgb(colour: string): string {
  if (colour.startsWith("rgb")) return colour;
  const pen = document.createElement("canvas").getContext("2d");
  if (!pen) return "transparent";
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  const [red, green, blue, opacity] = pen.getImageData(0, 0, 1, 1).data;
  return `rgba(${red}, ${green}, ${blue}, ${opacity / 255})`;
}

/** `#rrggbb` mixed with white (`shade` towards 1) or with black (towards -1). */
export function shaded(colour: string, shade: number): string {
  const target = shade > 0 ? 255 : 0;
  const mixed = parts(colour).map((value) => Math.round(value + Math.abs(shade) * (target - value)));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** `#rrggbb` made translucent. */
export const translucent = (colour: string, opacity: number): string => `rgba(${parts(colour).join(",")},${opacity})`;

/** Colours and sizes for what is drawn on a canvas. */
export interface Theme {
  text: string;
  faint: string;
  grid: string;
  line: string;
  marker: string;
  /** What everything stands on. */
  paper: string;
  font: string;
  /** How many times larger than on a desk, and how many times thicker. */
  letters: number;
  strokes: number;
  shade: number;
}

/** Colours and sizes for the canvas, read from the style that `element` has now. */
export function readTheme(element: Element): Theme {
  const style = getComputedStyle(element);
  const [red, green, blue] = channels(style.color);
  const number = (name: string) => Number(style.getPropertyValue(name)) || 1;
  const contrast = number("--dfa-contrast");
  const ink = (opacity: number) => `rgba(${red},${green},${blue},${Math.min(1, contrast * opacity)})`;
  return {
    text: ink(0.85),
    faint: ink(0.62),
    grid: ink(0.1),
    line: ink(0.4),
    marker: ink(0.55),
    paper: style.getPropertyValue("--dfa-paper").trim() || "#ffffff",
    font: style.fontFamily,
    letters: number("--dfa-letters"),
    strokes: number("--dfa-strokes"),
    shade: brightness([red, green, blue]) > 140 ? 0.25 : contrast > 1 ? -0.12 : 0,
  };
}

/** Call `changed` when a class or theme around `element` changes; returns a function that stops watching. */
export function watchTheme(element: Element, changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  const options = {
    attributes: true,
    attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class", "style"],
  };
  for (let around = element.parentNode; around; around = around.parentNode ?? (around as ShadowRoot).host) {
    if (around instanceof Element) observer.observe(around, options);
  }
  const media = window.matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    media.removeEventListener("change", changed);
  };
}
