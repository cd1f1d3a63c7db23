"""The changes that a loaded session still brings, each at its own step."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from dfa_lab.errors import DfaLabError, shown, whole_number
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.sessions import Lane, Session
from dfa_lab.experiment.settings import MOST_STEPS, Settings


class SessionLike(Protocol):
    """What a runner loads: a ``Session``, or anything like it. That may hold what no file can, such as a function."""

    @property
    def settings(self) -> Settings:
        """The settings at step 0."""

    @property
    def changes(self) -> Sequence[tuple[int, Mapping[str, Any]]]:
        """(step, the live fields changed there), in order."""

    @property
    def steps(self) -> int:
        """The last step; 0 for none."""

    @property
    def lanes(self) -> Sequence[Lane]:
        """The runs beside it."""


class ScheduledChanges:
    """A queue of changes, (step, fields), in the order of their steps; its length is how many are to come.

    ``left_out`` names, in words, those that are missing since the save they were restored from could not hold them.
    """

    def __init__(self, changes: Iterable[tuple[int, Mapping[str, Any]]] = (), left_out: str = "") -> None:
        self._left, self.left_out = deque(changes), left_out

    @classmethod
    def of(cls, session: SessionLike) -> ScheduledChanges:
        """Those of ``session``; ``DfaLabError`` where they could not be made. A ``Session`` has checked its own."""
        if isinstance(session, Session):
            return cls(session.changes)
        settings, before, changes = session.settings, 0, tuple(session.changes)
        if not isinstance(settings, Settings):
            raise DfaLabError(f"a session's settings were given as {shown(settings)}; expected a Settings.")
        last = whole_number("a session's steps", session.steps, 0, MOST_STEPS)
        for step, fields in changes:
            if whole_number("a change's step", step, 0, last) < before:
                raise DfaLabError(f"a change at step {step} stands after one at step {before}; put them in order.")
            before, after = step, settings.changed(**fields)
            Settings.check_live({one: fields[one] for one in fields if getattr(settings, one) != getattr(after, one)})
            settings = after
        return cls(changes)

    def __len__(self) -> int:
        return len(self._left)

    def left(self) -> tuple[tuple[int, Mapping[str, Any]], ...]:
        """Those to come."""
        return tuple(self._left)

    def copy(self) -> ScheduledChanges:
        """Another with the same changes to come."""
        return ScheduledChanges(self._left, self.left_out)

    def make_due(self, experiment: Experiment) -> bool:
        """Make the changes that are due at the step of ``experiment``; return whether there were any.

        Raises ``DfaLabError`` for a change that fails; it is not tried again.
        """
        left, before = self._left, len(self._left)
        while left and left[0][0] <= experiment.steps_done:
            step, fields = left.popleft()
            try:
                experiment.change(**fields)
            except DfaLabError as reason:
                raise DfaLabError(f"the session's change at step {step} could not be made: {reason}") from reason
        return len(left) < before
