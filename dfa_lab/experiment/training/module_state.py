"""What a module goes on with beside its parameters: buffers that no state_dict has, and extra state of any kind."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError, in_words


def copied_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """Copies of what ``state`` holds: tensors, and what ``get_extra_state`` gave. ``DfaLabError`` where there is none.

    What has no copy is an object such as an open file.
    """
    return {name: _copied(name, one) for name, one in state.items()}


def _copied(name: str, value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.clone()
    try:
        return copy.deepcopy(value)
    except Exception as reason:
        raise DfaLabError(
            f"the module's state {name} is a {type(value).__name__} that cannot be copied ({in_words(reason)}); "
            "expected tensors, numbers, texts, lists and mappings of them from get_extra_state."
        ) from reason


def left_out(net: nn.Module) -> dict[str, Tensor | None]:
    """The buffers of ``net`` that were registered with ``persistent=False``, by the key that they would have.

    Sparse ones are constants, and no file has them: they stay as the module has them.
    """
    found: dict[str, Tensor | None] = {}
    for path, module in net.named_modules(remove_duplicate=False):
        for name, one in module._buffers.items():
            if name in module._non_persistent_buffers_set and (one is None or one.layout == torch.strided):
                found[f"{path}.{name}" if path else name] = one
    return found


@torch.no_grad()
def put_back(net: nn.Module, buffers: Mapping[str, Tensor | None]) -> None:
    """Give ``net`` copies of the ``buffers`` that ``left_out`` found; those of the same shape are written in place."""
    device = next(net.parameters()).device
    for key, value in buffers.items():
        path, _, name = key.rpartition(".")
        owner = net.get_submodule(path)
        held = owner._buffers.get(name)
        if value is None:
            owner.register_buffer(name, None, persistent=False)
        elif _alike(held, value):
            held.copy_(value)
        else:
            owner.register_buffer(name, value.to(device if held is None else held.device, copy=True), persistent=False)


def _alike(held: Tensor | None, value: Tensor) -> TypeGuard[Tensor]:
    """Whether ``value`` can be written over ``held``, of whose entries no two are one in memory."""
    return held is not None and held.shape == value.shape and held.dtype == value.dtype and held.is_contiguous()
