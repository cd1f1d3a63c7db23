// How an axis looks, and where its ticks may stand.
import { evenTicks, logStep, logTicks } from "./scales.js";
import { tickText } from "./words.js";

// Steps are whole numbers: 1, 2, 5, 10, 20, 50 …
const WHOLE = Array.from({ length: 30 }, (_, i) => [1, 2, 5][i % 3] * 10 ** Math.floor(i / 3));

function axis(shared, label, { size, space, ...more }) {
  const large = shared.theme.letters;
  const font = `${Math.round(11 * large)}px ${shared.theme.font}`;
  return {
    label,
    font,
    labelFont: font,
    labelSize: 16 * large,
    labelGap: 2,
    gap: 4,
    size: size * large,
    space: space * large,
    stroke: () => shared.theme.faint,
    grid: { stroke: () => shared.theme.grid, width: shared.theme.strokes },
    ticks: { stroke: () => shared.theme.grid, width: 1, size: 4 },
    values: (_, splits) => splits.map((value) => (value === null ? "" : tickText(value))),
    filter: (_, splits) => splits,
    ...more,
  };
}

const long = (plot, side) => plot.bbox[side] / devicePixelRatio;
// uPlot shows no axis whose ticks are further apart than any distance it knows: a loss that diverges has such.
const ANY = [Number.MAX_VALUE];

function logAxis(side, space, log) {
  return { incrs: ANY, splits: (plot, _, min, max) => logTicks(min, max, long(plot, side), space, log) };
}

function linearAxis(side, space) {
  const splits = (plot, _, min, max) => evenTicks(min, max, Math.floor(long(plot, side) / space));
  return { incrs: ANY, splits };
}

/** The two axes of a panel; `shared.theme` is read at each drawing, so that the page may turn dark. */
export function panelAxes(shared, { axis: title, tick }, logValues) {
  const large = shared.theme.letters;
  const steps = shared.logSteps ? logAxis("width", 34 * large, logStep) : { incrs: WHOLE };
  const linear = tick ? { incrs: [1, 1.5, 2, 3, 6].map((times) => times * tick) } : linearAxis("height", 28 * large);
  const values = logValues ? logAxis("height", 22 * large, Math.log10) : linear;
  return [
    axis(shared, `training step (updates${shared.logSteps ? ", log scale" : ""})`, { size: 24, space: 60, ...steps }),
    axis(shared, logValues ? title.replace(/\)?$/, (end) => (end ? ", log)" : " (log)")) : title, { size: 40, space: 28, ...values }),
  ];
}
