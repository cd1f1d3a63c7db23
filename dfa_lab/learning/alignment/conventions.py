"""CONVENTIONS: the ways to measure one angle between the rule's deltas and BP's. Each gives another number.

Legend: δ_i, δ_i^BP = the delta of sample i by the rule and by BP, N samples; h_i = the layer's input; ∠ in degrees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError
from dfa_lab.learning.alignment.angles import Dots, GradientPair, angle, spread
from dfa_lab.registry import Registry

Pairs = Sequence[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Compared:
    """A layer by the rule and by BP: ``deltas`` and the ``signals`` they come from, pairs (…, N, n).

    Calls with batches of their own make a pair each; ``signals`` is empty where none can be seen. Leading dimensions
    are replicas or layers of one width.
    """

    deltas: Pairs
    signals: Pairs
    make_gradients: Callable[[], GradientPair]

    @cached_property
    def gradients(self) -> GradientPair:
        """The weight gradients, compared once."""
        return self.make_gradients()

    @cached_property
    def dots(self) -> Dots | None:
        """The products of each sample's deltas, (…, N), made once; None for float64, and for more pairs than one."""
        if len(self.deltas) > 1 or any(one.dtype is torch.float64 for one in self.deltas[0]):
            return None
        return Dots.of(*self.deltas[0])

    @cached_property
    def samples(self) -> Tensor:
        """The angle of each sample, (…, N); NaN where a delta is zero."""
        return self.dots.angle if self.dots is not None else _sample_angles(self.deltas)


@dataclass(frozen=True)
class Convention:
    """A way to compare two batches of deltas: its equation, the question it answers, and ``measure``, the angle."""

    equation: str
    meaning: str
    measure: Callable[[Compared], Tensor]


def _sample_angles(pairs: Pairs) -> Tensor:
    return torch.cat([angle(ours, theirs) for ours, theirs in pairs], -1)


def _over(compared: Compared, pick: Callable[[Tensor], Tensor]) -> Tensor:
    sides = ([pick(one) for one in side] for side in zip(*compared.deltas, strict=True))
    return angle(*(side[0] if len(side) == 1 else torch.cat(side, -1) for side in sides))


def _batch(compared: Compared) -> Tensor:
    if compared.dots is not None:
        return compared.dots.together().angle
    return _over(compared, lambda delta: delta.flatten(-2))


class Conventions(Registry[Convention]):
    """The registry of conventions. A registered one is a column of every alignment table and of every new history.

    >>> import dfa_lab as dfa
    >>> list(dfa.CONVENTIONS), dfa.CONVENTIONS["batch_mean"].equation
    (['per_sample', 'batch', 'weight_gradient', 'batch_mean'], '∠(Σ_i δ_i, Σ_i δ_i^BP)')
    """

    def register(self, name: str, entry: Any = None) -> Any:
        """As in any registry; ``DfaLabError`` also for a name whose column is another number's."""
        if name in NO_CONVENTIONS:
            raise DfaLabError(f"{column(name)!r} is another number already; choose another name for the convention.")
        return super().register(name, entry)


#: Names whose columns are taken by the spread and the chance band of the convention asked for.
NO_CONVENTIONS = ("sd", "chance", "chance_mean")

CONVENTIONS = Conventions("convention")
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
        _batch,
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

#: The convention used where none is named.
DEFAULT = "per_sample"


def column(convention: str) -> str:
    """The name of a convention's column in a table and of its metric in a history."""
    return "gradient_alignment" if convention == DEFAULT else f"gradient_alignment_{convention}"


def compare(compared: Compared) -> dict[str, Tensor]:
    """The numbers of a layer that compare its deltas, and its signals: name -> (…), float64."""
    nothing = torch.full_like(compared.samples, torch.nan)
    signals = _sample_angles(compared.signals) if compared.signals else nothing
    return {
        "signal_alignment": signals.nanmean(-1),
        **{column(name): convention.measure(compared) for name, convention in CONVENTIONS.items()},
        "gradient_alignment_sd": spread(compared.samples),
        "gradient_norm_ratio": compared.gradients.rule_norm / compared.gradients.bp_norm,
        "bp_gradient_norm": compared.gradients.bp_norm,
    }
