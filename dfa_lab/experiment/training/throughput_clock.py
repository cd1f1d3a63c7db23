"""ThroughputClock: training samples a second of training. The one place of a run that reads a clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

#: Seconds of training after which a reading is worth a row, if no probe comes first.
WINDOW = 0.25


class ThroughputClock:
    """Counts the time from ``start`` on, but not between ``pause`` and ``resume`` nor inside ``paused``.

    One reading for each window of at least ``WINDOW`` seconds; none while it is ``silent``.
    """

    def __init__(self) -> None:
        self.silent = False
        self.start(0)

    def start(self, samples: int) -> None:
        """Begin a window now, at ``samples`` seen: time up to now was not training."""
        self._began, self._samples = time.perf_counter(), samples
        self._paused: float | None = None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What happens inside is not training; where it is paused already, it stays so afterwards."""
        before = self._paused
        self.pause()
        try:
            yield
        finally:
            if before is None:
                self.resume()

    def pause(self) -> None:
        """Time from now on is not training."""
        if self._paused is None:
            self._paused = time.perf_counter()

    def resume(self) -> None:
        """Time from now on is training again."""
        if self._paused is not None:
            self._began += time.perf_counter() - self._paused
            self._paused = None

    def read(self, samples: int, *, due: bool) -> float | None:
        """Samples a second since the window began, and a new window; None where it is too short and not ``due``."""
        paused = self._paused
        now = time.perf_counter() if paused is None else paused
        seconds, trained = now - self._began, samples - self._samples
        if self.silent or not trained or seconds <= 0 or not (due or seconds >= WINDOW):
            return None
        self.start(samples)
        if paused is not None:
            self.pause()
        return trained / seconds
