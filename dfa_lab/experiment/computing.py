"""How torch computes during a run, and Ctrl-C, for the length of a with block."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import torch

from dfa_lab.experiment.settings import Settings


class Computing:
    """Let torch compute inside as a run's ``settings`` say, threads and precision, and afterwards as before.

    Entered at every step, hence a class.
    """

    __slots__ = ("_before", "_wanted")

    def __init__(self, settings: Settings) -> None:
        self._wanted = settings.threads, settings.precision

    def __enter__(self) -> None:
        self._before = torch.get_num_threads(), torch.get_float32_matmul_precision()
        self._set(self._wanted)

    def __exit__(self, *reason: object) -> None:
        self._set(self._before)

    @staticmethod
    def _set(wanted: tuple[int, str]) -> None:
        threads, precision = wanted
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        if torch.get_float32_matmul_precision() != precision:
            torch.set_float32_matmul_precision(precision)


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
