"""Series and Event: the columns of a History, and what was changed."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any

import numpy as np


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
    """One metric of one layer (None where it is the whole network's): n steps, n sample counts, n × replicas values."""

    steps: array[int] = field(default_factory=lambda: array("q"))
    samples: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def __len__(self) -> int:
        return len(self.steps)

    def since(self, start: int, replicas: int) -> tuple[np.ndarray, np.ndarray]:
        """Steps (n,) and values (n, replicas) of the rows from number ``start`` on, copied out."""
        end = len(self.steps)
        steps = np.array(self.steps[start:end], dtype=np.int64)
        values = np.array(self.values[start * replicas : end * replicas], dtype=np.float64)
        return steps, values.reshape(-1, replicas)


SeriesKey = tuple[str, int | None]
