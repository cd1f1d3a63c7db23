// Where each part of the drawn network stands, in pixels. The places depend on the number of layers and on the size of the
// box alone: neither a value nor a rule moves anything. Below, the lines between them as SVG's text of a path.

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Dial {
  x: number;
  y: number;
  radius: number;
}

/** A hidden layer: its place among all layers, its units, W before them, what carries the error below, the dial. */
export interface LayerPlace {
  index: number;
  slot: Box;
  weights: Box;
  units: Box;
  delta: Box;
  carrier: Box;
  dial: Dial;
  bars: Box;
  /** How far down the way of a direct rule runs. */
  lane: number;
}

export interface OutputPlace {
  slot: Box;
  weights: Box;
  units: Box;
  delta: Box;
  /** The box that says what goes back. */
  error: Box;
}

/** The layers that are folded away: indexes from `first` to `last`, both within. */
export interface Fold {
  first: number;
  last: number;
  box: Box;
  carrier: Box;
  lane: number;
}

export interface Plan {
  width: number;
  height: number;
  em: number;
  input: Box;
  hidden: LayerPlace[];
  fold: Fold | null;
  output: OutputPlace;
  /** The lines of the names above the layers, and of the digits below the dials. */
  names: number;
  digits: number;
}

const SLOT = 84; // the least width of a layer, at letters of 13 px
const WIDEST = 240;
const FOLDED = 46;
const SAYS = 58; // the width of what the network says
const LANE = 7;
const RISE = 9; // from the highest lane up to what it leads to

const within = (value: number, low: number, high: number) => Math.max(low, Math.min(high, value));

/** Which hidden layers are drawn where there is room for `room` of them: of many the first and the last two. */
export function folded(layers: number, room: number): { shown: number[]; first: number; last: number } {
  const all = Array.from({ length: layers }, (_, index) => index);
  if (layers <= room) return { shown: all, first: 0, last: -1 };
  const some = within(room, 2, 4);
  const head = Math.ceil(some / 2);
  const tail = layers - (some - head);
  return { shown: [...all.slice(0, head), ...all.slice(tail)], first: head, last: tail - 1 };
}

