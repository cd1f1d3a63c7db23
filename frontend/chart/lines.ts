// The lines of a panel: in which order, under which name, in which colour and dash; and the changes marked on them.
import type { ChartEvent, ChartLine, ChartPanel } from "../shared/messages.ts";
import { shaded, type Theme, translucent } from "../shared/theme.ts";
import { count, valueText } from "../shared/words.ts";
import { type Layer, MEAN, type Range, type Run, type Series } from "./series.ts";
import { type Look, signOf } from "./sight.ts";

// A dash says the metric, with one run and with several. With several a line's colour and sign say its run; its layers
// go from dark and wide near the input to light and narrow near the output.
const DASH = [7, 5];
const [WIDE, NARROW] = [2.6, 1.1];
const [MOST_SHADE, SHADE_A_LAYER] = [0.45, 0.25];
const FAINT = 0.5;
/** So many layers of one run and more are listed as a table. */
const MANY_LAYERS = 4;

/** One line as it is drawn. */
export interface Line extends Look {
  series: Series;
  line: ChartLine;
  run: Run;
  /** Its name within its run, the one that has the drawing's symbol in it, and the whole one. */
  label: string;
  brief: string;
  name: string;
  /** Its row and column in the legend's table, where there is to be one. */
  row?: string;
  column?: string;
  /** What is filled in its colour. */
  fill: string;
  /** Its column in the plot. */
  place: number;
}

/** What all panels have in common that decides how a line looks. */
export interface Together {
  runs: Run[];
  several: boolean;
  theme: Theme;
}

/** What a legend calls a line. */
export function lineName({ per_layer: ofLayers, label }: ChartLine, layer: Layer): string {
  if (!ofLayers) return label;
  return layer === MEAN ? `${label}, mean` : `layer ${layer} ${label}`;
}

const SMALL = "₀₁₂₃₄₅₆₇₈₉";

/** The symbol of a line of layers as the drawing has it: B₁, δ₂; B for all of them. */
const symbol = ({ short }: ChartLine, layer: Layer): string =>
  typeof layer === "number" ? short + String(layer).replace(/\d/g, (digit) => SMALL[+digit]) : short;

/** What a line is called beside the drawing: B₁ weight. */
export function briefName(line: ChartLine, layer: Layer): string {
  if (!line.per_layer || !line.short) return lineName(line, layer);
  return `${symbol(line, layer)} ${line.label}${layer === MEAN ? ", mean" : ""}`;
}

/** What a line of a single run is called where there is little room: B₁, δ₂. With several its colour says the run. */
export function shortName({ line, series: { layer }, row }: Pick<Line, "line" | "series" | "row">): string {
  return row !== undefined || !line.short ? "" : symbol(line, layer);
}

/** A layer's number among the colours; a mean has the first. */
export const layerNumber = (layer: Layer): number => (typeof layer === "number" ? layer : 1);

/** The width of a layer's line, of `count` layers, and how much lighter (or, below 0, darker) than its run it is. */
function ofLayer(layer: number, count: number): { width: number; shade: number } {
  const share = (layer - 1) / (count - 1);
  const reach = Math.min(MOST_SHADE, SHADE_A_LAYER * (count - 1));
  return { width: WIDE + (NARROW - WIDE) * share, shade: reach * (2 * share - 1) };
}

/** How a line looks; `count` is the number of layers. */
function look(series: Series, line: ChartLine, palette: string[], together: Together, count: number) {
  const { runs, several, theme } = together;
  const run = runs[series.run];
  const heavy = theme.strokes;
  const plain = line.dashed ? 1.6 : 2;
  const dash = line.dashed ? DASH.map((length) => length * Math.sqrt(heavy)) : undefined;
  const sign = signOf(series.run, runs);
  if (!several) {
    const place = line.per_layer ? layerNumber(series.layer) - 1 : line.colour;
    const colour = shaded(palette[place % palette.length], theme.shade);
    return { colour, fill: colour, width: plain * heavy, dash, sign };
  }
  const layered = line.per_layer && series.layer !== MEAN && count > 1;
  const { width, shade } = layered ? ofLayer(layerNumber(series.layer), count) : { width: plain, shade: 0 };
  const fill = shaded(shaded(run.colour, theme.shade), shade);
  if (run.faint) return { colour: translucent(fill, FAINT), fill, width: Math.min(width, 1.3) * heavy, dash, sign };
  return { colour: fill, fill, width: (line.held ? 1.3 : width) * heavy, dash, sign };
}

