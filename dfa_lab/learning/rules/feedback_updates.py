"""Feedback that learns: what a rule does to its matrices right after each optimizer step.

Legend: λ a rule's ``decay``; rows are senders, so a layerwise B is (n_{l+1}, n_l) and a direct B (n_out, n_l).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from dfa_lab.learning.rules.rule import Rule

#: Noise samples of one mirror phase.
MIRROR_SAMPLES = 64


@dataclass(frozen=True)
class Moment:
    """What is known right after an optimizer step; all tensors are the network's own, to be changed in place.

    ``carried`` are W_{l+1} of the hidden layers l = 1 … L−1 after the step and ``before`` copies from before it;
    ``feedback`` the matrices the rule uses. ``correlations`` are eᵀ h_l, (n_out, n_l), e with its batch factor, of the
    batch (empty unless the rule listens). ``noise(l, samples)`` draws N(0, 1), (samples, n_l), anew a step. In a
    converted network they are of the layers and feedback points that learn by the rule, in the layout of their weights.
    """

    carried: Sequence[Tensor]
    before: Sequence[Tensor]
    feedback: Sequence[Tensor]
    correlations: Sequence[Tensor]
    noise: Callable[[int, int], Tensor]
    decay: float


Move = Callable[[Moment], None]


def kolen_pollack(moment: Moment) -> None:
    """B moves by exactly what W moved, then both decay: W − B shrinks by (1 − λ) a step (Akrout et al. 2019)."""
    for weight, before, matrix in zip(moment.carried, moment.before, moment.feedback, strict=True):
        matrix.add_(weight - before).mul_(1 - moment.decay)
        weight.mul_(1 - moment.decay)


def weight_mirror(moment: Moment) -> None:
    """B ← (1 − λ) B + λ yᵀξ/N for noise ξ and y = ξ Wᵀ, so that B tends to E[yᵀξ]/N = W (Akrout et al. 2019)."""
    for number, (weight, matrix) in enumerate(zip(moment.carried, moment.feedback, strict=True)):
        noise = moment.noise(number + 1, MIRROR_SAMPLES)
        rows = weight.reshape(*noise.shape[:-2], -1, noise.shape[-1])  # a kernel is one row of its patch's entries
        estimate = (noise @ rows.mT).mT @ noise / MIRROR_SAMPLES
        matrix.mul_(1 - moment.decay).add_(estimate.reshape(weight.shape), alpha=moment.decay)


def direct_kolen_pollack(moment: Moment) -> None:
    """B_l ← (1 − λ) B_l − 0.1 eᵀ h_l: what W_L would learn if it stood there (Webster, Choi & Ahn 2020)."""
    for matrix, correlation in zip(moment.feedback, moment.correlations, strict=True):
        matrix.mul_(1 - moment.decay).sub_(correlation, alpha=0.1)


def warn_unless_attached(rules: Iterable[Rule], attached: int) -> None:
    """Say it where feedback should change with the steps of an optimizer and none is known: it would stay as it is."""
    if attached or torch.compiler.is_compiling():
        return
    for rule in rules:
        if rule.changes_feedback:
            warnings.warn(
                f"rule {rule.name!r} changes its feedback with every optimizer step, and no optimizer is attached: "
                "the feedback stays as it is. Use dfa.attach(net, optimizer).",
                stacklevel=2,
            )
