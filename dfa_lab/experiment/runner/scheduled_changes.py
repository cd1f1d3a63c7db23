"""The changes that a loaded session still brings, each at its own step."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.sessions import Session
from dfa_lab.experiment.settings import Settings

Changes = Sequence[tuple[int, Mapping[str, Any]]]
#: What a runner loads: a ``Session``, or anything with its ``settings``, ``changes``, ``steps`` and ``lanes``.
SessionLike = Session


class ScheduledChanges:
    """A queue of changes, (step, fields), in the order of their steps; its length is how many are to come."""

    def __init__(self, changes: Iterable[tuple[int, Mapping[str, Any]]] = ()) -> None:
        self._left = deque(changes)

    def __len__(self) -> int:
        return len(self._left)

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


def checked_changes(session: SessionLike) -> Changes:
    """The changes of ``session``, checked one after another. Raises ``DfaLabError`` for one that cannot be made."""
    found: list[tuple[int, Mapping[str, Any]]] = []
    settings, last = session.settings, 0
    for step, fields in session.changes:
        if isinstance(step, bool) or not isinstance(step, int) or step < last:
            raise DfaLabError(
                f"the session has a change at step {shown(step, 100)} after one at step {last}; expected whole "
                "numbers in their order."
            )
        after = settings.changed(**fields)
        Settings.check_live({name: fields[name] for name in fields if getattr(settings, name) != getattr(after, name)})
        settings, last = after, step
        found.append((step, dict(fields)))
    return found
