"""Plan: which runs of a sweep are trained side by side. It follows from the sweep alone, on every machine the same."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dfa_lab.experiment.data import make_task
from dfa_lab.experiment.settings import PER_REPLICA, Settings
from dfa_lab.experiment.sweep.grid import Grid
from dfa_lab.experiment.training import MLPLearner, make_mlp

#: Numbers that the replicas of a group may take together, their weights and the activities of a batch: what a core's
#: caches hold. Beyond it a replica more costs what it costs alone (docs/decisions/0032).
NUMBERS = 800_000
#: The most replicas of a group, and how many groups a sweep is cut into before the groups grow beyond ``FEW``.
MOST, GROUPS, FEW = 64, 16, 8
#: Multiply-adds a second of one thread, as the cost model counts them.
RATE = 35e9


@dataclass(frozen=True)
class Group:
    """Runs by their numbers in the grid, and roughly the seconds of one thread that they take together."""

    runs: tuple[int, ...]
    seconds: float


def plan(grid: Grid, steps: int, size: int | None = None) -> list[Group]:
    """The groups of a sweep, those that take longest first.

    Runs of a group differ in ``PER_REPLICA`` settings only. ``size`` is the most replicas of a group; None chooses it
    by the network and the batch, and so that there are some groups to share out.
    """
    alike: dict[str, list[int]] = {}
    examples: dict[str, dict[str, Any]] = {}
    place = 0
    for fields in grid.combinations():
        shared = {name: value for name, value in fields.items() if name not in PER_REPLICA}
        key = json.dumps(shared, sort_keys=True)
        examples.setdefault(key, shared)
        alike.setdefault(key, []).extend(range(place, place + len(grid.seeds)))
        place += len(grid.seeds)
    fair = max(FEW, -(-place // GROUPS))
    groups = []
    for key, runs in alike.items():
        fitting, seconds = cost_of(examples[key], steps)
        groups += [Group(part, seconds * len(part)) for part in cut(runs, size or min(fitting, fair))]
    return sorted(groups, key=lambda one: -one.seconds)


def cut(runs: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """``runs`` in order in as few parts of at most ``size`` as there can be, of nearly the same length."""
    parts = -(-len(runs) // size)
    edges = [len(runs) * part // parts for part in range(parts + 1)]
    return [tuple(runs[low:high]) for low, high in itertools.pairwise(edges)]


def cost_of(fields: Mapping[str, Any], steps: int) -> tuple[int, float]:
    """How many replicas fit into ``NUMBERS``, and roughly the seconds that a run takes."""
    settings = Settings(**fields)
    task = make_task(settings.task).flat()
    widths = [task.inputs, *settings.widths, task.outputs]
    weights = sum(above * below for below, above in itertools.pairwise(widths))
    fitting = NUMBERS // (weights + settings.batch_size * sum(widths))
    learner = MLPLearner(make_mlp(task, settings), task.objective, settings)
    return max(1, min(MOST, fitting)), learner.costs(len(task.test_targets)).step * steps / RATE
