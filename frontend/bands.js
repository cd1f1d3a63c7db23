// Faint bands behind the lines: what chance alone would give, and one standard deviation over replicas.
import { translucent } from "./theme.js";

/** Fill between `low(i)` and `high(i)` over `steps`, up to `until`, where the last values go on. */
function fill(plot, steps, low, high, until, colour) {
  const { ctx } = plot;
  const points = [];
  for (let i = 0; i < steps.length; i += 1) {
    const pair = [low(i), high(i)];
    if (pair.every(Number.isFinite)) points.push([plot.valToPos(steps[i], "x", true), ...pair.map((y) => plot.valToPos(y, "y", true))]);
  }
  if (!points.length) return;
  const last = points[points.length - 1];
  points.push([Math.max(last[0], plot.valToPos(until, "x", true)), last[1], last[2]]);
  ctx.beginPath();
  points.forEach(([x, , top]) => ctx.lineTo(x, top));
  points.reverse().forEach(([x, bottom]) => ctx.lineTo(x, bottom));
  ctx.closePath();
  ctx.fillStyle = colour;
  ctx.fill();
}

/** Chance bands of a panel, and the spread of each of its visible lines. */
export function drawBands(plot, { bands, drawn, guide, guideLabel, until, theme, pixels }) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const { series, centre, factor, colour } of bands) {
    const sd = series.values;
    const away = (sign) => (i) => (sd[i] === null ? NaN : centre + sign * factor * sd[i]);
    fill(plot, series.steps, away(-1), away(1), until, translucent(colour, 0.07));
  }
  for (const { series, colour } of drawn) {
    const { values, spread } = series;
    if (!spread) continue;
    const away = (sign) => (i) => (values[i] === null || spread[i] === null ? NaN : values[i] + sign * spread[i]);
    fill(plot, series.steps, away(-1), away(1), series.lastStep, translucent(colour, 0.22));
  }
  if (guide !== null) {
    const y = Math.round(plot.valToPos(guide, "y", true)) + 0.5;
    ctx.strokeStyle = theme.line;
    ctx.lineWidth = pixels;
    ctx.setLineDash([]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.font = `${10 * pixels}px ${theme.font}`;
    ctx.fillStyle = theme.faint;
    ctx.textAlign = "right";
    ctx.textBaseline = "bottom";
    ctx.fillText(guideLabel, bbox.left + bbox.width - 4 * pixels, y - 2 * pixels);
  }
  ctx.restore();
}
