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

#: The sweep: 24 runs that take some seconds.
SWEEP: dict[str, Any] = {
    "grid": {"rule": ["bp", "fa"], "lr": [0.02, 0.05], "batch_size": [8, 16]},
    "seeds": 3,
    "steps": 400,
    "task": "moons",
    "widths": (16,),
    "progress": False,
}
#: How often each sweep is killed at most, and by how much the runs of all calls may take longer than a clean sweep's.
KILLS, MORE = 20, 1.2


def swept(folder: Path | None = None) -> Any:
    """The frame of the sweep, in this process or its workers."""
    given = dict(SWEEP)
    return dfa.sweep(given.pop("grid"), folder=folder, **given)


def without_seconds(frame: Any) -> Any:
    """What two sweeps have in common, in the order of the settings."""
    columns = [name for name in frame.columns if "second" not in name]
    return frame[columns].sort_values(columns[:4]).reset_index(drop=True)


def attack(plan: Plan, counts: Counts) -> None:
    """Each round one sweep, killed up to ``KILLS`` times, then finished."""
    start = time.monotonic()
    clean = swept()
    took = time.monotonic() - start
    for number, numbers in plan.rounds():
        with tempfile.TemporaryDirectory(prefix="dfa_lab-torture-") as name:
            _round(Path(name), clean, took, numbers, counts, f"round {number}")


def _round(folder: Path, clean: Any, took: float, numbers: random.Random, counts: Counts, where: str) -> None:
    killed, finished = 0, 0
    for _ in range(KILLS):
        child = Child(lambda say: _work(folder, say))
        for _ in child.said(60):
            break
        time.sleep(numbers.random() * took / 4)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.end()
        killed += child.code == -9
        finished += child.code == 0
        with contextlib.suppress(dfa.DfaLabError):  # nothing may be there yet
            dfa.load_sweep(folder)
    frame = swept(folder)
    counts.figures["sweeps killed"] = counts.figures.get("sweeps killed", 0) + killed
    counts.figures["sweeps that were done before"] = counts.figures.get("sweeps that were done before", 0) + finished
    same = without_seconds(frame).equals(without_seconds(clean))
    counts.check("the last call's frame is that of a clean sweep", same, f"{where}: {len(frame)} of {len(clean)} rows")
    loaded = dfa.load_sweep(folder)
    counts.check("what is loaded is the same", without_seconds(loaded).equals(without_seconds(clean)), where)
    if "seconds" in frame:
        ratio = frame["seconds"].sum() / clean["seconds"].sum()
        counts.figures[f"{where}: seconds of its runs over a clean sweep's"] = float(ratio)


def _work(folder: Path, say: Say) -> None:
    os.setsid()  # its workers die with it
    say("begun")
    swept(folder)
