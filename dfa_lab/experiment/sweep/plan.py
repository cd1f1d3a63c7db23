"""Plan: which runs of a sweep are trained side by side. It follows from the sweep and the number of workers alone."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

from dfa_lab.experiment.jobs import Group
from dfa_lab.experiment.settings import PER_REPLICA, Settings
from dfa_lab.experiment.sweep.feasibility import size_of
from dfa_lab.experiment.sweep.grid import Grid

#: Numbers that the replicas of a group may take together, their weights and the activities of a batch: 8 MB, which the
#: caches of a small machine hold. Where nobody knows how many workers there are, groups are smaller: beyond these a
#: run gains a tenth by more beside it, and what one worker trains is lost to the others (docs/decisions/0032).
NUMBERS, UNKNOWN_NUMBERS = 2_000_000, 800_000
#: The most replicas of a group, and how many groups a sweep is cut into before the groups grow beyond ``FEW``.
MOST, GROUPS, FEW = 64, 16, 8
#: Groups that a worker gets of a sweep that has the runs for it. Of unknown workers: how many groups there are then,
#: and how few runs such a group has at least, which costs each of them 6 % more than a larger one.
EACH, UNKNOWN, FEWEST = 3, 64, 4
#: Seconds of one thread within which a sweep is over before more workers have started.
SHORT = 4.0
#: The most groups that a user's executor is given, as long as they take less than ``LONG`` seconds each: a scheduler
#: handles some 400 tasks a second (docs/scaling.md).
TASKS, LONG = 30_000, 10.0
#: The settings on which the size of a network depends.
SIZED = ("task", "widths", "rule")
#: Multiply-adds a second of one thread, as the cost model counts them.
RATE = 35e9


def plan(grid: Grid, steps: int, size: int | None = None, workers: int | None = None) -> list[Group]:
    """The groups of a sweep, those that take longest first.

    Runs of a group differ in ``PER_REPLICA`` settings only. ``size`` is the most replicas of a group; None chooses it
    by the network and the batch, and so that there are groups for all ``workers``; None is a number nobody knows.
    """
    alike: dict[str, list[int]] = {}
    place = 0
    for fields in grid.combinations():
        key = _shared(fields)
        alike.setdefault(key, []).extend(range(place, place + len(grid.seeds)))
        place += len(grid.seeds)
    most = UNKNOWN_NUMBERS if workers is None else NUMBERS
    costs = {key: _costs(json.loads(key), steps, most) for key in alike}
    share = _share(place, sum(len(runs) * costs[key][1] for key, runs in alike.items()), workers)
    groups = []
    for key, runs in alike.items():
        fitting, seconds = costs[key]
        chosen = min(fitting, share)
        if workers is None:
            chosen = max(chosen, min(MOST, -(-place // TASKS), int(LONG / seconds)))
        groups += [Group(part, seconds) for part in cut(runs, size or chosen)]
    return sorted(groups, key=lambda one: -one.total)


def _costs(fields: dict[str, Any], steps: int, most: int) -> tuple[int, float]:
    """How many replicas of a run take at most so many numbers, and roughly its seconds."""
    batch = fields.get("batch_size", Settings.model_fields["batch_size"].default)
    of = size_of(json.dumps({name: value for name, value in fields.items() if name in SIZED}, sort_keys=True))
    fitting = max(1, min(MOST, most // (of.weights + batch * of.units)))
    return fitting, of.step(batch) * steps / RATE


def _share(runs: int, seconds: float, workers: int | None) -> int:
    """The most replicas of a group of a sweep that takes so many ``seconds`` in all, so that all workers have some."""
    few = max(FEW, -(-runs // GROUPS))
    if seconds < SHORT:
        return few
    if workers is None:
        return max(FEWEST, min(few, -(-runs // UNKNOWN)))
    each = min(max(1, runs // (FEW * workers)), max(EACH, GROUPS // workers))
    return -(-runs // (workers * each))


def _shared(fields: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in fields.items() if name not in PER_REPLICA}, sort_keys=True)


def cut(runs: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """``runs`` in order in as few parts of at most ``size`` as there can be, of nearly the same length."""
    parts = -(-len(runs) // size)
    edges = [len(runs) * part // parts for part in range(parts + 1)]
    return [tuple(runs[low:high]) for low, high in itertools.pairwise(edges)]
