"""What a network is given: one tensor, several in a tuple, or a mapping of names to them, however nested."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from dfa_lab.errors import DfaLabError
from dfa_lab.learning.interface.samples import all_tensors

#: What a network raises that does not fit what it was given.
_FAILURES = (TypeError, ValueError, RuntimeError, AttributeError, LookupError, AssertionError)


def applied(net: Callable[..., Any], inputs: Any) -> Any:
    """``net(**inputs)`` for a mapping, ``net(*inputs)`` for a tuple, else ``net(inputs)``; see ``arguments``."""
    args, kwargs = arguments(net, inputs)
    return net(*args, **kwargs)


def arguments(net: Callable[..., Any], inputs: Any) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """What ``net`` is called with, by place and by name: a mapping's parts by name, a tuple's by place.

    A network that takes none of the mapping's names, but one argument, is given the mapping itself. One whose argument
    is a tuple is given it in a tuple.
    """
    if isinstance(inputs, Mapping):
        return ((inputs,), {}) if _takes_whole(net, inputs) else ((), inputs)
    return inputs if isinstance(inputs, tuple) else (inputs,), {}


def _takes_whole(net: Callable[..., Any], inputs: Mapping[Any, Any]) -> bool:
    """Whether ``net`` asks for one argument, and has no argument of any of the mapping's names."""
    try:
        asked = inspect.signature(net.forward if isinstance(net, nn.Module) else net).parameters
    except (TypeError, ValueError):
        return False
    places = [one for one in asked.values() if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    required = [one for one in places if one.default is one.empty]
    named = any(one.kind is one.VAR_KEYWORD for one in asked.values()) or not asked.keys().isdisjoint(inputs)
    return len(required) == 1 and not named


def called(net: Callable[..., Any], inputs: Any, *, what: str = "inputs") -> Any:
    """``applied``; where the network fails on ``what`` it was given, a ``DfaLabError`` that names the shapes."""
    try:
        return applied(net, inputs)
    except DfaLabError:
        raise
    except _FAILURES as reason:
        raise DfaLabError(f"the network failed on {what} {described(inputs)}: {reason}") from reason


def described(inputs: Any) -> str:
    """Shapes and dtypes of all tensors, by name where there are names."""
    if isinstance(inputs, Mapping):
        return ", ".join(f"{name}: {described(one)}" for name, one in inputs.items()) or "{}"
    return "; ".join(f"{tuple(one.shape)}, {one.dtype}" for one in all_tensors(inputs)) or type(inputs).__name__
