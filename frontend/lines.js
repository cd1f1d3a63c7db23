// The lines of a panel: in which order, under which name, in which colour and dash.
import { MEAN } from "./layers.js";
import { shaded, translucent } from "./theme.js";
import { lineName } from "./words.js";

// A dash says the metric, with one run and with several. With several a line's colour says its run; its layers go from
// dark and wide near the input to light and narrow near the output.
const DASH = [7, 5];
const [WIDE, NARROW] = [2.6, 1.1];
const [MOST_SHADE, SHADE_A_LAYER] = [0.45, 0.25];
const FAINT = 0.5;
/** So many layers of one run and more are listed as a table. */
const MANY_LAYERS = 4;
/** A layer's place among the colours; a mean has the first. */
const placeOf = (layer) => (layer === MEAN ? 0 : layer - 1);

/** The width of a layer's line, of `count` layers, and how much lighter (or, below 0, darker) than its run it is. */
function ofLayer(layer, count) {
  const share = (layer - 1) / (count - 1);
  const reach = Math.min(MOST_SHADE, SHADE_A_LAYER * (count - 1));
  return { width: WIDE + (NARROW - WIDE) * share, shade: reach * (2 * share - 1) };
}

/** How a line looks: colour (as the page has it), dash, width; `count` is the number of layers. */
function look(series, line, run, { palette, several, theme, count }) {
  const heavy = theme.strokes;
  const plain = line.dashed ? 1.6 : 2;
  const dash = line.dashed ? DASH.map((length) => length * Math.sqrt(heavy)) : undefined;
  if (!several) {
    const place = line.per_layer ? placeOf(series.layer) : line.colour;
    const colour = shaded(palette[place % palette.length], theme.shade);
    return { colour, fill: colour, width: plain * heavy, dash };
  }
  const layered = line.per_layer && series.layer !== MEAN && count > 1;
  const { width, shade } = layered ? ofLayer(series.layer, count) : { width: plain, shade: 0 };
  const fill = shaded(shaded(run.colour, theme.shade), shade);
  const own = run.faint ? { colour: translucent(fill, FAINT), width: Math.min(width, 1.3) * heavy } : { colour: fill, width: (line.held ? 1.3 : width) * heavy };
  return { fill, dash, ...own };
}

/**
 * The lines in the order of the legend: by run (faint ones last), by layer, then as described. `several` says whether
 * the chart shows more than one run. `label` is a line's name within its run, `name` the whole one; `row` is that of the
 * legend's table, where there is to be one, and `column` its column there. `place` is its column in the plot: faint runs
 * lie behind, the first run lies on top.
 */
export function panelLines(all, { lines, palette }, { runs, several, theme }) {
  const order = new Map(lines.map((line, place) => [line.metric, { line, place }]));
  const rank = ({ run }) => (runs[run].faint ? runs.length : 0) + run;
  const deep = !several && new Set(all.map(({ layer }) => layer)).size >= MANY_LAYERS;
  const count = Math.max(1, ...all.map(({ layer }) => (Number.isInteger(layer) ? layer : 1)));
  const found = all
    .filter((series) => order.has(series.metric) && runs[series.run])
    .sort((a, b) => rank(a) - rank(b) || (a.layer ?? 0) - (b.layer ?? 0) || order.get(a.metric).place - order.get(b.metric).place)
    .map((series) => {
      const { line } = order.get(series.metric);
      const run = runs[series.run];
      const label = lineName(line, series.layer);
      const table = several ? { row: run.name, column: label } : deep ? { row: `layer ${series.layer}`, column: line.label } : {};
      return { series, line, run, label, name: several ? `${run.name} · ${label}` : label, ...table, ...look(series, line, run, { palette, several, theme, count }) };
    });
  const behind = [...found].sort((a, b) => rank(b.series) - rank(a.series)); // a stable sort
  behind.forEach((one, column) => {
    one.place = column + 1;
  });
  return found;
}
