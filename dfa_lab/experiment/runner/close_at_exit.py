"""Closes what trains in daemon threads before Python ends: one that is inside torch by then aborts the process."""

from __future__ import annotations

import atexit
import threading
import weakref
from typing import Protocol


class Closable(Protocol):
    """What has a thread of its own."""

    def close(self) -> None:
        """Let the thread end soon."""


_open: weakref.WeakKeyDictionary[Closable, threading.Thread] = weakref.WeakKeyDictionary()


def close_at_exit(owner: Closable, thread: threading.Thread) -> None:
    """When Python ends, close ``owner`` and wait two seconds for its ``thread``, if it is still there by then."""
    _open[owner] = thread


@atexit.register
def _close_all() -> None:
    for owner, thread in list(_open.items()):
        owner.close()
        thread.join(timeout=2)
