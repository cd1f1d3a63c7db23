"""Ctrl-C held back for the length of a with block, so that it falls between two things and never into one."""

from __future__ import annotations

import signal
import threading

# What signal itself is made of: its own functions make an enum of each number, which takes ten times as long.
from _signal import getsignal, raise_signal  # type: ignore[import-not-found]
from _signal import signal as set_handler
from collections.abc import Callable
from types import FrameType

#: Ctrl-C pressed so often does not wait any more.
PATIENCE = 3
_SIGINT = int(signal.SIGINT)
#: An entry for each time it was pressed since it is held back; the main thread's alone, since no other gets signals.
_pressed: list[int] = []


def _note(number: int, frame: FrameType | None) -> None:
    _pressed.append(number)
    if len(_pressed) >= PATIENCE:
        raise KeyboardInterrupt


def was_pressed() -> bool:
    """Whether Ctrl-C is held back and was pressed meanwhile. In another thread than the main one always no."""
    return bool(_pressed) and threading.get_ident() == threading.main_thread().ident


class DeferredInterrupt:
    """Hold Ctrl-C (and Jupyter's stop button) back inside, so that it cannot tear a step in two.

    ``with DeferredInterrupt() as pressed`` gives a function that says whether it was pressed; on leaving, the handler
    that was there gets it, which as a rule raises KeyboardInterrupt. Pressed three times it is raised at once: what it
    falls into then goes back, as it does for any error. Only the main thread gets signals: elsewhere nothing is held.
    Inside another one it does nothing. Entered at every step, hence a class: 1 µs.
    """

    __slots__ = ("_before",)

    def __enter__(self) -> Callable[[], bool]:
        self._before = None
        if threading.get_ident() == threading.main_thread().ident:
            before = getsignal(_SIGINT)
            # Where it is ignored, ends the process at once, or was set outside Python, it stays so.
            if before is not _note and callable(before):
                _pressed.clear()
                self._before = before  # first: nothing interrupts any more once the handler is set
                set_handler(_SIGINT, _note)
        return was_pressed

    def __exit__(self, *reason: object) -> None:
        if self._before is not None:
            set_handler(_SIGINT, self._before)
            if _pressed:
                _pressed.clear()
                raise_signal(_SIGINT)
