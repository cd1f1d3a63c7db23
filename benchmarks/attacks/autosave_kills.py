"""Kill -9 of a program whose runner saves its runs by itself: each of the runs that ``restore`` reopens is whole.

The child saves much more often than a user's program would: there every half a minute and at each pause.
"""

from __future__ import annotations

import importlib
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import dfa_lab as dfa
from attacks.children import Child, Say
from attacks.counts import Counts, Plan
from attacks.runs import change_of, fields_of, is_whole

#: The most seconds from the first save to its end.
LIFE = 0.6


def attack(plan: Plan, counts: Counts) -> None:
    """Each round one child, one kill, and all of its runs resumed."""
    for number, numbers in plan.rounds():
        with tempfile.TemporaryDirectory(prefix="dfa_lab-torture-") as folder:
            _round(folder, numbers, counts, f"round {number}")


def _work(folder: str, fields: dict[str, Any], own: random.Random, say: Say) -> None:
    autosave: Any = importlib.import_module("dfa_lab.experiment.autosave.autosave")
    autosave.EVERY, autosave.AT_REST, autosave.SHARE = 0.03, 0.01, 1.0
    runner, saved = dfa.Runner(dfa.Experiment(**fields), autosave=folder), False
    while True:
        kind = own.random()
        if kind < 0.5:
            runner.change(lane=None if own.random() < 0.3 else 0, **change_of(own))
        elif kind < 0.6:
            runner.undo()
        elif kind < 0.7 and len(runner.lanes) < 3:
            runner.fork(lr=own.choice([0.001, 0.002, 0.004]))
        elif kind < 0.75 or runner.experiment.steps_done > 150:
            runner.reset()
        try:
            runner.play(own.randrange(1, 10))
            runner.wait(30)
        except dfa.DfaLabError:  # there was nothing to undo
            pass
        if runner.saved and not saved:
            saved = True
            say(str(runner.saved))


def _round(folder: str, numbers: random.Random, counts: Counts, where: str) -> None:
    fields, own, moment = fields_of(numbers), random.Random(numbers.random()), numbers.random() * LIFE
    child, said = Child(lambda say: _work(folder, fields, own, say)), []
    for one in child.said(60):  # until its first save
        said.append(one)
        break
    time.sleep(moment)
    child.kill()
    child.end()
    if not counts.check("it saved before it was killed", said and child.code == -9, f"{where}: {said}"):
        return
    saves = dfa.Runner.restore(autosave=folder)
    halves = sum(1 for path in Path(folder).rglob("*.part"))
    counts.figures["killed in the middle of a save"] = counts.figures.get("killed in the middle of a save", 0) + halves
    if not counts.check("what was saved is listed", len(saves), f"{where}: {list(Path(folder).rglob('*'))}"):
        return
    for number in range(1, len(saves) + 1):
        try:
            runner = dfa.Runner.restore(number, module=fields.get("module"), threaded=False, autosave=folder)
        except BaseException as error:
            counts.failed("each save is reopened", f"{where}: {type(error).__name__}: {error}")
            continue
        counts.right["each save is reopened"] += 1
        kind = f"{'module' if 'module' in fields else 'MLP'}, {fields['rule']}, {fields['optimizer']}"
        for run in runner.lanes:
            try:
                found = is_whole(run, further=7)
            except Exception as error:
                found = f"{type(error).__name__}: {error}"
            counts.check(f"resumed to the last bit: {kind}", not found, f"{where}: {found}")
        runner.close()
