"""What a runner can be told: each command with its arguments, the check of them when it is made, and what it does.

A ``lane`` is a lane's own number, 0 the run itself; None, where it may be, means all of them. A number stays with its
lane for good and comes never again: a command that arrives late finds its lane, or none.

A new command is a class here and a method of ``Runner``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from dfa_lab.errors import DfaLabError, shown, whole_number
from dfa_lab.experiment.runner.rate_limit import FASTEST, SLOWEST, is_speed
from dfa_lab.experiment.runner.scheduled_changes import SessionLike
from dfa_lab.experiment.runner.training import Training

#: The most steps that a command may name.
MOST_STEPS = 10**15


class Command(ABC):
    """One thing to do at a step boundary; after it the former error is off the status line, unless ``keeps_error``."""

    keeps_error: ClassVar[bool] = False

    @abstractmethod
    def apply(self, training: Training) -> None:
        """Do it, whole or not at all. Raises what goes wrong."""


@dataclass(frozen=True)
class Play(Command):
    """Train on, for ``steps`` steps or until told to pause."""

    steps: int | None = None

    def __post_init__(self) -> None:
        if self.steps is not None:
            whole_number("steps", self.steps, 1, MOST_STEPS, instead="None")

    def apply(self, training: Training) -> None:
        training.play(self.steps)


@dataclass(frozen=True)
class Pause(Command):
    """Stop at the next step boundary."""

    keeps_error = True

    def apply(self, training: Training) -> None:
        training.running = False


@dataclass(frozen=True)
class Close(Pause):
    """End the thread."""


@dataclass(frozen=True)
class Measure(Command):
    """Measure the step at which every lane stands, by hand; at rest that is done without being told."""

    def apply(self, training: Training) -> None:
        training.measure_before_change()
        for lane in training.lanes.all:
            lane.experiment.measure()


@dataclass(frozen=True)
class Change(Command):
    """Change live settings, in all lanes or in none."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    lane: int | None = 0

    def __post_init__(self) -> None:
        _check_fields(self.fields)
        _check_lane(self.lane, every=True)

    def apply(self, training: Training) -> None:
        training.measure_before_change()
        training.lanes.change(self.fields, self.lane)


@dataclass(frozen=True)
class Undo(Command):
    """Take back the last change; with lane None in every lane that has one."""

    lane: int | None = 0

    def __post_init__(self) -> None:
        _check_lane(self.lane, every=True)

    def apply(self, training: Training) -> None:
        training.measure_before_change()
        training.lanes.undo(self.lane)


@dataclass(frozen=True)
class Fork(Command):
    """One more lane that stands where ``lane`` stands, with ``fields`` changed from here on."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    lane: int = 0
    name: str | None = None

    def __post_init__(self) -> None:
        _check_fields(self.fields)
        _check_lane(self.lane)
        if self.name is not None and not isinstance(self.name, str):
            raise DfaLabError(f"a lane's name was given as {shown(self.name)}; expected a text or None.")

    def apply(self, training: Training) -> None:
        training.measure_before_change()
        training.lanes.fork(self.fields, self.lane, self.name)


@dataclass(frozen=True)
class Drop(Command):
    """Take a lane away. Lane 0 stays."""

    lane: int

    def __post_init__(self) -> None:
        _check_lane(self.lane)
        if self.lane == 0:
            raise DfaLabError("lane 0 is the run itself and stays; drop another lane, or reset.")

    def apply(self, training: Training) -> None:
        training.measure_before_change()
        training.lanes.drop(self.lane)


@dataclass(frozen=True)
class Reset(Command):
    """A new run with the settings in force and ``fields``; the other lanes go, and training stops."""

    fields: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_fields(self.fields)

    def apply(self, training: Training) -> None:
        training.lanes.reset(self.fields)
        training.stop_for_new_run()


@dataclass(frozen=True)
class Load(Command):
    """Begin the run of ``session``: its settings, lanes and, as they come due while it trains, its changes."""

    session: SessionLike

    def apply(self, training: Training) -> None:
        training.lanes.load(self.session)
        training.stop_for_new_run()
        training.stop_at = self.session.steps or None


@dataclass(frozen=True)
class Limit(Command):
    """Train no faster than this, in steps a second; None as fast as it goes. Without a thread it waits for nothing."""

    steps_per_s: float | None

    def __post_init__(self) -> None:
        if self.steps_per_s is not None and not is_speed(self.steps_per_s):
            raise DfaLabError(
                f"the speed limit was given as {shown(self.steps_per_s)}; expected steps a second from {SLOWEST} to "
                f"{FASTEST:,.0f}, or None for no limit."
            )

    def apply(self, training: Training) -> None:
        training.rate.limit = None if training.inline_steps is not None else self.steps_per_s
        training.rate.start()


@dataclass(frozen=True)
class StopAt(Command):
    """Pause when every lane has done ``step`` steps; None: nowhere."""

    step: int | None

    def __post_init__(self) -> None:
        if self.step is not None:
            whole_number("the step to stop at", self.step, 1, MOST_STEPS, instead="None")

    def apply(self, training: Training) -> None:
        training.stop_at = self.step


def _check_fields(given: Any) -> None:
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise DfaLabError(f"settings were given as {shown(given)}; expected names with their values.")


def _check_lane(given: Any, *, every: bool = False) -> None:
    if given is None and every:
        return
    whole_number("lane", given, 0, instead="None for all" if every else "")
