// The vertical lines at which a setting was changed, with short labels in a few lanes above the plot.

const LANES = 3;
const LANE_HEIGHT = 13;
const GAP = 6;

/** How many pixels above the plot the labels need. */
export const headroom = (events) => (events.length ? LANES * LANE_HEIGHT + 4 : 8);

/**
 * A place for each label: {left, lane}, or null where there is no room. `positions` and `widths` are in pixels, the
 * positions rising. The newest label is placed first: it is what the user has just done.
 */
export function placeLabels(positions, widths, from, to) {
  const taken = [];
  const places = positions.map(() => null);
  for (let i = positions.length - 1; i >= 0; i -= 1) {
    // Right of its line; left of it where the edge is too near.
    const fits = positions[i] + 3 + widths[i] <= to;
    const left = Math.max(from, fits ? positions[i] + 3 : Math.min(positions[i] - 3, to) - widths[i]);
    const right = left + widths[i] + GAP;
    for (let lane = 0; lane < LANES && !places[i]; lane += 1) {
      const free = taken.every((span) => span.lane !== lane || right <= span.left || left >= span.right);
      if (free) {
        places[i] = { left, lane };
        taken.push({ lane, left, right });
      }
    }
  }
  return places;
}

/** Draw the lines and labels of `events` ({step, label}, in order) on a uPlot canvas; return how many are in sight. */
export function drawMarkers(plot, events, theme, pixels) {
  const { ctx, bbox } = plot;
  const { min, max } = plot.scales.x;
  const shown = events.filter((event) => event.step >= min && event.step <= max);
  if (!shown.length) return 0;
  ctx.save();
  ctx.font = `${11 * pixels}px ${theme.font}`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  ctx.lineWidth = pixels;
  const positions = shown.map((event) => Math.round(plot.valToPos(event.step, "x", true)));
  const widths = shown.map((event) => ctx.measureText(event.label).width / pixels);
  const places = placeLabels(
    positions.map((position) => position / pixels),
    widths,
    bbox.left / pixels,
    (bbox.left + bbox.width) / pixels + 12,
  );
  const middle = (place) => bbox.top - (LANE_HEIGHT * place.lane + LANE_HEIGHT / 2 + 2) * pixels;
  const half = (LANE_HEIGHT / 2) * pixels;
  ctx.strokeStyle = theme.marker;
  ctx.setLineDash([3 * pixels, 3 * pixels]);
  ctx.beginPath();
  positions.forEach((position, i) => {
    ctx.moveTo(position, places[i] ? middle(places[i]) - half : bbox.top);
    ctx.lineTo(position, bbox.top + bbox.height);
  });
  ctx.stroke();
  ctx.fillStyle = theme.text;
  shown.forEach((event, i) => {
    if (!places[i]) return;
    const left = places[i].left * pixels;
    const at = middle(places[i]);
    ctx.clearRect(left - pixels, at - half + pixels, (widths[i] + 2) * pixels, 2 * half - 2 * pixels);
    ctx.fillText(event.label, left, at);
  });
  ctx.restore();
  return shown.length;
}
