"""Plan: which runs of a sweep are trained side by side. It follows from the sweep alone, on every machine the same."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

from dfa_lab.experiment.jobs import Group
from dfa_lab.experiment.settings import PER_REPLICA, Settings
from dfa_lab.experiment.sweep.feasibility import size_of
from dfa_lab.experiment.sweep.grid import Grid

#: Numbers that the replicas of a group may take together, their weights and the activities of a batch: what a core's
#: caches hold. Beyond it a replica more costs what it costs alone (docs/decisions/0032).
NUMBERS = 800_000
#: The most replicas of a group, and how many groups a sweep is cut into before the groups grow beyond ``FEW``.
MOST, GROUPS, FEW = 64, 16, 8
#: The settings on which the size of a network depends.
SIZED = ("task", "widths", "rule")
#: Multiply-adds a second of one thread, as the cost model counts them.
RATE = 35e9


def plan(grid: Grid, steps: int, size: int | None = None) -> list[Group]:
    """The groups of a sweep, those that take longest first.

    Runs of a group differ in ``PER_REPLICA`` settings only. ``size`` is the most replicas of a group; None chooses it
    by the network and the batch, and so that there are some groups to share out.
    """
    alike: dict[str, list[int]] = {}
    place = 0
    for fields in grid.combinations():
        key = _shared(fields)
        alike.setdefault(key, []).extend(range(place, place + len(grid.seeds)))
        place += len(grid.seeds)
    fair = max(FEW, -(-place // GROUPS))
    groups = []
    for key, runs in alike.items():
        fields = json.loads(key)
        batch = fields.get("batch_size", Settings.model_fields["batch_size"].default)
        of = size_of(json.dumps({name: value for name, value in fields.items() if name in SIZED}, sort_keys=True))
        fitting = max(1, min(MOST, NUMBERS // (of.weights + batch * of.units)))
        seconds = of.step(batch) * steps / RATE
        groups += [Group(part, seconds) for part in cut(runs, size or min(fitting, fair))]
    return sorted(groups, key=lambda one: -one.total)


def _shared(fields: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in fields.items() if name not in PER_REPLICA}, sort_keys=True)


def cut(runs: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """``runs`` in order in as few parts of at most ``size`` as there can be, of nearly the same length."""
    parts = -(-len(runs) // size)
    edges = [len(runs) * part // parts for part in range(parts + 1)]
    return [tuple(runs[low:high]) for low, high in itertools.pairwise(edges)]
