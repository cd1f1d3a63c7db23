"""The one list of limits: of settings, of a session or text from elsewhere, and of what a page may ask for.

Code may ask for more than a text, and a text for more than a page, which anybody who sees it can make send anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dfa_lab.errors import DfaLabError, shown

if TYPE_CHECKING:
    from dfa_lab.experiment.settings.settings import Settings

#: Settings: replicas, hidden layers, steps between two measurements, numbers in the parameters of a field's choices.
MOST_REPLICAS, MOST_LAYERS, MOST_APART, MOST_PARAMETERS = 4096, 100, 10**9, 100_000
#: Numbers that the weights, the activities of a batch or a task's data of a text may take: some 800 MB each.
MOST_NUMBERS = 200_000_000
#: Inputs or outputs that are reckoned with where only the task knows them.
ENDS = 3072
#: A session: steps, changes, lanes beside the run itself, characters of its text, and of its words.
MOST_STEPS, MOST_CHANGES, MOST_LANES, LONGEST_TEXT = 10**8, 10_000, 3, 2_000_000
LONGEST = {"name": 80, "title": 200, "about": 2000}
#: Steps that a command to a runner may name.
COMMAND_STEPS = 10**15
#: A page: weights of all replicas (240 MB of float32), replicas, threads.
PAGE_WEIGHTS, PAGE_REPLICAS, PAGE_THREADS = 60_000_000, 64, 16
#: A page: the greatest number in a choice's parameters, the characters of any text and the entries of any list.
PAGE_NUMBER, PAGE_CHARACTERS = 100_000, 500
#: A page's message: characters of a session's text, fields, characters of the fields, steps.
MESSAGE_TEXT, MESSAGE_FIELDS, MESSAGE_FIELDS_TEXT, MESSAGE_STEPS = 1_000_000, 64, 100_000, 10**8


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
