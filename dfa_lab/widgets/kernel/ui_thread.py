"""The one thread that writes to the screen, some times a second, and the number of messages that it may send."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from dfa_lab.daemon_threads import start_daemon
from dfa_lab.errors import DfaLabError, in_words

FRAMES_A_SECOND = 16
#: Seconds in which a small network does a step, after which a change is in force.
A_STEP = 0.01
#: All widgets together send no more: servers drop what exceeds their limit.
MESSAGES_A_SECOND = 19


class MessageBudget:
    """Counts messages, so that no more than 19 go out in any second."""

    def __init__(self) -> None:
        self._spent: deque[float] = deque(maxlen=MESSAGES_A_SECOND)

    def spend(self) -> None:
        """A message went out."""
        self._spent.append(time.monotonic())

    def left(self) -> bool:
        """Whether one more may."""
        return len(self._spent) < MESSAGES_A_SECOND or time.monotonic() - self._spent[0] > 1.0


class UIThread:
    """Calls ``tick`` 16 times a second in a daemon thread until it is stopped; ``error`` is the last call's."""

    def __init__(self, tick: Callable[[], object]) -> None:
        self.error: Exception | None = None
        self._tick = tick
        self._stop, self._wake = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; once."""
        self._thread = start_daemon("UI", self._work, stop=self._end)

    @property
    def ending(self) -> bool:
        """Whether the tick is the last."""
        return self._stop.is_set()

    def soon(self) -> None:
        """Tick as soon as the trainer has had time for a step."""
        self._wake.set()

    def stop(self) -> None:
        """End after one more tick, so that the last state arrives."""
        self._end()
        if self._thread is not None and threading.current_thread() is not self._thread:
            self._thread.join(timeout=2)

    def _end(self) -> None:
        self._stop.set()
        self._wake.set()

    def _work(self) -> None:
        stopping, tick = False, self._tick
        self._tick = _nothing  # no circle: what is drawn is freed once the thread has ended
        while not stopping:
            if self._wake.wait(1 / FRAMES_A_SECOND):
                self._wake.clear()
                time.sleep(A_STEP)
            stopping = self._stop.is_set()
            try:
                tick()
                self.error = None
            except BaseException as error:  # the screen may be gone; the next tick may find it again
                self.error = DfaLabError(f"the screen could not be drawn: {in_words(error)}.")


def _nothing() -> None:
    """The thread has the tick."""
