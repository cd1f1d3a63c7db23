// The colours of values: the way's own colour for what is above zero, grey for what is below; the more, the stronger.
// What is below zero is hollow too, so that the sign is seen without colour.

export type Tone = "forward" | "back" | "ink";

/** Colours by strength, from almost the paper's to the full one, as the pixels of a canvas have them. */
export interface Palette {
  above: number[];
  below: number[];
}

export type Palettes = Record<Tone, Palette>;

const LEVELS = 12;

const channels = (colour: string) => [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16));

/** `share` of one `#rrggbb` in another. */
export function mixed(paper: string, colour: string, share: number): string {
  const [from, to] = [channels(paper), channels(colour)];
  return `#${from
    .map((value, i) =>
      Math.round(value + share * (to[i] - value))
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;
}

/** `#rrggbb` as a pixel in a canvas's memory: red in the lowest byte, opaque. */
export function pixel(colour: string): number {
  const [red, green, blue] = channels(colour);
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

function ramp(paper: string, colour: string): number[] {
  return Array.from({ length: LEVELS + 1 }, (_, level) =>
    pixel(mixed(paper, colour, level ? 0.1 + (0.9 * level) / LEVELS : 0.05)),
  );
}

export function palettes(paper: string, ink: string, accent: string, warm: string): Palettes {
  const below = ramp(paper, mixed(paper, ink, 0.72));
  return {
    forward: { above: ramp(paper, accent), below },
    back: { above: ramp(paper, warm), below },
    ink: { above: ramp(paper, ink), below },
  };
}

/** How strong the colour of a value is, 0 to 12, where `scale` is the largest of its matrix. Small ones are lifted. */
export function level(value: number, scale: number): number {
  if (!(scale > 0)) return 0;
  return Math.round(LEVELS * Math.min(1, Math.abs(value) / scale) ** 0.7);
}

/** The largest absolute value, for lists that bring no scale. */
export function scaleOf(values: readonly number[]): number {
  let most = 0;
  for (const value of values) if (Math.abs(value) > most) most = Math.abs(value);
  return most;
}

/** A matrix turned over: rows become columns. */
export function transposed<M extends { rows: number; columns: number; values: number[] }>(matrix: M): M {
  const { rows, columns, values } = matrix;
  const turned = new Array<number>(values.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) turned[column * rows + row] = values[row * columns + column];
  }
  return { ...matrix, rows: columns, columns: rows, values: turned };
}
