// The lines of a panel as uPlot wants them told.
import uPlot from "uplot";

const stepped = uPlot.paths.stepped({ align: 1 });

/** uPlot's series options for `drawn` (lines.js), in the order of its columns; points are `heavy` times as large. */
export function strokes(drawn, shows, heavy) {
  return [...drawn]
    .sort((a, b) => a.place - b.place)
    .map(({ series, line, run, colour, width, dash }) => ({
      stroke: colour,
      width,
      dash,
      show: shows(series),
      ...(line.held ? { held: true, paths: stepped } : {}),
      points: run.faint || line.held ? { show: false } : { size: 4 * heavy, fill: colour },
    }));
}
