"""Tempo: how fast turns follow one another, and under a speed limit how long the next one has to wait."""

from __future__ import annotations

import time

#: Seconds over which the pace is taken; the first reading comes sooner.
WINDOW, FIRST_WINDOW = 0.5, 0.1
#: Seconds of delay, by a probe say, that a limited run makes good again.
BACKLOG = 0.05


class Tempo:
    """Turns a second lately, ``pace`` (None until it is known), and the ``limit`` they keep to, None for none."""

    def __init__(self) -> None:
        self.limit: float | None = None
        self.start()

    def start(self) -> None:
        """Begin now; the next turn may come at once."""
        self.pace: float | None = None
        self._began = self._due = time.perf_counter()
        self._turns = 0

    def tick(self) -> None:
        """A turn was made."""
        now = time.perf_counter()
        self._turns += 1
        seconds = now - self._began
        if seconds > (WINDOW if self.pace is not None else FIRST_WINDOW):
            self.pace = self._turns / seconds
            self._began, self._turns = now, 0
        if self.limit is not None:
            self._due = max(self._due + 1 / self.limit, now - BACKLOG)

    def rest(self) -> float:
        """Seconds until the next turn may come."""
        return 0.0 if self.limit is None else max(0.0, self._due - time.perf_counter())
