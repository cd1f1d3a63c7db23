"""Contexts in which measuring leaves a network, its caller's modes and the random streams as they were."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from dfa_lab.learning.modules import Converted, RuledLayer
from dfa_lab.learning.ops import mapped


@contextmanager
def full_precision() -> Iterator[None]:
    """Inside, tensors are computed in their own precision and can be differentiated, whatever mode the caller is in."""
    with torch.inference_mode(False), contextlib.ExitStack() as stack:
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield


@contextmanager
def side_effect_free(converted: Converted) -> Iterator[None]:
    """Inside, buffers are copies and no feedback is redrawn; afterwards random streams and conversion are as before."""
    sending = [(one, one.sends_through) for one in converted.root.modules() if isinstance(one, RuledLayer)]
    try:
        with (
            converted.conversion.saved(),
            rule_in_force(converted),
            full_precision(),
            torch.random.fork_rng(),
            torch.enable_grad(),
            copied_buffers(converted),
        ):
            yield
    finally:
        for layer, parameters in sending:
            layer.sends_through = parameters


@contextmanager
def rule_in_force(converted: Converted) -> Iterator[None]:
    """Inside, passes follow the rule, inside of ``dfa.true_gradients`` too: it is what is measured."""
    before = converted.true_gradients
    if before:
        converted.true_gradients = False
    try:
        yield
    finally:
        if before:
            converted.true_gradients = True


@contextmanager
def copied_buffers(converted: Converted) -> Iterator[None]:
    """Inside, every buffer that a pass may change is a copy; afterwards the buffers themselves are in place again."""
    swapped: list[tuple[dict[str, Tensor | None], str, Tensor]] = []
    try:
        _swap_buffers(converted, swapped)
        yield
    finally:
        for owned, name, buffer in swapped:
            owned[name] = buffer


def _swap_buffers(converted: Converted, swapped: list[tuple[dict[str, Tensor | None], str, Tensor]]) -> None:
    """Replace every buffer that a pass may change by a copy, and note in ``swapped`` how to put it back.

    The buffer itself is never written: the caller's own pass may have saved it for its backward. Feedback stays.
    """
    feedback = {id(one) for one in converted.feedback_state().values()}
    copies: dict[int, Tensor] = {}
    for module in converted.root.modules():
        for name, buffer in module._buffers.items():
            if buffer is not None and id(buffer) not in feedback:
                copy = copies.setdefault(id(buffer), buffer.clone())
                swapped.append((module._buffers, name, buffer))
                module._buffers[name] = copy


def savable(value: Any) -> Any:
    """``value`` with a copy for every inference tensor in it, which autograd could not save."""
    return mapped(value, lambda one: one.clone() if one.is_inference() else one)
