"""Kill -9 of a whole sweep at random moments, until the last call finishes: its frame is that of a clean sweep."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import dfa_lab as dfa
from attacks.children import Child, Say
from attacks.counts import Counts, Plan

#: The sweep: 480 runs, two in each group.
SWEEP: dict[str, Any] = {
    "grid": {"rule": ["bp", "fa"], "lr": [0.02, 0.05], "batch_size": [8, 16]},
    "seeds": 60,
    "steps": 300,
    "group_size": 2,
    "task": "moons",
    "widths": (16,),
    "progress": False,
}
#: How often each sweep is killed, and how much processor time all calls may take, in times of a clean sweep.
KILLS, MORE = 20, 1.2


def swept(folder: Path | None = None) -> Any:
    """The frame of the sweep, in this process."""
    given = dict(SWEEP)
    return dfa.sweep(given.pop("grid"), folder=folder, **given)


def without_seconds(frame: Any) -> Any:
    """What two sweeps have in common, in the order of the settings."""
    columns = [name for name in frame.columns if "second" not in name]
    return frame[columns].sort_values(columns[:4]).reset_index(drop=True)


def attack(plan: Plan, counts: Counts) -> None:
    """Each round one sweep, killed ``KILLS`` times, then finished."""
    clean = swept()
    for number, numbers in plan.rounds():
        with tempfile.TemporaryDirectory(prefix="dfa_lab-torture-") as name:
            start = time.monotonic()
            seconds = _finished(Path(name) / "clean")
            took = time.monotonic() - start
            _round(Path(name) / "killed", clean, took, seconds, numbers, counts, f"round {number}")


def _finished(folder: Path) -> float:
    """Let a child do the whole sweep, or what is left of it; the processor time that it took."""
    child = Child(lambda say: _work(folder, say))
    list(child.said(1800))
    child.end()
    return child.seconds


def _round(
    folder: Path, clean: Any, took: float, seconds: float, numbers: random.Random, counts: Counts, where: str
) -> None:
    killed, spent = 0, 0.0
    while killed < KILLS:
        child = Child(lambda say: _work(folder, say))
        for _ in child.said(60):
            break
        time.sleep(numbers.random() * took * 2 / KILLS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.end()
        spent += child.seconds
        if child.code != -9:
            counts.check("a call that is not killed finishes", child.code == 0, f"{where}: {child.code}")
            break
        killed += 1
        with contextlib.suppress(dfa.DfaLabError):  # nothing may be there yet
            dfa.load_sweep(folder)
    spent += _finished(folder)
    frame = swept(folder)
    for name, number in (("sweeps killed", killed), ("processor time over a clean sweep's", spent / seconds)):
        counts.figures[f"{where}: {name}"] = number
    same = without_seconds(frame).equals(without_seconds(clean))
    counts.check("the last call's frame is that of a clean sweep", same, f"{where}: {len(frame)} of {len(clean)} rows")
    loaded = without_seconds(dfa.load_sweep(folder))
    counts.check("what is loaded is the same", loaded.equals(without_seconds(clean)), where)
    counts.check(
        f"processor time at most {MORE} of a clean sweep's", spent <= MORE * seconds, f"{where}: {spent / seconds:.2f}"
    )


def _work(folder: Path, say: Say) -> None:
    os.setsid()  # its workers die with it
    say("begun")
    swept(folder)
