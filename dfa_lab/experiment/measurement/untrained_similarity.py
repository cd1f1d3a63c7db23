"""UntrainedSimilarity: how alike each hidden layer is to itself in the untrained network that a run began from."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from dfa_lab.errors import DfaLabError
from dfa_lab.learning.interface import all_tensors
from dfa_lab.learning.similarity import LEAST_SAMPLES, hidden_activities, linear_cka

METRIC = "untrained_similarity"


class UntrainedSimilarity:
    """Measures a network beside the untrained one that ``make`` gives, on the same inputs.

    The untrained network is made, and its activities computed, once for each size of the batch; only these are kept.
    """

    def __init__(self, make: Callable[[], nn.Module]) -> None:
        self._make = make
        self._began: tuple[int, dict[str, Tensor]] = (0, {})

    def check(self, inputs: Any) -> None:
        """Raise ``DfaLabError`` where it says nothing: too few samples, or a network without hidden layers."""
        if (samples := _samples(inputs)) < LEAST_SAMPLES:
            raise DfaLabError(
                f"similarity was asked for on a probe batch of {samples}; expected {LEAST_SAMPLES} samples at least: "
                "give a greater probe_size, or a task with more test samples."
            )
        self._began = samples, hidden_activities(self._make(), inputs)

    def measure(self, net: nn.Module, inputs: Any) -> dict[str, list[list[float]]]:
        """Metric -> for each hidden layer of the untrained network its linear CKA with that of ``net``, by replica.

        NaN where there is no such number: of too few samples, a layer that gives all the same or what is not finite,
        and a feedback point that the rule in force has not.
        """
        samples = _samples(inputs)
        kept = self._began
        if kept[0] != samples:
            kept = self._began = samples, hidden_activities(self._make(), inputs, checked=False)
        now = hidden_activities(net, inputs, checked=False)
        return {METRIC: [_alike(one, now.get(name)) for name, one in kept[1].items()]}

    def copy(self) -> UntrainedSimilarity:
        """Another that begins with what this one has computed: for a fork, whose probe batch may become another."""
        other = UntrainedSimilarity(self._make)
        other._began = self._began
        return other


def _samples(inputs: Any) -> int:
    return len(all_tensors(inputs)[0])


def _alike(began: Tensor, now: Tensor | None) -> list[float]:
    pairs = zip(now, began, strict=True) if now is not None and began.dim() == 3 else [(now, began)]
    return [
        math.nan if x is None or len(x) < LEAST_SAMPLES or x.shape != y.shape else linear_cka(x, y) for x, y in pairs
    ]
