"""The changes that a loaded session still brings, each at its own step."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.run import Experiment


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
