"""Thinning: a long curve in few points that looks the same, as each bucket keeps its least and greatest value."""

from __future__ import annotations

import numpy as np


def thin(steps: np.ndarray, values: np.ndarray, limit: int) -> np.ndarray:
    """Indices, in order, of at most ``limit`` points (at least 4) that stand for the curve.

    ``steps`` (n,) never fall; ``values`` (n,) may be NaN. The steps are cut into buckets of equal width, each of which
    keeps its minimum and its maximum, or one NaN where it has nothing else; the first and the last point stay.
    Linear in n.
    """
    count = len(steps)
    if count <= limit:
        return np.arange(count)
    buckets = max(1, (limit - 2) // 2)
    width = (float(steps[-1]) - float(steps[0])) / buckets or 1.0
    bucket = np.minimum(((steps - steps[0]) / width).astype(np.int64), buckets - 1)
    starts = np.flatnonzero(np.diff(bucket, prepend=-1))
    keep = [np.array([0, count - 1])]
    for extreme in (np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)):
        matches = np.flatnonzero(values == np.repeat(extreme, np.diff(starts, append=count)))
        _, first = np.unique(bucket[matches], return_index=True)
        keep.append(matches[first])
        keep.append(starts[np.isnan(extreme)])
    return np.unique(np.concatenate(keep))
