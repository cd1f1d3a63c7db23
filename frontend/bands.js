// Faint bands behind the lines: what chance alone would give, and one standard deviation over replicas.
import { translucent } from "./theme.js";

/** Fill one polygon: corners are [x, low, high] in pixels. */
function fillPolygon(ctx, corners, colour) {
  if (corners.length < 2) return;
  ctx.beginPath();
  corners.forEach(([x, , high]) => ctx.lineTo(x, high));
  [...corners].reverse().forEach(([x, low]) => ctx.lineTo(x, low));
  ctx.closePath();
  ctx.fillStyle = colour;
  ctx.fill();
}

/**
 * Fill between `low(i)` and `high(i)` over `steps`, up to `until`. What is `held` stays as it is until the next step and
 * ends where there is no value; what is not runs from value to value.
 */
function fill(plot, steps, low, high, until, colour, held) {
  const place = (value, scale) => plot.valToPos(value, scale, true);
  let corners = [];
  const holdUntil = (step) => {
    if (corners.length) corners.push([place(step, "x"), ...corners[corners.length - 1].slice(1)]);
  };
  // What lies within a pixel is one corner, as wide as the widest: a long run has several values there.
  const put = (x, bottom, top) => {
    const last = corners[corners.length - 1];
    if (held || !last || x - last[0] >= 1) corners.push([x, bottom, top]);
    else {
      last[1] = Math.max(last[1], bottom);
      last[2] = Math.min(last[2], top);
    }
  };
  for (let i = 0; i < steps.length; i += 1) {
    const [least, greatest] = [low(i), high(i)];
    if (held) holdUntil(steps[i]);
    if (Number.isFinite(least) && Number.isFinite(greatest)) put(place(steps[i], "x"), place(least, "y"), place(greatest, "y"));
    else if (held) {
      fillPolygon(plot.ctx, corners, colour);
      corners = [];
    }
  }
  if (held) holdUntil(until);
  fillPolygon(plot.ctx, corners, colour);
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
    const away = (sign) => (i) => (sd[i] === null ? NaN : centre(i) + sign * factor * sd[i]);
    fill(plot, series.steps, away(-1), away(1), until, translucent(colour, 0.07), true);
  }
  for (const { series, fill: colour, run } of drawn) {
    const { values, spread } = series;
    if (!spread || run.faint) continue;
    const away = (sign) => (i) => (values[i] === null || spread[i] === null ? NaN : values[i] + sign * spread[i]);
    fill(plot, series.steps, away(-1), away(1), series.lastStep, translucent(colour, 0.22), false);
  }
  if (guide !== null) {
    const y = Math.round(plot.valToPos(guide, "y", true)) + 0.5;
    ctx.strokeStyle = theme.line;
    ctx.lineWidth = theme.strokes * pixels;
    ctx.setLineDash([]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.font = `${10 * theme.letters * pixels}px ${theme.font}`;
    ctx.fillStyle = theme.faint;
    ctx.textAlign = "right";
    ctx.textBaseline = "bottom";
    ctx.fillText(guideLabel, bbox.left + bbox.width - 4 * pixels, y - 2 * pixels);
  }
  ctx.restore();
}
