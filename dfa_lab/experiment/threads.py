"""How many CPU threads torch uses, and Ctrl-C, for the length of a with block."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import torch


class torch_threads:  # noqa: N801 - used as a function is
    """Let torch use ``count`` threads inside, and as many as before afterwards. Entered often, hence a class."""

    __slots__ = ("_before", "_count")

    def __init__(self, count: int) -> None:
        self._count = count

    def __enter__(self) -> None:
        self._before = torch.get_num_threads()
        if self._before != self._count:
            torch.set_num_threads(self._count)

    def __exit__(self, *reason: object) -> None:
        if torch.get_num_threads() != self._before:
            torch.set_num_threads(self._before)


@contextmanager
def deferred_interrupt() -> Iterator[Callable[[], bool]]:
    """Hold Ctrl-C (and Jupyter's stop button) back inside, so that it cannot tear a step in two.

    Gives a function that says whether it was pressed; on leaving, a held one is raised as KeyboardInterrupt. Only the
    main thread gets signals: elsewhere nothing is held and the answer is always no.
    """
    pressed = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt
