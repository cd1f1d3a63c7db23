"""A linear layer and its activation as one node of autograd, by oneDNN: for large layers whose a is not needed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dfa_lab.learning.ops import onednn
from dfa_lab.learning.ops.inplace_activations import InplaceActivation
from dfa_lab.learning.ops.transforms import first_only


class _FusedLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, matrix: Tensor, activation: InplaceActivation
    ) -> Tensor:
        h = onednn.linear(x, weight, bias, activation.fused)
        # What is not needed may change before backward: so may weights where feedback carries δ.
        ctx.save_for_backward(x, matrix if ctx.needs_input_grad[0] else None, h)
        ctx.activation, ctx.exact = activation, matrix is weight
        return h

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, matrix, h = ctx.saved_tensors
        delta = ctx.activation.pullback(grads[0], h)
        needed = ctx.needs_input_grad
        found = (
            delta @ matrix if needed[0] else None,
            delta.mT @ x if needed[1] else None,
            delta.sum(0) if needed[2] else None,
        )
        return *(found if ctx.exact else first_only(ctx, *found)), None, None


def fused_linear(x: Tensor, weight: Tensor, bias: Tensor, matrix: Tensor, activation: InplaceActivation) -> Tensor:
    """f(x weightᵀ + bias) by oneDNN in one call, for ``x`` (N, n_in).

    Backward carries δ down with ``matrix``, in the weight's layout; it gets no gradient.
    """
    result: Tensor = _FusedLinear.apply(x, weight, bias, matrix, activation)
    return result


def pays_to_fuse(x: Tensor, weight: Tensor) -> bool:
    """Whether ``fused_linear`` is the faster way for these, and nothing but plain autograd is at work."""
    special = torch.compiler.is_compiling() or torch.jit.is_tracing() or torch._C._are_functorch_transforms_active()
    if special:
        return False
    plain = x.dim() == 2 and not torch.is_autocast_enabled("cpu")
    return plain and onednn.pays(weight, len(x), weight.shape[-1], weight.shape[-2])
