"""Memory that a program gave back and its C library keeps: less of it, and back to the system now and then.

glibc gives each thread a pool of its own (an "arena") and keeps what is freed there. Threads that come and go, and long
runs, would hold ever more of the machine's memory, little of it in use.
"""

from __future__ import annotations

import ctypes
import functools
import os
import time
from collections.abc import Callable

#: Over the seconds that giving back took the last time: how long it is not done again, at least.
TIMES_TAKEN = 100
#: glibc's number for the most pools (malloc.h), and what sets it from outside.
M_ARENA_MAX, SET_BY_USER = -8, ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")


class _Next:
    """From when on memory is given back again, by the clock that never goes back."""

    at = 0.0


@functools.cache
def share_pools() -> None:
    """Let threads that begin from now on use the pools that there are. Nothing where a user has chosen, or no glibc."""
    if (mallopt := _function("mallopt")) is not None and not any(name in os.environ for name in SET_BY_USER):
        mallopt(M_ARENA_MAX, 1)


def give_back(every: float = 0.0) -> None:
    """Give the system what is free, unless that was done in the last ``every`` seconds: a millisecond's work."""
    began = time.monotonic()
    if began >= _Next.at + every and (trim := _function("malloc_trim")) is not None:
        trim(0)
        ended = time.monotonic()
        _Next.at = ended + TIMES_TAKEN * (ended - began)


@functools.cache
def _function(name: str) -> Callable[..., int] | None:
    """A function of glibc's; None where the C library is another one."""
    try:
        return getattr(ctypes.CDLL(None), name, None)
    except (OSError, TypeError):  # Windows
        return None
