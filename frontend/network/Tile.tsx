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

/** Paint a grid; what is below zero is hollow. */
function paint(canvas: HTMLCanvasElement, box: Box, grid: Grid, palette: Palette): void {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.max(1, Math.round(box.width * ratio)), Math.max(1, Math.round(box.height * ratio))];
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const pen = canvas.getContext("2d");
  if (!pen) return;
  pen.clearRect(0, 0, width, height);
  const { rows, columns, values, scale, down } = grid;
  const edge = Math.min(width / columns, height / rows);
  const gap = edge >= 4 ? Math.round(Math.min(ratio, edge / 4)) : 0;
  const wall = Math.max(1, Math.round(edge / 4));
  for (let row = 0; row < rows; row += 1) {
    const top = Math.round((row * height) / rows);
    const tall = Math.round(((row + 1) * height) / rows) - top - gap;
    for (let column = 0; column < columns; column += 1) {
      const value = values[down ? row + rows * column : column + columns * row];
      if (value === undefined) continue;
      const left = Math.round((column * width) / columns);
      const wide = Math.round(((column + 1) * width) / columns) - left - gap;
      pen.fillStyle = (value < 0 ? palette.below : palette.above)[level(value, scale)];
      pen.fillRect(left, top, wide, tall);
      if (value < 0 && edge >= 4) pen.clearRect(left + wall, top + wall, wide - 2 * wall, tall - 2 * wall);
    }
  }
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
  useLayoutEffect(() => {
    if (canvas.current) paint(canvas.current, box, { rows, columns, values, scale, down }, palette);
  });
  const { x, y, width, height } = box;
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
