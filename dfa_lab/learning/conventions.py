"""CONVENTIONS: what "the angle between the rule's gradient and BP's" can mean. The same tensors give other angles.

Legend: δ_i by the rule and by BP, the vector of sample i, N of them; h_i the layer's input; ∠ the angle in degrees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from dfa_lab.learning.angles import Gradients, between, comparable, spread
from dfa_lab.registry import Registry


@dataclass(frozen=True)
class Compared:
    """One layer's deltas by the rule and by BP: pairs (…, N, n), more than one where calls have batches of their own.

    They are ``angles.comparable``.
    ``make_gradients`` compares the weight gradients that they make.
    """

    pairs: Sequence[tuple[Tensor, Tensor]]
    make_gradients: Callable[[], Gradients]

    @cached_property
    def gradients(self) -> Gradients:
        """The weight gradients, compared once."""
        return self.make_gradients()

    @cached_property
    def samples(self) -> Tensor:
        """The angle of each sample, (…, N); NaN where BP's delta is zero."""
        return torch.cat([between(ours, theirs) for ours, theirs in self.pairs], -1)


@dataclass(frozen=True)
class Convention:
    """A way to compare two batches of deltas: its equation, what it answers, and the angle it gives."""

    equation: str
    meaning: str
    measure: Callable[[Compared], Tensor]


def _over(compared: Compared, pick: Callable[[Tensor], Tensor]) -> Tensor:
    ours, theirs = zip(*compared.pairs, strict=True)
    return between(torch.cat([pick(one) for one in ours], -1), torch.cat([pick(one) for one in theirs], -1))


CONVENTIONS: Registry[Convention] = Registry("convention")
CONVENTIONS.register(
    "per_sample",
    Convention(
        "mean_i ∠(δ_i, δ_i^BP)",
        "How far is what a sample sends from what BP would send for it? Every sample counts alike.",
        lambda compared: compared.samples.nanmean(-1),
    ),
)
CONVENTIONS.register(
    "batch",
    Convention(
        "∠((δ_1 … δ_N), (δ_1^BP … δ_N^BP))",
        "The same over all samples as one vector: samples with a large error count more.",
        lambda compared: _over(compared, lambda delta: delta.flatten(-2)),
    ),
)
CONVENTIONS.register(
    "weight_gradient",
    Convention(
        "∠(Σ_i δ_i h_iᵀ, Σ_i δ_i^BP h_iᵀ)",
        "How far is the update of the weights from BP's? Below 90° a small enough step lowers the loss.",
        lambda compared: compared.gradients.angle,
    ),
)
CONVENTIONS.register(
    "batch_mean",
    Convention(
        "∠(Σ_i δ_i, Σ_i δ_i^BP)",
        "The same for the biases: samples may cancel, so little may be left to compare.",
        lambda compared: _over(compared, lambda delta: delta.sum(-2)),
    ),
)

#: The convention that is meant where none is named.
DEFAULT = "per_sample"


def column(convention: str) -> str:
    """The name of a convention's column in a table and of its metric in a history."""
    return "gradient_alignment" if convention == DEFAULT else f"gradient_alignment_{convention}"


def compare(compared: Compared, signals: Sequence[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """Every number of one layer that compares its deltas: name -> (…), float64. ``signals`` are pairs as the deltas."""
    heard = [between(comparable(ours), comparable(theirs)) for ours, theirs in signals]
    heard = heard or [torch.full_like(compared.samples, torch.nan)]
    return {
        "signal_alignment": torch.cat(heard, -1).nanmean(-1),
        **{column(name): convention.measure(compared) for name, convention in CONVENTIONS.items()},
        "gradient_alignment_sd": spread(compared.samples),
        "gradient_norm_ratio": compared.gradients.rule_norm / compared.gradients.bp_norm,
        "bp_gradient_norm": compared.gradients.bp_norm,
    }
