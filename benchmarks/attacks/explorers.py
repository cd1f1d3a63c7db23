"""Explorers made, played with and closed: no experiment stays alive, threads and memory are as before.

Memory is what the C allocator has given out and not got back, tensors among it, and the blocks of Python's own. What
the process holds of the machine, once what is free was given back, is printed beside it: it comes in whole pages, and
differs by some MB from run to run.
"""

from __future__ import annotations

import gc
import math
import random
import sys
import threading
import weakref
from typing import Any

import dfa_lab as dfa
from attacks.counts import Counts, Plan
from attacks.runs import change_of
from attacks.soak import in_use, resident
from dfa_lab.free_memory import give_back

#: The first ones are not counted: what is loaded and cached stays.
WARM_UP = 10
#: MB by which memory may differ after all of them, and thousands of Python's blocks, of some 100 bytes each.
MOST, BLOCKS = 5.0, 50.0


def attack(plan: Plan, counts: Counts) -> None:
    """Each round an explorer; at the end all together are looked at."""
    alive: list[weakref.ref[Any]] = []
    _load_presets()
    before = _sizes()
    for number, numbers in plan.rounds():
        alive += _one(numbers)
        if number - plan.first == min(WARM_UP, plan.times // 2) - 1:
            before = _sizes()
    after = _sizes()
    living = [one() for one in alive if one() is not None]
    counts.figures["explorers"] = len(alive) // 4
    for name, size in before.items():
        counts.figures |= {f"{name}, after the first ones": size, f"{name}, at the end": after[name]}
    counts.check("nothing of them is alive", not living, f"{len(living)} of {len(alive)}, such as {living[:1]}")
    del living
    left = [thread.name for thread in threading.enumerate()]
    counts.check("no more threads than before", len(left) <= before["threads"], f"{before['threads']}, now {left}")
    if len(alive) >= 4 * 100:
        more = after["MB given out"] - before["MB given out"]
        counts.check(f"memory as before (± {MOST:g} MB)", abs(more) <= MOST, f"{more:+.1f} MB")
        more = after["thousands of Python's blocks"] - before["thousands of Python's blocks"]
        counts.check(f"Python's blocks as before (± {BLOCKS:g} thousand)", abs(more) <= BLOCKS, f"{more:+.1f}")


def _load_presets() -> None:
    """Each once: its data stay in memory, and in the rounds it is drawn sooner or later."""
    explorer = dfa.Explorer(task="moons", speed=None)
    for name in dfa.PRESETS:
        explorer.act("preset", name=name)
        explorer.act("step", steps=1)
        explorer.runner.wait(60)
    explorer.close()


def _sizes() -> dict[str, float]:
    gc.collect()
    give_back()
    given, held = in_use(), resident()
    return {
        "MB given out": held if math.isnan(given) else given,  # another C library than glibc
        "thousands of Python's blocks": sys.getallocatedblocks() / 1000,
        "MB resident": held,
        "threads": threading.active_count(),
    }


def _one(numbers: random.Random) -> list[weakref.ref[Any]]:
    explorer = dfa.Explorer(task="moons", widths=(numbers.choice([64, 128]), 64), speed=None)
    explorer.frames.receive({"type": "hello"})
    explorer.act("step", steps=5)
    explorer.act("change", fields=change_of(numbers))
    kind = numbers.random()
    if kind < 0.3:
        explorer.act("fork", fields={"lr": 0.01})
    elif kind < 0.5:
        explorer.act("pin")
        explorer.act("reset")
    elif kind < 0.7:
        explorer.act("play")
    elif kind < 0.8:
        explorer.act("preset", name=numbers.choice(list(dfa.PRESETS)))
    if numbers.random() < 0.8:
        try:
            explorer.runner.pause()
            explorer.runner.wait(60)
        except dfa.DfaLabError:
            pass
    found: list[weakref.ref[Any]] = [
        weakref.ref(one) for one in (explorer, explorer.runner, explorer.experiment, explorer.experiment.net)
    ]
    thread = explorer.runner._thread
    explorer.close()
    thread.join(30)
    return found
