"""Whether settings from elsewhere, a text or a page, ask for more than a machine should give; see ``limits.py``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.settings.limits import ENDS, MOST_NUMBERS, PAGE_REPLICAS, PAGE_THREADS, PAGE_WEIGHTS
from dfa_lab.experiment.settings.settings import Settings


def check_memory(settings: Settings, changes: Iterable[Mapping[str, Any]] = ()) -> None:
    """Raise ``DfaLabError`` where settings from elsewhere ask for too much memory, or name a place on the disk.

    ``changes`` are the fields that are changed later.
    """
    sizes = [fields[name] for fields in (settings.values(), *changes) for name in _BATCHES if name in fields]
    replicas, end = settings.replicas or 1, _end(settings.task)
    _check("the network's weights", weights_of(settings))
    _check("a batch's activities", replicas * max(sizes) * (end + sum(settings.widths)))
    if isinstance(settings.task, Mapping):
        _check_task(settings.task)


_BATCHES = ("batch_size", "probe_size")


def check_size(settings: Settings) -> None:
    """Raise ``DfaLabError`` for settings from a page that would stall a shared machine."""
    replicas, weights = settings.replicas or 1, weights_of(settings)
    if replicas > PAGE_REPLICAS:
        raise DfaLabError(f"replicas was given as {replicas:,}; the explorer takes up to {PAGE_REPLICAS}.")
    check_memory(settings)
    if weights > PAGE_WEIGHTS:
        raise DfaLabError(
            f"widths were given as {settings.widths}, replicas as {replicas}: up to {weights:,} weights. The explorer "
            f"takes {PAGE_WEIGHTS:,}; make it smaller, or use an Experiment from code."
        )
    if settings.threads > PAGE_THREADS:
        raise DfaLabError(f"threads was given as {settings.threads}; the explorer takes up to {PAGE_THREADS}.")


def weights_of(settings: Settings) -> int:
    """How many weights the network has at most, all replicas together."""
    end = _end(settings.task)
    return (settings.replicas or 1) * sum(above * below for below, above in pairwise((end, *settings.widths, end)))


def _end(task: Any) -> int:
    """Inputs or outputs at most: any number among the task's parameters may be that."""
    return max([ENDS, *_numbers(task, samples=False)])


def _numbers(task: Any, *, samples: bool) -> list[int]:
    """The numbers among a task's parameters that count samples, or those that may count units."""
    return [
        int(min(value, MOST_NUMBERS))
        for name, value in (task.items() if isinstance(task, Mapping) else ())
        if isinstance(value, int | float) and not isinstance(value, bool)
        if name != "seed" and ("samples" in name) == samples
    ]


def _check_task(task: Mapping[str, Any]) -> None:
    for name, value in task.items():
        if isinstance(value, str) and any(mark in value for mark in "/\\~"):
            raise DfaLabError(
                f"the task's {name} was given as {shown(value, 80)}; a session read from a text names no place on this "
                "machine: register the task by name, and give the name."
            )
    counts = _numbers(task, samples=True)
    if counts or _numbers(task, samples=False):
        _check("the task's data", max([ENDS, *counts]) * _end(task))


def _check(what: str, numbers: int) -> None:
    if numbers > MOST_NUMBERS:
        raise DfaLabError(
            f"{what} would take {numbers:,} numbers; what comes from elsewhere may ask for {MOST_NUMBERS:,}. "
            "Make the run smaller, or make it in code."
        )
