"""Passes by a rule under ``torch.func`` and torch's compiler: what must be done for them, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch._C import _functorch as functorch
from torch.autograd import forward_ad

from dfa_lab.errors import DfaLabError, shown

_ONCE = (
    "a gradient of a gradient (create_graph=True) was asked for through a learning rule: the first derivative is the "
    "rule's, not the loss's, and has no second. Use `with dfa.true_gradients(net):` around the forward and the "
    "backward pass, or rule 'bp' with the exact derivative."
)


class TransformError(DfaLabError, AssertionError):
    """A rule cannot learn inside this transform. An AssertionError is what torch's compiler hands on as it is."""


def function_inputs(tensors: Sequence[Tensor | None], *, exact: bool = False) -> list[Tensor | None]:
    """The tensors as arguments of an autograd Function; while torch's compiler traces, views of them.

    For each tensor the compiler keeps whether it needed a gradient when it was first met, and takes no notice when
    ``torch.func.grad`` asks for one in place afterwards. ``ctx.needs_input_grad`` would then be false for what is
    differentiated itself, and a call where nothing else needs a gradient would be traced without its backward. A view
    is met anew.

    Raises ``DfaLabError`` for transforms under which the compiler would lose gradients, or fail, for forward mode, and
    for a gradient of a gradient unless the Function's own is ``exact``.
    """
    if not torch.compiler.is_compiling():
        if forward_ad._current_level >= 0 or torch._C._are_functorch_transforms_active():
            _check_levels_of(tensors, exact)
        return list(tensors)
    views = [one if one is None else one.view_as(one) for one in tensors]
    if torch._C._are_functorch_transforms_active() and any(one is not None and one.requires_grad for one in views):
        _check_levels(
            1,
            0,
            "a gradient of a gradient, or vmap around one, was asked for inside torch.compile, which differentiates "
            "passes by a rule once and sample by sample not at all; leave torch.compile out there, or use rule 'bp' "
            "with the exact derivative.",
        )
    return views


def first_only(ctx: Any, *found: Tensor | None) -> tuple[Tensor | None, ...]:
    """The gradients ``found`` by the backward pass of a Function, which are not to be differentiated again.

    Raises ``DfaLabError`` under ``create_graph=True``. ``torch.func`` always asks for that, used or not: there the
    error comes when a gradient of ``found`` is taken.
    """
    if torch.compiler.is_compiling() or not torch.is_grad_enabled():
        return found
    if not type(ctx).__name__.endswith("GeneratedBackward"):  # what torch.func makes of a Function at each level
        raise DfaLabError(_ONCE)
    for one in found:
        inner = one
        while inner is not None and functorch.is_functorch_wrapped_tensor(inner):
            inner = functorch.get_unwrapped(inner)
        if inner is not None and inner.requires_grad:
            inner.register_hook(_refuse)
    return found


def _refuse(_: Tensor) -> None:
    raise DfaLabError(_ONCE)


def _check_levels_of(tensors: Sequence[Tensor | None], exact: bool) -> None:
    """Raise ``DfaLabError`` for tensors in two gradients of ``torch.func``, one in the other, or in forward mode."""
    if forward_ad._current_level >= 0:
        raise DfaLabError(
            "forward-mode differentiation (jvp, jacfwd, hessian, make_dual) was asked for through a learning rule, "
            "which says what flows back; use torch.func.grad, vjp or jacrev, or rule 'bp' with the exact derivative."
        )
    for one in () if exact else tensors:
        depth = 0
        while one is not None and functorch.is_functorch_wrapped_tensor(one):
            depth += functorch.is_gradtrackingtensor(one) and one.requires_grad
            one = functorch.get_unwrapped(one)
        if depth > 1:
            raise DfaLabError(_ONCE)


def check_that_something_gets_out(name: str, output: Tensor) -> None:
    """Raise ``DfaLabError`` where rule ``name`` is to learn its feedback from e, and ``torch.func`` keeps e to itself.

    To be called in the forward pass: a backward pass that is compiled together with it can no longer say so.
    """
    if torch._C._are_functorch_transforms_active() and output.requires_grad:
        _check_levels(0, math.inf, nothing_gets_out(name))


def nothing_gets_out(name: str) -> str:
    """What is wrong with a rule that learns its feedback from e under ``torch.func``."""
    return (
        f"rule {shown(name)} learns its feedback from what flows in a pass, and torch.func lets nothing out; use plain "
        "autograd, or rule 'dfa' there."
    )


def _check_levels(gradients: int, maps: float, message: str) -> None:
    """Raise an error with ``message`` inside more than so many gradients of ``torch.func``, or maps."""
    kinds = [level.key() for level in functorch.get_interpreter_stack() or ()]
    kind = functorch.TransformType
    if kinds.count(kind.Grad) > gradients or kinds.count(kind.Vmap) > maps:
        raise TransformError(message)


# The compiler calls it instead of tracing it: where it traces an error it goes on part by part, which fails under
# torch.func. ``torch.compiler.assume_constant_result`` sets the same, but loads the compiler.
_check_levels._dynamo_marked_constant = True  # type: ignore[attr-defined]


def autocast(*tensors: Tensor | None) -> list[Tensor | None]:
    """What torch's own linear and conv do under autocast: cast to its dtype, recorded, so that gradients come back."""
    first = tensors[0]
    assert first is not None
    kind = first.device.type
    if not torch.is_autocast_enabled(kind):
        return list(tensors)
    dtype = torch.get_autocast_dtype(kind)
    return [one.to(dtype) if one is not None and one.dtype is not torch.float64 else one for one in tensors]
