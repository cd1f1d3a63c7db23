// What uPlot is told of a panel: lines, cursor, and axes: how far they reach, and where their ticks stand.
import type uPlot from "uplot";
import type { ChartPanel } from "../shared/messages.ts";
import type { Theme } from "../shared/theme.ts";
import { tickText } from "../shared/words.ts";
import { headroom, type Line } from "./lines.ts";
import type { Panel } from "./panel.ts";

/** Steps begin at 0, which a logarithm has no place for: the axis shows log(1 + step). */
export const logStep = (step: number): number => Math.log10(1 + Math.max(0, step));
export const stepOfLog = (place: number): number => 10 ** place - 1;

type Ends = [number, number];

/**
 * The ends of an axis that shows values from `least` to `greatest` (null where there are none): what the panel always
 * shows, and more where the values need it.
 */
export function heights(
  { low, high, floor, ceiling }: Pick<ChartPanel, "low" | "high" | "floor" | "ceiling">,
  least: number | null,
  greatest: number | null,
): Ends {
  let bottom = Math.min(low ?? Infinity, least ?? Infinity);
  let top = Math.max(high ?? -Infinity, greatest ?? -Infinity);
  if (!Number.isFinite(bottom)) bottom = 0;
  if (!Number.isFinite(top) || top <= bottom) top = bottom + 1;
  const margin = 0.05 * (top - bottom);
  if (high === null || top > high) top += margin;
  if (low === null || bottom < low) bottom -= margin;
  return [Math.max(bottom, floor ?? -Infinity), Math.min(top, ceiling ?? Infinity)];
}

/** The ends of a logarithmic axis, with a margin. */
export function decades(least: number | null, greatest: number | null): Ends {
  if (!greatest || greatest <= 0) return [0.1, 1];
  const low = least !== null && least > 0 ? least : greatest / 10;
  const margin = Math.max(1.1, (greatest / low) ** 0.05);
  return [low / margin, greatest * margin];
}

/** Whole multiples of a round distance from `min` to `max`, with at most `most` gaps between them. */
export function evenTicks(min: number, max: number, most: number): number[] {
  const rough = (max - min) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const distance = power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.999) ?? 10);
  const ticks: number[] = [];
  for (let n = Math.ceil(min / distance); n * distance <= max && ticks.length <= most; n += 1) {
    ticks.push(Number((n * distance).toPrecision(12)));
  }
  return ticks;
}

const MANTISSAS = [1, 2, 5];

/**
 * Ticks of a logarithmic axis from `min` to `max`: the densest of 1, 2, 5, 10 …, of the powers of ten, of every second
 * one … that keeps them `space` apart on an axis `length` long; evenly far apart where less than a decade is in sight.
 * `log` is the axis' own logarithm.
 */
export function logTicks(
  min: number,
  max: number,
  length: number,
  space: number,
  log: (value: number) => number,
): number[] {
  const pixels = (value: number) => ((log(value) - log(min)) / (log(max) - log(min))) * length;
  const apart = (ticks: number[]) => ticks.every((tick, i) => i === 0 || pixels(tick) - pixels(ticks[i - 1]) >= space);
  const lowest = min > 0 ? Math.floor(Math.log10(min)) : 0;
  const highest = Math.ceil(Math.log10(max));
  const powers = (stride: number, mantissas: number[]) => {
    const ticks: number[] = [];
    for (let power = Math.ceil(lowest / stride) * stride; power <= highest; power += stride) {
      for (const mantissa of mantissas) ticks.push(Number((mantissa * 10 ** power).toPrecision(6)));
    }
    const inSight = ticks.filter((tick) => tick >= min && tick <= max);
    return min > 0 ? inSight : [0, ...inSight.filter((tick) => pixels(tick) >= space)]; // 1 is near 0
  };
  for (const stride of [0, 1, 2, 3, 5, 10, 20, 50, 100]) {
    const ticks = stride ? powers(stride, [1]) : powers(1, MANTISSAS);
    if (ticks.length < 3) break;
    if (apart(ticks)) return ticks;
  }
  return evenTicks(min, max, Math.min(5, Math.floor(length / space)));
}

// Steps are whole numbers: 1, 2, 5, 10, 20, 50 …
const WHOLE = Array.from({ length: 30 }, (_, i) => MANTISSAS[i % 3] * 10 ** Math.floor(i / 3));
// uPlot shows no axis whose ticks are further apart than any distance it knows: a loss that diverges has such.
const ANY = [Number.MAX_VALUE];

const long = (plot: uPlot, side: "width" | "height") => plot.bbox[side] / devicePixelRatio;

function logAxis(side: "width" | "height", space: number, log: (value: number) => number): uPlot.Axis {
  return { incrs: ANY, splits: (plot, _, min, max) => logTicks(min, max, long(plot, side), space, log) };
}

/** What decides how the axes of a panel look. */
export interface AxisLook {
  theme: () => Theme;
  logSteps: boolean;
  logValues: boolean;
  /** Whether there is little room: then there are no titles, and smaller letters. */
  small: boolean;
}

