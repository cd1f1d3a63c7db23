"""Comparison: the speed of lanes that train and BP's, timed in turn on copies once the lanes train steadily.

Timed alike they compare at any speed limit: by the clock of the training a run pays for its probes and for the screen,
a step under a limit comes cold out of its rest, and lanes that take turns push each other out of the caches.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.runner.bp_throughput import AGAIN, Pace
from dfa_lab.experiment.runner.lanes import Lane

# So many turns after something may have changed the speed, or so many seconds.
STEADY_STEPS, STEADY_SECONDS = 100, 0.5


class Comparison:
    """Waits for a steady run, then has ``Pace`` measured and recorded; where it is not ``wanted`` it never does."""

    def __init__(self, wanted: bool) -> None:
        self.wanted, self._pace = wanted, Pace()
        self._told, self._turns, self._since = True, 0, 0.0

    def begin(self) -> None:
        """The speed may be another from now on."""
        self._told, self._turns, self._since = not self.wanted, 0, time.perf_counter()

    def is_due(self) -> bool:
        """To be asked before each turn: whether to ``tell`` now."""
        self._turns += 1
        waited = time.perf_counter() - self._since
        if self._told:
            return self.wanted and waited > AGAIN
        return self._turns > STEADY_STEPS or waited > STEADY_SECONDS

    def tell(self, lanes: Sequence[Lane]) -> None:
        """Measure and record. What fails is raised and not tried again."""
        self._told, self._since = True, time.perf_counter()
        self._pace.tell(lane.experiment for lane in lanes)

    def forget(self, experiment: Experiment) -> None:
        """The run went back, and may have lost what was told."""
        self._pace.forget(experiment)
