"""What a forked process has of its parent's runs: each between two steps, with a lock that nobody holds.

Only the thread that forks lives on in the child. A lock that another thread held stays locked there for good, and a
network that it was updating stays half updated; so a fork waits until every run is between two steps.
"""

from __future__ import annotations

import functools
import gc
import os
import sys
import threading
import time
from typing import Any, Protocol
from weakref import WeakSet

from dfa_lab.errors import DfaLabError

#: Seconds that a fork waits for the runs in all.
PATIENCE = 10.0


class LockedRun(Protocol):
    """What has a lock from ``lock_across_forks`` as ``_lock``."""

    _lock: Any

    def _cut_off(self) -> None:
        """In the child: it was in the middle of something when the process was forked."""


class _Held(threading.local):
    """What the fork of this thread has taken: two threads may fork at once, and each releases its own."""

    def __init__(self) -> None:
        self.locks: list[tuple[LockedRun, Any]] = []


_runs: WeakSet[LockedRun] = WeakSet()
_held = _Held()
_child = False


def lock_across_forks(run: LockedRun) -> Any:
    """A lock for ``run``, an RLock, which a fork takes before it happens."""
    _runs.add(run)
    return threading.RLock()


def is_forked() -> bool:
    """Whether this process was forked from another that had dfa_lab loaded."""
    return _child


def check_threads(threads: int) -> None:
    """Raise ``DfaLabError`` where torch would wait for the threads that the parent had."""
    if _child and threads > 1:
        raise DfaLabError(
            f"threads={threads} was asked for in a forked process, where torch waits for its parent's threads for "
            "ever. Use threads=1 there, or start the process by multiprocessing's 'spawn'."
        )


def _hold_all() -> None:
    until = time.monotonic() + PATIENCE
    for run in sorted(_runs, key=id):  # in one order, so that two threads that fork do not wait for each other
        taken = run._lock.acquire(timeout=max(0.0, until - time.monotonic()))
        _held.locks.extend([(run, run._lock)] if taken else [])


def _release_all() -> None:
    while _held.locks:
        _held.locks.pop()[1].release()


def _begin_child() -> None:
    global _child  # noqa: PLW0603 - said once, by the system
    _child = True
    whole = {id(run) for run, _ in _held.locks}
    _release_all()
    for run in list(_runs):
        if id(run) not in whole:
            run._lock = threading.RLock()
            run._cut_off()
    if _runs and sys.version_info < (3, 12):
        _free_cached_properties()


def _free_cached_properties() -> None:
    """Python 3.11 has one lock for a cached property of all objects: another thread held it, and is not here."""
    for one in gc.get_objects():
        if type(one) is functools.cached_property:
            if one.lock.acquire(blocking=False):  # type: ignore[attr-defined]  # of 3.11 alone
                one.lock.release()  # type: ignore[attr-defined]
            else:
                one.lock = threading.RLock()  # type: ignore[attr-defined]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hold_all, after_in_parent=_release_all, after_in_child=_begin_child)