function axis({ theme, small }: AxisLook, title: string, size: number, more: uPlot.Axis): uPlot.Axis {
  const large = theme().letters;
  const font = `${Math.round((small ? 10 : 11) * large)}px ${theme().font}`;
  return {
    ...(small ? {} : { label: title, labelFont: font, labelSize: 16 * large, labelGap: 2 }),
    font,
    gap: small ? 2 : 4,
    size: size * large,
    stroke: () => theme().faint,
    grid: { stroke: () => theme().grid, width: theme().strokes },
    ticks: { stroke: () => theme().grid, width: 1, size: small ? 3 : 4 },
    values: (_, splits) => splits.map((value) => (value === null ? "" : tickText(value))),
    filter: (_, splits) => splits,
    ...more,
  };
}

/** The two axes of a panel; the theme is read at each drawing, so that the page may turn dark. */
export function panelAxes(look: AxisLook, { axis: title, tick }: Pick<ChartPanel, "axis" | "tick">): uPlot.Axis[] {
  const { theme, logSteps, logValues, small } = look;
  const large = theme().letters;
  const even: uPlot.Axis = {
    incrs: ANY,
    splits: (plot, _, min, max) => evenTicks(min, max, Math.floor(long(plot, "height") / (28 * large))),
  };
  const linear = tick ? { incrs: [1, 1.5, 2, 3, 6].map((times) => times * tick) } : even;
  const steps = logSteps ? logAxis("width", 34 * large, logStep) : { incrs: WHOLE };
  const values = logValues ? logAxis("height", 22 * large, Math.log10) : linear;
  const [high, wide] = small ? [17, 32] : [24, 40];
  const named: uPlot.Axis = {
    values: (_, splits) => splits.map((step, i) => (i ? tickText(step) : `step ${tickText(step)}`)),
  };
  return [
    axis(look, `training step${logSteps ? " (log scale)" : ""}`, high, {
      space: (small ? 46 : 60) * large,
      ...steps,
      ...(small ? named : {}),
    }),
    axis(look, logValues ? `${title} (log scale)` : title, wide, { space: (small ? 22 : 28) * large, ...values }),
  ];
}

/**
 * The row of the joined table where the cursor's point on a line stands: at the value that is said of it. A held line has
 * values between its points too, so a point of it would stand at a wrong place: it gets none.
 */
function pointOf(drawn: Line[]) {
  const series = new Map(drawn.filter(({ line }) => !line.held).map((one) => [one.place, one.series]));
  return (plot: uPlot, place: number, index: number, at: number): number => {
    if (place === 0) return index;
    const of = series.get(place);
    const step = of?.steps[of.placeAt(at)];
    return step === undefined ? (null as unknown as number) : plot.valToIdx(step); // null is no point to uPlot
  };
}

/** uPlot's options for a panel; `stepped` draws a line that holds its value. */
export function plotOptions(
  panel: Panel,
  width: number,
  height: number,
  stepped?: uPlot.Series.PathBuilder,
): uPlot.Options {
  const { chart, description, drawn, logarithmic } = panel;
  const { theme, logSteps } = chart;
  const full = chart.room(panel.name) === "full";
  const top = () => (full ? headroom(chart.marks, chart.runs.several, chart.theme) : 6);
  const pointing = (type: string) => type === "mousemove" || type === "mouseleave";
  return {
    width,
    height,
    padding: [top, (full ? 18 : 20) * theme.letters, 0, 0],
    legend: { show: false },
    select: { show: true, left: 0, top: 0, width: 0, height: 0 },
    cursor: {
      y: false,
      points: { size: 7 * theme.strokes },
      drag: { x: true, y: false, setScale: false },
      bind: {
        dblclick: () => () => {
          chart.zoom(null);
          return null;
        },
      },
      dataIdx: pointOf(drawn),
      sync: { key: chart.key, setSeries: false, scales: ["x", null], filters: { pub: pointing } },
    },
    scales: {
      x: { time: false, auto: false, ...(logSteps ? { distr: 100, fwd: logStep, bwd: stepOfLog } : {}) },
      y: {
        distr: logarithmic ? 3 : 1,
        range: (_, low, high) => (logarithmic ? decades(low, high) : heights(description, low, high)),
      },
    },
    axes: panelAxes({ theme: () => chart.theme, logSteps, logValues: logarithmic, small: !full }, description),
    series: [{}, ...strokes(panel, stepped)],
    hooks: {
      drawClear: [(plot) => panel.drawBehind(plot)],
      draw: [(plot) => panel.drawOver(plot)],
      setCursor: [(plot) => panel.pointAt(plot)],
      setSelect: [(plot) => panel.select(plot)],
    },
  };
}

/** The lines as uPlot wants them told, in the order of its columns. */
function strokes(panel: Panel, stepped?: uPlot.Series.PathBuilder): uPlot.Series[] {
  const heavy = panel.chart.theme.strokes;
  return [...panel.drawn]
    .sort((a, b) => a.place - b.place)
    .map(({ series, line, run, colour, width, dash }) => ({
      stroke: colour,
      width,
      dash,
      show: panel.shows(series),
      ...(line.held ? { paths: stepped } : {}),
      points: run.faint || line.held ? { show: false } : { size: 4 * heavy, fill: colour },
    }));
}
