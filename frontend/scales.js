// Logarithmic axes: how a step or a loss becomes a place, and where the ticks stand.

/** Steps begin at 0, which a logarithm has no place for: the axis shows log(1 + step). */
export const logStep = (step) => Math.log10(1 + Math.max(0, step));
export const stepOfLog = (place) => 10 ** place - 1;

const MANTISSAS = [[1, 2, 5], [1]];

/** Whole multiples of a round distance from `min` to `max`, with at most `most` gaps between them. */
export function evenTicks(min, max, most) {
  const rough = (max - min) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const distance = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const ticks = [];
  for (let n = Math.ceil(min / distance); n * distance <= max && ticks.length <= most; n += 1) ticks.push(Number((n * distance).toPrecision(12)));
  return ticks;
}

/**
 * Ticks of a logarithmic axis from `min` to `max`: the densest of 1, 2, 5, 10 …, of the powers of ten, of every second
 * one … that keeps them `space` apart on an axis `length` long; evenly far apart where less than a decade is in sight.
 * `log` is the axis' own logarithm.
 */
export function logTicks(min, max, length, space, log) {
  const pixels = (value) => ((log(value) - log(min)) / (log(max) - log(min))) * length;
  const apart = (ticks) => ticks.every((tick, i) => i === 0 || pixels(tick) - pixels(ticks[i - 1]) >= space);
  const lowest = min > 0 ? Math.floor(Math.log10(min)) : 0;
  const highest = Math.ceil(Math.log10(max));
  const powers = (stride, mantissas) => {
    const ticks = [];
    for (let power = Math.ceil(lowest / stride) * stride; power <= highest; power += stride) {
      for (const mantissa of mantissas) ticks.push(Number((mantissa * 10 ** power).toPrecision(6)));
    }
    const inSight = ticks.filter((tick) => tick >= min && tick <= max);
    return min > 0 ? inSight : [0, ...inSight.filter((tick) => pixels(tick) >= space)]; // 1 is near 0
  };
  for (const [stride, mantissas] of [[1, MANTISSAS[0]], [1, MANTISSAS[1]], ...[2, 3, 5, 10, 20, 50, 100].map((stride) => [stride, [1]])]) {
    const ticks = powers(stride, mantissas);
    if (ticks.length < 3) break;
    if (apart(ticks)) return ticks;
  }
  return evenTicks(min, max, Math.min(5, Math.floor(length / space)));
}
