"""Samples of inputs that may be several tensors: each tensor has them first."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dfa_lab.learning.ops import mapped


def all_tensors(inputs: Any) -> list[Tensor]:
    """Every tensor in ``inputs``, of whatever kind, in order."""
    found: list[Tensor] = []

    def note(one: Tensor) -> Tensor:
        found.append(one)
        return one

    mapped(inputs, note)
    return found


def rows(inputs: Any, which: slice | Tensor) -> Any:
    """The samples at ``which`` of every tensor."""
    return mapped(inputs, lambda one: one[which])


def on_device(inputs: Any, device: str | torch.device) -> Any:
    """Every tensor there."""
    return mapped(inputs, lambda one: one.to(device))


def cloned(inputs: Any) -> Any:
    """A copy of every tensor: a network may overwrite what it is given."""
    return mapped(inputs, torch.clone)


def as_floating(inputs: Any, dtype: torch.dtype) -> Any:
    """Every floating tensor in ``dtype``; integers and truth values stay."""
    return mapped(inputs, lambda one: one.to(dtype) if one.is_floating_point() else one)
