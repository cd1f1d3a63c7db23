"""A long record in fewer rows, so that its curves look the same: each bucket of steps keeps its least and greatest row.

What is kept follows from the rows alone, so the same run has the same record. Buckets are as wide as a power of two,
narrower near the first step: a bucket is never wider than its distance from there over ``FINEST`` … ``COARSEST``. Later
thinnings put whole buckets together, so that an extreme that was kept once stays until a greater one joins its bucket.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from dfa_lab.experiment.history.series import Series, SeriesKey

#: A history keeps so many rows in all; fewer where a row has many replicas, for so many numbers in all, but never fewer
#: than the third. Where there are many series, each keeps the last as a share of that.
MOST_ROWS, MOST_NUMBERS, FEWEST_ROWS, SHARE = 2**18, 2**22, 2**14, 2**6
#: The newest rows of a series are all kept, as a share of what its history may have.
RECENT = 2**9
#: Buckets in the steps from 2ⁿ to 2ⁿ⁺¹, as powers of two: what is tried first, and at last.
FINEST, COARSEST = 7, 0
#: Of more layers each is thinned by itself; fewer keep their rows at the same steps.
TOGETHER = 4
#: After a thinning so much of what may be kept is left.
LEFT = 0.75

#: Which of three records a series' rows belong to, each thinned by itself: those that make a run what it is, those that
#: were measured by hand, and those that do not count, such as clock readings.
DUE, BY_HAND, OTHER = range(3)


def most_rows(series: Mapping[SeriesKey, Series], replicas: int, counts_for: Callable[[str], bool]) -> int:
    """The rows of a kind that these series may have before they are thinned."""
    most = min(MOST_ROWS, max(FEWEST_ROWS, MOST_NUMBERS // (replicas + 2)))
    several = sum(counts_for(metric) and len(one) > len(one.by_hand) for (metric, _), one in series.items())
    return max(most, several * most // SHARE)


def counts(series: Mapping[SeriesKey, Series], counts_for: Callable[[str], bool]) -> list[int]:
    """How many rows of each of the three kinds there are; ``counts_for`` says whether a metric makes a run."""
    found = [0, 0, 0]
    for (metric, _), one in series.items():
        if counts_for(metric):
            found[BY_HAND] += len(one.by_hand)
            found[DUE] += len(one) - len(one.by_hand)
        else:
            found[OTHER] += len(one)
    return found


def thinned(
    series: Mapping[SeriesKey, Series], replicas: int, counts_for: Callable[[str], bool]
) -> dict[SeriesKey, Series]:
    """The series with no more than ``most_rows`` of any kind, as far as that can be: the longest is thinned first,
    until ``LEFT`` of that is reached. A series of which nothing is dropped is itself.
    """
    most = most_rows(series, replicas, counts_for)
    kept: dict[SeriesKey, np.ndarray] = {}  # row numbers, where a series was thinned
    for kind, count in enumerate(counts(series, counts_for)):
        if count <= most:
            continue
        groups = _groups(key for key in series if counts_for(key[0]) != (kind == OTHER))
        rows = {key: _rows_of(series[key], kind) for keys in groups for key in keys}
        while count > LEFT * most and groups:
            keys = max(groups, key=lambda keys: max(len(rows[key]) for key in keys))
            before = sum(len(rows[key]) for key in keys)
            _thin({key: series[key] for key in keys}, rows, replicas, most // RECENT)
            after = sum(len(rows[key]) for key in keys)
            count -= before - after
            if after > 0.9 * before:  # no more can be dropped at the same steps in all of them
                groups.remove(keys)
                groups += [[key] for key in keys if len(keys) > 1]
        for key, left in rows.items():
            others = np.setdiff1d(kept.get(key, np.arange(len(series[key]))), _rows_of(series[key], kind))
            kept[key] = np.union1d(others, left)
    return {key: _taken(one, kept[key], replicas) if key in kept else one for key, one in series.items()}


def _groups(keys: Iterable[SeriesKey]) -> list[list[SeriesKey]]:
    """The series that keep the same rows: the layers of a metric, and the parts of a chance band."""
    found: dict[str, list[SeriesKey]] = {}
    for metric, layer in keys:
        found.setdefault(metric.removesuffix("_mean"), []).append((metric, layer))
    return [part for keys in found.values() for part in ([keys] if len(keys) <= TOGETHER else [[key] for key in keys])]


def _rows_of(one: Series, kind: int) -> np.ndarray:
    """The numbers of a series' rows of a kind."""
    everything, by_hand = np.arange(len(one)), np.array(one.by_hand, dtype=np.int64)
    if kind == OTHER:
        return everything
    return by_hand if kind == BY_HAND else np.setdiff1d(everything, by_hand, assume_unique=True)


def _thin(several: Mapping[SeriesKey, Series], rows: dict[SeriesKey, np.ndarray], replicas: int, recent: int) -> None:
    """Leave about half of the ``rows`` of several series, of all the same where they have the same steps so far."""
    old = min(len(rows[key]) for key in several) - recent  # the last of a row may be to come
    if old <= recent:
        return
    first, *others = (np.array(one.steps, dtype=np.int64)[rows[key][:old]] for key, one in several.items())
    if any((first != other).any() for other in others):
        for key, one in several.items():
            _thin({key: one}, rows, replicas, recent)
        return
    if (starts := _bucket_starts(first, old // (4 * len(several)))) is None:
        return
    keep = np.zeros(old, dtype=bool)
    keep[0] = True
    for key, one in several.items():
        values = np.array(one.values, dtype=np.float64).reshape(-1, replicas)[rows[key][:old]]
        keep[_extremes(values, starts)] = True
    for key in several:
        rows[key] = np.concatenate([rows[key][:old][keep], rows[key][old:]])


def _bucket_starts(steps: np.ndarray, most: int) -> np.ndarray | None:
    """Where buckets of ``steps`` (n,), which never fall, begin: the narrowest of which there are at most ``most``."""
    octave = np.frexp(steps.astype(np.float64))[1].astype(np.int64) - 1  # of step 0 it is -1
    for finest in range(FINEST, COARSEST - 1, -1):
        for widest in range(1, 63):
            width = np.clip(octave - finest, 0, widest)
            starts = np.flatnonzero(np.diff((steps >> width) << width, prepend=-1))
            if len(starts) <= most:
                return starts
            if widest > octave[-1] - finest:
                break  # none can be wider
    return None


def _extremes(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The rows with the least and the greatest mean of each bucket; one NaN where it has nothing else."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(known, values, 0.0).sum(axis=1) / known.sum(axis=1)
        ends = (np.fmin.reduceat(means, starts), np.fmax.reduceat(means, starts))
    bucket = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(means)))
    found = [starts[np.isnan(ends[0])]]
    for extreme in ends:
        matches = np.flatnonzero(means == extreme[bucket])
        found.append(matches[np.unique(bucket[matches], return_index=True)[1]])
    return np.concatenate(found)


def _taken(one: Series, rows: np.ndarray, replicas: int) -> Series:
    """The series with these rows only."""
    if len(rows) == len(one):
        return one
    other = Series(dropped=one.dropped + len(one) - len(rows))
    other.by_hand.frombytes(np.flatnonzero(np.isin(rows, np.array(one.by_hand, dtype=np.int64))).tobytes())
    for name, width in (("samples", 1), ("values", replicas), ("steps", 1)):
        column: array[float] = getattr(one, name)
        whole = np.frombuffer(column.tobytes(), dtype=column.typecode).reshape(-1, width)
        getattr(other, name).frombytes(whole[rows].tobytes())
    return other
