// What is drawn on a plot's canvas beside uPlot's lines: bands, the guide, signs of the runs, markers of changes.
import type uPlot from "uplot";
import type { ChartPanel } from "../shared/messages.ts";
import { shaded, type Theme, translucent } from "../shared/theme.ts";
import { LANE_HEIGHT, type Line, lanes, layerNumber, type Mark, placeLabels } from "./lines.ts";
import { type Series, seriesKey } from "./series.ts";

type Pen = CanvasRenderingContext2D;

/** Fill one polygon: corners are [x, low, high] in pixels. */
function fillPolygon(ctx: Pen, corners: number[][], colour: string): void {
  if (corners.length < 2) return;
  ctx.beginPath();
  for (const [x, , high] of corners) ctx.lineTo(x, high);
  for (const [x, low] of [...corners].reverse()) ctx.lineTo(x, low);
  ctx.closePath();
  ctx.fillStyle = colour;
  ctx.fill();
}

/**
 * Fill between the two ends that `ends(i)` gives over `steps`, up to `until`. What is `held` stays as it is until the next
 * step and ends where there is no value; what is not runs from value to value.
 */
function fill(
  plot: uPlot,
  steps: number[],
  ends: (i: number) => [number, number],
  until: number,
  colour: string,
  held: boolean,
): void {
  const place = (value: number, scale: string) => plot.valToPos(value, scale, true);
  let corners: number[][] = [];
  const holdUntil = (step: number) => {
    if (corners.length) corners.push([place(step, "x"), ...corners[corners.length - 1].slice(1)]);
  };
  // What lies within a pixel is one corner, as wide as the widest: a long run has several values there.
  const put = (x: number, bottom: number, top: number) => {
    const last = corners[corners.length - 1];
    if (held || !last || x - last[0] >= 1) corners.push([x, bottom, top]);
    else {
      last[1] = Math.max(last[1], bottom);
      last[2] = Math.min(last[2], top);
    }
  };
  steps.forEach((step, i) => {
    const [least, greatest] = ends(i);
    if (held) holdUntil(step);
    if (Number.isFinite(least) && Number.isFinite(greatest)) {
      put(place(step, "x"), place(least, "y"), place(greatest, "y"));
    } else if (held) {
      fillPolygon(plot.ctx, corners, colour);
      corners = [];
    }
  });
  if (held) holdUntil(until);
  fillPolygon(plot.ctx, corners, colour);
}

/** Draw inside the plot's frame, and so far `beyond` it. */
function clipped(plot: uPlot, draw: (ctx: Pen) => void, beyond = 0): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left - beyond, bbox.top - beyond, bbox.width + 2 * beyond, bbox.height + 2 * beyond);
  ctx.clip();
  draw(ctx);
  ctx.restore();
}

/** A band of chance: `factor` times the series' values about `centre(i)`. */
export interface Chance {
  series: Series;
  factor: number;
  centre: (i: number) => number;
  colour: string;
}

const CHANCE_COLOUR = "#808080";

/** The bands of chance of the `lines` in sight, among all series of a panel: grey, or of several layers in their colours. */
export function chances(panel: ChartPanel, all: Map<string, Series>, lines: Line[], several: boolean): Chance[] {
  const { bands, palette } = panel;
  const layered = !several && lines.some(({ series }) => layerNumber(series.layer) > 1);
  return [...all.values()].flatMap((series) => {
    const band = bands.find(({ metric }) => metric === series.metric);
    const beside = ({ metric, layer }: Series) => metric === band?.of && layer === series.layer;
    if (!band || !lines.some((line) => beside(line.series))) return [];
    // Recorded at the same steps as the band itself, where it is recorded at all.
    const means = all.get(seriesKey(band.mean, series.layer))?.values;
    const colour = !layered ? CHANCE_COLOUR : palette[(layerNumber(series.layer) - 1) % palette.length];
    return [{ series, factor: band.factor, centre: (i: number) => means?.[i] ?? band.centre, colour }];
  });
}

