"""Commands: what a runner can be told, checked when they are made, and the status it answers with.

A ``lane`` is a lane's own number, 0 the run itself; None, where it may be, means all of them. A number stays with its
lane for good and comes never again: a command that arrives late finds its lane, or none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from dfa_lab.errors import DfaLabError, shown, whole_number
from dfa_lab.experiment.settings import Settings

#: The slowest and the fastest speed limit there are, in steps a second: a step in a quarter of an hour, and no limit.
SLOWEST, FASTEST = 1e-3, 1e6
#: The most steps that a command may name.
MOST_STEPS = 10**15


@dataclass(frozen=True)
class Play:
    """Train on, for ``steps`` steps or until told to pause."""

    steps: int | None = None

    def __post_init__(self) -> None:
        if self.steps is not None:
            whole_number("steps", self.steps, 1, MOST_STEPS, instead="None")


@dataclass(frozen=True)
class Pause:
    """Stop at the next step boundary."""


@dataclass(frozen=True)
class Measure:
    """Measure the step at which every lane stands, by hand; at rest that is done without being told."""


@dataclass(frozen=True)
class Change:
    """Turn live knobs, in all lanes or in none."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    lane: int | None = 0

    def __post_init__(self) -> None:
        _check_fields(self.fields)
        _check_lane(self.lane, every=True)


@dataclass(frozen=True)
class Reset:
    """A new run with the settings in force and ``fields``; the other lanes go, and training stops."""

    fields: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_fields(self.fields)


@dataclass(frozen=True)
class Fork:
    """One more lane that stands where ``lane`` stands, with ``fields`` changed from here on."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    lane: int = 0
    name: str | None = None

    def __post_init__(self) -> None:
        _check_fields(self.fields)
        _check_lane(self.lane)
        if self.name is not None and not isinstance(self.name, str):
            raise DfaLabError(f"a lane's name was given as {shown(self.name)}; expected a text or None.")


@dataclass(frozen=True)
class Drop:
    """Take a lane away. Lane 0 stays."""

    lane: int

    def __post_init__(self) -> None:
        _check_lane(self.lane)
        if self.lane == 0:
            raise DfaLabError("lane 0 is the run itself and stays; drop another lane, or reset.")


@dataclass(frozen=True)
class Undo:
    """Take back the last change; with lane None in every lane that has one."""

    lane: int | None = 0

    def __post_init__(self) -> None:
        _check_lane(self.lane, every=True)


class LaneOfSession(Protocol):
    """A lane as a session has it: a fork at step 0 with live fields changed."""

    @property
    def name(self) -> str:
        """What a legend calls it."""

    @property
    def fields(self) -> Mapping[str, Any]:
        """The live settings in which it differs."""


class SessionLike(Protocol):
    """What a runner reads of a session."""

    @property
    def settings(self) -> Settings:
        """At step 0."""

    @property
    def changes(self) -> Sequence[tuple[int, Mapping[str, Any]]]:
        """(step, live fields changed together), in order."""

    @property
    def steps(self) -> int:
        """How far it went; 0: not begun."""

    @property
    def lanes(self) -> Sequence[LaneOfSession]:
        """Beside the run itself."""


@dataclass(frozen=True)
class Load:
    """Begin the run of ``session``: its settings, lanes and, as they come due while it trains, its changes."""

    session: SessionLike


@dataclass(frozen=True)
class Limit:
    """Train no faster than this, in steps a second; None as fast as it goes."""

    steps_per_s: float | None

    def __post_init__(self) -> None:
        if self.steps_per_s is not None and not is_speed(self.steps_per_s):
            raise DfaLabError(
                f"the speed limit was given as {shown(self.steps_per_s)}; expected steps a second from {SLOWEST} to "
                f"{FASTEST:,.0f}, or None for no limit."
            )


@dataclass(frozen=True)
class StopAt:
    """Pause when every lane has done ``step`` steps; None: nowhere."""

    step: int | None

    def __post_init__(self) -> None:
        if self.step is not None:
            whole_number("the step to stop at", self.step, 1, MOST_STEPS, instead="None")


@dataclass(frozen=True)
class Close:
    """End the thread."""


Command = Play | Pause | Measure | Change | Reset | Fork | Drop | Undo | Load | Limit | StopAt | Close


@dataclass(frozen=True)
class LaneStatus:
    """How one lane stands; ``number`` is what commands call it by."""

    number: int
    name: str
    steps_done: int
    settings: Settings


@dataclass(frozen=True)
class Status:
    """How a runner stands: training or not, lane 0's counts and settings in force, the last error in words or "".

    ``lanes`` are all of them, ``limit`` in steps a second, ``stop_at`` a step. ``eta_s`` is the seconds to that step or
    to the end of play(steps), at the recent pace; None while nothing trains, without an end, and before it is known.
    ``planned`` is the number of changes that a loaded session still brings.
    """

    running: bool
    steps_done: int
    samples_seen: int
    settings: Settings
    error: str
    lanes: tuple[LaneStatus, ...] = ()
    limit: float | None = None
    stop_at: int | None = None
    eta_s: float | None = None
    planned: int = 0


def is_speed(given: Any) -> bool:
    """Whether ``given`` is a number of steps a second that a run can be held to."""
    return isinstance(given, int | float) and not isinstance(given, bool) and SLOWEST <= given <= FASTEST


def _check_fields(given: Any) -> None:
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise DfaLabError(f"settings were given as {shown(given)}; expected names with their values.")


def _check_lane(given: Any, *, every: bool = False) -> None:
    if given is None and every:
        return
    whole_number("lane", given, 0, instead="None for all" if every else "")
