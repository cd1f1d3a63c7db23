"""Stopwatch: training samples a second of training. The one place that reads a clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

#: Seconds of training after which a reading is worth a row, if no probe comes first.
WINDOW = 0.25


class Stopwatch:
    """Runs from ``start``, stands still from ``halt`` to ``go`` and in ``leave_out``, gives one reading a window."""

    def __init__(self) -> None:
        self.silent = False  # then it gives no readings
        self.start(0)

    def start(self, samples: int) -> None:
        """Begin a window now, at ``samples`` seen: time up to now was not training."""
        self._began, self._samples = time.perf_counter(), samples
        self._halted: float | None = None

    @contextmanager
    def leave_out(self) -> Iterator[None]:
        """What happens inside is measuring, not training; inside another, or while it stands still, that goes on."""
        if self._halted is not None:
            yield
            return
        self.halt()
        try:
            yield
        finally:
            self.go()

    def halt(self) -> None:
        """Time from now on is not training."""
        if self._halted is None:
            self._halted = time.perf_counter()

    def go(self) -> None:
        """Time from now on is training again."""
        if self._halted is not None:
            self._began += time.perf_counter() - self._halted
            self._halted = None

    def read(self, samples: int, *, due: bool) -> float | None:
        """Samples a second since the window began, and a new window; None where it is too short and not ``due``."""
        halted = self._halted
        now = time.perf_counter() if halted is None else halted
        seconds, trained = now - self._began, samples - self._samples
        if self.silent or not trained or seconds <= 0 or not (due or seconds >= WINDOW):
            return None
        self.start(samples)
        if halted is not None:
            self.halt()
        return trained / seconds
