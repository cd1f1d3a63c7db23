// The twin of dfa_lab/widgets/thinning.py: each bucket of steps keeps its least and its greatest value.

/**
 * Indices of at most `limit` points (at least 4) that stand for the curve, its first and last among them; null where
 * all of them may stay.
 */
export function thin(steps, values, limit) {
  const count = steps.length;
  if (count <= limit) return null;
  const buckets = Math.max(1, Math.floor((limit - 2) / 2));
  const width = (steps[count - 1] - steps[0]) / buckets || 1;
  const bucketOf = (index) => Math.min(Math.floor((steps[index] - steps[0]) / width), buckets - 1);
  const keep = [0];
  const put = (index) => {
    if (index > keep[keep.length - 1]) keep.push(index);
  };
  let start = 0;
  while (start < count) {
    const bucket = bucketOf(start);
    let least = -1;
    let greatest = -1;
    let end = start;
    do {
      const value = values[end];
      if (value !== null) {
        if (least < 0 || value < values[least]) least = end;
        if (greatest < 0 || value > values[greatest]) greatest = end;
      }
      end += 1;
    } while (end < count && bucketOf(end) === bucket);
    if (least < 0) put(start);
    else {
      put(Math.min(least, greatest));
      put(Math.max(least, greatest));
    }
    start = end;
  }
  put(count - 1);
  return keep;
}
