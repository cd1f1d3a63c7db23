"""A long curve in few points that looks the same, as each bucket keeps its least and greatest value.

Most buckets are equally wide. Some grow with the distance from the first step, and some with that from the last, so
that a logarithmic axis has points at its left and a window of the last steps has points at all.
"""

from __future__ import annotations

import numpy as np

# The shares of buckets that grow from the first step and from the last; the rest is equally wide.
FROM_START, FROM_END = 0.15, 0.25


def thin(steps: np.ndarray, values: np.ndarray, limit: int) -> np.ndarray:
    """Indices, in order, of at most ``limit`` points (at least 4) that stand for the curve.

    ``steps`` (n,) never fall; ``values`` (n,) may be NaN. The steps are cut into buckets, each of which keeps its
    minimum and its maximum, or one NaN where it has nothing else; the first and the last point stay. Linear in n.
    """
    count = len(steps)
    if count <= limit:
        return np.arange(count)
    buckets = max(1, (limit - 2) // 2)
    bucket = np.minimum((_warped(steps) * buckets).astype(np.int64), buckets - 1)
    starts = np.flatnonzero(np.diff(bucket, prepend=-1))
    keep = [np.array([0, count - 1])]
    for extreme in (np.fmin.reduceat(values, starts), np.fmax.reduceat(values, starts)):
        matches = np.flatnonzero(values == np.repeat(extreme, np.diff(starts, append=count)))
        _, first = np.unique(bucket[matches], return_index=True)
        keep.append(matches[first])
        keep.append(starts[np.isnan(extreme)])
    return np.unique(np.concatenate(keep))


def _warped(steps: np.ndarray) -> np.ndarray:
    """Steps (n,) mapped to 0–1, never falling: where it rises fast the buckets are narrow."""
    done = steps - steps[0]
    length = float(done[-1])
    if not length:
        return np.zeros(len(steps))
    decades = np.log1p(length)
    from_start, from_end = np.log1p(done) / decades, 1 - np.log1p(length - done) / decades
    return (1 - FROM_START - FROM_END) * done / length + FROM_START * from_start + FROM_END * from_end
