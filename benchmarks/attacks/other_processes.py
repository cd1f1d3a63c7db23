"""Fork and spawn beside an explorer that trains: a child works or says why not; the run goes on whole."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import random
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import dfa_lab as dfa
from attacks.children import Child
from attacks.counts import Counts, Plan
from attacks.runs import difference, made_again

#: Seconds after which a forked child hangs, and a process that begins by importing everything.
SECONDS, LONGER = 30.0, 180.0
OWN: dict[str, Any] = {"task": "moons", "widths": (8,), "probe_every": 5}
#: What a forked child does with what its parent has. It may raise a ``DfaLabError``, but not hang.
OF_PARENT: dict[str, Callable[[dfa.Explorer], object]] = {
    "nothing": lambda explorer: None,
    "a run of its own": lambda explorer: dfa.Experiment(**OWN).train(20),
    "a run of its own in a thread": lambda explorer: _played(dfa.Runner(dfa.Experiment(**OWN))),
    "evaluate": lambda explorer: explorer.experiment.evaluate(),
    "step": lambda explorer: explorer.experiment.step(),
    "train": lambda explorer: explorer.experiment.train(3),
    "fork": lambda explorer: explorer.experiment.fork(rule="bp").train(3),
    "references": lambda explorer: explorer.experiment.references(),
    "session": lambda explorer: explorer.experiment.session().replay(),
    "history": lambda explorer: dfa.History.from_json(explorer.experiment.history.to_json()),
    "play": lambda explorer: _played(explorer.runner),
    "act": lambda explorer: explorer.act("change", fields={"lr": 0.03}),
    "status": lambda explorer: explorer.status(),
    "close": lambda explorer: explorer.close(),
}


def _played(runner: dfa.Runner) -> None:
    runner.play(5)
    runner.wait(30)


def trained(seed: int) -> str:
    """What a worker does: the digest of a run."""
    return dfa.Experiment(**OWN, seed=seed).train(20).digest()


def attack(plan: Plan, counts: Counts) -> None:
    """One explorer; each round one child of one kind."""
    warnings.filterwarnings("ignore", message=".*multi-threaded.*fork", category=DeprecationWarning)
    expected = trained(3)
    explorer = dfa.Explorer(**OWN, speed=None)
    explorer.act("play")
    names = list(OF_PARENT)
    try:
        for number, numbers in plan.rounds():
            steps = explorer.experiment.steps_done
            _forked(names[number % len(names)], explorer, counts, f"round {number}")
            if number % 10 == 5:
                _spawned(numbers, expected, counts)
            explorer.runner.change(lr=round(numbers.uniform(0.001, 0.02), 6))
            if number % 10 == 9:
                explorer.runner.pause()
                explorer.runner.wait(30)
                counts.check("the parent trains on", explorer.experiment.steps_done > steps)
                run = explorer.experiment
                whole = difference(run, made_again(run))
                counts.check("the parent's run is whole", not whole, whole)
                explorer.act("reset")
                explorer.act("play")
    finally:
        explorer.close()


def _forked(name: str, explorer: dfa.Explorer, counts: Counts, where: str) -> None:
    def work(say: Callable[[Any], None]) -> None:
        try:
            OF_PARENT[name](explorer)
            say("done")
        except dfa.DfaLabError as error:
            say(f"refused: {error}")

    child = Child(work)
    said = list(child.said(SECONDS))
    if counts.check(f"forked, {name}: it does not hang", child.end(5), where):
        well = child.code == 0 and len(said) == 1 and isinstance(said[0], str)
        counts.check(f"forked, {name}: it works, or a DfaLabError", well, f"{where}: {child.code} {said}")


def _spawned(numbers: random.Random, expected: str, counts: Counts) -> None:
    kind = numbers.choice(["fork", "spawn", "forkserver"])
    if kind in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context(kind)
        pool = concurrent.futures.ProcessPoolExecutor(1, context)
        try:
            found = pool.submit(trained, 3).result(LONGER)
            counts.check(f"a pool by {kind}: the same digest", found == expected, found)
        except BaseException as error:
            counts.failed(f"a pool by {kind}: the same digest", f"{type(error).__name__}: {error}")
            for process in (getattr(pool, "_processes", None) or {}).values():
                process.kill()
        pool.shutdown(wait=False, cancel_futures=True)
    code = "import dfa_lab as dfa; dfa.Runner(dfa.Experiment(task='moons', widths=(8,))).play()"
    what = "a program that ends while it trains ends well"
    try:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=LONGER, check=False)
        counts.check(what, done.returncode == 0 and not done.stderr, done.stderr)
    except subprocess.TimeoutExpired:
        counts.failed(what, f"it had not ended after {LONGER} s")
