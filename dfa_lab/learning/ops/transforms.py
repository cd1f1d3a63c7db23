"""Passes by a rule under ``torch.func`` and torch's compiler: what must be done for them, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError, shown


class TransformError(DfaLabError, AssertionError):
    """A rule cannot learn inside this transform. An AssertionError is what torch's compiler hands on as it is."""


def function_inputs(tensors: Sequence[Tensor | None]) -> list[Tensor | None]:
    """The tensors as arguments of an autograd Function; while torch's compiler traces, views of them.

    For each tensor the compiler keeps whether it needed a gradient when it was first met, and takes no notice when
    ``torch.func.grad`` asks for one in place afterwards. ``ctx.needs_input_grad`` would then be false for what is
    differentiated itself, and a call where nothing else needs a gradient would be traced without its backward. A view
    is met anew. Raises ``DfaLabError`` for transforms under which the compiler would lose gradients, or fail.
    """
    if not torch.compiler.is_compiling():
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
    kinds = [level.key() for level in torch._C._functorch.get_interpreter_stack() or ()]
    kind = torch._C._functorch.TransformType
    if kinds.count(kind.Grad) > gradients or kinds.count(kind.Vmap) > maps:
        raise TransformError(message)


# The compiler calls it instead of tracing it: where it traces an error it goes on part by part, which fails under
# torch.func. ``torch.compiler.assume_constant_result`` sets the same, but loads the compiler.
_check_levels._dynamo_marked_constant = True  # type: ignore[attr-defined]