/**
 * The lines in the order of the legend: by run (faint ones last), by layer, then as described. In the plot faint runs lie
 * behind, and the first run lies on top.
 */
export function panelLines(all: Series[], panel: Pick<ChartPanel, "lines" | "palette">, together: Together): Line[] {
  const { runs, several } = together;
  const order = new Map(panel.lines.map((line, place) => [line.metric, { line, place }]));
  const placeOf = (series: Series) => order.get(series.metric)?.place ?? 0;
  const rank = ({ run }: Series) => (runs[run].faint ? runs.length : 0) + run;
  const deep = !several && new Set(all.map(({ layer }) => layer)).size >= MANY_LAYERS;
  const count = Math.max(1, ...all.map(({ layer }) => layerNumber(layer)));
  const layer = (series: Series) => (series.layer === null ? 0 : layerNumber(series.layer));
  const found = all
    .filter((series) => order.has(series.metric) && runs[series.run])
    .sort((a, b) => rank(a) - rank(b) || layer(a) - layer(b) || placeOf(a) - placeOf(b))
    .map((series): Line => {
      const { line } = order.get(series.metric) as { line: ChartLine };
      const run = runs[series.run];
      const label = lineName(line, series.layer);
      const alone = deep ? { row: `layer ${series.layer}`, column: line.label } : {};
      const table = several ? { row: run.name, column: label } : alone;
      const brief = briefName(line, deep ? null : series.layer); // a row says the layer
      const name = several ? `${run.name} · ${label}` : label;
      return {
        series,
        line,
        run,
        label,
        brief,
        name,
        ...table,
        ...look(series, line, panel.palette, together, count),
        place: 0,
      };
    });
  const behind = [...found].sort((a, b) => rank(b.series) - rank(a.series)); // a stable sort
  behind.forEach((one, column) => {
    one.place = column + 1;
  });
  return found;
}

/** What is read off lines at one place. */
export interface Reading {
  values: (number | null)[];
  /** The step at which each value was measured; null where there is none. */
  steps: (number | null)[];
  /** Of those steps the nearest to the place; null where there is none. */
  step: number | null;
}

/** The values of `lines` that stand for the step `at`, or the last ones where it is null. */
export function reading(lines: Pick<Line, "line" | "series">[], at: number | null): Reading {
  const places = lines.map(({ line, series }) =>
    at === null ? series.steps.length - 1 : series.placeAt(at, line.held),
  );
  const values = lines.map(({ series }, i) => series.values[places[i]] ?? null);
  // Of two values at one step the first lies a hair before it.
  const steps = lines.map(({ series }, i) => (places[i] < 0 ? null : Math.round(series.steps[places[i]])));
  const away = (step: number) => (at === null ? -step : Math.abs(step - at));
  const step = measured(steps).reduce<number | null>((a, b) => (a === null || away(b) < away(a) ? b : a), null);
  return { values, steps, step };
}

const measured = (steps: (number | null)[]): number[] => steps.filter((step) => step !== null);

/** From which steps values are: at step 80, at steps 74–82; "" where there are none. */
export function atSteps(steps: (number | null)[]): string {
  const all = measured(steps);
  const [first, last] = [Math.min(...all), Math.max(...all)];
  if (!all.length) return "";
  return first === last ? `at step ${count(last)}` : `at steps ${count(first)}–${count(last)}`;
}

/** The words for those who hear a panel: title, the last value of each line, unit, step, how many changes are marked. */
export function summary(
  { title, unit, decimals }: Pick<ChartPanel, "title" | "unit" | "decimals">,
  lines: Pick<Line, "name" | "series">[],
  step: number,
  changes: number,
): string {
  const values = lines.map(({ series, name }) => `${name} ${valueText(series.last, decimals)}`);
  const said = values.length
    ? `${values.join(", ")}${unit ? ` ${unit}` : ""}, at step ${count(step)}`
    : "no values yet";
  const marked = changes ? `; ${changes} ${changes === 1 ? "change" : "changes"} marked` : "";
  return `${title}: ${said}${marked}`;
}

