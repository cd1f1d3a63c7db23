"""Bounds: what a session or a page from elsewhere may ask of this machine. Code may ask for more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dfa_lab.errors import DfaLabError, shown

if TYPE_CHECKING:
    from dfa_lab.experiment.sessions import Session
    from dfa_lab.experiment.settings.settings import Settings

#: Numbers that the weights, the activities of a batch or a task's data may take: some 800 MB each.
MOST_NUMBERS = 200_000_000
#: Inputs or outputs that are reckoned with where only the task knows them.
ENDS = 3072


def check_work(session: Session) -> None:
    """Raise ``DfaLabError`` where a session from elsewhere asks for too much memory, or names a place on the disk."""
    changed = [fields for _, fields in session.changes] + [lane.fields for lane in session.lanes]
    check_settings(session.settings, changed)


def check_settings(settings: Settings, changed: Sequence[Mapping[str, Any]] = ()) -> None:
    """The same of settings, and of the fields that are ``changed`` later."""
    largest = max(
        value
        for fields in [settings.values(), *changed]
        for name, value in fields.items()
        if name in ("batch_size", "probe_size")
    )
    end = _end(settings)
    _check("the network's weights", weights_of(settings))
    _check("a batch's activities", (settings.replicas or 1) * largest * (end + sum(settings.widths)))
    if isinstance(settings.task, Mapping):
        _check_task(settings.task)


def weights_of(settings: Settings) -> int:
    """How many weights the network has at most, all replicas together."""
    end = _end(settings)
    return (settings.replicas or 1) * sum(above * below for below, above in pairwise((end, *settings.widths, end)))


def _end(settings: Settings) -> int:
    """Inputs or outputs at most."""
    return max([ENDS, *_sizes(settings.task)])


def _check_task(task: Mapping[str, Any]) -> None:
    for name, value in task.items():
        if isinstance(value, str) and any(mark in value for mark in "/\\~"):
            raise DfaLabError(
                f"the task's {name} was given as {shown(value, 80)}; a session read from a text names no place on this "
                "machine: register the task by name, and give the name."
            )
    counts = [
        int(min(value, MOST_NUMBERS)) for name, value in task.items() if _counts(name, value) and "samples" in name
    ]
    if counts or _sizes(task):
        _check("the task's data", max([ENDS, *counts]) * max([ENDS, *_sizes(task)]))


def _counts(name: str, value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and name != "seed"


def _sizes(task: Any) -> list[int]:
    """Numbers among a task's parameters that may be units: all but the numbers of samples."""
    given = task.items() if isinstance(task, Mapping) else ()
    return [int(min(value, MOST_NUMBERS)) for name, value in given if _counts(name, value) and "samples" not in name]


def _check(what: str, numbers: int) -> None:
    if numbers > MOST_NUMBERS:
        raise DfaLabError(
            f"{what} would take {numbers:,} numbers; what comes from elsewhere may ask for {MOST_NUMBERS:,}. "
            "Make the run smaller, or make it in code."
        )
