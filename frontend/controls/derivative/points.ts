// The arithmetic of a derivative drawn by hand: points, the line through them, the curves' range and paths. No DOM here.
export type Point = [number, number];

export const REACH = 4; // of the picture, either way in x
const APART = 0.05; // between neighbours
export const HIGHEST = 10; // of a point's g, either way; a curve that goes to infinity must not flatten the others
export const [WIDTH, HEIGHT] = [340, 205];
export const [LEFT, RIGHT, TOP, BOTTOM] = [34, 332, 8, 172];

export const within = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));
const round = (value: number) => Math.round(value * 100) / 100 + 0; // never −0

/** g at x through points in order: straight between neighbours, constant beyond the ends. */
export function through(points: Point[], x: number): number {
  const after = points.findIndex(([other]) => other > x);
  if (after === 0) return points[0][1];
  if (after < 0) return points[points.length - 1][1];
  const [[x0, g0], [x1, g1]] = [points[after - 1], points[after]];
  return g0 + ((g1 - g0) * (x - x0)) / (x1 - x0);
}

/** Points on a curve that is given at xs, at whole numbers from −3 to 3: a beginning for one's own. */
export function sampled(xs: number[], ys: (number | null)[]): Point[] {
  return [-3, -2, -1, 0, 1, 2, 3].map((x) => {
    const near = xs.reduce((best, one, i) => (Math.abs(one - x) < Math.abs(xs[best] - x) ? i : best), 0);
    const y = ys[near];
    return [x, Number.isFinite(y) ? round(within(y as number, -HIGHEST, HIGHEST)) : 0];
  });
}

/** Points with one more in the middle of the widest gap, where the curve is already; and which it is. */
export function withOneMore(points: Point[]): [Point[], number] {
  let widest = 1;
  points.forEach(([x], i) => {
    if (i && x - points[i - 1][0] > points[widest][0] - points[widest - 1][0]) widest = i;
  });
  const x = round((points[widest - 1][0] + points[widest][0]) / 2);
  const more: Point[] = [...points.slice(0, widest), [x, round(through(points, x))], ...points.slice(widest)];
  return [more, widest];
}

/** Where a point may go: no further than the picture, as far as its neighbours, which it must not pass, let it. */
export function bounded(points: Point[], i: number, [x, g]: Point): Point {
  const low = i ? points[i - 1][0] + APART : -Infinity;
  const high = i + 1 < points.length ? points[i + 1][0] - APART : Infinity;
  return [round(within(within(x, -REACH, REACH), low, high)), round(within(g, -HIGHEST, HIGHEST))];
}

/** The heights in sight: all curves, cut at ±10, with some air; always from at most −0.25 to at least 1.25. */
export function span(curves: (number | null)[][]): Point {
  const all = curves.flat().filter((value): value is number => Number.isFinite(value));
  const cut = (value: number) => within(value, -HIGHEST, HIGHEST);
  const low = Math.min(-0.25, ...all.map(cut));
  const high = Math.max(1.25, ...all.map(cut));
  const air = (high - low) * 0.04;
  return [low - air, high + air];
}

/** The path of a curve; where there is no number it is broken. */
export function path(
  xs: number[],
  ys: (number | null)[],
  toX: (x: number) => number,
  toY: (y: number) => number,
): string {
  let pen = "M";
  return xs
    .map((x, i) => {
      const y = ys[i];
      if (y === null || !Number.isFinite(y)) {
        pen = "M";
        return "";
      }
      const piece = `${pen}${toX(x).toFixed(1)} ${toY(y).toFixed(1)}`;
      pen = "L";
      return piece;
    })
    .join("");
}

/** Where x stands in the picture. */
export const toX = (x: number): number => LEFT + ((x + REACH) / (2 * REACH)) * (RIGHT - LEFT);

/** Where g stands in a picture that shows `range`. */
export const toY = (g: number, [low, high]: Point): number => BOTTOM - ((g - low) / (high - low)) * (BOTTOM - TOP);

/** The x and g of a place in the picture that shows `range`. */
export function placeOf(across: number, down: number, [low, high]: Point): Point {
  const up = (BOTTOM - down) / (BOTTOM - TOP);
  return [((across - LEFT) / (RIGHT - LEFT)) * 2 * REACH - REACH, low + up * (high - low)];
}
