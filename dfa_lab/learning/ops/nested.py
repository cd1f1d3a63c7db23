"""Tensors in tuples, lists, mappings and dataclasses, nested in one another, as modules pass them on.

Anything else is left as it is. A container with changed tensors keeps its type: a named tuple, a mapping with attribute
access, a frozen dataclass.
"""

from __future__ import annotations

import copy
import dataclasses
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from dfa_lab.errors import DfaLabError

Change = Callable[[Tensor], Tensor]


def mapped(value: Any, change: Change, *, around: tuple[Any, ...] = ()) -> Any:
    """``value`` with every tensor in it changed; itself where nothing is. Nothing in ``value`` is written to.

    ``around`` are the containers that hold ``value``: one that holds itself is left as it is. Raises ``DfaLabError``
    for a container of a type that cannot be made again with other tensors.
    """
    if isinstance(value, Tensor):
        return change(value)
    parts = parts_of(value)
    if not parts or any(value is one for one in around):
        return value
    new = [mapped(part, change, around=(*around, value)) for part in parts]
    return value if _same(parts, new) else _made_again(value, parts, new)


def tensors_of(value: Any, *, around: tuple[Any, ...] = ()) -> list[Tensor]:
    """The floating tensors in ``value``, in the order in which ``mapped`` comes to them."""
    if isinstance(value, Tensor):
        return [value] if value.is_floating_point() else []
    parts = parts_of(value)
    if not parts or any(value is one for one in around):
        return []
    return [one for part in parts for one in tensors_of(part, around=(*around, value))]


def parts_of(value: Any) -> list[Any] | None:
    """What a container holds, in order; None where ``value`` is none."""
    if isinstance(value, Tensor | nn.Module | str | type):
        return None
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, tuple | list | deque):
        return list(value)
    if dataclasses.is_dataclass(value):
        return [getattr(value, name) for name in _fields(value)]
    return None


def _fields(value: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(value) if hasattr(value, field.name)]


def _same(some: Sequence[Any], others: Sequence[Any]) -> bool:
    return all(one is other for one, other in zip(some, others, strict=True))


def _made_again(value: Any, parts: list[Any], new: list[Any]) -> Any:
    kind = type(value)
    if isinstance(value, Mapping):
        items = dict(zip(value, new, strict=True))
        return items if kind is dict else _rewritten(value, list(items), parts, items)
    if isinstance(value, tuple):
        return _tuple(value, new)
    if isinstance(value, list | deque):
        return new if kind is list else _rewritten(value, list(range(len(new))), parts, new)
    result = copy.copy(value)
    for name, part in zip(_fields(value), new, strict=True):
        object.__setattr__(result, name, part)  # of a frozen one too
    return result


def _tuple(value: Any, new: list[Any]) -> Any:
    kind = type(value)
    if kind is tuple or hasattr(kind, "n_sequence_fields"):  # torch.return_types, which tuple.__new__ cannot make
        return kind(new)
    if hasattr(kind, "_make"):
        return kind._make(new)
    result = tuple.__new__(kind, new)
    getattr(result, "__dict__", {}).update(getattr(value, "__dict__", {}))
    return result


def _rewritten(value: Any, keys: list[Any], parts: list[Any], new: Any) -> Any:
    """A copy of ``value`` with other parts at its keys; where it is not to be written to, one made of them."""
    try:
        result = copy.copy(value)
        for key in keys:
            result[key] = new[key]
        shared = not _same([value[key] for key in keys], parts)
        for key, part in zip(keys, parts, strict=True) if shared else ():  # a copy that writes into the original
            value[key] = part
        if shared or type(result) is not type(value):
            result = type(value)(new)
    except Exception:
        try:
            result = type(value)(new)
        except Exception as reason:
            raise DfaLabError(
                f"a {type(value).__name__} with tensors goes from module to module, and cannot be made again with "
                f"other tensors: {reason} Hand on a tuple, a list, a dict or a dataclass, or let its class take one."
            ) from reason
    _follow(result, parts, [new[key] for key in keys])
    return result


def _follow(result: Any, parts: list[Any], new: list[Any]) -> None:
    """Give attributes that hold a part the new one: attribute access may have been made by storing each part twice."""
    attributes = getattr(result, "__dict__", {})
    others = {id(part): one for part, one in zip(parts, new, strict=True)}
    for name, one in list(attributes.items()):
        if id(one) in others:
            attributes[name] = others[id(one)]
