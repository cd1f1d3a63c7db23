"""Comparison: BP's speed told beside lanes that train, once they have found their own."""

from __future__ import annotations

import time
from collections.abc import Sequence

from dfa_lab.experiment.experiment import Experiment
from dfa_lab.experiment.lanes import Lane
from dfa_lab.experiment.pace import Pace

# So many turns after something may have changed the speed, or so many seconds.
STEADY_STEPS, STEADY_SECONDS = 100, 0.5


class Comparison:
    """Waits for a steady run, then has ``Pace`` measured and recorded; where it is not ``wanted`` it never does."""

    def __init__(self, wanted: bool) -> None:
        self._wanted, self._pace = wanted, Pace()
        self._told, self._turns, self._since = True, 0, 0.0

    def begin(self) -> None:
        """The speed may be another from now on."""
        self._told, self._turns, self._since = not self._wanted, 0, time.perf_counter()

    def is_due(self) -> bool:
        """To be asked before each turn: whether to ``tell`` now."""
        self._turns += 1
        steady = self._turns > STEADY_STEPS or time.perf_counter() - self._since > STEADY_SECONDS
        return not self._told and steady

    def tell(self, lanes: Sequence[Lane]) -> None:
        """Measure and record; the lanes' clocks stand still meanwhile. What fails is raised and not tried again."""
        self._told = True
        for lane in lanes:
            lane.hold()
        try:
            self._pace.tell(lane.experiment for lane in lanes)
        finally:
            for lane in lanes:
                lane.release()

    def forget(self, experiment: Experiment) -> None:
        """The run went back, and may have lost what was told."""
        self._pace.forget(experiment)
