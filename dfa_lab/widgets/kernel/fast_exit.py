"""A fast end, and restart, of a kernel that showed an explorer: without a last search through all of torch."""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
from functools import cache

FILES = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)


@cache
def leave_at_once() -> None:
    """Have the interpreter end without its collector, from now on; the system frees the memory anyway.

    With torch and its compiler loaded, the collector looks through hundreds of thousands of objects several times at
    the end. It is also what writes the rest of an open file that is part of a cycle, so files are flushed first.
    """
    atexit.register(_leave)


def _leave() -> None:
    for thing in gc.get_objects():
        # Not isinstance, which asks the object: a proxy may then import what it stands for.
        if issubclass(type(thing), FILES):
            with contextlib.suppress(Exception):
                thing.flush()
    gc.freeze()
