"""Drawing one feedback matrix, by a feedback init or as magnitudes of the weight init's family; float64, on the CPU."""

from __future__ import annotations

import sys
from dataclasses import replace

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.learning.feedback.inits import FEEDBACK_INITS, FeedbackInit, Site
from dfa_lab.learning.feedback.own_inits import drawn_by, name_of
from dfa_lab.learning.feedback.weight_inits import WEIGHT_INITS
from dfa_lab.learning.ops import generator
from dfa_lab.registry import Choice


def draw_matrix(init: Choice | FeedbackInit, site: Site, seed: int) -> Tensor:
    """A matrix of ``site.shape`` by the init, a registered one or a function.

    One seed gives every site, route and init a stream of its own.
    """
    name = name_of(init) if callable(init) else FEEDBACK_INITS.split(init)[0]
    # The name is part of the stream: one seed under two inits must give independent matrices.
    purpose = "feedback", name, site.route.value
    here = replace(site, network=generator(seed, *purpose))
    stream = generator(seed, *purpose, site.layer)
    draw: Tensor = drawn_by(init, here, stream) if callable(init) else FEEDBACK_INITS.call(init, here, stream)
    if tuple(draw.shape) != site.shape:
        raise DfaLabError(f"feedback init {shown(name)} gave shape {tuple(draw.shape)}, expected {site.shape}.")
    return draw


def draw_magnitude(
    weight_init: str, shape: tuple[int, int], store: str, layer: int, seed: int, steps: int = 0
) -> Tensor:
    """Absolute values of a draw of the weight init, ``shape``; for a constant their root mean square, (1, 1).

    Those that are redrawn follow from the seed and the number of ``steps`` alone.
    """
    when = (steps,) if store == "redrawn_magnitude" else ()
    draw = WEIGHT_INITS[weight_init](shape, generator(seed, "feedback", store, layer, *when)).abs()
    if not bool(draw.any()):
        raise DfaLabError(
            f"a sign-concordant rule takes its magnitudes from the weight init, and {shown(weight_init)} gives "
            "none but 0; use another weight init."
        )
    return draw.square().mean().sqrt().reshape(1, 1) if store == "constant_magnitude" else draw


def shuffled(matrix: Tensor, stream: torch.Generator) -> Tensor:
    """``matrix`` (…, rows, columns) with rows and columns permuted and their signs flipped, alike in all replicas.

    For entries drawn independently of each other, or by rotation, it is another draw of the same law.
    """
    places, signs = [], []
    for size in matrix.shape[-2:]:
        places.append(torch.randperm(size, generator=stream).to(matrix.device))
        signs.append((torch.randint(0, 2, (size,), generator=stream) * 2 - 1).to(matrix))
    return matrix[..., places[0].unsqueeze(-1), places[1]] * torch.outer(*signs)


def mirror_noise(seed: int, layer: int, steps: int, shape: tuple[int, ...]) -> Tensor:
    """N(0, 1) of ``shape`` for one layer at one step; the same if asked again."""
    return torch.randn(shape, generator=generator(seed, "noise", layer, steps))


def check_drawing(init: Choice | FeedbackInit, scale: float, seed: int) -> None:
    """Raise ``DfaLabError`` for a feedback init, a scale or a seed that cannot be used."""
    if not callable(init):
        FEEDBACK_INITS.split(init)
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not abs(scale) <= sys.float_info.max:
        raise DfaLabError(
            f"feedback_scale was given as {shown(scale)}; expected a finite number, 1.0 for the init's own."
        )
    generator(seed)
