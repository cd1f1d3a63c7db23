"""Series and Event: a column of a History, and a change of a setting."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any, TypedDict

import numpy as np


class Here(TypedDict):
    """Where a row belongs: updates done and training samples seen."""

    step: int
    samples: int


@dataclass(frozen=True)
class Event:
    """``field`` went from ``old`` to ``new`` after ``step`` updates had been done.

    Fields that were changed together have the same ``change`` number; it counts the changes of a run from 0.
    """

    step: int
    field: str
    old: Any
    new: Any
    change: int = 0


@dataclass
class Series:
    """One metric of one layer (None where it is the whole network's): n steps, n sample counts, n × replicas values.

    ``by_hand`` are the numbers, rising, of the rows that were measured outside the schedule. ``dropped`` says how many
    rows were thinned out, all older than those that a reader has not read yet: it keeps its place with that.

    Rows are only ever added, the steps last, so whoever asks for the length first reads whole rows while others are
    added. What takes rows away makes another series.
    """

    steps: array[int] = field(default_factory=lambda: array("q"))
    samples: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    by_hand: array[int] = field(default_factory=lambda: array("q"))
    dropped: int = field(default=0, compare=False)

    def __len__(self) -> int:
        return len(self.steps)

    def since(self, start: int, replicas: int) -> tuple[np.ndarray, np.ndarray]:
        """Steps (n,) and values (n, replicas) of the rows from number ``start`` on, copied out."""
        end = len(self.steps)
        steps = np.array(self.steps[start:end], dtype=np.int64)
        values = np.array(self.values[start * replicas : end * replicas], dtype=np.float64)
        return steps, values.reshape(-1, replicas)

    def row(self, place: int, replicas: int) -> np.ndarray | None:
        """The values (replicas,) of the first row, 0, or of the newest, -1; None where there is no row."""
        rows = len(self)
        start = (rows - 1) * replicas if place else 0
        return np.array(self.values[start : start + replicas], dtype=np.float64) if rows else None

    def copy(self, replicas: int, length: int | None = None) -> Series:
        """Another with the same rows, or the first ``length`` of them."""
        rows = len(self) if length is None else length
        by_hand = array("q", [row for row in self.by_hand if row < rows])  # one more may just be coming
        return Series(self.steps[:rows], self.samples[:rows], self.values[: rows * replicas], by_hand, self.dropped)

    def as_due(self, replicas: int) -> tuple[bytes, bytes, bytes]:
        """The columns, to the last bit, of the rows that the schedule asked for."""
        steps, values = self.since(0, replicas)
        samples = np.array(self.samples[: len(steps)], dtype=np.int64)
        by_hand = [row for row in self.by_hand if row < len(steps)]  # one more may just be coming
        steps, samples, values = (np.delete(column, by_hand, axis=0) for column in (steps, samples, values))
        return steps.tobytes(), samples.tobytes(), values.tobytes()


SeriesKey = tuple[str, int | None]
