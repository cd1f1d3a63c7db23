"""Kill -9 at a random moment of training, changing and saving: the file resumes the run to the last bit.

A child trains, changes and saves a run again and again to one file; what it says of each save that was done is what the
file must hold at least. The run of the file is then compared with the same made anew, and both train on.
"""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

import dfa_lab as dfa
from attacks.children import Child, Say
from attacks.counts import Counts, Plan
from attacks.runs import change_of, fields_of, is_whole

#: The most seconds from its first save to its end, and the most steps that a run makes.
LIFE, MOST_STEPS = 0.4, 120


def attack(plan: Plan, counts: Counts) -> None:
    """Each round one child, one kill, one run resumed."""
    for number, numbers in plan.rounds():
        with tempfile.TemporaryDirectory(prefix="dfa_lab-torture-") as folder:
            _round(Path(folder) / "run.safetensors", numbers, counts, f"round {number}")


def _round(path: Path, numbers: random.Random, counts: Counts, where: str) -> None:
    fields, seed, moment = fields_of(numbers), numbers.random(), numbers.random() * LIFE

    def work(say: Say) -> None:
        own, run = random.Random(seed), dfa.Experiment(**fields)
        while True:
            run.save(path)
            say(run.steps_done)
            for _ in range(own.randrange(1, 4)):
                run.train(own.randrange(0, 9))
                run.change(**change_of(own))
            if run.steps_done > MOST_STEPS:
                run.reset()
            if own.random() < 0.2 and run.undoable:
                run.undo()

    child, done = Child(work), []
    for said in child.said(60):  # until its first save
        done.append(said)
        break
    end = time.monotonic() + moment
    done += list(child.said(moment))
    time.sleep(max(0.0, end - time.monotonic()))
    child.kill()
    done += list(child.said(1))
    child.end()
    if not counts.check("the child saved before it was killed", done and child.code == -9, f"{where}: {done[-1:]}"):
        return
    counts.figures["saves done"] = counts.figures.get("saves done", 0) + len(done)
    halves = len(list(path.parent.glob(".*.part")))
    counts.figures["killed in the middle of a save"] = counts.figures.get("killed in the middle of a save", 0) + halves
    module = fields.get("module")
    try:
        run = dfa.Experiment.load(path, module=module)
    except BaseException as error:
        counts.failed("the file is loaded", f"{where}: {type(error).__name__}: {error}")
        return
    counts.right["the file is loaded"] += 1
    kind = f"{'MLP' if module is None else 'module'}, {run.history.settings['rule']}, {fields['optimizer']}"
    found = _compared(run)
    counts.check(f"resumed to the last bit: {kind}", not found, f"{where}: {found}")


def _compared(run: dfa.Experiment) -> str:
    try:
        return is_whole(run, further=7)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
