"""Rows: what of a history the page has not been given yet, as numbers for one message."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import numpy as np

from dfa_lab.experiment.history import Event, History, Series, SeriesKey
from dfa_lab.widgets.thinning import thin


class Rows:
    """A reader's place in one history: each ``take`` gives what was recorded since the last one."""

    def __init__(self, history: History) -> None:
        # Read before the rows: a truncation in between is then seen at the next frame.
        self.revision = history.revision
        self.history = history
        self._read: dict[SeriesKey, int] = {}
        self._events = 0

    @property
    def stale(self) -> bool:
        """Whether rows read already may have been taken back: then one starts anew."""
        return self.history.revision != self.revision

    def take(self, metrics: Set[str], limit: int) -> tuple[list[dict[str, Any]], list[np.ndarray]]:
        """What each series of ``metrics`` has gained: a description of each, and its columns, thinned to ``limit``."""
        chunks: list[dict[str, Any]] = []
        columns: list[np.ndarray] = []
        for key, series in list(self.history.series.items()):
            if key[0] not in metrics:
                continue
            start = self._read.get(key, 0)
            steps, values, gained = _read(series, start, self.history.replicas, limit)
            if not gained:
                continue
            self._read[key] = start + gained
            columns += [steps, *values]
            chunks.append({"metric": key[0], "layer": key[1], "count": len(steps)})
        return chunks, columns

    def take_events(self) -> list[Event]:
        """The changes made since the last call."""
        events = self.history.events[self._events :]
        self._events += len(events)
        return events


def _read(series: Series, start: int, replicas: int, limit: int) -> tuple[np.ndarray, list[np.ndarray], int]:
    """Steps, columns (mean; sd where there are replicas) and number of the rows from ``start`` on, thinned."""
    steps, values = series.since(start, replicas)
    gained = min(len(steps), len(values))  # unequal where the trainer takes rows back at this very moment
    steps, values = steps[:gained].astype(np.float64), values[:gained]
    mean = values.mean(axis=1)
    columns = [mean, values.std(axis=1, ddof=1)] if replicas > 1 else [mean]
    keep = thin(steps, mean, limit)
    return steps[keep], [column[keep] for column in columns], gained
