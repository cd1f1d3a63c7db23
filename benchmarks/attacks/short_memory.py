"""Memory that does not suffice: a call in a child that may take only so much more. An error, and a whole run."""

from __future__ import annotations

import random
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dfa_lab as dfa
from attacks.children import Child, Say
from attacks.counts import Counts, Plan
from attacks.runs import is_whole

#: The most MB that the child may take beyond what it has, and the longest that it may be at it.
MORE, SECONDS = 80.0, 120.0
#: A network whose copies take megabytes, on a task without a file.
LARGE: dict[str, Any] = {"task": {"name": "teacher", "samples": 500}, "widths": (700, 600), "batch_size": 32}
CALLS: dict[str, Callable[[dfa.Experiment, random.Random], object]] = {
    "train": lambda run, numbers: run.train(5),
    "change": lambda run, numbers: run.change(rule=numbers.choice(["kp", "dkp", "brsf", "fa"])),
    "change of the optimizer": lambda run, numbers: run.change(optimizer="adam", lr=0.001),
    "change of the batch size": lambda run, numbers: run.change(batch_size=numbers.choice([2000, 20_000])),
    "fork": lambda run, numbers: run.fork(lr=0.02).train(2),
    "reset": lambda run, numbers: run.reset(widths=(numbers.choice([600, 3000]), 2000)),
    "replicas": lambda run, numbers: dfa.Experiment(run.settings, replicas=8).train(1),
    "evaluate": lambda run, numbers: run.evaluate(),
    "measure": lambda run, numbers: run.measure(),
    "snapshot": lambda run, numbers: run.snapshot(),
    "references": lambda run, numbers: run.references(),
}


def attack(plan: Plan, counts: Counts) -> None:
    """Each round a child, a limit, one call; then the limit is lifted and the run compared with the same made anew."""
    dfa.Experiment(**LARGE, optimizer="adam", lr=0.001).train(1)  # what is imported is not counted
    names = list(CALLS)
    for number, numbers in plan.rounds():
        name = names[number % len(names)]
        more, seed = int(numbers.random() ** 3 * MORE * 1e6), numbers.random()
        where = f"{name}, round {number}, {more / 1e6:.1f} MB more"

        def work(say: Say, name: str = name, more: int = more, seed: float = seed) -> None:
            run = dfa.Experiment(**LARGE, rule="fa", probe_every=10)
            run.train(3)
            run.change(lr=0.01)
            limit = resource.getrlimit(resource.RLIMIT_AS)
            taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (taken + more, limit[1]))
            kind = "done"
            try:
                CALLS[name](run, random.Random(seed))
            except BaseException as error:
                kind = f"{type(error).__name__}: {error}"
            resource.setrlimit(resource.RLIMIT_AS, limit)
            say({"kind": kind})
            say({"whole": is_whole(run)})

        child = Child(work)
        said: dict[str, Any] = {}
        for one in child.said(SECONDS):
            said |= one
        in_time = child.end(5)
        what = name.split(" of ")[0]
        if not counts.check(
            "the process lives on, and ends", in_time and child.code == 0, f"{where}: {child.code} {said}"
        ):
            continue
        kind = said["kind"]
        if kind == "done":
            counts.right[f"{what}: there was enough"] += 1
        else:
            known = kind.startswith(("DfaLabError", "MemoryError", "OutOfMemoryError")) or "memory" in kind
            counts.check(f"{what}: the error says that memory is short", known, f"{where}: {kind}")
            of_torch = "errors that are torch's own"
            counts.figures[of_torch] = counts.figures.get(of_torch, 0) + (not kind.startswith("DfaLabError"))
        counts.check(f"{what}: the run is whole", not said["whole"], f"{where}: {said['whole']}")
