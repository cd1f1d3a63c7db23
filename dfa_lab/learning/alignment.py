"""The angles: how far what a rule sends stands from what BP would send at the same weights.

All angles are in degrees, 0–180 and never folded: 180° is anti-alignment. Weight alignment of hidden layer l is the
angle between the matrix that really carries the signal to it and BP's own: for a layerwise rule carrier(W_{l+1},
B_{l+1}) with W_{l+1}; for a direct rule B_l with the downstream product W_L … W_{l+1}. Gradient alignment is the mean
over samples of the angle between the rule's δ_l (with g) and BP's δ_l (with f′). What is not defined is NaN: an angle
with a zero vector (a sample whose BP delta is all zero is left out), any alignment of a rule that sends nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from dfa_lab.learning.alignment_converted import measure_converted
from dfa_lab.learning.angles import angle
from dfa_lab.learning.converted import Converted
from dfa_lab.learning.equations import Layers, Pass, deltas, downstream, forward
from dfa_lab.learning.generators import generator
from dfa_lab.learning.handling import learner_of
from dfa_lab.learning.losses import checked_loss
from dfa_lab.learning.rule import Lesson, Route
from dfa_lab.learning.rules import BP


@dataclass(frozen=True)
class AlignmentRow:
    """One layer of one replica: angles in degrees, the norm ratio rule over BP, BP's norm of ∂L/∂W_l, its name."""

    layer: int
    replica: int
    weight_alignment: float
    gradient_alignment: float
    gradient_norm_ratio: float
    bp_gradient_norm: float
    name: str = ""


class Alignment(list[AlignmentRow]):
    """The rows of one measurement, a hidden layer (and replica) each."""

    def to_frame(self) -> pd.DataFrame:
        """The rows as a table."""
        columns = list(AlignmentRow.__dataclass_fields__)
        return pd.DataFrame([asdict(row) for row in self], columns=columns)


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


def weight_alignment(layers: Layers) -> list[Tensor]:
    """Degrees for each hidden layer, () or (K,)."""
    found = []
    for number in range(len(layers.weights) - 1):
        carried = backward_matrix(layers, number)
        own = downstream(layers.weights, number + 1, layers.rule.route)
        if carried is None:
            found.append(torch.full(own.shape[:-2], math.nan, dtype=torch.float64))
        else:
            found.append(angle(carried.flatten(-2), own.flatten(-2)))
    return found


def gradient_alignment(rule_deltas: list[Tensor | None], bp_deltas: list[Tensor | None]) -> list[Tensor]:
    """Mean over samples of the angle between deltas, a hidden layer each, () or (K,)."""
    found = []
    for ours, theirs in zip(rule_deltas[:-1], bp_deltas[:-1], strict=True):
        assert theirs is not None
        ours = torch.zeros_like(theirs) if ours is None else ours
        found.append(angle(ours, theirs).nanmean(-1))
    return found


def measure(layers: Layers, seen: Pass, error: Tensor, lesson: Lesson | None = None) -> dict[str, list[Tensor]]:
    """All four numbers from one forward pass and its error: name -> a value a hidden layer, () or (K,), float64."""
    ours, theirs = deltas(layers, seen, error, lesson), deltas(by_backpropagation(layers), seen, error)
    ratios, norms = [], []
    for number, (our, their) in enumerate(zip(ours[:-1], theirs[:-1], strict=True)):
        assert their is not None
        h = seen.activities[number]
        norm = torch.linalg.matrix_norm((their.mT @ h).double())
        own = torch.zeros_like(norm) if our is None else torch.linalg.matrix_norm((our.mT @ h).double())
        ratios.append(own / norm)
        norms.append(norm)
    return {
        "weight_alignment": weight_alignment(layers),
        "gradient_alignment": gradient_alignment(ours, theirs),
        "gradient_norm_ratio": ratios,
        "bp_gradient_norm": norms,
    }


