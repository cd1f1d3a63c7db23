// The vertical lines at which a setting was changed, with short labels in a few lanes above the plot.
import { shaded } from "./theme.js";

const LANES = 3;
const LANES_OF_SEVERAL = 4;
const LANE_HEIGHT = 13;
const GAP = 6;

/** How many pixels above the plot the labels need. */
export const headroom = (marks, several, theme) =>
  marks.length ? (several ? LANES_OF_SEVERAL : LANES) * LANE_HEIGHT * theme.letters + 4 : 8;

/**
 * A place for each label: {left, lane}, or null where there is no room. `positions` and `widths` are in pixels, the
 * positions rising. The newest label is placed first: it is what the user has just done.
 */
export function placeLabels(positions, widths, from, to, lanes = LANES) {
  const taken = [];
  const places = positions.map(() => null);
  for (let i = positions.length - 1; i >= 0; i -= 1) {
    // Right of its line; left of it where that is taken, or where the edge is too near.
    const right = positions[i] + 3;
    const left = Math.min(positions[i] - 3, to) - widths[i];
    const sides = right + widths[i] > to ? [Math.max(from, left)] : left >= from ? [right, left] : [Math.max(from, right)];
    for (const side of sides) {
      for (let lane = 0; lane < lanes && !places[i]; lane += 1) {
        const free = taken.every((span) => span.lane !== lane || side + widths[i] + GAP <= span.left || side >= span.right);
        if (free) {
          places[i] = { left: side, lane };
          taken.push({ lane, left: side, right: side + widths[i] + GAP });
        }
      }
    }
  }
  return places;
}

/**
 * The marks of `events` ({step, label, run}), by step: a change that several runs share is one mark. With several runs
 * a mark's label says whose change it is, unless it has the run's name in it, and `run` is its run where it has one alone. `shows` says which places are not
 * hidden.
 */
export function marks(events, runs, shows = () => true) {
  const several = runs.length > 1;
  const owners = runs.filter((run, place) => !run.faint && shows(place)).length;
  const found = new Map();
  for (const { step, label, run = 0 } of [...events].sort((a, b) => a.step - b.step)) {
    if (!shows(run)) continue;
    const key = `${step} ${label}`;
    const mark = found.get(key) ?? found.set(key, { step, label, of: new Set() }).get(key);
    mark.of.add(run);
  }
  return [...found.values()].map(({ step, label, of }) => {
    if (!several) return { step, label };
    const whose = [...of].map((run) => runs[run]).filter(Boolean);
    if (of.size === owners) return { step, label };
    const run = whose.length === 1 ? whose[0] : undefined;
    return { step, label: run && says(label, run.name) ? label : `${whose.map(({ name }) => name).join(", ")}: ${label}`, run };
  });
}

/** Whether a label has every word of a run's name, or of what it turned to: a lane is called by what was changed in it. */
function says(label, name) {
  const words = (text) => text.toLowerCase().split(/[\s,→_]+/);
  return name.split(", then ").some((part) => words(part).every((word) => words(label).includes(word)));
}

/** A bright band at the step that the kernel asked to look at. */
function drawFlash(plot, step, theme, pixels) {
  const { ctx, bbox } = plot;
  const reach = 6 * theme.strokes * pixels;
  ctx.fillStyle = "rgba(230,159,0,0.45)";
  ctx.fillRect(Math.round(plot.valToPos(step, "x", true)) - reach, bbox.top, 2 * reach, bbox.height);
}

/** Draw the lines and labels of the marks on a uPlot canvas, and light up the step that is to be looked at, if any. */
export function drawMarkers(plot, { marks: events, flash, several, theme }, pixels) {
  const { ctx, bbox } = plot;
  const { min, max } = plot.scales.x;
  const shown = events.filter((event) => event.step >= min && event.step <= max);
  if (!shown.length && flash === null) return;
  ctx.save();
  if (flash !== null && flash >= min && flash <= max) drawFlash(plot, flash, theme, pixels);
  const large = theme.letters;
  const height = LANE_HEIGHT * large;
  ctx.font = `${11 * large * pixels}px ${theme.font}`;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  const positions = shown.map((event) => Math.round(plot.valToPos(event.step, "x", true)));
  const widths = shown.map((event) => ctx.measureText(event.label).width / pixels);
  const places = placeLabels(
    positions.map((position) => position / pixels),
    widths,
    bbox.left / pixels,
    (bbox.left + bbox.width) / pixels + 12,
    several ? LANES_OF_SEVERAL : LANES,
  );
  const middle = (place) => bbox.top - (height * place.lane + height / 2 + 2) * pixels;
  const half = (height / 2) * pixels;
  ctx.setLineDash([3 * pixels, 3 * pixels]);
  positions.forEach((position, i) => {
    const { run } = shown[i];
    ctx.strokeStyle = run ? shaded(run.colour, theme.shade) : theme.marker;
    ctx.lineWidth = (run ? 1.5 : 1) * theme.strokes * pixels;
    ctx.beginPath();
    ctx.moveTo(position, places[i] ? middle(places[i]) - half : bbox.top);
    ctx.lineTo(position, bbox.top + bbox.height);
    ctx.stroke();
  });
  ctx.fillStyle = theme.text;
  shown.forEach((event, i) => {
    if (!places[i]) return;
    const left = places[i].left * pixels;
    const at = middle(places[i]);
    ctx.clearRect(left - pixels, at - half + pixels, (widths[i] + 2) * pixels, 2 * half - 2 * pixels);
    ctx.fillText(event.label, left, at);
  });
  ctx.restore();
}
