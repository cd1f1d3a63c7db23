"""Bounds: what a session from elsewhere may ask of this machine. Code may ask for more."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dfa_lab.errors import DfaLabError

if TYPE_CHECKING:
    from dfa_lab.experiment.session import Session

#: Numbers that the weights, the activities of a batch or a task's data may take: some 800 MB each.
MOST_NUMBERS = 200_000_000
#: Inputs or outputs that are reckoned with where only the task knows them.
ENDS = 1000


def check_work(session: Session) -> None:
    """Raise ``DfaLabError`` where a session read from a text asks for too much memory, or names a place on the disk."""
    settings = session.settings
    changed = [fields for _, fields in session.changes] + [lane.fields for lane in session.lanes]
    largest = max(
        value
        for fields in [settings.values(), *changed]
        for name, value in fields.items()
        if name in ("batch_size", "probe_size")
    )
    widths, copies = settings.widths, settings.replicas or 1
    ends = ENDS * (widths[0] + widths[-1]) if widths else ENDS * ENDS
    _check("the network's weights", copies * (ends + sum(a * b for a, b in pairwise(widths))))
    _check("a batch's activities", copies * largest * (ENDS + sum(widths)))
    if isinstance(settings.task, Mapping):
        _check_task(settings.task)


def _check_task(task: Mapping[str, Any]) -> None:
    for name, value in task.items():
        if isinstance(value, str) and any(mark in value for mark in "/\\~"):
            raise DfaLabError(
                f"the task's {name} was given as {value!r:.80}; a session read from a text names no place on this "
                "machine: register the task by name, and give the name."
            )
    sizes = sorted(
        min(value, MOST_NUMBERS + 1)
        for name, value in task.items()
        if isinstance(value, int | float) and name != "seed"
    )
    if sizes:
        _check("the task's data", int(sizes[-1]) * max([ENDS, *map(int, sizes[-2:-1])]))


def _check(what: str, numbers: int) -> None:
    if numbers > MOST_NUMBERS:
        raise DfaLabError(
            f"{what} would take {numbers:,} numbers; a session read from a text may ask for {MOST_NUMBERS:,}. "
            "Make the run smaller, or make it in code."
        )
