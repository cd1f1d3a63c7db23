// A matrix, a column of units or a picture of values, painted on a canvas at its place.
import { createContext } from "preact";
import { useContext, useLayoutEffect, useRef } from "preact/hooks";
import { level, type Palette, type Palettes, palettes, type Tone } from "./colours.ts";
import { type Box, cells } from "./geometry.ts";

export const PaletteContext = createContext<Palettes>(palettes("#ffffff", "#000000", "#1558a8", "#b4430a"));

interface Grid {
  rows: number;
  columns: number;
  values: readonly number[];
  scale: number;
  /** Whether the values stand below each other before they stand beside each other. */
  down: boolean;
}

/**
 * Paint a grid line by line, which is quicker than one call a cell; what is below zero is hollow. Of a row of cells two
 * lines are painted, an outer and an inner one, and the others are copies.
 */
function paint(canvas: HTMLCanvasElement, image: ImageData, grid: Grid, palette: Palette): void {
  const { width, height } = image;
  const pixels = new Uint32Array(image.data.buffer);
  pixels.fill(0);
  const { rows, columns, values, scale, down } = grid;
  const edge = Math.min(width / columns, height / rows);
  const gap = edge >= 4 ? Math.round(Math.min(window.devicePixelRatio || 1, edge / 4)) : 0;
  const wall = edge >= 4 ? Math.max(1, Math.round(edge / 4)) : height;
  const ends = Array.from({ length: columns + 1 }, (_, column) => Math.round((column * width) / columns));
  const line = (row: number, y: number, inner: boolean) => {
    for (let column = 0; column < columns; column += 1) {
      const value = values[down ? row + rows * column : column + columns * row];
      if (value === undefined) continue;
      const colour = (value < 0 ? palette.below : palette.above)[level(value, scale)];
      const [left, right] = [ends[column], ends[column + 1] - gap];
      const hollow = inner && value < 0;
      for (let x = left; x < right; x += 1) {
        if (!hollow || x < left + wall || x >= right - wall) pixels[y * width + x] = colour;
      }
    }
  };
  for (let row = 0; row < rows; row += 1) {
    const top = Math.round((row * height) / rows);
    const bottom = Math.round(((row + 1) * height) / rows) - gap;
    for (let y = top; y < bottom; y += 1) {
      const inner = y >= top + wall && y < bottom - wall;
      const model = inner ? top + wall : top;
      if (y === model) line(row, y, inner);
      else pixels.copyWithin(y * width, model * width, (model + 1) * width);
    }
  }
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}

/** The pixels of a canvas in its box on this screen; the same ones as long as the box has its size. */
function pixelsOf(canvas: HTMLCanvasElement, box: Box, before: ImageData | null): ImageData {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.max(1, Math.round(box.width * ratio)), Math.max(1, Math.round(box.height * ratio))];
  if (before?.width === width && before.height === height) return before;
  canvas.width = width;
  canvas.height = height;
  return new ImageData(width, height);
}

/** A grid of values in its box; `kind` is its part in the step, by which it is lit. */
export function Tile({
  box,
  tone,
  kind,
  name,
  rows,
  columns,
  values,
  scale,
  down = false,
}: { box: Box; tone: Tone; kind: string; name: string } & Omit<Grid, "down"> & { down?: boolean }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const palette = useContext(PaletteContext)[tone];
  const pixels = useRef<ImageData | null>(null);
  const { x, y, width, height } = box;
  useLayoutEffect(() => {
    if (!canvas.current) return;
    pixels.current = pixelsOf(canvas.current, box, pixels.current);
    paint(canvas.current, pixels.current, { rows, columns, values, scale, down }, palette);
  }, [width, height, rows, columns, values, scale, down, palette]);
  return (
    <canvas
      ref={canvas}
      class={`dfa-tile ${kind}`}
      data-tile={name}
      style={{ left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` }}
    />
  );
}

/** A column of units. */
export function Strip(props: {
  box: Box;
  tone: Tone;
  kind: string;
  name: string;
  values: readonly number[];
  scale: number;
}) {
  const { rows, columns } = cells(props.values.length, props.box);
  return <Tile {...props} rows={rows} columns={columns} down />;
}
