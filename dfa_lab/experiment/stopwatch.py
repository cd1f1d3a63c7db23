"""Stopwatch: training samples a second of training. The one place that reads a clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

#: Seconds of training after which a reading is worth a row, if no probe comes first.
WINDOW = 0.25


class Stopwatch:
    """Runs from ``start``, stands still inside ``leave_out``, and gives one reading a window."""

    def __init__(self) -> None:
        self.start(0)

    def start(self, samples: int) -> None:
        """Begin a window now, at ``samples`` seen: time up to now was not training."""
        self._began, self._samples = time.perf_counter(), samples

    @contextmanager
    def leave_out(self) -> Iterator[None]:
        """What happens inside is measuring, not training."""
        began = time.perf_counter()
        yield
        self._began += time.perf_counter() - began

    def skip(self, seconds: float) -> None:
        """So many seconds since the window began were not training."""
        self._began += seconds

    def read(self, samples: int, *, due: bool) -> float | None:
        """Samples a second since the window began, and a new window; None where it is too short and not ``due``."""
        seconds, trained = time.perf_counter() - self._began, samples - self._samples
        if not trained or seconds <= 0 or not (due or seconds >= WINDOW):
            return None
        self.start(samples)
        return trained / seconds