/** Behind the lines: chance, up to the step `until`, and the spread of each line over replicas. */
export function drawBands(plot: uPlot, bands: Chance[], lines: Line[], until: number): void {
  clipped(plot, () => {
    const about = (middle: number | null | undefined, sd: number | null | undefined): [number, number] =>
      typeof middle === "number" && typeof sd === "number" ? [middle - sd, middle + sd] : [NaN, NaN];
    const pale = Math.min(0.09, 0.3 / bands.length); // many lie over each other
    for (const { series, centre, factor, colour } of bands) {
      const { steps, values } = series;
      const ends = (i: number) => about(centre(i), values[i] === null ? null : factor * (values[i] as number));
      fill(plot, steps, ends, until, translucent(colour, pale), true);
    }
    for (const { series, fill: colour, run } of lines) {
      const { steps, values, spread, lastStep } = series;
      if (spread && !run.faint)
        fill(plot, steps, (i) => about(values[i], spread[i]), lastStep, translucent(colour, 0.22), false);
    }
  });
}

/** The guide behind the lines: a level that means something. */
export function drawGuide(plot: uPlot, level: number, theme: Theme, pixels: number): void {
  clipped(plot, (ctx) => {
    const y = Math.round(plot.valToPos(level, "y", true)) + 0.5;
    ctx.strokeStyle = theme.line;
    ctx.lineWidth = theme.strokes * pixels;
    ctx.beginPath();
    ctx.moveTo(plot.bbox.left, y);
    ctx.lineTo(plot.bbox.left + plot.bbox.width, y);
    ctx.stroke();
  });
}

/** Its label, above the lines that pass close to the guide there, and over what passes higher, with paper around it. */
export function drawGuideLabel(plot: uPlot, panel: ChartPanel, lines: Line[], theme: Theme, pixels: number): void {
  const { guide, guide_label: label } = panel;
  if (guide === null) return;
  clipped(plot, (ctx) => {
    ctx.font = `${10 * theme.letters * pixels}px ${theme.font}`;
    ctx.textAlign = "right";
    ctx.textBaseline = "bottom";
    ctx.lineJoin = "round";
    ctx.lineWidth = 4 * pixels;
    ctx.strokeStyle = theme.paper;
    ctx.fillStyle = theme.text;
    const [x, level] = [plot.bbox.left + plot.bbox.width - 4 * pixels, plot.valToPos(guide, "y", true)];
    const [width, height] = [ctx.measureText(label).width, 12 * theme.letters * pixels];
    const near = lines.flatMap(({ series }) =>
      [0, 0.25, 0.5, 0.75, 1].map((share) => series.near(plot.posToVal(x - share * width, "x", true)) ?? guide),
    );
    const tops = near.map((value) => plot.valToPos(value, "y", true)).filter((top) => top > level - 1.5 * height);
    const y = Math.max(Math.min(level, ...tops) - 2 * pixels, plot.bbox.top + height);
    ctx.strokeText(label, x, y);
    ctx.fillText(label, x, y);
  });
}

/** The corners of the signs, within ±1; the first run has none, the second a disc, then square, triangle, diamond, cross. */
const SIGNS: ([number, number][] | null)[] = [
  null,
  [
    [-0.8, -0.8],
    [0.8, -0.8],
    [0.8, 0.8],
    [-0.8, 0.8],
  ],
  [
    [0, -1.1],
    [1, 0.8],
    [-1, 0.8],
  ],
  [
    [0, -1.2],
    [1.2, 0],
    [0, 1.2],
    [-1.2, 0],
  ],
  [
    [-1, -0.35],
    [-0.35, -0.35],
    [-0.35, -1],
    [0.35, -1],
    [0.35, -0.35],
    [1, -0.35],
    [1, 0.35],
    [0.35, 0.35],
    [0.35, 1],
    [-0.35, 1],
    [-0.35, 0.35],
    [-1, 0.35],
  ],
];

/** The corners of sign number `sign` (from 1), null for a disc. */
export const corners = (sign: number): [number, number][] | null => SIGNS[(sign - 1) % SIGNS.length];

const SIGN_EVERY = 64;
const SIGN_REACH = 3.2;

