"""Source: whatever a picture is drawn of. A History, a run, or what trains runs; here each becomes what a view reads.

A ``Runner`` stands for all its lanes where several runs are drawn, else for its main run, lane 0. An ``Explorer``
stands for its runner; it is known by having one, so that no widget is imported here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.experiment import Experiment
from dfa_lab.experiment.history import History
from dfa_lab.experiment.runner import Runner
from dfa_lab.experiment.snapshot import Snapshot


class HasRunner(Protocol):
    """What shows a runner, as an ``Explorer`` does."""

    @property
    def runner(self) -> Runner:
        """The thread that trains its runs."""


#: A run that trains or can.
Engine = Experiment | Runner | HasRunner
#: What a picture of a course is drawn of.
Source = History | Engine

RUNS = "a History, an Experiment, a Runner or an Explorer"


def runs_of(source: object, place: str) -> list[History | Experiment]:
    """The runs that ``source`` stands for, each as a History or an Experiment, all lanes of a runner among them.

    Raises ``DfaLabError`` that says what ``place`` got instead.
    """
    if isinstance(source, History):
        return [source]
    return [*_engines(source, place, RUNS)]


def histories_of(source: object, place: str) -> list[History]:
    """The records of all runs that ``source`` stands for. Raises as ``runs_of`` does."""
    return [run if isinstance(run, History) else run.history for run in runs_of(source, place)]


def history_of(source: object, place: str) -> History:
    """The record of the run, or of the main run, that ``source`` stands for. Raises as ``runs_of`` does."""
    return histories_of(source, place)[0]


def references_of(references: object, place: str) -> list[History]:
    """The records of reference runs. Raises ``DfaLabError`` that says what ``place`` got where one is no run."""
    if isinstance(references, str) or not isinstance(references, Iterable):
        raise DfaLabError(
            f"{place} got references={shown(references)}; expected several runs, such as references=[bp, shallow]."
        )
    return [history_of(one, place) for one in references]


def engine_of(source: object, place: str, also: str) -> Experiment:
    """The run, or the main run, of ``source``. ``also`` says what else ``place`` takes, where it got neither."""
    return _engines(source, place, f"an Experiment, a Runner, an Explorer or {also}")[0]


def snapshot_of(source: object, place: str) -> Snapshot:
    """``source`` itself where it is a Snapshot, else one of its run (the main run) as it stands, of the first replica.

    Raises ``DfaLabError`` that says what ``place`` got instead.
    """
    if isinstance(source, Snapshot):
        return source
    return engine_of(source, place, "the Snapshot that experiment.snapshot() gives").snapshot()


def _engines(source: object, place: str, expected: str) -> tuple[Experiment, ...]:
    trainer = source if isinstance(source, Experiment | Runner) else getattr(source, "runner", None)
    if isinstance(trainer, Experiment):
        return (trainer,)
    if isinstance(trainer, Runner):
        return trainer.lanes
    raise DfaLabError(f"{place} got a {type(source).__name__}; expected {expected}{_hint(source)}.")


def _hint(source: object) -> str:
    """What to do, for what is taken for a run most often."""
    if isinstance(source, History):
        return ": a History has the numbers of a run, not its network"
    if isinstance(source, Snapshot):
        return ": a Snapshot is one step of a run, not its course"
    if isinstance(getattr(source, "history", None), History):
        return ": give its .history"
    if callable(getattr(source, "snapshot", None)):
        return ": give its .snapshot()"
    if isinstance(source, list | tuple) and any(isinstance(one, History | Experiment | Runner) for one in source):
        return ": give the runs one by one, with a * before the list"
    return ""
