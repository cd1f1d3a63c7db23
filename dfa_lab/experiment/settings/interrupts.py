"""Ctrl-C held back for the length of a with block, so that it falls between two things and never into one."""

from __future__ import annotations

import signal
import threading
from _signal import getsignal, raise_signal  # signal's own make an enum of each number: ten times as long
from _signal import signal as set_handler
from collections.abc import Callable
from types import FrameType

#: Ctrl-C pressed so often does not wait any more.
PATIENCE = 3
_SIGINT = int(signal.SIGINT)
#: How often it was pressed since it is held back; the main thread's alone, since no other gets signals.
_pressed = 0


def _note(number: int, frame: FrameType | None) -> None:
    global _pressed
    _pressed += 1
    if _pressed >= PATIENCE:
        raise KeyboardInterrupt


def was_pressed() -> bool:
    """Whether Ctrl-C is held back and was pressed meanwhile. In another thread than the main one always no."""
    return bool(_pressed) and threading.current_thread() is threading.main_thread()


class DeferredInterrupt:
    """Hold Ctrl-C (and Jupyter's stop button) back inside, so that it cannot tear a step in two.

    ``with DeferredInterrupt() as pressed`` gives a function that says whether it was pressed; on leaving, the handler
    that was there gets it, which as a rule raises KeyboardInterrupt. Pressed three times it is raised at once: what it
    falls into then goes back, as it does for any error. Only the main thread gets signals: elsewhere nothing is held.
    Inside another one it does nothing. Entered at every step, hence a class: 1 µs.
    """

    __slots__ = ("_before",)

    def __enter__(self) -> Callable[[], bool]:
        global _pressed
        self._before = None
        if threading.current_thread() is threading.main_thread():
            before = getsignal(_SIGINT)
            # Where it is ignored, ends the process at once, or was set outside Python, it stays so.
            if before is not _note and callable(before):
                _pressed = 0
                self._before = before  # first: nothing interrupts any more once the handler is set
                set_handler(_SIGINT, _note)
        return was_pressed

    def __exit__(self, *reason: object) -> None:
        global _pressed
        if self._before is not None:
            set_handler(_SIGINT, self._before)
            if _pressed:
                _pressed = 0
                raise_signal(_SIGINT)
