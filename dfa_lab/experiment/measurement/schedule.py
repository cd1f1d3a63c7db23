"""Cadence: at which steps a run is measured. It follows from counted operations, never from a clock.

So the same settings are measured at the same steps on every machine, and measuring stays a small share of the time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dfa_lab.experiment.training import Work

#: Share of a run of HORIZON steps that its probes may cost: alignment, chance bands and snapshots.
PROBE_SHARE = 0.05
HORIZON = 2000
#: Share of the training that going through the whole test split may cost.
TEST_SHARE = 0.1
#: The distances between probes that are chosen from, in steps; then ten times as many, and so on.
DISTANCES = (10, 20, 50)


@dataclass(frozen=True)
class Cadence:
    """Alignment is measured at steps 0, 1, 2, 4, 8 … and every ``every`` steps, the test split every ``test_every``.

    With ``test_early`` it is gone through at the early steps too. They count from the last ``jump``, the step at which
    a change made the angles others: 0 where there was none. Snapshots to fall back to are taken with the
    probes; not ``aligned`` means that they are taken and nothing else is measured there.
    """

    every: int
    test_every: int
    test_early: bool
    aligned: bool = True

    @classmethod
    def of(cls, work: Work, every: int | None) -> Cadence:
        """The cadence that follows from ``work``; ``every``, where it is given, is kept to, and 0 aligns nothing."""
        chosen = every or _fitting(work)
        early = _early(chosen) * work.test <= TEST_SHARE * HORIZON * work.step
        apart = math.ceil(work.test / (TEST_SHARE * work.step) / chosen)
        return cls(chosen, chosen * max(1, apart), early, every != 0)

    def alignment_is_due(self, step: int, jump: int = 0) -> bool:
        """At 0, 1, 2, 4, 8 … steps from the jump, below ``every``, and at its multiples."""
        return self._is_early(step - jump) or step % self.every == 0

    def chance_is_due(self, step: int) -> bool:
        """At ``every`` times 8, 64, 512 …: the band moves slowly with the weights, and costs many backward passes.

        Beside these it is measured with the first probe, and where a change makes it another.
        """
        times, rest = divmod(step, self.every)
        return rest == 0 and times > 1 and times & (times - 1) == 0 and (times.bit_length() - 1) % 3 == 0

    def evaluation_is_due(self, step: int, jump: int = 0) -> bool:
        """At step 0 and at multiples of ``test_every``; with ``test_early`` wherever alignment is early."""
        return step % self.test_every == 0 or (self.test_early and self._is_early(step - jump))

    def _is_early(self, since: int) -> bool:
        return since < self.every and since & (since - 1) == 0


@dataclass
class Agenda:
    """What is to be measured whatever the cadence says: a ``probe`` before the next step, with its ``chance`` band.

    So it begins, and so it is after a ``jump``: the step at which a change made the angles others.
    """

    jump: int = 0
    probe: bool = True
    chance: bool = True

    def done(self, *, aligned: bool) -> None:
        """It was measured; the chance band only where alignment was."""
        self.probe, self.chance = False, self.chance and not aligned


def _early(every: int) -> int:
    """How many probes come before ``every``: at 0, 1, 2, 4 …"""
    return 1 + (every - 1).bit_length()


def _fitting(work: Work) -> int:
    """The shortest distance that keeps to PROBE_SHARE over HORIZON steps, and in the long run.

    Where the early probes alone exceed it over HORIZON steps, the shortest that adds nothing to what they cost there.
    """
    least = _cost_until_horizon(work, HORIZON)
    for power in range(12):
        for distance in DISTANCES:
            every = distance * 10**power
            allowed = max(PROBE_SHARE * HORIZON * work.step, least)
            if _cost_until_horizon(work, every) <= allowed and work.probe <= PROBE_SHARE * every * work.step:
                return every
    return every


def _cost_until_horizon(work: Work, every: int) -> float:
    """Of all probes and chance bands of HORIZON steps."""
    cadence = Cadence(every, every, False)
    later = range(every, HORIZON + 1, every)
    chances = 1 + sum(cadence.chance_is_due(step) for step in later)
    return (_early(min(every, HORIZON + 1)) + len(later)) * work.probe + chances * work.chance
