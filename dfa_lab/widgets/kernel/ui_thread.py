"""Pump: the one thread that writes to the screen, some times a second, and the allowance of messages it keeps to."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from dfa_lab.errors import DfaLabError, in_words

FRAMES_A_SECOND = 16
#: Seconds in which a small net has done its step, so that what was changed is in force.
A_STEP = 0.01
#: Servers drop what is more; all widgets together stay below.
MESSAGES_A_SECOND = 19


class Allowance:
    """Counts messages, so that no more than 19 go out in any second."""

    def __init__(self) -> None:
        self._spent: deque[float] = deque(maxlen=MESSAGES_A_SECOND)

    def spend(self) -> None:
        """A message went out."""
        self._spent.append(time.monotonic())

    def left(self) -> bool:
        """Whether one more may."""
        return len(self._spent) < MESSAGES_A_SECOND or time.monotonic() - self._spent[0] > 1.0


class Pump:
    """Calls ``tick`` 16 times a second in a daemon thread until it is stopped; ``error`` is the last tick's."""

    def __init__(self, tick: Callable[[], object]) -> None:
        self.error: Exception | None = None
        self._tick = tick
        self._stop, self._wake = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="dfa_lab pump", daemon=True)

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    @property
    def ending(self) -> bool:
        """Whether the tick is the last."""
        return self._stop.is_set()

    def soon(self) -> None:
        """Tick as soon as the trainer has had time for a step: the user did something."""
        self._wake.set()

    def stop(self) -> None:
        """Tick a last time, so that the last state arrives, and end."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout=2)

    def _work(self) -> None:
        stopping = False
        while not stopping:
            if self._wake.wait(1 / FRAMES_A_SECOND):
                self._wake.clear()
                time.sleep(A_STEP)
            stopping = self._stop.is_set()
            try:
                self._tick()
                self.error = None
            except BaseException as error:  # the screen may be gone; the next tick may find it again
                self.error = DfaLabError(f"the screen could not be drawn: {in_words(error)}.")
