"""Another g in each replica, as one function of a and h (K, N, n)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dfa_lab.learning.activations.activations import Activation, Slope, slope_of
from dfa_lab.learning.ops import each, is_sequence


class ReplicaSlopes:
    """The g of every replica; each distinct g is called once, on the replicas that have it."""

    def __init__(self, slopes: Sequence[Slope]) -> None:
        distinct = dict.fromkeys(slopes)
        self._parts = [(slope, torch.tensor([k for k, own in enumerate(slopes) if own is slope])) for slope in distinct]

    def __call__(self, a: Tensor, h: Tensor) -> Tensor:
        """g_k(a_k), (K, N, n)."""
        self._parts = [(own, members.to(a.device)) for own, members in self._parts]
        slope = torch.empty_like(a)
        for own, members in self._parts:
            slope.index_copy_(0, members, own(a.index_select(0, members), h.index_select(0, members)))
        return slope


def replica_slopes(activation: Activation, derivative: Any, replicas: int | None) -> Slope:
    """``slope_of`` for a network's layers; a sequence of choices has one for each replica."""
    if not is_sequence(derivative):
        return slope_of(activation, derivative)
    choices = each("activation_derivative", derivative, replicas)
    known: list[tuple[Any, Slope]] = []
    slopes = []
    for choice in choices:
        found = next((slope for one, slope in known if one == choice), None)
        if found is None:
            found = slope_of(activation, choice)
            known.append((choice, found))
        slopes.append(found)
    return slopes[0] if len(known) == 1 else ReplicaSlopes(slopes)
