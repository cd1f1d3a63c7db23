"""Rows: what of a history the page has not been given yet, as numbers for one message.

Beside the series themselves that is, of metrics that every hidden layer has, their mean over the layers.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import numpy as np

from dfa_lab.experiment.history import METRICS, Event, History, Series, SeriesKey
from dfa_lab.widgets.chart.thinning import thin

OWN, BP = "samples_per_s", "bp_samples_per_s"
MEAN = "mean"
"""What stands for the layer in the description of a mean over layers."""


class Rows:
    """A reader's place in one history: each ``take`` gives what was recorded since the last one.

    Where throughput is ``compared`` with BP's, rows from before it was are left out: they were timed in another way.
    """

    def __init__(self, history: History, *, compared: bool = False) -> None:
        # Read before the rows: a truncation in between is then seen at the next frame.
        self.revision = history.revision
        self.history = history
        self._read: dict[SeriesKey, int] = {(OWN, None): _not_compared(history)} if compared else {}
        self._averaged: dict[str, int] = {}
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
        chunks: list[dict[str, Any]] = []
        columns: list[np.ndarray] = []

        def put(metric: str, layer: int | str | None, steps: np.ndarray, values: np.ndarray) -> None:
            found = _columns(steps, values, limit)
            columns.extend(found)
            chunks.append({"metric": metric, "layer": layer, "count": len(found[0])})

        layers: dict[str, list[Series]] = {}
        for key, series in list(self.history.series.items()):
            metric, layer = key
            if metric not in metrics:
                continue
            if metric in averaged and METRICS[metric].per_layer:
                layers.setdefault(metric, []).append(series)
            start = self._read.get(key, 0)
            steps, values = _since(series, start, self.history.replicas)
            if len(steps):
                self._read[key] = start + len(steps)
                put(metric, layer, steps, values)
        for metric, several in layers.items():
            start = self._averaged.get(metric, 0)
            steps, values = _mean(several, start, self.history.replicas)
            if len(steps):
                self._averaged[metric] = start + len(steps)
                put(metric, MEAN, steps, values)
        return chunks, columns

    def take_events(self) -> list[Event]:
        """The changes made since the last call."""
        events = self.history.events[self._events :]
        self._events += len(events)
        return events


def _not_compared(history: History) -> int:
    """How many rows of a run's throughput come before the first of BP's."""
    own, bp = history.values(OWN)[0], history.values(BP)[0]
    return int(np.searchsorted(own, bp[0])) if len(bp) else len(own)


def _since(series: Series, start: int, replicas: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps (n,) and values (n, replicas) of the rows from ``start`` on."""
    steps, values = series.since(start, replicas)
    gained = min(len(steps), len(values))  # unequal where the trainer takes rows back at this very moment
    return steps[:gained], values[:gained]


def _mean(layers: list[Series], start: int, replicas: int) -> tuple[np.ndarray, np.ndarray]:
    """The same of the mean over ``layers``, where there are several, as far as each has its row; NaN does not count."""
    found = [_since(series, start, replicas) for series in layers] if len(layers) > 1 else []
    gained = min((len(steps) for steps, _ in found), default=0)
    if not gained or any((steps[:gained] != found[0][0][:gained]).any() for steps, _ in found):
        return np.empty(0), np.empty((0, replicas))
    values = np.stack([one[:gained] for _, one in found])
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return found[0][0][:gained], np.where(known, values, 0.0).sum(axis=0) / known.sum(axis=0)


def _columns(steps: np.ndarray, values: np.ndarray, limit: int) -> list[np.ndarray]:
    """Steps, mean over replicas and, where there are several, sd; thinned to ``limit``."""
    steps, mean = steps.astype(np.float64), values.mean(axis=1)
    columns = [steps, mean, values.std(axis=1, ddof=1)] if values.shape[1] > 1 else [steps, mean]
    keep = thin(steps, mean, limit)
    return [column[keep] for column in columns]
