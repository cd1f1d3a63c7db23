"""What a picture is drawn of: a History, a run, or what trains runs. Here each becomes what a view reads.

A ``Runner`` stands for all its lanes where several runs are drawn, else for its main run, lane 0. An ``Explorer``
stands for its runner; it is known by having one, so that no widget is imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol, TypeVar

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.history import History, name_of_record
from dfa_lab.experiment.measurement import Snapshot
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.runner import Runner

Record = TypeVar("Record")


class HasRunner(Protocol):
    """What shows a runner, as an ``Explorer`` does."""

    @property
    def runner(self) -> Runner:
        """The thread that trains its runs."""


#: A run that trains or can.
Engine = Experiment | Runner | HasRunner
#: What a picture of a whole run is drawn of.
Source = History | Engine


class NamedRun(NamedTuple):
    """A run, its name, and its record as it was when the view was asked for, so that it may train on meanwhile.

    The name is of a runner's lane that in the explorer's legend, of another run its own.
    """

    name: str
    run: History | Experiment
    history: History


def runs_of(source: object, place: str) -> list[NamedRun]:
    """The runs that ``source`` stands for with their names, all lanes of a runner among them.

    Raises ``DfaLabError`` that says what ``place`` got instead.
    """
    if isinstance(source, History):
        return [_named(source, source)]
    trainer = _trainer(source, place, "a History, an Experiment, a Runner or an Explorer")
    if isinstance(trainer, Experiment):
        return [_named(trainer, trainer.history)]
    lanes, runs = trainer.status().lanes, trainer.by_number
    found = [(lane.name, runs[lane.number]) for lane in lanes if lane.number in runs]
    return [NamedRun(name, run, run.history.still()) for name, run in found]


def _named(run: History | Experiment, history: History) -> NamedRun:
    still = history.still()
    return NamedRun(name_of_record(still), run, still)


def run_of(source: object, place: str) -> NamedRun:
    """The run, or the main run, that ``source`` stands for with its name. Raises as ``runs_of`` does."""
    return runs_of(source, place)[0]


def references_of(references: object, place: str) -> list[NamedRun]:
    """Reference runs with their names. Raises ``DfaLabError`` that says what ``place`` got where one is no run."""
    if isinstance(references, str) or not isinstance(references, Iterable):
        raise DfaLabError(
            f"{place} got references={shown(references)}; expected several runs, such as references=[bp, shallow]."
        )
    return [run_of(one, place) for one in references]


def record_of(
    source: object, kind: type[Record], read: Callable[[Experiment], Record], place: str, reader: str
) -> Record:
    """``source`` itself where it is such a record, else what ``read`` takes from its run (the main run).

    Raises ``DfaLabError`` that says what ``place`` got instead; ``reader`` is the call that gives such a record.
    """
    if isinstance(source, kind):
        return source
    expected = f"an Experiment, a Runner, an Explorer or the {kind.__name__} that {reader} gives"
    trainer = _trainer(source, place, expected)
    return read(trainer.experiment if isinstance(trainer, Runner) else trainer)


def snapshot_of(source: object, place: str) -> Snapshot:
    """``source`` itself where it is a Snapshot, else one of its run (the main run) as it stands, of the first replica.

    Raises ``DfaLabError`` that says what ``place`` got instead.
    """
    return record_of(source, Snapshot, Experiment.snapshot, place, "experiment.snapshot()")


def _trainer(source: object, place: str, expected: str) -> Experiment | Runner:
    trainer = source if isinstance(source, Experiment | Runner) else getattr(source, "runner", None)
    if isinstance(trainer, Experiment | Runner):
        return trainer
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