/** A sign along each line of every run but the first, and a dot where a line has but one value. */
export function drawSigns(plot: uPlot, lines: Line[], theme: Theme, pixels: number): void {
  const reach = SIGN_REACH * Math.sqrt(theme.strokes) * pixels;
  clipped(
    plot,
    (ctx) => {
      for (const { series, fill: colour, sign, run, line } of lines) {
        const single = series.steps.length === 1;
        if (!single && !sign) continue;
        ctx.fillStyle = colour;
        const put = (step: number, value: number | null) => {
          if (value === null) return;
          const [x, y] = [plot.valToPos(step, "x", true), plot.valToPos(value, "y", true)];
          ctx.beginPath();
          const around = sign && !run.faint ? corners(sign) : null;
          if (around) for (const [right, down] of around) ctx.lineTo(x + right * reach, y + down * reach);
          else ctx.arc(x, y, reach, 0, 7);
          ctx.fill();
        };
        if (single) put(series.steps[0], series.last);
        if (!sign) continue;
        const { left, width } = plot.bbox;
        const every = SIGN_EVERY * pixels;
        for (let x = left + every * (0.2 + 0.17 * sign); x < left + width; x += every) {
          const step = plot.posToVal(x, "x", true);
          if (step < series.steps[0]) continue; // a fork begins where it left the other
          if (step > series.lastStep) break;
          const place = series.placeAt(step, line.held);
          put(line.held ? step : series.steps[place], series.values[place] ?? null);
        }
      }
    },
    2 * reach,
  );
}

const LANES_INSIDE = 3;

/** What the markers are drawn by; `texts` says whether there is room for them, `flash` is a step lit up, or null. */
export interface MarkerLook {
  marks: Mark[];
  flash: number | null;
  several: boolean;
  texts: boolean;
  theme: Theme;
}

/** Draw the lines and labels of the marks, and light up the step that is to be looked at, if any. */
export function drawMarkers(plot: uPlot, look: MarkerLook, pixels: number): void {
  const { ctx, bbox } = plot;
  const { flash, several, texts, theme } = look;
  const { min = 0, max = 0 } = plot.scales.x;
  const shown = look.marks.filter(({ step }) => step >= min && step <= max);
  const place = (step: number) => Math.round(plot.valToPos(step, "x", true));
  ctx.save();
  if (flash !== null && flash >= min && flash <= max) {
    const reach = 6 * theme.strokes * pixels;
    ctx.fillStyle = "rgba(230,159,0,0.45)";
    ctx.fillRect(place(flash) - reach, bbox.top, 2 * reach, bbox.height);
  }
  const height = LANE_HEIGHT * theme.letters;
  ctx.font = `${11 * theme.letters * pixels}px ${theme.font}`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  const positions = shown.map(({ step }) => place(step));
  const widths = texts ? shown.map(({ label }) => ctx.measureText(label).width / pixels) : [];
  const [from, to] = [bbox.left / pixels, (bbox.left + bbox.width) / pixels + 12];
  const ratios = positions.map((position) => position / pixels);
  const places = texts ? placeLabels(ratios, widths, from, to, lanes(look.marks, several)) : [];
  const middle = (lane: number) => bbox.top - (height * lane + height / 2 + 2) * pixels;
  const half = (height / 2) * pixels;
  ctx.setLineDash([3 * pixels, 3 * pixels]);
  shown.forEach(({ run }, i) => {
    const at = places[i];
    ctx.strokeStyle = run ? shaded(run.colour, theme.shade) : theme.marker;
    ctx.lineWidth = (run && texts ? 1.5 : 1) * theme.strokes * pixels;
    ctx.beginPath();
    ctx.moveTo(positions[i], at ? middle(at.lane) - half : bbox.top);
    ctx.lineTo(positions[i], bbox.top + bbox.height);
    ctx.stroke();
  });
  ctx.fillStyle = theme.text;
  shown.forEach(({ label }, i) => {
    const at = places[i];
    if (!at) return;
    const [left, y] = [at.left * pixels, middle(at.lane)];
    ctx.clearRect(left - pixels, y - half + pixels, (widths[i] + 2) * pixels, 2 * half - 2 * pixels);
    ctx.fillText(label, left, y);
  });
  // Without room for texts that of the step to be looked at is said all the same, over the lines.
  const asked = texts ? [] : shown.filter(({ step }) => step === flash);
  ctx.setLineDash([]);
  ctx.lineWidth = 4 * pixels;
  ctx.strokeStyle = theme.paper;
  asked.slice(0, LANES_INSIDE).forEach(({ step, label }, lane) => {
    const most = bbox.left + bbox.width - ctx.measureText(label).width;
    const [left, y] = [Math.max(bbox.left, Math.min(place(step) + 4 * pixels, most)), bbox.top + half * (2 * lane + 1)];
    ctx.strokeText(label, left, y);
    ctx.fillText(label, left, y);
  });
  ctx.restore();
}
