"""Schedule: at which steps a run is measured. It follows from counted operations, never from a clock.

So the same settings are measured at the same steps on every machine, and measuring stays a small share of the time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dfa_lab.experiment.training import Costs

#: Share of a run of HORIZON steps that its probes may cost: alignment, chance bands and checkpoints.
PROBE_SHARE = 0.05
HORIZON = 2000
#: Share of the training that going through the whole test split may cost.
TEST_SHARE = 0.1
#: Multiply-adds that going through the test split may take where somebody waits for it: a tenth of a second or so.
QUICK = 3.5e9
#: The distances between probes that are chosen from, in steps; then ten times as many, and so on.
DISTANCES = (10, 20, 50)


@dataclass(frozen=True)
class Schedule:
    """Alignment is measured at steps 0, 1, 2, 4, 8 … and every ``every`` steps, the test split every ``test_every``.

    With ``test_early`` the test split is measured at the early steps too. Early steps count from the ``restart`` step:
    the last at which a change made the angles others, 0 where there was none. At each of these steps the run keeps a
    checkpoint; where it is not ``aligned``, alignment is not measured there.
    """

    every: int
    test_every: int
    test_early: bool
    aligned: bool = True

    @classmethod
    def of(cls, costs: Costs, every: int | None) -> Schedule:
        """The schedule that follows from ``costs``; ``every``, where it is given, is kept to, and 0 aligns nothing."""
        chosen = every or _fitting(costs)
        early = _early(chosen) * costs.test <= TEST_SHARE * HORIZON * costs.step
        apart = math.ceil(costs.test / (TEST_SHARE * costs.step) / chosen)
        return cls(chosen, chosen * max(1, apart), early, every != 0)

    def alignment_is_due(self, step: int, restart: int = 0) -> bool:
        """At 0, 1, 2, 4, 8 … steps from the restart, below ``every``, and at its multiples."""
        return self._is_early(step - restart) or step % self.every == 0

    def chance_is_due(self, step: int) -> bool:
        """At ``every`` times 8, 64, 512 …: the band moves slowly with the weights, and costs many backward passes.

        Beside these it is measured with the first probe, and where a change makes it another.
        """
        times, rest = divmod(step, self.every)
        return rest == 0 and times > 1 and times & (times - 1) == 0 and (times.bit_length() - 1) % 3 == 0

    def evaluation_is_due(self, step: int, restart: int = 0) -> bool:
        """At step 0 and at multiples of ``test_every``; with ``test_early`` wherever alignment is early."""
        return step % self.test_every == 0 or (self.test_early and self._is_early(step - restart))

    def _is_early(self, since: int) -> bool:
        return since < self.every and since & (since - 1) == 0


@dataclass
class Pending:
    """What is to be measured before the next step whatever the schedule says: a ``probe``, and a ``chance`` band.

    So a run begins, and so it goes on after a change of the angles, at its ``restart`` step.
    """

    restart: int = 0
    probe: bool = True
    chance: bool = True

    def done(self, *, aligned: bool) -> None:
        """It was measured; the chance band only where alignment was."""
        self.probe, self.chance = False, self.chance and not aligned


def _early(every: int) -> int:
    """How many probes come before ``every``: at 0, 1, 2, 4 …"""
    return 1 + (every - 1).bit_length()


def _fitting(costs: Costs) -> int:
    """The shortest distance that keeps to PROBE_SHARE over HORIZON steps, and in the long run.

    Where the early probes alone exceed it over HORIZON steps, the shortest that adds nothing to what they cost there.
    """
    allowed = max(PROBE_SHARE * HORIZON * costs.step, _cost_until_horizon(costs, HORIZON))
    for power in range(12):
        for distance in DISTANCES:
            every = distance * 10**power
            if _cost_until_horizon(costs, every) <= allowed and costs.probe <= PROBE_SHARE * every * costs.step:
                return every
    return every


def _cost_until_horizon(costs: Costs, every: int) -> float:
    """What all probes and chance bands of HORIZON steps cost."""
    schedule = Schedule(every, every, False)
    later = range(every, HORIZON + 1, every)
    chances = 1 + sum(schedule.chance_is_due(step) for step in later)
    return (_early(min(every, HORIZON + 1)) + len(later)) * costs.probe + chances * costs.chance
