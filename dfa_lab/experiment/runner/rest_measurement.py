"""Measuring a run that is held to a speed in the waits between its steps, so that its curves go on."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from enum import Enum

#: A wait of so many seconds has room for any measurement.
LONG_WAIT = 0.25
#: Seconds between two measurements in shorter waits, and the share of a wait that one may take.
APART, SHARE = 0.25, 0.5
#: Seconds' worth of steps after which to measure in any case. With the step it waits for, and those that catch up after
#: a delay, that is less than half a second of the curves.
LATEST = 0.4
#: Where steps come more slowly than the limit allows: after LATEST seconds by the clock as well, unless that is less
#: than so many times what measuring takes.
TIMES = 2
#: Seconds that count as the wait before a change: measuring first may delay the change by SHARE of it.
BEFORE_CHANGE = 0.1
#: So many durations are remembered. The shortest counts: what held up one measurement says nothing of the next.
REMEMBERED = 5


class Measured(Enum):
    """Whether the step where the runs stand is measured: just now, before, or not, because commands wait."""

    NOW = "now"
    BEFORE = "before"
    NOT = "not"


class RestMeasurement:
    """Decides whether to measure before the next step, by the steps since the last time and by what measuring took."""

    def __init__(self) -> None:
        self._took: deque[float] = deque(maxlen=REMEMBERED)
        self._when, self._steps = -float("inf"), 0

    def count_step(self) -> None:
        """Count a step since the last measurement."""
        self._steps += 1

    def is_due(self, wait: float, limit: float | None = None) -> bool:
        """Whether to measure where the next step comes in ``wait`` seconds, under a ``limit`` in steps a second."""
        since = time.monotonic() - self._when
        least = min(self._took, default=0.0)
        if limit is not None and (self._steps >= max(1.0, LATEST * limit) or since >= max(LATEST, TIMES * least)):
            return True
        return wait > LONG_WAIT or (since >= APART and least < SHARE * wait)

    def run(self, measure: Callable[[], Measured]) -> None:
        """Call ``measure``. Where it measured, count from now, and remember how long it took if that was just now."""
        began = time.monotonic()
        measured = measure()
        if measured is not Measured.NOT:
            self._when, self._steps = time.monotonic(), 0
        if measured is Measured.NOW:
            self._took.append(self._when - began)
