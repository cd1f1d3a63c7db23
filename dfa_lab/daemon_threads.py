"""Threads that end with the program: Python ends once each has, for one that is inside torch by then aborts it."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable

from dfa_lab.free_memory import give_back_now_and_then, share_pools

#: Seconds between two threads whose end gives free memory back to the system.
GIVE_BACK = 1.0
#: Those that have not ended, and what lets each end soon.
_running: dict[threading.Thread, Callable[[], None]] = {}


def start_daemon(name: str, work: Callable[[], None], *, stop: Callable[[], None] | None = None) -> threading.Thread:
    """A daemon thread that does ``work``, begun. When Python ends it is waited for, after ``stop`` was called.

    ``stop`` lets the work end soon; without it the work ends by itself. A thread that holds torch when the interpreter
    is taken down ends the process by SIGABRT, and what open files had not written yet is lost. ``RuntimeError`` where
    the system has no thread left.
    """

    def run() -> None:
        try:
            work()
        finally:
            give_back_now_and_then(GIVE_BACK)
            _running.pop(thread, None)

    share_pools()
    thread = threading.Thread(target=run, name=f"dfa_lab {name}", daemon=True)
    _running[thread] = stop or _nothing
    try:
        thread.start()
    except BaseException:
        _running.pop(thread, None)
        raise
    return thread


def _nothing() -> None:
    """Let it end by itself."""


if hasattr(os, "register_at_fork"):  # in a forked process none of them runs
    os.register_at_fork(after_in_child=_running.clear)


@atexit.register
def _end_all() -> None:
    while ending := list(_running.items()):  # what one of them begins while it ends is waited for too
        for _, stop in ending:
            stop()
        for thread, _ in ending:
            if thread.is_alive():  # not one that another thread is just about to start
                thread.join()
