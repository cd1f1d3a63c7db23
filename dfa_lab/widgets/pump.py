"""Pump: the one thread that writes to the screen, some times a second."""

from __future__ import annotations

import threading
from collections.abc import Callable

FRAMES_A_SECOND = 16


class Pump:
    """Calls ``tick`` 16 times a second in a daemon thread until it is stopped; the last tick's error is in ``error``.

    A tick sends one message at most, so the screen gets 16 a second, below the 20 that every server passes on.
    """

    def __init__(self, tick: Callable[[], object]) -> None:
        self.error: Exception | None = None
        self._tick = tick
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="dfa_lab pump", daemon=True)

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    def stop(self) -> None:
        """Tick a last time, so that the last state arrives, and end."""
        self._stop.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout=2)

    def _work(self) -> None:
        stopping = False
        while not stopping:
            stopping = self._stop.wait(1 / FRAMES_A_SECOND)
            try:
                self._tick()
                self.error = None
            except Exception as error:  # the screen may be gone; the next tick may find it again
                self.error = error
