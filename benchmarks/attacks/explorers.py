"""Explorers made, played with and closed: no experiment stays alive, threads and memory are as before."""

from __future__ import annotations

import gc
import random
import threading
import weakref
from typing import Any

import dfa_lab as dfa
from attacks.counts import Counts, Plan
from attacks.runs import change_of
from attacks.soak import resident

#: The first ones are not counted: what is loaded and cached stays.
WARM_UP = 10
#: MB by which memory may differ after all of them.
MOST = 5.0


def attack(plan: Plan, counts: Counts) -> None:
    """Each round an explorer; at the end all together are looked at."""
    alive: list[weakref.ref[Any]] = []
    before, threads = resident(), threading.active_count()
    for number, numbers in plan.rounds():
        alive += _one(numbers)
        if number - plan.first == min(WARM_UP, plan.times // 2) - 1:
            gc.collect()
            before, threads = resident(), threading.active_count()
    gc.collect()
    living = [one() for one in alive if one() is not None]
    counts.figures |= {"explorers": len(alive) // 4, "MB after the first ones": before, "MB at the end": resident()}
    counts.check("nothing of them is alive", not living, f"{len(living)} of {len(alive)}, such as {living[:1]}")
    del living
    left = [thread.name for thread in threading.enumerate()]
    counts.check("no more threads than before", len(left) <= threads, f"{threads} before, now {left}")
    if len(alive) >= 4 * 100:
        more = counts.figures["MB at the end"] - before
        counts.check(f"memory as before (± {MOST:g} MB)", abs(more) <= MOST, f"{more:+.1f} MB")


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
    explorer.close()
    explorer.runner._thread.join(30)
    return found
