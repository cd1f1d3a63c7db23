"""What is saved of a runner, and a runner that goes on from there."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakMethod

from torch import nn

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.autosave import Autosave, LaneRecord, SavedRun, Taken
from dfa_lab.experiment.data import TASKS, Task
from dfa_lab.experiment.run import Experiment, take_copy
from dfa_lab.experiment.runner.lanes import Lane
from dfa_lab.experiment.runner.rate_limit import is_speed
from dfa_lab.experiment.runner.scheduled_changes import ScheduledChanges
from dfa_lab.experiment.runner.training import Command, Training
from dfa_lab.experiment.settings import COMMAND_STEPS
from dfa_lab.learning.rules import RULES


def autosave_of(
    training: Training,
    folder: Path,
    beside: Mapping[str, Any],
    screen: Mapping[str, Any],
    put: Callable[[Command], None],
    *,
    threaded: bool,
) -> Autosave:
    """What saves the runs of ``training`` into ``folder``; see ``taken``. What fails is a command to ``put``."""

    runner = WeakMethod(put)  # a runner that nobody holds is to be gone at once

    def warn(words: str) -> None:
        if (saving := runner()) is not None:
            with suppress(DfaLabError):  # closed by now: nobody looks
                saving(Command("Warn", lambda training: training.errors.warn(words), keeps_error=True))

    def runs() -> tuple[object, ...]:
        return training.experiment.history.run_id, *(lane.number for lane in training.lanes.all)

    save = partial(taken, training, beside, screen)
    return Autosave(folder, training.lanes.state, runs, save, warn, threaded=threaded)


def taken(training: Training, beside: Mapping[str, Any], screen: Mapping[str, Any]) -> Taken:
    """Copies of the runs as they stand; ``beside`` is what their runner was made with, ``screen`` what shows them.

    Called between two steps, in the thread that trains. Raises ``DfaLabError`` for what no file can hold.
    """
    lanes, first = training.lanes.all, training.experiment
    names = {lane.number: lane.name for lane in training.lanes.status()}
    task, own = first.settings.task, first.module is not None
    document = {
        "task": task.name if isinstance(task, Task) else TASKS.split(task)[0],
        "rule": RULES.label(first.settings.rule),
        "steps": first.steps_done,
        "needs": [*(["module"] if own else []), *(["task"] if isinstance(task, Task) else [])],
        "runner": {
            **beside,
            "limit": training.rate.limit,
            "stop_at": training.stop_at,
            "session_name": training.lanes.session_name,
        },
        "screen": dict(screen),
    }
    copies = [(_record(lane, names[lane.number]), take_copy(lane.experiment)) for lane in lanes]
    return Taken(first.history.run_id, document, copies)


def _record(lane: Lane, name: str) -> LaneRecord:
    names = (lane.forked_fields, lane.keeps_name, lane.forked_at, lane.changes_before)
    return LaneRecord(lane.number, name, *names, lane.scheduled.left(), lane.scheduled.left_out)


def loaded(saved: SavedRun, module: nn.Module | None, task: Any) -> list[Lane]:
    """The lanes of a save, with a warning that says which changes still to come are not in it.

    Raises ``DfaLabError``, with the file's name, where one cannot be loaded.
    """
    given = {"module": module, "task": task}
    if missing := [need for need in saved.needs if given.get(need) is None]:
        arguments = ", ".join(f"{need}=…" for need in missing)
        raise DfaLabError(
            f"{saved.path.name} was trained with a {' and a '.join(missing)} of your own, which no file holds; give "
            f"the same again: restore({saved.name!r}, {arguments})."
        )
    lanes = []
    for file, record in saved.lanes:
        lane = Lane(Experiment.load(file, module=module, task=task), record.number)
        lane.scheduled = ScheduledChanges(record.scheduled, record.left_out)
        lane.forked_fields, lane.keeps_name = dict(record.forked_fields), record.keeps_name
        lane.forked_at, lane.changes_before = record.forked_at, record.changes_before
        lanes.append(lane)
        if record.left_out:
            warnings.warn(
                f"run {record.name} is restored without the changes {record.left_out}, which its session brings with a "
                "value that no file can hold; make them yourself when they are due.",
                stacklevel=3,
            )
    if lanes[0].number:
        raise DfaLabError(f"{saved.path} has no lane 0; it is damaged.")
    return lanes


def resume(training: Training, lanes: list[Lane], runner: Mapping[str, Any]) -> None:
    """Have the ``lanes``, under the speed limit and with the step to stop at that the ``runner`` had."""
    training.lanes.reopen(lanes, str(runner.get("session_name") or ""))
    limit, stop_at = runner.get("limit"), runner.get("stop_at")
    training.limit(limit if is_speed(limit) else None)
    training.stop_at = stop_at if isinstance(stop_at, int) and 0 < stop_at <= COMMAND_STEPS else None