def measure_chance(
    layers: Layers, seen: Pass, error: Tensor, lesson: Lesson | None = None, draws: int = 16
) -> dict[str, list[Tensor]]:
    """One sd, in degrees, of both alignments for a B independent of the weights: the band at 90° that means nothing.

    For weights 57.3°/√n, n the entries of B (exact for independent entries). For gradients, whose samples share e, that
    formula is wrong; B is redrawn ``draws`` times at the same weights: its rows and columns permuted and their signs
    flipped at random, which for entries drawn independently or by rotation is another draw of the same law. The sd of
    ``draws`` values is itself uncertain by 1/√(2·draws). NaN for a rule without feedback, or whose
    feedback follows the weights' signs: it has no band.
    """
    if not layers.rule.needs_feedback or layers.rule.magnitudes:
        none = [torch.full(weight.shape[:-2], math.nan) for weight in layers.weights[1:]]
        return {"weight_alignment_chance": none, "gradient_alignment_chance": none}
    theirs = deltas(by_backpropagation(layers), seen, error)
    stream = generator(0, "chance")
    angles = []
    for _ in range(draws):
        shuffled = [_shuffled(matrix, stream) for matrix in layers.feedback]
        angles.append(gradient_alignment(deltas(replace(layers, feedback=shuffled), seen, error, lesson), theirs))
    return {
        "weight_alignment_chance": [
            torch.full(matrix.shape[:-2], math.degrees(1 / math.sqrt(matrix.shape[-2] * matrix.shape[-1])))
            for matrix in layers.feedback
        ],
        "gradient_alignment_chance": [torch.stack(column).std(0) for column in zip(*angles, strict=True)],
    }


def _shuffled(matrix: Tensor, stream: torch.Generator) -> Tensor:
    for dimension in (-2, -1):
        size = matrix.shape[dimension]
        matrix = matrix.index_select(dimension, torch.randperm(size, generator=stream).to(matrix.device))
        signs = (torch.randint(0, 2, (size,), generator=stream) * 2 - 1).to(matrix)
        matrix = matrix * (signs.unsqueeze(-1) if dimension == -2 else signs)
    return matrix


def measure_alignment(
    net: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    *,
    reduction: str = "mean",
) -> Alignment:
    """Alignment of each layer of ``net`` on one batch; changes nothing in it, ``.grad``, buffers and RNG included.

    ``net`` is an MLP, with a row for each hidden layer, or a converted network, with a row for each layer that carries
    δ, in order, under its ``name`` (``alignment_converted.py`` says what the angles are there). ``inputs`` (N, n_in) or
    (K, N, n_in); ``loss_fn(output, targets)`` any torch loss that gives a scalar, and ``reduction`` its own, for the
    norms of rules that do not hear e itself. Raises ``DfaLabError`` for inputs that do not fit or are not finite, and
    for a loss that is not a finite scalar.
    """
    learner = learner_of(net)
    if isinstance(learner, Converted):
        columns = measure_converted(learner, inputs, targets, loss_fn, reduction)
        values = {name: [float(one) for one in column] for name, column in columns.items()}
        return Alignment(
            AlignmentRow(number + 1, 0, **{key: values[key][number] for key in values}, name=name)
            for number, name in enumerate(learner.conversion.buffers.carrying)
        )
    learner.check_inputs(inputs)
    layers = learner.layers()
    with torch.no_grad():
        seen = forward(layers, inputs.detach())
    error = _error_of(seen.output, targets, loss_fn)
    with torch.no_grad():
        lesson = Lesson.of(targets, seen.output, reduction) if layers.rule.needs_lesson else None
        found = measure(layers, seen, error, lesson)
    rows: Any = {name: [column.reshape(-1).tolist() for column in columns] for name, columns in found.items()}
    return Alignment(
        AlignmentRow(number + 1, replica, **{name: rows[name][number][replica] for name in rows})
        for number in range(len(layers.weights) - 1)
        for replica in range(learner.replicas or 1)
    )


def _error_of(output: Tensor, targets: Tensor, loss_fn: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """e = ∂L/∂a_L by autograd over the loss alone."""
    with torch.enable_grad():
        leaf = output.detach().requires_grad_()
        (error,) = torch.autograd.grad(checked_loss(loss_fn, leaf, targets), leaf)
    return error
