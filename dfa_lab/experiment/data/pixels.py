"""Pixels: images that are kept as bytes and become numbers when a batch needs them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def network_inputs(stored: Any) -> Any:
    """What a network gets of stored inputs: of bytes a copy, x / 255 in float32; anything else is itself.

    >>> import torch
    >>> network_inputs(torch.tensor([[0, 51, 255]], dtype=torch.uint8))
    tensor([[0.0000, 0.2000, 1.0000]])
    """
    if not isinstance(stored, Tensor) or stored.dtype is not torch.uint8:
        return stored
    # By a tensor: a GPU multiplies by the inverse of a number, and that has another last bit.
    return stored / torch.full((), 255.0, dtype=torch.float32, device=stored.device)


class StoredInputs:
    """The attribute ``name`` of a Task: what it is given is kept, and reads as what a network gets of it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, task: object, owner: type) -> Any:
        return self if task is None else network_inputs(vars(task)[self._name])

    def __set__(self, task: object, inputs: Any) -> None:
        vars(task)[self._name] = inputs
