// The points of a derivative drawn by hand: handles over the plot, moved by pointer or arrow keys.
import { REACH } from "./plot.js";
import { place, svg } from "./svg.js";

const APART = 0.05; // between neighbours
const HIGHEST = 10; // of a point's g, either way
const ARROWS = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.05], ArrowDown: [0, -0.05] };
const within = (value, low, high) => Math.min(high, Math.max(low, value));
const round = (value) => Math.round(value * 100) / 100 + 0; // never −0

/** g at x through points in order: straight between neighbours, constant beyond the ends. */
export function through(points, x) {
  const after = points.findIndex(([other]) => other > x);
  if (after === 0) return points[0][1];
  if (after < 0) return points[points.length - 1][1];
  const [[x0, g0], [x1, g1]] = [points[after - 1], points[after]];
  return g0 + ((g1 - g0) * (x - x0)) / (x1 - x0);
}

/** Points on a curve that is given at xs, at whole numbers from −3 to 3: a beginning for one's own. */
export function sampled(xs, ys) {
  return [-3, -2, -1, 0, 1, 2, 3].map((x) => {
    const near = xs.reduce((best, one, i) => (Math.abs(one - x) < Math.abs(xs[best] - x) ? i : best), 0);
    return [x, Number.isFinite(ys[near]) ? round(within(ys[near], -HIGHEST, HIGHEST)) : 0];
  });
}

/** Points with one more in the middle of the widest gap, where the curve is already; and which it is. */
export function withOneMore(points) {
  let widest = 1;
  points.forEach(([x], i) => {
    if (i && x - points[i - 1][0] > points[widest][0] - points[widest - 1][0]) widest = i;
  });
  const x = round((points[widest - 1][0] + points[widest][0]) / 2);
  const more = [...points.slice(0, widest), [x, round(through(points, x))], ...points.slice(widest)];
  return [more, widest];
}

/** Where a point may go: no further than the picture, as far as its neighbours, which it must not pass, let it. */
export function bounded(points, i, [x, g]) {
  const low = i ? points[i - 1][0] + APART : -Infinity;
  const high = i + 1 < points.length ? points[i + 1][0] - APART : Infinity;
  return [round(within(within(x, -REACH, REACH), low, high)), round(within(g, -HIGHEST, HIGHEST))];
}

export class Points {
  /** `commit` is given the points when one was moved, added or taken away; `plot` draws them meanwhile. */
  constructor(plot, commit) {
    this.plot = plot;
    this.commit = commit;
    this.points = [];
    this.handles = [];
    this.dragged = null;
    this.locked = false;
  }

  get busy() {
    return this.dragged !== null;
  }

  show(points) {
    if (this.busy) return;
    this.points = points.map((point) => [...point]);
    while (this.handles.length > points.length) this.handles.pop().remove();
    while (this.handles.length < points.length) this.add(this.handles.length);
    this.lay();
  }

  add(i) {
    const ring = svg("circle", "dfa-handle-reach", { r: 11 });
    const attributes = { tabindex: 0, role: "slider", "data-testid": `dfa-point-${i}`, "aria-orientation": "vertical" };
    const handle = svg("g", "dfa-handle", attributes, ring, svg("circle", "dfa-handle-dot", { r: 5 }));
    handle.addEventListener("pointerdown", (event) => {
      if (this.locked || event.button) return;
      event.stopPropagation();
      handle.setPointerCapture(event.pointerId);
      handle.focus();
      this.dragged = i;
    });
    handle.addEventListener("pointermove", (event) => this.busy && this.move(i, this.plot.pointed(event)));
    const drop = () => {
      if (!this.busy) return;
      this.dragged = null;
      this.commit(this.points);
    };
    handle.addEventListener("pointerup", drop);
    handle.addEventListener("pointercancel", drop);
    handle.addEventListener("keydown", (event) => this.key(event, i));
    this.handles.push(handle);
    this.plot.over.append(handle);
  }

  key(event, i) {
    if (this.locked || event.ctrlKey || event.metaKey || event.altKey) return;
    const by = ARROWS[event.key];
    if (by) {
      const [x, g] = this.points[i];
      const far = event.shiftKey ? 5 : 1;
      this.move(i, [x + by[0] * far, g + by[1] * far]);
      this.commit(this.points);
    } else if (["Delete", "Backspace"].includes(event.key)) this.remove(i);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  move(i, to) {
    this.points[i] = bounded(this.points, i, to);
    this.lay();
  }

  remove(i = this.handles.indexOf(document.activeElement)) {
    if (this.points.length <= 2) return;
    const place = i < 0 ? this.points.length - 2 : i;
    this.show(this.points.filter((_, other) => other !== place));
    this.handles[Math.min(place, this.handles.length - 1)].focus();
    this.commit(this.points);
  }

  insert() {
    const [points, at] = withOneMore(this.points);
    this.show(points);
    this.handles[at].focus();
    this.commit(this.points);
  }

  lay() {
    const [low, high] = this.plot.range;
    this.points.forEach(([x, g], i) => {
      // A point out of sight has its handle at the picture's edge, where it can be taken.
      const [across, height] = [within(x, -REACH, REACH), within(g, low, high)];
      const spoken = {
        "aria-valuenow": g,
        "aria-valuemin": -HIGHEST,
        "aria-valuemax": HIGHEST,
        "aria-valuetext": `g ${g} at x ${x}`,
      };
      const name = `point ${i + 1} of ${this.points.length}`;
      place(this.handles[i], {
        transform: `translate(${this.plot.x(across)} ${this.plot.y(height)})`,
        "aria-label": name,
        ...spoken,
      });
    });
    if (!this.points.length) return;
    const xs = Array.from({ length: 321 }, (_, i) => -REACH + (2 * REACH * i) / 320);
    this.plot.sketch(
      xs,
      xs.map((x) => through(this.points, x)),
    );
  }
}
