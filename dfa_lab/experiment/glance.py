"""Glance: when to measure a run that is held to a speed, in the rests between its steps."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Seconds of rest in which there is time for everything.
LEISURE = 0.25
#: Seconds between two glances in shorter rests, and the share of a rest that one may take.
APART, SHARE = 0.25, 0.5
#: What is taken for a rest before a change, in seconds: it waits no longer than SHARE of that for a look.
LOOK = 0.1
#: Seconds after which one that took longer is tried again: the network or the machine may be faster now.
PATIENCE = 5.0


class Glance:
    """Says whether a rest has room for a measurement, going by what the last one took."""

    def __init__(self) -> None:
        self._took, self._when = 0.0, -PATIENCE

    def is_due(self, rest: float) -> bool:
        """Whether to measure in a rest of so many seconds."""
        since = time.monotonic() - self._when
        return rest > LEISURE or since >= PATIENCE or (since >= APART and self._took < SHARE * rest)

    def time(self, measure: Callable[[], None]) -> None:
        """Have it measured, and note what that took."""
        began = time.monotonic()
        measure()
        self._when = time.monotonic()
        self._took = self._when - began
