"""The signal by which a scheduler ends a job, taken as Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def ended_as_by_ctrl_c() -> Iterator[None]:
    """Inside, SIGTERM raises KeyboardInterrupt: at the end of a step, as Ctrl-C does.

    Where Ctrl-C is ignored, as for ``command &`` in a script, it is raised at once; a step that it falls into goes
    back.
    """

    def end(*_: Any) -> None:
        if not callable(signal.getsignal(signal.SIGINT)):
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
