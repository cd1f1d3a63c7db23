// How an axis looks, and where its ticks may stand.
import { tickText } from "./words.js";

// Steps are whole numbers: 1, 2, 5, 10, 20, 50 …
const WHOLE = Array.from({ length: 30 }, (_, i) => [1, 2, 5][i % 3] * 10 ** Math.floor(i / 3));

function axis(shared, label, more) {
  const font = `11px ${shared.theme.font}`;
  return {
    label,
    font,
    labelFont: font,
    labelSize: 16,
    labelGap: 2,
    gap: 4,
    stroke: () => shared.theme.faint,
    grid: { stroke: () => shared.theme.grid, width: 1 },
    ticks: { stroke: () => shared.theme.grid, width: 1, size: 4 },
    values: (_, splits) => splits.map((value) => (value === null ? "" : tickText(value))),
    ...more,
  };
}

/** The two axes of a panel; `shared.theme` is read at each drawing, so that the page may turn dark. */
export const panelAxes = (shared, { axis: title, tick }) => [
  axis(shared, "training step (updates)", { incrs: WHOLE, size: 24, space: 60 }),
  axis(shared, title, { size: 40, space: 28, ...(tick ? { incrs: [tick] } : {}) }),
];
