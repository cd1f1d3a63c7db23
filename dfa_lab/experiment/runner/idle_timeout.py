"""The pause of a run that nobody looks at."""

from __future__ import annotations

import time


class IdleTimeout:
    """Passes ``limit`` seconds after the last ``reset``; with None it never does. Begins when it is made."""

    def __init__(self, limit: float | None) -> None:
        self._limit = limit
        self.reset()

    def reset(self) -> None:
        """Begin again: somebody looks. From any thread."""
        self._began = time.perf_counter()

    def message(self) -> str:
        """What to say where the time has passed; "" where it has not."""
        if self._limit is None or time.perf_counter() - self._began <= self._limit:
            return ""
        span = f"{self._limit / 60:.3g} min" if self._limit >= 60 else f"{self._limit:.3g} s"
        return f"paused: nobody has looked for {span}; press play to go on."
