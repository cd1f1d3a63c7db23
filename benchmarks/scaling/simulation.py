"""A sweep on many workers, by its clock alone: tasks, a scheduler that handles one message at a time, workers that die.

What is simulated is what the executor's side does: the sweep's process submits tasks one after another, the scheduler
hands each to a free worker, a worker does one at a time, and a task whose worker died is done again by another. No
network is trained and no message is sent.
"""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Costs:
    """Seconds that were measured: of the sweep's process and of the scheduler a task, and from a worker's start to its
    first step; ``delay`` is the time on the way to a worker and back, in which the worker waits."""

    submit: float
    schedule: float
    start: float
    delay: float = 0.001


@dataclass(frozen=True)
class Outcome:
    """How a sweep went: the seconds that it took, those of the tasks' own work, those that dead workers lost, those
    that the scheduler was busy; how many tasks there were, and how many workers died."""

    seconds: float
    work: float
    lost: float
    busy: float
    tasks: int
    died: int
    workers: int

    @property
    def efficiency(self) -> float:
        """The share of the workers' time that was work which was kept."""
        return self.work / (self.workers * self.seconds) if self.seconds else 1.0

    @property
    def load(self) -> float:
        """The share of its time that the scheduler was busy."""
        return self.busy / self.seconds if self.seconds else 0.0


def simulate(
    tasks: Sequence[float], workers: int, costs: Costs, *, life: float = math.inf, replaced: float = 0.0, seed: int = 0
) -> Outcome:
    """Do ``tasks``, given by their seconds in the order in which they are submitted, on ``workers``.

    ``life`` is the mean number of seconds after which a worker dies (exponential); one that died is back, after
    ``replaced`` seconds and its start. A task that was lost goes before those that wait, as Dask does it.
    """
    chance = random.Random(seed)  # seeded: the same table each time

    def death(born: float) -> float:
        return born + (chance.expovariate(1 / life) if life < math.inf else math.inf)

    # When a worker is free, and when it will die.
    free = [(costs.start, death(0.0)) for _ in range(workers)]
    heapq.heapify(free)
    again: list[tuple[float, float]] = []  # when a task was lost, and its seconds
    scheduler = lost = end = 0.0
    died = following = handled = 0
    while following < len(tasks) or again:
        now, dies = heapq.heappop(free)
        if again and (again[0][0] <= now or following == len(tasks)):
            ready, seconds = heapq.heappop(again)
        else:
            ready, seconds = (following + 1) * costs.submit, tasks[following]
            following += 1
        scheduler = max(scheduler, now, ready) + costs.schedule
        handled += 1
        begins = scheduler + costs.delay
        if dies <= begins:  # it died while it waited: the task waits for the next
            died += 1
            heapq.heappush(again, (max(ready, dies), seconds))
            heapq.heappush(free, (dies + replaced + costs.start, death(dies + replaced)))
        elif dies < begins + seconds:
            died += 1
            lost += dies - begins
            heapq.heappush(again, (dies, seconds))
            heapq.heappush(free, (dies + replaced + costs.start, death(dies + replaced)))
        else:
            end = max(end, begins + seconds)
            heapq.heappush(free, (begins + seconds, dies))
    return Outcome(end, math.fsum(tasks), lost, handled * costs.schedule, len(tasks), died, workers)
