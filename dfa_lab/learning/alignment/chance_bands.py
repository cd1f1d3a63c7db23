"""Chance bands: where the angles would lie for feedback that is independent of the weights.

An alignment says something only where it lies outside of its band. Values are angles in degrees.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dfa_lab.learning.alignment.conventions import CONVENTIONS, DEFAULT
from dfa_lab.learning.alignment.of_mlp import (
    Columns,
    by_backpropagation,
    hidden_deltas,
    layers_together,
    of_one_width,
    undefined,
)
from dfa_lab.learning.feedback import shuffled
from dfa_lab.learning.mlp import Layers, Pass, deltas
from dfa_lab.learning.ops import generator
from dfa_lab.learning.rules import Lesson


def weight_chance(entries: int) -> float:
    """One sd, about 90°, of the angle between two independent matrices with so many entries: 57.3°/√n."""
    return math.degrees(1 / math.sqrt(entries))


def mean_and_sd(angles: Sequence[Tensor]) -> Tensor:
    """Mean and sample sd, (2,), of a layer's angles with redrawn feedback; NaN for fewer than two of them.

    NaN too where all are the same: redrawn feedback does not reach the layer, which has no band.
    """
    if len(angles) < 2 or all(bool(one == angles[0]) for one in angles):
        return torch.full((2,), math.nan, dtype=torch.float64)
    drawn = torch.stack(list(angles))
    return torch.stack([drawn.mean(), drawn.std()])


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
    nothing = undefined(layers)
    by_redrawing = [nothing] * (len(layers.weights) - 1)
    chances = by_redrawing
    if layers.rule.needs_feedback and not layers.rule.magnitudes:
        sizes = [matrix.shape[-2] * matrix.shape[-1] for matrix in layers.feedback]
        chances = [torch.full_like(nothing, weight_chance(size)) for size in sizes]
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
    stream, squares = generator(0, "chance"), [torch.zeros_like(undefined(layers)) for _ in theirs]
    for _ in range(draws):  # one after another: fresh memory for all of them costs more than the calls
        drawn = [shuffled(matrix, stream) for matrix in layers.feedback]
        ours = hidden_deltas(deltas(replace(layers, feedback=drawn), seen, error, lesson), seen)
        for same in of_one_width(theirs):
            parts = ([side[n] for n in same] for side in (ours, theirs, seen.activities))
            for number, found in zip(same, CONVENTIONS[convention].measure(layers_together(*parts)), strict=True):
                squares[number] += (found - 90).square()
    return [(total / draws).sqrt() for total in squares]
