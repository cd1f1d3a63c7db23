// The lines of a panel: in which order, under which name, in which colour and dash.
import { MEAN } from "./layers.js";
import { shaded, translucent } from "./theme.js";
import { lineName } from "./words.js";

const DASH = [7, 5];
// With several runs a line's colour says its run, its dashes the layer; dots among them say the dashed metric.
const LAYERS = [undefined, [14, 4], [8, 4], [4, 4]];
const DOTTED_LAYERS = [[2, 3], [12, 4, 2, 4], [7, 3, 2, 3, 2, 3], [4, 3, 2, 3, 2, 3, 2, 3]];
const FAINT = 0.5;
/** So many layers of one run and more are listed as a table. */
const MANY_LAYERS = 4;
/** A layer's place among colours and dashes; a mean has the first. */
const placeOf = (layer) => (layer === MEAN ? 0 : layer - 1);

/** How a line looks: colour (as the page has it), dash, width. */
function look(series, line, run, { palette, several, theme }) {
  const heavy = theme.strokes;
  const width = (line.dashed ? 1.6 : 2) * heavy;
  const dashes = (dash) => dash?.map((length) => length * Math.sqrt(heavy));
  if (!several) {
    const place = line.per_layer ? placeOf(series.layer) : line.colour;
    const colour = shaded(palette[place % palette.length], theme.shade);
    return { colour, fill: colour, width, dash: line.dashed ? dashes(DASH) : undefined };
  }
  const fill = shaded(run.colour, theme.shade);
  const layers = line.dashed ? DOTTED_LAYERS : LAYERS;
  const dash = line.per_layer ? layers[placeOf(series.layer) % layers.length] : line.dashed ? DASH : undefined;
  const own = run.faint ? { colour: translucent(fill, FAINT), width: 1.3 * heavy } : { colour: fill, width: line.held ? 1.3 * heavy : width };
  return { fill, dash: dashes(dash), ...own };
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
  const found = all
    .filter((series) => order.has(series.metric) && runs[series.run])
    .sort((a, b) => rank(a) - rank(b) || (a.layer ?? 0) - (b.layer ?? 0) || order.get(a.metric).place - order.get(b.metric).place)
    .map((series) => {
      const { line } = order.get(series.metric);
      const run = runs[series.run];
      const label = lineName(line, series.layer);
      const table = several ? { row: run.name, column: label } : deep ? { row: `layer ${series.layer}`, column: line.label } : {};
      return { series, line, run, label, name: several ? `${run.name} · ${label}` : label, ...table, ...look(series, line, run, { palette, several, theme }) };
    });
  const behind = [...found].sort((a, b) => rank(b.series) - rank(a.series)); // a stable sort
  behind.forEach((one, column) => {
    one.place = column + 1;
  });
  return found;
}