/** The plan of a network with so many hidden layers in a box; `em` is the size of letters. */
export function plan(layers: number, width: number, height: number, em: number, unfolded: boolean): Plan {
  const unit = em / 13;
  const least = SLOT * unit;
  const ends = {
    input: within(width * 0.13, 62 * unit, 110 * unit),
    output: within(width * 0.2, 98 * unit, 170 * unit),
  };
  const free = width - ends.input - ends.output;
  const narrow = free < layers * least && !unfolded;
  const room = narrow ? Math.floor((free - FOLDED * unit) / least) : layers;
  const { shown, first, last } = folded(layers, Math.max(2, room));
  const gap = first <= last ? FOLDED * unit : 0;
  const slot = within((free - gap) / shown.length, Math.min(least, Math.max(free / 2 - gap, 60)), WIDEST * unit);
  const used = ends.input + slot * shown.length + gap + ends.output;
  const whole = Math.max(width, used);
  const from = (whole - used) / 2;

  const lanes = LANE * (shown.length + (gap ? 1 : 0)) + RISE + 2 * unit;
  const names = 1.25 * em;
  const below = 1.45 * em;
  const between = 18 * unit;
  const strip = { activity: 11 * unit, delta: 7 * unit };
  const column = strip.activity + 1 + strip.delta;
  const edge = 3 * unit; // to the right of a layer

  // From the left side of the output: where the error's box is, and how far the last hidden layer's middle is away.
  const wide = Math.min(70 * unit, ends.output * 0.64);
  const end = ends.output < 120 * unit ? ends.output - 1 : ends.output - 28 * unit - edge - column / 2 + wide / 2;
  const before = edge + column / 2;
  const besideDial = end + before - (SAYS + 19) * unit; // what the network says stands there, after the dial's bars
  const besideCarrier = end - wide + before - 20 * unit; // the carrier's name

  const spare = Math.max(0, height - names - below - between - lanes - (30 + 27 + 70) * unit);
  const radius = within(27 * unit + 0.22 * spare, 20, Math.min((slot - 34 * unit) / 2, 54 * unit, besideDial));
  const carried = 30 * unit + within(0.14 * spare, 0, 36 * unit);
  const tall = Math.max(30, height - names - below - between - lanes - radius - carried);
  const top = names + 2;
  const low = top + tall + between; // where the row of what carries the error begins
  const hub = height - below;

  const place = (x: number, wide: number) => {
    const right = x + wide - edge;
    const units = { x: right - column, y: top, width: strip.activity, height: tall };
    const delta = { x: right - strip.delta, y: top, width: strip.delta, height: tall };
    const matrix = Math.min(tall, units.x - x - 22 * unit);
    const weights = { x: units.x - 4 - matrix, y: top, width: matrix, height: tall };
    return { units, delta, weights, centre: right - column / 2 };
  };

  let x = from + ends.input;
  let fold: Fold | null = null;
  const hidden = shown.map((index, order): LayerPlace => {
    if (gap && index === last + 1) {
      const lane = low + carried + RISE + LANE * (shown.length - order + 1) - LANE;
      const centre = x + gap / 2 + 6 * unit;
      const carrier = { x: centre - 8 * unit, y: low, width: 16 * unit, height: carried };
      fold = { first, last, box: { x: x + 12 * unit, y: top, width: gap - 12 * unit, height: tall }, carrier, lane };
      x += gap;
    }
    const { units, delta, weights, centre } = place(x, slot);
    const isLast = order === shown.length - 1;
    const across = Math.min(carried * 1.3, slot * 0.44, isLast ? 2 * besideCarrier : slot);
    const dial = { x: centre, y: hub, radius };
    const made = {
      index,
      slot: { x, y: 0, width: slot, height },
      weights,
      units,
      delta,
      carrier: { x: centre - across / 2, y: low, width: across, height: carried },
      dial,
      bars: { x: centre + radius + 5 * unit, y: hub - radius, width: 14 * unit, height: radius },
      lane: low + carried + RISE + LANE * (shown.length - 1 - order + (gap && index < first ? 1 : 0)),
    };
    x += slot;
    return made;
  });
  const { units, delta, weights } = place(x, ends.output - 28 * unit);
  const chip = Math.min(carried, 1.8 * em);
  return {
    width: whole,
    height,
    em,
    input: { x: from, y: top, width: ends.input, height: tall },
    hidden,
    fold,
    output: {
      slot: { x, y: 0, width: ends.output, height },
      weights,
      units,
      delta,
      error: { x: x + end - wide, y: low + (carried - chip) / 2, width: wide, height: chip },
    },
    names: em,
    digits: height - 0.3 * em,
  };
}

/** Cells of a strip of `count` units: how many stand below each other, and in how many columns. */
export function cells(count: number, box: Box, least = 3): { rows: number; columns: number } {
  const rows = Math.max(1, Math.min(count, Math.floor(box.height / least)));
  return { rows, columns: Math.max(1, Math.ceil(count / rows)) };
}

/** The unit of a strip under a point, or -1. */
export function unitAt(count: number, box: Box, x: number, y: number): number {
  const { rows, columns } = cells(count, box);
  const row = Math.floor(((y - box.y) / box.height) * rows);
  const column = Math.floor(((x - box.x) / box.width) * columns);
  if (row < 0 || row >= rows || column < 0 || column >= columns) return -1;
  const unit = row + rows * column;
  return unit < count ? unit : -1;
}

