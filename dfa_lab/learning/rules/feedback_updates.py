"""How feedback learns: what a rule does to its matrices right after each optimizer step.

Legend: λ is a rule's ``decay``. Rows are senders: a layerwise B is (n_{l+1}, n_l) and a direct B (n_out, n_l).
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

#: Noise samples that the weight mirror draws at each step.
MIRROR_SAMPLES = 64


@dataclass(frozen=True)
class UpdateContext:
    """What is known right after an optimizer step. All tensors are the network's own, to be changed in place.

    ``carried`` are W_{l+1} of the hidden layers l = 1 … L−1 after the step and ``before`` copies from before it;
    ``feedback`` the matrices the rule uses. ``correlations`` are eᵀ h_l, (n_out, n_l), e with its batch factor, of the
    batch (empty unless the rule ``listens``), of a rule with a ``rank`` eᵀ (h_l, e), (n_out, n_l + n_out).
    ``noise(l, samples)`` draws N(0, 1), (samples, n_l), anew at each step.
    In a converted network these are of the layers and feedback points that learn by the rule, in their weights' layout.
    """

    carried: Sequence[Tensor]
    before: Sequence[Tensor]
    feedback: Sequence[Tensor]
    correlations: Sequence[Tensor]
    noise: Callable[[int, int], Tensor]
    decay: float
    rank: int = 0


Move = Callable[[UpdateContext], None]


def kolen_pollack(context: UpdateContext) -> None:
    """B changes by exactly what W changed by, then both decay: W − B shrinks by 1 − λ a step (Akrout et al. 2019)."""
    for weight, before, matrix in zip(context.carried, context.before, context.feedback, strict=True):
        matrix.add_(weight - before).mul_(1 - context.decay)
        weight.mul_(1 - context.decay)


def weight_mirror(context: UpdateContext) -> None:
    """B ← (1 − λ) B + λ yᵀξ/N for noise ξ and y = ξ Wᵀ, so that B tends to E[yᵀξ]/N = W (Akrout et al. 2019)."""
    for number, (weight, matrix) in enumerate(zip(context.carried, context.feedback, strict=True)):
        noise = context.noise(number + 1, MIRROR_SAMPLES)
        rows = weight.reshape(*noise.shape[:-2], -1, noise.shape[-1])  # a kernel is one row of its patch's entries
        estimate = (noise @ rows.mT).mT @ noise / MIRROR_SAMPLES
        matrix.mul_(1 - context.decay).add_(estimate.reshape(weight.shape), alpha=context.decay)


def direct_kolen_pollack(context: UpdateContext) -> None:
    """B_l ← (1 − λ) B_l − 0.1 eᵀ h_l: what W_L would learn in B's place (Webster, Choi & Ahn 2020)."""
    for matrix, correlation in zip(context.feedback, context.correlations, strict=True):
        matrix.mul_(1 - context.decay).sub_(correlation, alpha=0.1)


def average_over_processes(tensors: Iterable[Tensor]) -> None:
    """Replace each tensor, in place, by its mean over the processes of ``torch.distributed``."""
    for tensor in tensors:
        torch.distributed.all_reduce(tensor)
        tensor.div_(torch.distributed.get_world_size())


def warn_unless_attached(rules: Iterable[Rule], attached: int) -> None:
    """Warn where feedback should change with an optimizer's steps and no optimizer is known: it would stay as it is."""
    if attached or torch.compiler.is_compiling():
        return
    for rule in rules:
        if rule.changes_feedback:
            warnings.warn(
                f"rule {rule.name!r} changes its feedback with every optimizer step, and no optimizer is attached: "
                "the feedback stays as it is. Use dfa.attach(net, optimizer).",
                stacklevel=2,
            )
