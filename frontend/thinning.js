// The twin of dfa_lab/widgets/thinning.py: each bucket of steps keeps its least and its greatest value.

// The shares of buckets that grow from the first step and from the last; the rest is equally wide.
const FROM_START = 0.15;
const FROM_END = 0.25;

/** A function that maps a step to 0–1, never falling: where it rises fast the buckets are narrow. */
function warp(first, last) {
  const length = last - first;
  if (!length) return () => 0;
  const decades = Math.log1p(length);
  return (step) => {
    const done = step - first;
    const fromStart = Math.log1p(done) / decades;
    const fromEnd = 1 - Math.log1p(length - done) / decades;
    return ((1 - FROM_START - FROM_END) * done) / length + FROM_START * fromStart + FROM_END * fromEnd;
  };
}

/**
 * Indices of at most `limit` points (at least 4) that stand for the curve, its first and last among them; null where
 * all of them may stay.
 */
export function thin(steps, values, limit) {
  const count = steps.length;
  if (count <= limit) return null;
  const buckets = Math.max(1, Math.floor((limit - 2) / 2));
  const place = warp(steps[0], steps[count - 1]);
  const bucketOf = (index) => Math.min(Math.floor(place(steps[index]) * buckets), buckets - 1);
  const keep = [0];
  const put = (index) => {
    if (index > keep[keep.length - 1]) keep.push(index);
  };
  let start = 0;
  let bucket = bucketOf(0);
  while (start < count) {
    let least = -1;
    let greatest = -1;
    let end = start;
    let next = bucket;
    do {
      const value = values[end];
      if (value !== null) {
        if (least < 0 || value < values[least]) least = end;
        if (greatest < 0 || value > values[greatest]) greatest = end;
      }
      end += 1;
      if (end < count) next = bucketOf(end);
    } while (end < count && next === bucket);
    if (least < 0) put(start);
    else {
      put(Math.min(least, greatest));
      put(Math.max(least, greatest));
    }
    start = end;
    bucket = next;
  }
  put(count - 1);
  return keep;
}
