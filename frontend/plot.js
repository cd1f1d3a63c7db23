// The picture in the derivative's editor: f, its true f′ and the g in force over the preactivation, with axes.
import { element } from "./element.js";
import { place, svg } from "./svg.js";

export const [WIDTH, HEIGHT] = [340, 205];
const [LEFT, RIGHT, TOP, BOTTOM] = [34, 332, 8, 172];
export const REACH = 4;
const FURTHEST = 10; // a curve that goes to infinity must not flatten the others
export const CURVES = [
  ["f", "f", "f(x)"],
  ["exact", "exact", "f′(x)"],
  ["g", "g", "g(x) in force"],
];

/** The heights in sight: all curves, cut at ±10, with some air; always from at most −0.25 to at least 1.25. */
export function span(curves) {
  const all = curves.flat().filter(Number.isFinite);
  const cut = (value) => Math.min(FURTHEST, Math.max(-FURTHEST, value));
  const low = Math.min(-0.25, ...all.map(cut));
  const high = Math.max(1.25, ...all.map(cut));
  const air = (high - low) * 0.04;
  return [low - air, high + air];
}

/** The path of a curve; where there is no number it is broken. */
export function path(xs, ys, toX, toY) {
  let pen = "M";
  return xs
    .map((x, i) => {
      if (!Number.isFinite(ys[i])) return (pen = "M") && "";
      const piece = `${pen}${toX(x).toFixed(1)} ${toY(ys[i]).toFixed(1)}`;
      pen = "L";
      return piece;
    })
    .join("");
}

export class Plot {
  constructor(key) {
    this.range = [-1.25, 1.25];
    this.axes = svg("g", "dfa-plot-axes");
    this.lines = Object.fromEntries(CURVES.map(([name]) => [name, svg("path", `dfa-curve dfa-curve-${name}`)]));
    const clip = `${key}-clip`;
    const box = { x: LEFT, y: TOP, width: RIGHT - LEFT, height: BOTTOM - TOP };
    const inside = svg("g", "", { "clip-path": `url(#${clip})` }, ...Object.values(this.lines));
    this.over = svg("g", "dfa-plot-over"); // where handles go
    const frame = svg("rect", "dfa-plot-frame", box);
    const defs = svg("defs", "", {}, svg("clipPath", "", { id: clip }, svg("rect", "", box)));
    const attributes = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": "derivative" };
    this.root = svg("svg", "dfa-curves", attributes, defs, frame, this.axes, inside, this.over);
    const keys = CURVES.map(([name, kind, words]) => {
      const line = svg("line", `dfa-curve dfa-curve-${kind}`, { x1: 1, y1: 5, x2: 27, y2: 5 });
      const swatch = svg("svg", "dfa-curve-key", { viewBox: "0 0 28 10", "aria-hidden": "true" }, line);
      return element("span", `dfa-key-${name}`, {}, swatch, words);
    });
    this.legend = element("div", "dfa-curve-legend", {}, ...keys);
    this.x = (value) => LEFT + ((value + REACH) / (2 * REACH)) * (RIGHT - LEFT);
    this.y = (value) => BOTTOM - ((value - this.range[0]) / (this.range[1] - this.range[0])) * (BOTTOM - TOP);
  }

  /** The value of x and g at a place of the page. */
  pointed({ clientX, clientY }) {
    const box = this.root.getBoundingClientRect();
    const shrink = WIDTH / box.width;
    const [x, y] = [(clientX - box.left) * shrink, (clientY - box.top) * shrink];
    const up = (BOTTOM - y) / (BOTTOM - TOP);
    const value = ((x - LEFT) / (RIGHT - LEFT)) * 2 * REACH - REACH;
    return [value, this.range[0] + up * (this.range[1] - this.range[0])];
  }

  draw(curves, words) {
    const drawn = CURVES.map(([name]) => curves[name] ?? []);
    this.range = span(drawn);
    this.scale();
    CURVES.forEach(([name], i) => place(this.lines[name], { d: path(curves.x, drawn[i], this.x, this.y) }));
    place(this.root, { "aria-label": words });
  }

  /** Only g, while points are dragged: the axes stay, so that nothing moves under the hand. */
  sketch(xs, ys) {
    place(this.lines.g, { d: path(xs, ys, this.x, this.y) });
  }

  scale() {
    const [low, high] = this.range;
    const step = high - low > 8 ? 5 : high - low > 3.2 ? 1 : 0.5;
    const marks = [];
    for (let value = Math.ceil(low / step) * step; value <= high; value += step) {
      const y = this.y(value);
      const className = Math.abs(value) < 1e-9 ? "dfa-plot-zero" : "dfa-plot-grid";
      marks.push(svg("line", className, { x1: LEFT, x2: RIGHT, y1: y, y2: y }));
      marks.push(
        svg(
          "text",
          "",
          { x: LEFT - 5, y: y + 4, "text-anchor": "end" },
          String(Number(value.toFixed(1))).replace("-", "−"),
        ),
      );
    }
    for (let value = -REACH; value <= REACH; value += 2) {
      const x = this.x(value);
      marks.push(svg("line", value ? "dfa-plot-grid" : "dfa-plot-zero", { x1: x, x2: x, y1: TOP, y2: BOTTOM }));
      marks.push(svg("text", "", { x, y: BOTTOM + 14, "text-anchor": "middle" }, String(value).replace("-", "−")));
    }
    const title = svg(
      "text",
      "dfa-plot-title",
      { x: (LEFT + RIGHT) / 2, y: HEIGHT - 2, "text-anchor": "middle" },
      "preactivation x",
    );
    this.axes.replaceChildren(...marks, title);
  }
}
