"""Watch: whether anybody still looks at what trains."""

from __future__ import annotations

import time


class Watch:
    """Begins now; over after ``limit`` seconds in which nobody looked, never with None."""

    def __init__(self, limit: float | None) -> None:
        self._limit = limit
        self.look()

    def look(self) -> None:
        """Somebody looks. From any thread."""
        self._looked = time.perf_counter()

    def over(self) -> str:
        """What to say where it is over; "" where it is not."""
        if self._limit is None or time.perf_counter() - self._looked <= self._limit:
            return ""
        span = f"{self._limit / 60:.3g} min" if self._limit >= 60 else f"{self._limit:.3g} s"
        return f"paused: nobody has looked for {span}; press play to go on."
