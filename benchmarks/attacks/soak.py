"""An explorer that trains at full speed while a user acts and a page looks: what grows, and how fast it goes on.

Every quarter of a minute a reading: resident memory, bytes of the history, messages and steps a second. The growth an
hour is a line fitted to what comes after the first sixth of the time, at most ten minutes. Resident memory rises and
falls with what glibc's allocator keeps of what was given back; what is in use by its own count is read beside it.
"""

from __future__ import annotations

import ctypes
import random
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import dfa_lab as dfa
from attacks.counts import Counts, Plan
from attacks.runs import change_of

#: Seconds between two readings, at most, and between two acts of the user.
READING, ACT = 15.0, 5.0
#: Minutes that are left out of the line, at most; from which on the growth is judged; MB an hour that are too much.
WARM_UP, JUDGED, TOO_MUCH = 10.0, 20.0, 5.0
#: Messages a second that are too many.
TOO_MANY = 20


class Watched(dfa.Explorer):
    """An explorer whose messages are counted and thrown away."""

    sent = sent_bytes = 0

    def send(self, content: Any, buffers: Any = None) -> None:
        """Count a message."""
        self.sent += 1
        self.sent_bytes += sum(map(len, buffers or []))


def resident() -> float:
    """MB of memory that the process holds, on Linux without pages of files: the system takes those back as it likes."""
    if Path("/proc/self/statm").exists():
        import resource

        pages = [int(one) for one in Path("/proc/self/statm").read_text().split()]
        return (pages[1] - pages[2]) * resource.getpagesize() / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


class AllocatorCounts(ctypes.Structure):
    """What glibc's ``mallinfo2`` returns, in bytes; the manual page says which is which."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        )
    ]


def in_use() -> float:
    """MB that the C allocator has given out and not got back, tensors among them; NaN where it is not glibc's."""
    try:
        count = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError, TypeError):
        return float("nan")
    count.restype = AllocatorCounts
    counts = count()
    return (counts.uordblks + counts.hblkhd) / 1e6


def size(history: dfa.History) -> float:
    """MB of a history's columns."""
    columns = [getattr(one, name) for one in list(history.series.values()) for name in ("steps", "samples", "values")]
    return sum(len(column) * column.itemsize for column in columns) / 1e6


def act(explorer: dfa.Explorer, numbers: random.Random) -> None:
    """What a user does now and then."""
    kind = numbers.random()
    if kind < 0.4:
        explorer.frames.receive({"do": "change", "fields": change_of(numbers)})
    elif kind < 0.5:
        explorer.act("undo")
    elif kind < 0.6:
        explorer.frames.receive({"type": "hello"})
    elif kind < 0.7:
        explorer.act("look", sample=numbers.randrange(9), layer=1, unit=2)
    elif kind < 0.8:
        explorer.act("picture", name=numbers.choice(list(dfa.VIEWS)), layer=1)
    elif kind < 0.9 and len(explorer.runner.lanes) == 1:
        explorer.act("fork", fields={"lr": 0.01})
    elif len(explorer.runner.lanes) > 1:
        explorer.act("drop", lane=max(explorer.runner.by_number))
    explorer.act("play")


def attack(plan: Plan, counts: Counts) -> None:
    """One explorer for the ``minutes``, or as many seconds as ``times``."""
    seconds = 60 * plan.minutes if plan.minutes is not None else float(plan.times)
    numbers, explorer = random.Random(plan.seed), Watched(task="digits", widths=(16,), speed=None, patience=None)
    explorer.act("play")
    readings, start = [], time.monotonic()
    reading, acted = min(READING, seconds / 12), min(ACT, seconds / 12)
    next_reading, next_act = start + reading, start + acted
    try:
        while (now := time.monotonic()) < start + seconds:
            if now >= next_act:
                act(explorer, numbers)
                next_act = now + acted
            if now >= next_reading:
                run = explorer.experiment
                status = explorer.status()
                readings.append((now - start, resident(), in_use(), size(run.history), explorer.sent, run.steps_done))
                counts.check("no error but of divergence", _is_well(status["error"]), status["error"])
                print(*(f"{one:.1f}" for one in readings[-1]), file=sys.stderr, flush=True)
                next_reading = now + reading
            time.sleep(0.05)
        explorer.runner.pause()
        explorer.runner.wait(60)
    finally:
        explorer.close()
    _judge(np.array(readings), seconds / 60, counts)
    counts.figures["bytes a message"] = explorer.sent_bytes / max(explorer.sent, 1)


def _is_well(error: str) -> bool:
    return not error or "no longer finite" in error or "nothing to undo" in error


def _judge(readings: np.ndarray, minutes: float, counts: Counts) -> None:
    seconds, memory, used, history, messages, steps = readings.T
    later = seconds >= 60 * min(WARM_UP, minutes / 6)
    growth, of_used, of_history = (
        np.polyfit(seconds[later] / 3600, column[later], 1)[0] for column in (memory, used, history)
    )
    counts.check("steps are made between any two readings", (np.diff(steps) > 0).all(), np.diff(steps).tolist())
    most = (np.diff(messages) / np.diff(seconds)).max()
    counts.check(f"at most {TOO_MANY} messages a second", most <= TOO_MANY, f"{most:.1f}")
    counts.check("messages come", messages[-1] > messages[0])
    if minutes >= JUDGED:
        counts.check(f"growth below {TOO_MUCH:g} MB an hour", growth < TOO_MUCH, f"{growth:.1f}")
    half = len(seconds) // 2

    def rate(column: np.ndarray, first: int, last: int) -> float:
        return float((column[last] - column[first]) / (seconds[last] - seconds[first]))

    counts.figures |= {
        "minutes": minutes,
        "MB at the first reading": memory[0],
        "MB after the warm-up": memory[later][0],
        "MB at the end": memory[-1],
        "growth, MB an hour": growth,
        "MB in use after the warm-up": used[later][0],
        "MB in use at the end": used[-1],
        "growth of what is in use, MB an hour": of_used,
        "growth of the history's columns, MB an hour": of_history,
        "history's columns at the end, MB": history[-1],
        "steps": steps[-1],
        "steps a second, first half": rate(steps, 0, half),
        "steps a second, second half": rate(steps, half, -1),
        "messages a second": rate(messages, 0, -1),
    }