/** The cell of a unit. */
export function cellOf(unit: number, count: number, box: Box): Box {
  const { rows, columns } = cells(count, box);
  const [wide, tall] = [box.width / columns, box.height / rows];
  return { x: box.x + wide * Math.floor(unit / rows), y: box.y + tall * (unit % rows), width: wide, height: tall };
}

/** The box in which a picture of so many rows and columns fits into the middle of another, with a margin beside it. */
export function fitted(rows: number, columns: number, box: Box, margin: number): Box {
  const cell = Math.min((box.width - 2 * margin) / columns, box.height / rows);
  const [width, height] = [cell * columns, cell * rows];
  return { x: box.x + (box.width - width) / 2, y: box.y + (box.height - height) / 2, width, height };
}

const at = (value: number) => Math.round(value * 10) / 10;

/** A straight arrow from left to right, between two columns at half their height. */
export function forward(from: number, to: number, y: number): string {
  return `M${at(from)} ${at(y)}H${at(to)}`;
}

/**
 * From a layer above to the right side of the matrix below this one: out of the units to the left, past the matrix
 * below them, whose left side is `past`, and down to the middle.
 */
export function stepBack(x: number, y: number, past: number, to: Box): string {
  const middle = to.y + to.height / 2;
  const end = to.x + to.width + 1;
  if (Math.abs(middle - y) < 1) return `M${at(x)} ${at(middle)}H${at(end)}`;
  const turn = Math.max(end + 4, past - 7);
  const bend = Math.min(7, (x - turn) / 2, (turn - end) / 2);
  return (
    `M${at(x)} ${at(y)}H${at(turn + bend)}Q${at(turn)} ${at(y)} ${at(turn)} ${at(y + bend)}` +
    `V${at(middle - bend)}Q${at(turn)} ${at(middle)} ${at(turn - bend)} ${at(middle)}H${at(end)}`
  );
}

/** From below the error, along a lane, into the matrix below this layer from underneath. */
export function straightTo(x: number, y: number, to: Box, lane: number): string {
  const end = to.x + to.width / 2;
  const bottom = to.y + to.height + 1;
  const bend = Math.min(10, (x - end) / 2);
  const rise = Math.max(0, lane - bottom - 5);
  return (
    `M${at(x)} ${at(y)}V${at(lane - bend)}Q${at(x)} ${at(lane)} ${at(x - bend)} ${at(lane)}` +
    `H${at(end + bend)}Q${at(end)} ${at(lane)} ${at(end)} ${at(lane - Math.min(bend, rise))}V${at(bottom)}`
  );
}

/** From the matrix up into the units. */
export function upInto(from: Box, bottom: number): string {
  return `M${at(from.x + from.width / 2)} ${at(from.y - 1)}V${at(bottom + 2)}`;
}

/** How a needle that points to the left, to 0°, is turned for an angle in degrees. */
export const needle = (angle: number): string => `rotate(${Math.max(0, Math.min(180, angle))})`;

/** A point of a dial at an angle, `share` of the radius from the hub. */
export function onDial({ x, y, radius }: Dial, angle: number, share = 1): [number, number] {
  const turned = (Math.PI * Math.max(0, Math.min(180, angle))) / 180;
  return [at(x - radius * share * Math.cos(turned)), at(y - radius * share * Math.sin(turned))];
}

/** The part of a dial between two angles. */
export function sector(dial: Dial, low: number, high: number): string {
  const [a, b] = [onDial(dial, low), onDial(dial, high)];
  const radius = at(dial.radius);
  return `M${at(dial.x)} ${at(dial.y)}L${a[0]} ${a[1]}A${radius} ${radius} 0 0 1 ${b[0]} ${b[1]}Z`;
}

/** The rim of a dial. */
export function rim(dial: Dial): string {
  const [a, b] = [onDial(dial, 0), onDial(dial, 180)];
  const radius = at(dial.radius);
  return `M${a[0]} ${a[1]}A${radius} ${radius} 0 0 1 ${b[0]} ${b[1]}`;
}
