"""The speed limit of a runner: how long the next turn waits, and how many turns a second there were lately."""

from __future__ import annotations

import time
from typing import Any

from dfa_lab.errors import DfaLabError, shown

#: The slowest and the fastest speed limit, in steps a second: a step in a quarter of an hour, and no limit to speak of.
SLOWEST, FASTEST = 1e-3, 1e6
#: Seconds over which the rate is taken; the first reading comes sooner.
WINDOW, FIRST_WINDOW = 0.5, 0.1
#: Seconds of delay, by a probe for example, that a limited run catches up with.
BACKLOG = 0.05


def is_speed(given: Any) -> bool:
    """Whether ``given`` is a number of steps a second that a run can be held to."""
    return isinstance(given, int | float) and not isinstance(given, bool) and SLOWEST <= given <= FASTEST


def check_speed(given: Any) -> None:
    """Raise ``DfaLabError`` for anything but such a number, or None for no limit."""
    if given is not None and not is_speed(given):
        raise DfaLabError(
            f"the speed limit was given as {shown(given)}; expected steps a second from {SLOWEST} to "
            f"{FASTEST:,.0f}, or None for no limit."
        )


class RateLimit:
    """Counts turns: ``rate`` is turns a second lately, None before it is known; ``limit`` the most, or None."""

    def __init__(self) -> None:
        self.limit: float | None = None
        self.start()

    def start(self) -> None:
        """Count from now; the next turn may come at once."""
        self.rate: float | None = None
        self._began = self._due = time.perf_counter()
        self._turns = 0

    def tick(self) -> None:
        """Count a turn."""
        now = time.perf_counter()
        self._turns += 1
        seconds = now - self._began
        if seconds > (WINDOW if self.rate is not None else FIRST_WINDOW):
            self.rate = self._turns / seconds
            self._began, self._turns = now, 0
        if self.limit is not None:
            self._due = max(self._due + 1 / self.limit, now - BACKLOG)

    def wait(self) -> float:
        """Seconds until the next turn may come."""
        return 0.0 if self.limit is None else max(0.0, self._due - time.perf_counter())
