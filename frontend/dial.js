// The angle dial: B at an angle of 0–180° from Wᵀ. Dragged, moved by arrow keys, or typed into its box.
import { NumberInput } from "./number.js";
import { place, svg } from "./svg.js";
import { written } from "./values.js";

const [WIDTH, HEIGHT, X, Y, RADIUS] = [220, 128, 110, 106, 78];
const KEYS = { ArrowRight: -1, ArrowLeft: 1, ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 };

/** The point at an angle in degrees, counted from the right, and a distance from the dial's middle. */
export function at(angle, distance) {
  const turn = (angle * Math.PI) / 180;
  return [X + distance * Math.cos(turn), Y - distance * Math.sin(turn)].map((one) => Number(one.toFixed(2)));
}

/** The angle, in whole degrees from 0 to 180, at which a point of the drawing lies. */
export function angleOf(x, y) {
  const angle = (Math.atan2(Y - y, x - X) * 180) / Math.PI;
  return Math.round(angle >= 0 ? Math.min(180, angle) : angle < -90 ? 180 : 0);
}

function arrow(className, tip) {
  const [x, y] = at(0, RADIUS);
  const head = svg("path", "", { d: `M${x} ${y} l-9 -4.5 v9 z` });
  const name = svg("text", "dfa-dial-name", { "text-anchor": "middle" }, tip);
  const turning = svg("g", "", {}, svg("line", "", { x1: X, y1: Y, x2: x - 6, y2: y }), head);
  return { root: svg("g", className, {}, turning, name), turning, name };
}

export class Dial {
  constructor(what, commit) {
    this.commit = commit;
    this.dragging = false;
    this.number = new NumberInput({ ...what, slider: null }, commit);
    const label = "angle between the feedback B and Wᵀ";
    const attributes = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, tabindex: 0, role: "slider", "aria-label": label };
    const bounds = { "aria-valuemin": 0, "aria-valuemax": 180, "data-testid": `${what.testid}-dial` };
    const [start, end] = [at(0, RADIUS), at(180, RADIUS)];
    this.sector = svg("path", "dfa-dial-sector");
    this.weights = arrow("dfa-dial-weights", "Wᵀ");
    this.feedback = arrow("dfa-dial-feedback", "B");
    const [x, y] = at(0, RADIUS + 15);
    place(this.weights.name, { x: x + 2, y: y + 4 });
    const face = svg("path", "dfa-dial-face", { d: `M${start} A${RADIUS} ${RADIUS} 0 0 0 ${end} Z` });
    this.svg = svg("svg", "dfa-dial", { ...attributes, ...bounds }, face, this.sector, ...ticks());
    this.svg.append(this.weights.root, this.feedback.root);
    this.parts = [this.svg, this.number.box];
    this.listen();
  }

  get value() {
    return this.number.value;
  }

  listen() {
    const { svg: face } = this;
    const pointed = (event) => {
      const box = face.getBoundingClientRect();
      const shrink = WIDTH / box.width;
      return angleOf((event.clientX - box.left) * shrink, (event.clientY - box.top) * shrink);
    };
    face.addEventListener("pointerdown", (event) => {
      if (this.locked || event.button) return;
      face.setPointerCapture(event.pointerId);
      face.focus();
      this.dragging = true;
      this.draw(pointed(event));
    });
    face.addEventListener("pointermove", (event) => this.dragging && this.draw(pointed(event)));
    const drop = (event) => {
      if (!this.dragging) return;
      this.dragging = false;
      if (event.type === "pointerup") this.turn(pointed(event));
      else this.draw(this.value);
    };
    face.addEventListener("pointerup", drop);
    face.addEventListener("pointercancel", drop);
    face.addEventListener("keydown", (event) => {
      const by = KEYS[event.key] * (event.shiftKey && event.key.startsWith("Arrow") ? 10 : 1);
      const to = { Home: 0, End: 180 }[event.key] ?? (Number.isNaN(by) ? null : this.value + by);
      if (to === null || this.locked || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.turn(Math.min(180, Math.max(0, to)));
    });
  }

  turn(angle) {
    this.draw(angle);
    if (angle !== this.value) this.commit(angle);
  }

  show(value) {
    this.number.show(value);
    if (!this.dragging) this.draw(value);
  }

  draw(angle) {
    const turned = typeof angle === "number" ? angle : 0;
    const inner = RADIUS * 0.42;
    place(this.sector, { d: `M${X} ${Y} L${at(0, inner)} A${inner} ${inner} 0 0 0 ${at(turned, inner)} Z` });
    place(this.feedback.turning, { transform: `rotate(${-turned} ${X} ${Y})` });
    const [x, y] = at(turned, RADIUS + 13);
    // Where B lies on Wᵀ its name stands above.
    place(this.feedback.name, { x, y: turned < 12 ? y - 10 : y + 4 });
    place(this.svg, { "aria-valuenow": turned, "aria-valuetext": `${written(turned)} degrees` });
    if (this.dragging) this.number.box.value = written(turned);
  }

  lock(locked) {
    this.locked = locked;
    this.number.lock(locked);
    this.svg.setAttribute("aria-disabled", String(locked));
    this.svg.classList.toggle("dfa-locked", locked);
  }
}

function ticks() {
  const marks = [30, 60, 90, 120, 150].map((angle) => {
    const [[x1, y1], [x2, y2]] = [at(angle, RADIUS - (angle === 90 ? 10 : 5)), at(angle, RADIUS)];
    return svg("line", "dfa-dial-tick", { x1, y1, x2, y2 });
  });
  const words = [
    [X, Y - RADIUS + 22, "90°: chance"],
    [X + RADIUS - 10, Y + 16, "0°"],
    [X - RADIUS + 10, Y + 16, "180°"],
  ];
  return [
    ...marks,
    ...words.map(([x, y, text]) => svg("text", "dfa-dial-degrees", { x, y, "text-anchor": "middle" }, text)),
  ];
}