/** In words, whether and where a loss was lost: at the step that the kernel says, or where a line broke first. */
export function divergence(lines: Line[], said: number | null): string {
  const broken = lines.map(({ series }) => series.broken).filter((step) => step !== null);
  const step = said ?? (broken.length ? Math.min(...broken) : null);
  return step === null ? "" : `diverged at step ${count(step)}`;
}

export type Column = [number[], (number | null)[]];

/**
 * Steps and values of a line among the steps `range`; a held value goes on to `until`, the last step of its run; a
 * logarithmic axis has `positive` values only.
 */
export function column({ series, line }: Line, [from, to]: Range, until: number, positive: boolean): Column {
  let [steps, values] = series.between(from, to);
  if (line.held && until > series.lastStep && steps.length) {
    steps = [...steps, until];
    values = [...values, series.last];
  }
  return [steps, positive ? values.map((value) => (value !== null && value > 0 ? value : null)) : values];
}

/** A change on the curves: its step, its words, and the run whose it is alone, if any. */
export interface Mark {
  step: number;
  label: string;
  run?: Run;
}

/** Whether a label has every word of a run's name, or of what it turned to: a lane is called by what was changed in it. */
function says(label: string, name: string): boolean {
  const words = (text: string) => text.toLowerCase().split(/[\s,→_]+/);
  return name.split(", then ").some((part) => words(part).every((word) => words(label).includes(word)));
}

/**
 * The marks of `events`, by step: a change that several runs share is one mark. With several runs a mark's label says
 * whose change it is, unless it has the run's name in it. `shows` says which places are not hidden.
 */
export function marks(events: ChartEvent[], runs: Run[], shows: (place: number) => boolean = () => true): Mark[] {
  const owners = runs.filter((run, place) => !run.faint && shows(place)).length;
  const found = new Map<string, Mark & { of: Set<number> }>();
  for (const { step, label, run = 0 } of [...events].sort((a, b) => a.step - b.step)) {
    if (!shows(run)) continue;
    const key = `${step} ${label}`;
    const mark = found.get(key) ?? { step, label, of: new Set<number>() };
    found.set(key, mark);
    mark.of.add(run);
  }
  return [...found.values()].map(({ step, label, of }) => {
    if (runs.length < 2 || of.size === owners) return { step, label };
    const whose = [...of].map((run) => runs[run]).filter(Boolean);
    const run = whose.length === 1 ? whose[0] : undefined;
    const named = run && says(label, run.name) ? label : `${whose.map(({ name }) => name).join(", ")}: ${label}`;
    return { step, label: named, run };
  });
}

const LANES = 3;
const LANES_OF_SEVERAL = 4;
export const LANE_HEIGHT = 13;
const GAP = 6;

/** In how many lanes the labels stand. */
export const lanes = (all: Mark[], several: boolean) => Math.min(all.length, several ? LANES_OF_SEVERAL : LANES);

/** How many pixels above the plot the labels need. */
export const headroom = (all: Mark[], several: boolean, theme: Theme): number =>
  all.length ? lanes(all, several) * LANE_HEIGHT * theme.letters + 4 : 8;

/**
 * A place for each label: {left, lane}, or null where there is no room. `positions` and `widths` are in pixels, the
 * positions rising. The newest label is placed first: it is what the user has just done.
 */
export function placeLabels(positions: number[], widths: number[], from: number, to: number, most = LANES) {
  const taken: { lane: number; left: number; right: number }[] = [];
  const places: ({ left: number; lane: number } | null)[] = positions.map(() => null);
  for (let i = positions.length - 1; i >= 0; i -= 1) {
    // Right of its line; left of it where that is taken, or where the edge is too near.
    const right = positions[i] + 3;
    const left = Math.min(positions[i] - 3, to) - widths[i];
    const alone = right + widths[i] > to ? Math.max(from, left) : Math.max(from, right);
    const sides = right + widths[i] <= to && left >= from ? [right, left] : [alone];
    for (const side of sides) {
      for (let lane = 0; lane < most && !places[i]; lane += 1) {
        const end = side + widths[i] + GAP;
        if (taken.some((span) => span.lane === lane && end > span.left && side < span.right)) continue;
        places[i] = { left: side, lane };
        taken.push({ lane, left: side, right: end });
      }
    }
  }
  return places;
}
