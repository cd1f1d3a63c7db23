"""Up to four runs side by side, and what can be done to them: change, undo, fork, drop, reset, load. Knows no thread.

A lane's own throughput is that of its own steps: the time in which the others train is left out of its clock.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.history import NameReader, SeriesKey, name_of, unused
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.runner.rest_measurement import Measured
from dfa_lab.experiment.runner.scheduled_changes import ScheduledChanges, SessionLike
from dfa_lab.experiment.settings import MOST_LANES, Settings
from dfa_lab.experiment.training import ThroughputClock
from dfa_lab.learning.rules import RULES

#: How many runs train side by side at most.
LANES = 1 + MOST_LANES


@dataclass(frozen=True)
class LaneStatus:
    """How one lane stands; ``number`` is what commands call it by, ``forked_at`` the step at which it was forked.

    ``inherited`` says how many rows of each series, the dropped ones included, are of the run that it was forked from.
    """

    number: int
    name: str
    steps_done: int
    settings: Settings
    forked_at: int = 0
    inherited: Mapping[SeriesKey, int] = field(default_factory=dict, repr=False, compare=False)


class Lane:
    """One run: its experiment, its ``number`` for good, and the ``scheduled`` changes of a loaded session."""

    def __init__(self, experiment: Experiment, number: int, scheduled: ScheduledChanges | None = None) -> None:
        if not isinstance(experiment, Experiment):
            raise DfaLabError(f"a runner was given {shown(experiment)}; expected an Experiment: Runner(Experiment(…)).")
        self.experiment, self.number = experiment, number
        self.scheduled = scheduled or ScheduledChanges()
        self.forked_fields: dict[str, Any] = {}  # what was changed when it was forked: its name says so
        self.keeps_name = False  # its user gave it its name
        self.inherited: dict[SeriesKey, int] = {}
        self.forked_at, self.changes_before = experiment.steps_done, len(experiment.history.events)
        self._only_steps = False  # others train in between: only the time inside a step counts
        self._timed_on_copy = False
        self.names = NameReader()

    @property
    def _clock(self) -> ThroughputClock:
        return self.experiment.trainer.clock

    def own_name(self) -> str:
        """The name of a forked lane, whatever the others are called: that at the fork, then what was changed since."""
        history, fields = self.experiment.history, {"rule", *self.forked_fields}
        start = None if self.keeps_name else self.forked_at
        return str(self.names.read(history, history.name, fields, self.changes_before, start, self.forked_fields))

    def step(self) -> bool:
        """One update, then the changes scheduled for that step; return whether there were any."""
        self._clock.silent = self._timed_on_copy
        if self._only_steps:
            self._clock.resume()
        try:
            self.experiment.step()
            return bool(self.scheduled) and self.scheduled.make_due(self.experiment)
        finally:
            self._clock.silent = False  # maybe another clock by now: a change may have begun the run anew
            if self._only_steps:
                self._clock.pause()

    def restart_clock(self) -> None:
        """Time up to now was not training."""
        self.experiment.resume_clock()
        self._resume()

    def hold_clock(self) -> None:
        """No time counts as training until ``count_time``."""
        self._clock.pause()

    def count_time(self, *, only_steps: bool, timed_on_copy: bool) -> None:
        """From now on time counts as training; or ``only_steps``, where something else happens between them.

        Where throughput is ``timed_on_copy``, no row says what the lane's own clock would.
        """
        self._only_steps, self._timed_on_copy = only_steps, timed_on_copy
        self._resume()

    def _resume(self) -> None:
        if self._only_steps:
            self._clock.pause()
        else:
            self._clock.resume()

    def measure(self) -> bool:
        """Measure the step where it stands, by hand; return whether anything was not measured before."""
        if not self._timed_on_copy:
            self.experiment.record_rate()  # a short run has no other row of its throughput
        rows = self.experiment.history.lengths()
        self.experiment.measure()
        return self.experiment.history.lengths() != rows


class Lanes:
    """The runs of a runner, ``all`` of them: lane 0, which is the same experiment for good, and its forks."""

    def __init__(self, experiment: Experiment) -> None:
        self.all: tuple[Lane, ...] = (Lane(experiment, 0),)
        self._numbers = itertools.count(1)
        self.session_name = ""  # what a session calls lane 0
        self._named: tuple[object, list[str]] = (None, [])

    def state(self) -> object:
        """Another value wherever the runs went on; None before any has begun."""
        runs = [(lane.number, lane.experiment) for lane in self.all]
        stands = tuple((number, run.steps_done, *_name_depends_on(run)) for number, run in runs)
        return stands if any(run.steps_done for _, run in runs) else None

    def reopen(self, lanes: Iterable[Lane], session_name: str) -> None:
        """Have these lanes, lane 0 first, as they were when they were saved."""
        self.all, self.session_name = tuple(lanes), session_name
        self._numbers = itertools.count(1 + max(lane.number for lane in self.all))

    def status(self) -> tuple[LaneStatus, ...]:
        """How each lane stands now, with names of which no two are alike.

        Lane 0 is named by its rule; where the others have the same rule, by its values of the fields that differ in
        them. A fork is named by the fields changed in it. Later changes follow in the name: "DFA, then FA".
        """
        lanes = self.all
        return tuple(
            LaneStatus(
                lane.number,
                name,
                lane.experiment.steps_done,
                lane.experiment.settings,
                lane.forked_at if lane.number else 0,
                lane.inherited,
            )
            for lane, name in zip(lanes, self._names_of(lanes), strict=True)
        )

    def _names_of(self, lanes: tuple[Lane, ...]) -> list[str]:
        """What each is called: made anew where one of them changed, or is another."""
        key = self.session_name, [(lane, *_name_depends_on(lane.experiment)) for lane in lanes]
        known, found = self._named
        if key != known:
            found = []
            for lane in lanes:
                found.append(unused(lane.own_name() if lane.number else self._name_of_first(lanes), found))
            self._named = key, found
        return found

    def _name_of_first(self, lanes: tuple[Lane, ...]) -> str:
        first, *others = lanes
        history, own = first.experiment.history, first.experiment.settings
        alike = [lane for lane in others if RULES.label(lane.experiment.settings.rule) == RULES.label(own.rule)]
        changed = {field for lane in others for field in lane.forked_fields} - {"rule"}
        differing = [
            field
            for field in Settings.live_fields()
            if field in changed
            and any(getattr(lane.experiment.settings, field) != getattr(own, field) for lane in alike)
        ]
        fields = differing if differing and len(alike) == len(others) else ["rule", *differing]
        at_start = {field: history.settings[field] for field in fields}
        found = first.names.read(history, name_of(at_start), set(fields), 0, 0, at_start)
        return self.session_name if self.session_name and not found.now else str(found)

    def chosen(self, lane: int | None) -> tuple[Lane, ...]:
        """Lane number ``lane``, or all of them for None. ``DfaLabError`` where there is none of that number."""
        if lane is None:
            return self.all
        if not (chosen := tuple(one for one in self.all if one.number == lane)):
            raise no_lane(lane, self.status())
        return chosen

    def measure(self, wanted: Callable[[], bool]) -> tuple[Measured, list[BaseException]]:
        """Measure the step of each lane that has begun, while that is ``wanted``; return the errors met as well."""
        measured: Measured = Measured.BEFORE
        errors: list[BaseException] = []
        for lane in self.all:
            if not lane.experiment.steps_done:
                continue
            if not wanted():
                return Measured.NOT, errors
            try:
                measured = Measured.NOW if lane.measure() else measured
            except BaseException as error:
                errors.append(error)
        return measured, errors

    def measure_by_hand(self) -> None:
        """Measure the step where each lane stands: see ``Experiment.measure``."""
        for lane in self.all:
            lane.experiment.measure()

    def change(self, fields: Mapping[str, Any], lane: int | None) -> None:
        """Change live settings of one lane or of all; an error changes none."""
        chosen = self.chosen(lane)
        with _all_or_none(chosen):
            for one in chosen:
                one.experiment.change(**fields)

    def undo(self, lane: int | None) -> None:
        """Take back the last change of a lane; of every lane that has one, and ``DfaLabError`` where none has."""
        chosen = self.chosen(lane)
        able = [one for one in chosen if one.experiment.undoable]
        with _all_or_none(able):
            for one in able or chosen:
                one.experiment.undo()

    def fork(self, fields: Mapping[str, Any], lane: int, name: str | None) -> None:
        """One more lane, at the end: a copy of ``lane`` with ``fields`` changed from here on."""
        (parent,) = self.chosen(lane)
        if len(self.all) == LANES:
            raise DfaLabError(f"there are {LANES} runs already, which is the most; drop one first.")
        parent.experiment.settings.changed(**fields)  # also refuses what fork itself would take for its own
        others = {one.number: one.name for one in self.status()}
        made = parent.experiment.fork(
            name=unused(name or name_of(fields) or others[parent.number], others.values()), **fields
        )
        made.undoable = []  # what was changed before is the other lane's; its name tells what is changed here
        made.resume_clock()
        another = Lane(made, next(self._numbers))
        another.inherited = {key: series.dropped + len(series) for key, series in made.history.series.items()}
        another.forked_fields = dict(fields) or {one: getattr(made.settings, one) for one in parent.forked_fields}
        another.keeps_name = bool(name) or (parent.keeps_name and not fields)
        self.all = (*self.all, another)
        self.session_name = ""

    def drop(self, lane: int) -> None:
        """Take a lane away."""
        gone = self.chosen(lane)
        self.all = tuple(one for one in self.all if one not in gone)

    def reset(self, fields: Mapping[str, Any]) -> None:
        """Lane 0 begins a new run, without scheduled changes; the others go."""
        run = self.all[0].experiment
        run.reset(**fields)
        self.session_name = ""
        self.all = (Lane(run, 0),)

    def load(self, session: SessionLike) -> None:
        """Lane 0 begins the session's run, with the session's lanes beside it. An error changes nothing.

        What the session changes later it changes in lane 0 alone, as its script does.
        """
        run = self.all[0].experiment
        if run.module is not None:
            raise DfaLabError("a session was given to a run of a module of one's own; load it where an MLP trains.")
        beside = tuple(session.lanes)
        if len(beside) > MOST_LANES:
            raise DfaLabError(f"a session was given {len(beside)} lanes; expected at most {MOST_LANES}.")
        changes = ScheduledChanges.of(session)
        # Whatever the session holds that cannot be done shows on a copy, while the run is whole.
        trial = Lanes(Experiment(session.settings))
        trial._numbers = self._numbers
        for lane in beside:
            trial.fork(lane.fields, 0, lane.name)
        changes.copy().make_due(trial.all[0].experiment)
        run.reset(**session.settings.values())
        first = Lane(run, 0, changes)
        first.scheduled.make_due(run)
        for other in trial.all[1:]:
            other.keeps_name = False  # as lane 0's, a name from a session is right until it is something else
        self.session_name = str(getattr(session, "name", "") or "")
        self.all = (first, *trial.all[1:])


@contextmanager
def _all_or_none(lanes: Sequence[Lane]) -> Iterator[None]:
    """An error inside leaves every one of several lanes as it was; what is done to one by itself does so anyway."""
    with ExitStack() as restoring:
        for one in lanes if len(lanes) > 1 else ():
            restoring.enter_context(one.experiment.restored_on_error())
        yield


def _name_depends_on(run: Experiment) -> tuple[object, ...]:
    """Where none of these is another, neither is the run's name: its record, how far that goes, the settings."""
    history = run.history
    return history.run_id, history.name, history.revision, len(history.events), run.settings


def no_lane(number: int, there: Iterable[LaneStatus]) -> DfaLabError:
    """The error for a number that none of the lanes has."""
    known = ", ".join(f"{one.number} ({one.name})" for one in there)
    return DfaLabError(
        f"lane was given as {shown(number, 100)}, which is not there or was dropped; there are: {known}."
    )
