"""Another g in each replica, as one function of a and h (K, N, n)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dfa_lab.learning.activations.activations import Activation, Slope, slope_of
from dfa_lab.learning.ops import each, is_same, is_sequence


class ReplicaSlopes:
    """The g of every replica: ``parts`` are the distinct g, each with the replicas that have it."""

    def __init__(self, parts: Sequence[tuple[Slope, Sequence[int]]]) -> None:
        self._parts = [(slope, torch.tensor(members)) for slope, members in parts]

    def __call__(self, a: Tensor, h: Tensor) -> Tensor:
        """g_k(a_k), (K, N, n)."""
        self._parts = [(own, members.to(a.device)) for own, members in self._parts]
        slope = torch.empty_like(a)
        for own, members in self._parts:
            slope.index_copy_(0, members, own(a.index_select(0, members), h.index_select(0, members)))
        return slope

    def of(self, replica: int) -> Slope:
        """The g of one replica, as a function of its own a and h."""
        return next(own for own, members in self._parts if replica in members.tolist())


def own_slope(slope: Slope, replica: int) -> Slope:
    """The g of one replica out of a network's ``slope``, which all may share."""
    return slope.of(replica) if isinstance(slope, ReplicaSlopes) else slope


def replica_slopes(activation: Activation, derivative: Any, replicas: int | None) -> Slope:
    """``slope_of`` for a network's layers; a sequence of choices has one for each replica."""
    if not is_sequence(derivative):
        return slope_of(activation, derivative)
    members: list[tuple[Any, list[int]]] = []
    for replica, choice in enumerate(each("activation_derivative", derivative, replicas)):
        same = next((numbers for one, numbers in members if is_same(one, choice)), None)
        if same is None:
            members.append((choice, [replica]))
        else:
            same.append(replica)
    parts = [(slope_of(activation, choice), numbers) for choice, numbers in members]
    return parts[0][0] if len(parts) == 1 else ReplicaSlopes(parts)
