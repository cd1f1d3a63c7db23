"""Keeps the C library from holding memory that the program has freed.

glibc gives each thread a pool of its own (an "arena") and keeps what is freed there. Threads that come and go, and long
runs, would hold ever more of the machine's memory, little of it in use.
"""

from __future__ import annotations

import ctypes
import functools
import os
import time
from collections.abc import Callable

#: It is done again after this many times as long as it took, so that it costs one per cent at most.
TIMES_TAKEN = 100
#: glibc's number for the most pools, of malloc.h.
M_ARENA_MAX = -8


class _Next:
    """From when on memory is given back again, by the clock that never goes back."""

    at = time.monotonic()


@functools.cache
def share_pools() -> None:
    """Let threads that begin from now on use the pools that there are.

    Does nothing without glibc, or where the user has set a limit.
    """
    set_by_user = "MALLOC_ARENA_MAX" in os.environ or "arena_max" in os.environ.get("GLIBC_TUNABLES", "")
    if (mallopt := _function("mallopt")) is not None and not set_by_user:
        mallopt(M_ARENA_MAX, 1)


def give_back() -> None:
    """Give the system what is free: a millisecond's work, more where much is free in small pieces."""
    if (trim := _function("malloc_trim")) is not None:
        trim(0)


def give_back_now_and_then(every: float) -> None:
    """Give the system what is free, once in ``every`` seconds, and less often where it takes long."""
    if time.monotonic() < _Next.at + every:
        return
    began = time.thread_time()
    give_back()
    _Next.at = time.monotonic() + TIMES_TAKEN * (time.thread_time() - began)


@functools.cache
def _function(name: str) -> Callable[..., int] | None:
    """A function of glibc's; None where the C library is another one."""
    try:
        return getattr(ctypes.CDLL(None), name, None)
    except (OSError, TypeError):  # Windows
        return None
