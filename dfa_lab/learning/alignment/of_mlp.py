"""The alignment of an MLP, from its equations: one forward pass, δ by the rule, δ by BP.

Values are lists, one float64 tensor a hidden layer, () or with replicas (K,); angles in degrees.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from dfa_lab.learning.alignment.angles import GradientPair, angle, comparable
from dfa_lab.learning.alignment.conventions import Compared, compare
from dfa_lab.learning.alignment.rounding_floor import LIMIT, Rounding, rms
from dfa_lab.learning.mlp import Layers, Pass, deltas, downstream
from dfa_lab.learning.rules import BP, Lesson, Route

Columns = dict[str, list[Tensor]]
Tensors = Sequence[Tensor]


def by_backpropagation(layers: Layers) -> Layers:
    """The same network as BP sees it: W carries the signal and f′ multiplies it, whatever g the rule uses."""
    return replace(layers, rule=BP, feedback=(), slope=layers.exact_slope, slopes=())


def mean_slopes(layers: Layers, seen: Pass) -> list[Tensor]:
    """The mean over samples of f′ in each hidden layer, (…, n_l)."""
    pairs = zip(seen.preactivations[:-1], seen.activities[1:-1], strict=True)
    return [layers.exact_slope(a, h).mean(-2) for a, h in pairs]


def measure_weights(layers: Layers, seen: Pass, *, linearised: bool = False) -> Columns:
    """How the matrices stand: ``weight_alignment`` and ``feedback_product_alignment``."""
    direct = layers.rule.route is Route.DIRECT
    slopes = mean_slopes(layers, seen) if linearised and direct else None
    nothing = undefined(layers)
    columns: Columns = {"weight_alignment": [], "feedback_product_alignment": []}
    former: Any = None
    for number in range(len(layers.weights) - 1):
        own = downstream(layers.weights, number + 1, layers.rule.route, slopes)
        carried: Any = layers.backward_matrix(number)
        columns["weight_alignment"].append(nothing if carried is None else _between(carried, own))
        product = carried.mT @ former if direct and number else None
        former = carried
        columns["feedback_product_alignment"].append(
            nothing if product is None else _between(product, layers.weights[number])
        )
    return columns


def undefined(layers: Layers) -> Tensor:
    """NaN, () or (K,)."""
    return torch.full(layers.weights[0].shape[:-2], math.nan, dtype=torch.float64)


def _between(left: Tensor, right: Tensor) -> Tensor:
    return angle(left.expand_as(right).flatten(-2), right.flatten(-2))


def measure_mlp(
    layers: Layers,
    seen: Pass,
    error: Tensor,
    lesson: Lesson | None = None,
    *,
    reduction: str = "mean",
    linearised: bool = False,
) -> Columns:
    """Every number but the chance bands, from one forward pass and its e under a loss with this ``reduction``."""
    signals: list[Tensor] = []
    bp_signals: list[Tensor] = []
    ours = hidden_deltas(deltas(layers, seen, error, lesson, signals), seen)
    theirs = hidden_deltas(deltas(by_backpropagation(layers), seen, error, None, bp_signals), seen)
    signals.reverse()
    bp_signals.reverse()
    columns = measure_weights(layers, seen, linearised=linearised)
    sizes: dict[int, tuple[Tensor, Tensor]] = {}
    for same in of_one_width(theirs):
        picked = [[side[n] for n in same] for side in (ours, theirs, seen.activities, signals, bp_signals) if side]
        compared = layers_together(*picked)
        for name, values in compare(compared).items():
            column = columns.setdefault(name, [values[0]] * len(theirs))
            for number, value in zip(same, values, strict=True):
                column[number] = value
        both = torch.stack(picked[-1]), compared.deltas[0][1]
        sizes.update(zip(same, zip(*(rms(one.flatten(-2)) for one in both), strict=True), strict=True))
    scale = 1 / error.shape[-2] if reduction == "mean" else 1.0
    rounding = Rounding(seen.output, error, scale, replicas=error.dim() == 3)
    floors = [rounding.through(*sizes[number]) for number in reversed(range(len(theirs)))]
    return columns | {"at_floor": [(found > LIMIT).double() for found in reversed(floors)]}


def hidden_deltas(found: list[Tensor | None], seen: Pass) -> list[Tensor]:
    """The hidden layers' deltas, zeros where a layer receives nothing."""
    pairs = zip(found[:-1], seen.activities[1:-1], strict=True)
    return [torch.zeros_like(h) if delta is None else delta for delta, h in pairs]


def of_one_width(found: list[Tensor]) -> list[list[int]]:
    """The numbers of the layers that can be compared together, as one tensor."""
    groups: dict[int, list[int]] = {}
    for number, delta in enumerate(found):
        groups.setdefault(delta.shape[-1], []).append(number)
    return list(groups.values())


def layers_together(ours: Tensors, theirs: Tensors, inputs: Tensors, *signals: Tensors) -> Compared:
    """Layers of one width together, in a leading dimension; ``signals`` are the rule's and BP's, if both are given."""
    pair = comparable(torch.stack(list(ours))), comparable(torch.stack(list(theirs)))

    def gradients() -> GradientPair:
        return GradientPair.stacked([GradientPair.of_products(*one) for one in zip(*pair, inputs, strict=True)])

    both = [torch.stack(list(side)) for side in signals]
    return Compared([pair], [(both[0], both[1])] if len(both) == 2 else [], gradients)
