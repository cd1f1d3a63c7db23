"""Whether what the settings of a sweep describe together can be made, found out before anything runs."""

from __future__ import annotations

import functools
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.data import make_task
from dfa_lab.experiment.jobs import SweepMetric
from dfa_lab.experiment.settings import CHOICES, Settings
from dfa_lab.experiment.sweep.grid import Grid, Values, in_one
from dfa_lab.experiment.training import MLPLearner, make_mlp

#: The settings on whose combination it depends whether a network can be made. The rest are numbers in their ranges.
COMBINED = (*CHOICES, "widths", "momentum", "device")
#: Of more combinations, each pair of values is tried.
MOST_COMBINATIONS, MOST_PAIRS = 200, 1000


def check_combinations(grid: Grid) -> None:
    """Raise ``DfaLabError`` that lists every combination of settings which makes no network."""
    errors = []
    for fields in _tried(grid):
        try:
            size_of(json.dumps(fields, sort_keys=True))
        except DfaLabError as error:
            given = ", ".join(f"{name}={shown(value)}" for name, value in fields.items() if name in grid.columns)
            errors.append(f"{given}: {error}" if given else str(error))
    if errors:
        raise DfaLabError(in_one(errors, "combination"))


def check_layers(grid: Grid, metrics: Sequence[SweepMetric]) -> None:
    """Raise ``DfaLabError`` where a metric is that of a hidden layer which no network of the sweep has."""
    fixed = grid.fixed.get("widths", Settings.model_fields["widths"].default)
    deepest = max(len(widths) for part in grid.parts for widths in part.get("widths", [fixed]))
    for one in metrics:
        if one.layer.isdigit() and int(one.layer) > deepest:
            raise DfaLabError(
                f"nothing was run: the metric {one.column} is of hidden layer {one.layer}, and no network of this "
                f"sweep has more than {deepest}; expected a layer that there is, first or last."
            )


def _tried(grid: Grid) -> Iterator[dict[str, Any]]:
    fixed = {name: value for name, value in grid.fixed.items() if name in COMBINED}
    for part in grid.parts:
        values = {name: several for name, several in part.items() if name in COMBINED}
        for fields in _all(values) if math.prod(map(len, values.values())) <= MOST_COMBINATIONS else _pairs(values):
            yield {**fixed, **fields}


def _all(values: Values) -> Iterator[dict[str, Any]]:
    for several in itertools.product(*values.values()):
        yield dict(zip(values, several, strict=True))


def _pairs(values: Values) -> Iterator[dict[str, Any]]:
    """Every pair of values of two settings, the other settings at their first, as far as these are not too many."""
    first = {name: several[0] for name, several in values.items()}
    found = (
        {**first, one: left, two: right}
        for one, two in itertools.combinations(values, 2)
        for left, right in itertools.product(values[one], values[two])
    )
    return itertools.islice(found, MOST_PAIRS)


class Size(NamedTuple):
    """A network's ``weights`` and ``units``, and a step's multiply-adds: ``fixed`` ones, and those of a ``sample``."""

    weights: int
    units: int
    fixed: float
    sample: float

    def step(self, batch: int) -> float:
        """What a step costs."""
        return self.fixed + batch * self.sample


@functools.lru_cache(maxsize=4096)
def size_of(fields: str) -> Size:
    """The size of the network of settings as JSON. ``DfaLabError`` where they make none. The network is not kept."""
    given: Mapping[str, Any] = json.loads(fields)
    settings = Settings(**{name: tuple(one) if name == "widths" else one for name, one in given.items()})
    task = make_task(settings.task).flat()
    learner = MLPLearner(make_mlp(task, settings), task.objective, settings)
    one, two = (_step_of(learner, settings.changed(batch_size=batch)) for batch in (1, 2))
    weights = sum(matrix.numel() for matrix in learner.net.weights)
    return Size(weights, sum(learner.net.widths), 2 * one - two, two - one)


def _step_of(learner: MLPLearner, settings: Settings) -> float:
    learner.settings = settings
    return learner.costs(1).step
