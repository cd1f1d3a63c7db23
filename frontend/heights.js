// How far a y axis reaches.

const LEAST_DECADE = [0.1, 1];

/**
 * The ends of an axis that shows values from `least` to `greatest` (null where there are none): what the panel always
 * shows, and more where the values need it.
 */
export function heights({ low, high, floor, ceiling }, least, greatest) {
  let bottom = Math.min(low ?? Infinity, least ?? Infinity);
  let top = Math.max(high ?? -Infinity, greatest ?? -Infinity);
  if (!Number.isFinite(bottom)) bottom = 0;
  if (!Number.isFinite(top) || top <= bottom) top = bottom + 1;
  const margin = 0.05 * (top - bottom);
  if (high === null || top > high) top += margin;
  if (low === null || bottom < low) bottom -= margin;
  return [Math.max(bottom, floor ?? -Infinity), Math.min(top, ceiling ?? Infinity)];
}

/** The ends of a logarithmic axis, with a margin. */
export function decades(least, greatest) {
  if (!(greatest > 0)) return LEAST_DECADE;
  const low = least > 0 ? least : greatest / 10;
  const margin = Math.max(1.1, (greatest / low) ** 0.05);
  return [low / margin, greatest * margin];
}
