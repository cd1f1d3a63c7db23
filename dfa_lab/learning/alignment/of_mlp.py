"""The alignment of an MLP, from its equations: one forward pass, δ by the rule, δ by BP.

Values are lists, one float64 tensor a hidden layer, () or with replicas (K,); angles in degrees.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dfa_lab.learning.alignment.angles import Gradients, angle, comparable
from dfa_lab.learning.alignment.conventions import CONVENTIONS, DEFAULT, Compared, compare
from dfa_lab.learning.alignment.rounding_floor import LIMIT, Rounding, rms
from dfa_lab.learning.feedback import shuffled
from dfa_lab.learning.mlp import Layers, Pass, deltas, downstream
from dfa_lab.learning.ops import generator
from dfa_lab.learning.rules import BP, Lesson, Route

Columns = dict[str, list[Tensor]]
Tensors = Sequence[Tensor]


def backward_matrix(layers: Layers, number: int) -> Tensor | None:
    """The matrix that carries the signal to hidden layer ``number`` (from 0) at this moment; None where none does."""
    return layers.backward_matrix(number)


def by_backpropagation(layers: Layers) -> Layers:
    """The same network as BP sees it: W carries the signal and f′ multiplies it, whatever g the rule uses."""
    return replace(layers, rule=BP, feedback=(), slope=layers.exact_slope)


def mean_slopes(layers: Layers, seen: Pass) -> list[Tensor]:
    """The mean over samples of f′ in each hidden layer, (…, n_l)."""
    pairs = zip(seen.preactivations[:-1], seen.activities[1:-1], strict=True)
    return [layers.exact_slope(a, h).mean(-2) for a, h in pairs]


def measure_weights(layers: Layers, seen: Pass, *, linearised: bool = False) -> Columns:
    """How the matrices stand: ``weight_alignment`` and ``feedback_product_alignment``."""
    direct = layers.rule.route is Route.DIRECT
    slopes = mean_slopes(layers, seen) if linearised and direct else None
    nothing = _nothing(layers)
    columns: Columns = {"weight_alignment": [], "feedback_product_alignment": []}
    for number in range(len(layers.weights) - 1):
        own = downstream(layers.weights, number + 1, layers.rule.route, slopes)
        carried = backward_matrix(layers, number)
        columns["weight_alignment"].append(nothing if carried is None else _between(carried, own))
        product = layers.feedback[number].mT @ layers.feedback[number - 1] if direct and number else None
        columns["feedback_product_alignment"].append(
            nothing if product is None else _between(product, layers.weights[number])
        )
    return columns


def _nothing(layers: Layers) -> Tensor:
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
    for same in _of_one_width(theirs):
        picked = [[side[n] for n in same] for side in (ours, theirs, seen.activities, signals, bp_signals) if side]
        compared = _compared(*picked)
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


def _of_one_width(found: list[Tensor]) -> list[list[int]]:
    """The numbers of the layers that can be compared together, as one tensor."""
    groups: dict[int, list[int]] = {}
    for number, delta in enumerate(found):
        groups.setdefault(delta.shape[-1], []).append(number)
    return list(groups.values())


def _compared(ours: Tensors, theirs: Tensors, inputs: Tensors, *signals: Tensors) -> Compared:
    """Layers of one width together, in a leading dimension; ``signals`` are the rule's and BP's, if both are given."""
    pair = comparable(torch.stack(list(ours))), comparable(torch.stack(list(theirs)))

    def gradients() -> Gradients:
        return Gradients.stacked([Gradients.of_products(*one) for one in zip(*pair, inputs, strict=True)])

    both = [torch.stack(list(side)) for side in signals]
    return Compared([pair], [(both[0], both[1])] if len(both) == 2 else [], gradients)


def measure_chance(
    layers: Layers,
    seen: Pass,
    error: Tensor,
    lesson: Lesson | None = None,
    *,
    convention: str = DEFAULT,
    draws: int = 16,
) -> Columns:
    """The chance bands: where both alignments would lie, in degrees, for a B independent of the weights.

    ``weight_alignment_chance`` is one sd about 90°: 57.3°/√n, n the entries of B (exact for independent entries).
    For gradients, whose samples share e, that formula is wrong; B is redrawn ``draws`` times at the same weights by
    ``shuffled``. ``gradient_alignment_chance_mean`` is 90°, for B and −B are equally likely, and
    ``gradient_alignment_chance`` the root mean square distance from it, itself uncertain by 1/√(2·draws). NaN for a
    rule without feedback, or whose feedback follows the weights' signs: it has no band.
    """
    nothing = _nothing(layers)
    by_redrawing = [nothing] * (len(layers.weights) - 1)
    chances = by_redrawing
    if layers.rule.needs_feedback and not layers.rule.magnitudes:
        sizes = [matrix.shape[-2] * matrix.shape[-1] for matrix in layers.feedback]
        chances = [torch.full_like(nothing, math.degrees(1 / math.sqrt(size))) for size in sizes]
        if draws:
            by_redrawing = _spread_by_redrawing(layers, seen, error, lesson, convention, draws)
    return {
        "weight_alignment_chance": chances,
        "gradient_alignment_chance": by_redrawing,
        "gradient_alignment_chance_mean": [torch.where(sd.isnan(), sd, 90.0) for sd in by_redrawing],
    }


def _spread_by_redrawing(
    layers: Layers, seen: Pass, error: Tensor, lesson: Lesson | None, convention: str, draws: int
) -> list[Tensor]:
    theirs = hidden_deltas(deltas(by_backpropagation(layers), seen, error), seen)
    stream, squares = generator(0, "chance"), [torch.zeros_like(_nothing(layers)) for _ in theirs]
    for _ in range(draws):  # one after another: fresh memory for all of them costs more than the calls
        drawn = [shuffled(matrix, stream) for matrix in layers.feedback]
        ours = hidden_deltas(deltas(replace(layers, feedback=drawn), seen, error, lesson), seen)
        for same in _of_one_width(theirs):
            parts = ([side[n] for n in same] for side in (ours, theirs, seen.activities))
            for number, found in zip(same, CONVENTIONS[convention].measure(_compared(*parts)), strict=True):
                squares[number] += (found - 90).square()
    return [(total / draws).sqrt() for total in squares]
