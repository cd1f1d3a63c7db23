"""The numbers of ``alignment.py`` for an MLP, from its equations: one forward pass, δ by the rule, δ by BP.

All values are lists, one tensor a hidden layer, () or with replicas (K,), in float64; angles in degrees.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from dfa_lab.learning.angles import Gradients, angle, comparable
from dfa_lab.learning.conventions import CONVENTIONS, DEFAULT, Compared, compare
from dfa_lab.learning.drawing import shuffled
from dfa_lab.learning.equations import Layers, Pass, deltas, downstream
from dfa_lab.learning.floor import Rounding
from dfa_lab.learning.generators import generator
from dfa_lab.learning.rule import Lesson, Route
from dfa_lab.learning.rules import BP

Columns = dict[str, list[Tensor]]


def backward_matrix(layers: Layers, number: int) -> Tensor | None:
    """The matrix that carries the signal to hidden layer ``number`` (from 0) at this moment; None where none does."""
    if layers.rule.route is Route.NONE:
        return None
    feedback = layers.feedback[number] if layers.rule.needs_feedback else None
    if layers.rule.route is Route.DIRECT:
        return feedback
    assert layers.rule.carrier is not None
    return layers.rule.carrier(layers.weights[number + 1], feedback)


def by_backpropagation(layers: Layers) -> Layers:
    """The same network as BP sees it: W carries the signal and f′ multiplies it, whatever g the rule uses."""
    return replace(layers, rule=BP, feedback=(), slope=layers.exact_slope)


def mean_slopes(layers: Layers, seen: Pass) -> list[Tensor]:
    """The mean over samples of f′ in each hidden layer, (…, n_l)."""
    pairs = zip(seen.preactivations[:-1], seen.activities[1:-1], strict=True)
    return [layers.exact_slope(a, h).mean(-2) for a, h in pairs]


def measure_weights(layers: Layers, seen: Pass, *, linearised: bool = False) -> Columns:
    """How the matrices stand: ``weight_alignment``, ``feedback_product_alignment`` and the partner's ``entries``."""
    direct = layers.rule.route is Route.DIRECT
    slopes = mean_slopes(layers, seen) if linearised and direct else None
    columns: Columns = {"entries": [], "weight_alignment": [], "feedback_product_alignment": []}
    for number in range(len(layers.weights) - 1):
        own = downstream(layers.weights, number + 1, layers.rule.route, slopes)
        nothing = torch.full(own.shape[:-2], math.nan, dtype=torch.float64)
        carried = backward_matrix(layers, number)
        columns["entries"].append(torch.full_like(nothing, own.shape[-2] * own.shape[-1]))
        columns["weight_alignment"].append(nothing if carried is None else _between(carried, own))
        product = layers.feedback[number].mT @ layers.feedback[number - 1] if direct and number else None
        columns["feedback_product_alignment"].append(
            nothing if product is None else _between(product, layers.weights[number])
        )
    return columns


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
    heard: list[Tensor] = []
    told: list[Tensor] = []
    ours = deltas(layers, seen, error, lesson, heard)
    theirs = deltas(by_backpropagation(layers), seen, error, None, told)
    scale = 1 / error.shape[-2] if reduction == "mean" else 1.0
    columns = measure_weights(layers, seen, linearised=linearised)
    rounding = Rounding(seen.output, error, scale, replicas=error.dim() == 3)
    found: list[dict[str, Tensor]] = []
    for number in reversed(range(len(theirs) - 1)):
        their, signal = theirs[number], told.pop(0)
        assert their is not None
        our = ours[number]
        our = torch.zeros_like(their) if our is None else our
        compared = _compared(our, their, seen.activities[number])
        rounding.through(signal, their)
        signals = [(heard.pop(0), signal)] if heard else []
        found.insert(0, {**compare(compared, signals), "at_floor": rounding.at_floor()})
    return columns | {name: [row[name] for row in found] for name in (found[0] if found else ())}


def _compared(ours: Tensor, theirs: Tensor, h: Tensor) -> Compared:
    ours, theirs = comparable(ours), comparable(theirs)
    h = h.expand(*theirs.shape[:-1], -1)
    return Compared([(ours, theirs)], lambda: Gradients.of_products(ours, theirs, h))


def measure_chance(
    layers: Layers,
    seen: Pass,
    error: Tensor,
    lesson: Lesson | None = None,
    *,
    convention: str = DEFAULT,
    draws: int = 16,
) -> Columns:
    """Where both alignments would lie, in degrees, for a B independent of the weights: the band that means nothing.

    ``weight_alignment_chance`` is one sd about 90°: 57.3°/√n, n the entries of B (exact for independent entries).
    For gradients, whose samples share e, that formula is wrong; B is redrawn ``draws`` times at the same weights (see
    ``drawing.shuffled``). ``gradient_alignment_chance_mean`` is 90°, for B and −B are equally likely, and
    ``gradient_alignment_chance`` the root mean square distance from it, itself uncertain by 1/√(2·draws). NaN for a
    rule without feedback, or whose feedback follows the weights' signs: it has no band.
    """
    hidden = len(layers.weights) - 1
    nothing = torch.full(layers.weights[0].shape[:-2], math.nan, dtype=torch.float64)
    names = ("weight_alignment_chance", "gradient_alignment_chance", "gradient_alignment_chance_mean")
    if not layers.rule.needs_feedback or layers.rule.magnitudes:
        return {name: [nothing] * hidden for name in names}
    theirs = deltas(by_backpropagation(layers), seen, error)
    stream = generator(0, "chance")
    squares = [torch.zeros_like(nothing) for _ in range(hidden)]
    for _ in range(draws):
        feedback = [shuffled(matrix, stream) for matrix in layers.feedback]
        ours = deltas(replace(layers, feedback=feedback), seen, error, lesson)
        for number, (our, their) in enumerate(zip(ours[:-1], theirs[:-1], strict=True)):
            assert our is not None
            assert their is not None
            pair = _compared(our, their, seen.activities[number])
            squares[number] += (CONVENTIONS[convention].measure(pair) - 90).square()
    chances = [math.degrees(1 / math.sqrt(matrix.shape[-2] * matrix.shape[-1])) for matrix in layers.feedback]
    by_redrawing = [(total / draws).sqrt() if draws else nothing for total in squares]
    return dict(
        zip(
            names,
            (
                [torch.full_like(nothing, chance) for chance in chances],
                by_redrawing,
                [torch.where(sd.isnan(), sd, 90.0) for sd in by_redrawing],
            ),
            strict=True,
        )
    )
