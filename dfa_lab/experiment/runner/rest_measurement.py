"""Glance: when to measure a run that is held to a speed, between its steps."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from enum import Enum

#: Seconds of rest in which there is time for everything.
LEISURE = 0.25
#: Seconds between two measurements in shorter rests, and the share of a rest that one may take.
APART, SHARE = 0.25, 0.5
#: Seconds' worth of steps after which the next comes in any case. With the step it waits for and those made good after
#: a delay that is less than half a second of the curves.
LATEST = 0.4
#: Where steps come more slowly than the limit allows: it comes after LATEST seconds by the clock as well, unless that
#: is less than so many times what it takes.
TIMES = 2
#: What is taken for a rest before a change, in seconds: it waits no longer than SHARE of that for a look.
LOOK = 0.1
#: How many measurements are remembered. The quickest of them counts: what held the others up says nothing of the next.
REMEMBERED = 5


class Measured(Enum):
    """Whether the step at which the runs stand is measured: just now, as it was before, or not, for commands wait."""

    NOW = "now"
    BEFORE = "before"
    NOT = "not"


class Glance:
    """Says whether to measure before the next step, going by the steps since and by what measuring took lately."""

    def __init__(self) -> None:
        self._took: deque[float] = deque(maxlen=REMEMBERED)
        self._when, self._steps = -float("inf"), 0

    def step(self) -> None:
        """A step was made."""
        self._steps += 1

    def is_due(self, rest: float, limit: float | None = None) -> bool:
        """Whether to measure where the next step comes in ``rest`` seconds, under a ``limit`` in steps a second."""
        since = time.monotonic() - self._when
        least = min(self._took, default=0.0)
        if limit is not None and (self._steps >= max(1.0, LATEST * limit) or since >= max(LATEST, TIMES * least)):
            return True
        return rest > LEISURE or (since >= APART and least < SHARE * rest)

    def time(self, measure: Callable[[], Measured]) -> None:
        """Have it measured, and note what that took and which step is measured now: where it was work, and was done."""
        began = time.monotonic()
        measured = measure()
        if measured is not Measured.NOT:
            self._when, self._steps = time.monotonic(), 0
        if measured is Measured.NOW:
            self._took.append(self._when - began)
