// What uPlot is told of a panel: axes, scales, cursor, lines, and what is drawn behind and over them.
import uPlot from "uplot";
import { panelAxes } from "./axes.js";
import { drawBands } from "./bands.js";
import { nearestWithValue } from "./cursor.js";
import { decades, heights } from "./heights.js";
import { drawMarkers, headroom } from "./markers.js";
import { logStep, stepOfLog } from "./scales.js";
import { strokes } from "./strokes.js";

const pointing = (type) => type === "mousemove" || type === "mouseleave";

/** uPlot's options for a panel that is `width` pixels wide. */
export function plotOptions(panel, width) {
  const { description, shared, logarithmic } = panel;
  const { theme } = shared;
  return {
    width,
    height: panel.height,
    padding: [() => headroom(shared.marks, shared.several, shared.theme), 18 * theme.letters, 0, 0],
    legend: { show: false },
    select: { show: true },
    cursor: {
      y: false,
      points: { size: 7 * theme.strokes },
      drag: { x: true, y: false, setScale: false },
      bind: { dblclick: () => () => shared.zoom(null) },
      dataIdx: nearestWithValue,
      sync: { key: shared.key, setSeries: false, scales: ["x", null], filters: { pub: pointing } },
    },
    scales: {
      x: { time: false, auto: false, ...(shared.logSteps ? { distr: 100, fwd: logStep, bwd: stepOfLog } : {}) },
      y: {
        distr: logarithmic ? 3 : 1,
        range: (_, low, high) => (logarithmic ? decades(low, high) : heights(description, low, high)),
      },
    },
    axes: panelAxes(shared, description, logarithmic),
    series: [{}, ...strokes(panel.drawn, (series) => panel.shows(series), theme.strokes)],
    hooks: {
      drawClear: [(plot) => drawBands(plot, behind(panel))],
      draw: [(plot) => drawMarkers(plot, shared, uPlot.pxRatio)],
      setCursor: [(plot) => panel.point(plot)],
      setSelect: [(plot) => panel.select(plot)],
    },
  };
}

/** What lies behind a panel's lines: bands and guide. */
function behind(panel) {
  const { description, shared } = panel;
  const bands = panel.bands();
  const { guide, guide_label: label, band_label: beside } = description;
  return {
    bands,
    drawn: panel.drawn.filter(({ series }) => panel.shows(series)),
    guide,
    guideLabel: bands.length ? `${label} ${beside}` : label,
    until: shared.lastStepOf(0),
    theme: shared.theme,
    pixels: uPlot.pxRatio,
  };
}
