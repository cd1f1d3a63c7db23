"""What of a history the page has not been given yet, as numbers for one message.

Beside the series themselves that is the mean over layers of metrics that every hidden layer has.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Set
from typing import Any

import numpy as np

from dfa_lab.experiment.history import METRICS, Event, History, Series, SeriesKey
from dfa_lab.views.base import thin

OWN_SPEED, BP_SPEED = "samples_per_s", "bp_samples_per_s"
MEAN = "mean"
"""What stands for the layer in the description of a mean over layers."""


class Rows:
    """A reader's place in one history: each ``take`` gives what was recorded since the last one.

    Where throughput is ``compared`` with BP's, rows from before it was are left out: they were timed in another way.
    Of a fork, those from before the step ``since`` are left out, and of angles and speeds also those at it that are
    ``inherited``, so many of each series: they say what the other run's rule did. Losses and accuracies at that step
    are of weights that both have; there the fork's curve leaves the other's.
    """

    def __init__(
        self,
        history: History,
        *,
        compared: bool = False,
        since: int | None = None,
        inherited: Mapping[SeriesKey, int] | None = None,
    ) -> None:
        # Read before the rows: a truncation in between is then seen at the next frame.
        self.revision = history.revision
        self.history = history
        self._since, self._inherited = since, inherited or {}
        # How many rows of each series were ever read, or dropped before.
        self._read: dict[tuple[str, Any], int] = {(OWN_SPEED, None): _not_compared(history)} if compared else {}
        self._newest: dict[tuple[str, Any], float] = {}  # the step of the last of them
        self._events = 0

    @property
    def stale(self) -> bool:
        """Whether rows read already may have been taken back: then one starts anew."""
        return self.history.revision != self.revision

    def take(
        self, metrics: Set[str], limit: int, *, averaged: Set[str]
    ) -> tuple[list[dict[str, Any]], list[np.ndarray]]:
        """What each series of ``metrics`` has gained: a description of each, and its columns, thinned to ``limit``.

        Of the metrics ``averaged`` the mean over layers comes too, where there are several.
        """
        known = [(key, series) for key, series in list(self.history.series.items()) if key[0] in metrics]
        sources: dict[tuple[str, Any], list[Series]] = {key: [series] for key, series in known}
        for metric in dict.fromkeys(metric for (metric, _), _ in known if metric in averaged):
            layers = [series for (name, _), series in known if name == metric]
            if METRICS[metric].per_layer and len(layers) > 1:
                sources[metric, MEAN] = layers
        chunks: list[dict[str, Any]] = []
        columns: list[np.ndarray] = []
        for key, several in sources.items():
            starts = [self._start(key, one) for one in several]
            steps, values = _gained(several, starts, self.history.replicas)
            if len(steps):
                self._read[key] = starts[0] + len(steps) + several[0].dropped
                self._newest[key] = float(steps[-1])
                found = _columns(steps, values, limit)
                columns += found
                chunks.append({"metric": key[0], "layer": key[1], "count": len(found[0])})
        return chunks, columns

    def _start(self, key: tuple[str, Any], series: Series) -> int:
        """The number of the first row that was not read; of a series that was thinned the first after the last step."""
        start, newest = self._read.get(key, 0) - series.dropped, self._newest.get(key)
        if newest is None and self._since is not None:
            start = max(start, self._first_of_fork(key, series, self._since))
        if newest is None or not series.dropped:
            return max(0, start)
        steps = series.steps
        fits = 0 < start <= len(steps) and steps[start - 1] == newest
        return start if fits else bisect.bisect_right(steps, newest)

    def _first_of_fork(self, key: tuple[str, Any], series: Series, since: int) -> int:
        """The number of the first row that a fork's curve has."""
        metric, layer = key
        after = bisect.bisect_right(series.steps, since)
        if METRICS[metric].clock:
            return after
        last_there = after - 1 if after and series.steps[after - 1] == since else after
        if not METRICS[metric].per_layer:
            return last_there
        inherited = max(
            (rows for (name, one), rows in self._inherited.items() if name == metric and layer in (one, MEAN)),
            default=0,
        )
        return max(last_there, inherited - series.dropped)

    def take_events(self) -> list[Event]:
        """The changes made since the last call."""
        events = self.history.events[self._events :]
        self._events += len(events)
        return events


def _not_compared(history: History) -> int:
    """How many rows of a run's throughput come before the first of BP's."""
    own, bp = history.values(OWN_SPEED)[0], history.values(BP_SPEED)[0]
    series = history.series.get((OWN_SPEED, None))
    dropped = 0 if series is None else series.dropped
    return dropped + (int(np.searchsorted(own, bp[0])) if len(bp) else len(own))


def _gained(several: list[Series], starts: list[int], replicas: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps (n,) and values (n, replicas) of the rows from each one's start on, as far as each series has its row.

    Of several series the mean; NaN does not count. Where their steps differ, nothing.
    """
    found = [series.since(start, replicas) for series, start in zip(several, starts, strict=True)]
    # Steps and values are of unequal length where the trainer takes rows back at this very moment.
    count = min(len(column) for columns in found for column in columns)
    steps = found[0][0][:count]
    if any((other[:count] != steps).any() for other, _ in found):
        return np.empty(0), np.empty((0, replicas))
    if len(found) == 1:
        return steps, found[0][1][:count]
    values = np.stack([one[:count] for _, one in found])
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return steps, np.where(known, values, 0.0).sum(axis=0) / known.sum(axis=0)


def _columns(steps: np.ndarray, values: np.ndarray, limit: int) -> list[np.ndarray]:
    """Steps, mean over replicas and, where there are several, sd; thinned to ``limit``."""
    steps, mean = steps.astype(np.float64), values.mean(axis=1)
    columns = [steps, mean, values.std(axis=1, ddof=1)] if values.shape[1] > 1 else [steps, mean]
    keep = thin(steps, mean, limit)
    return [column[keep] for column in columns]
