// The columns of a plot: the steps of all its lines, and each line's values at them, in the order of drawing.
import uPlot from "uplot";

/** Steps and values of a line from `from` to `to`; a held value goes on to `until`, the last step of its run. */
function column({ series, line }, [from, to], until, positive) {
  let [steps, values] = series.between(from, to);
  if (line.held && until > series.lastStep) {
    steps = [...steps, until];
    values = [...values, series.last];
  }
  // A logarithm has no place for what is not positive.
  return [steps, positive ? values.map((value) => (value > 0 ? value : null)) : values];
}

/**
 * The columns of `drawn` (lines.js) as uPlot wants them, and whether any of their values are among the steps `range`.
 * `lastStepOf(run)` ends held lines; a logarithmic axis has `positive` values only.
 */
export function columns(drawn, range, lastStepOf, positive) {
  if (!drawn.length) return { data: [[]], inSight: false };
  const [from, to] = range;
  const tables = [];
  for (const line of drawn) tables[line.place - 1] = column(line, range, lastStepOf(line.series.run), positive);
  const inSight = tables.some(([steps]) => steps.length && steps[0] <= to && steps[steps.length - 1] >= from);
  return { data: uPlot.join(tables), inSight };
}
