"""Autograd functions: forward identical to torch's own, backward by a learning rule. They know no network.

Shape letters: N samples, n_in and n_out features; with replicas every tensor has a leading K.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError


class _FeedbackLinear(torch.autograd.Function):
    @staticmethod
    def forward(input: Tensor, weight: Tensor, bias: Tensor | None, feedback: Tensor) -> Tensor:
        if weight.dim() == 2:
            return torch.nn.functional.linear(input, weight, bias)
        output = torch.matmul(input, weight.mT)
        return output if bias is None else output + bias.unsqueeze(-2)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        input, weight, _, feedback = inputs
        ctx.save_for_backward(input, feedback)
        ctx.batched = weight.dim() == 3

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (delta,) = grads
        input, feedback = ctx.saved_tensors
        grad_input = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_input = delta @ feedback
            if ctx.batched and input.dim() == 2:
                grad_input = grad_input.sum(0)
        if ctx.needs_input_grad[1]:
            if ctx.batched:
                grad_weight = delta.mT @ input
            else:
                grad_weight = delta.flatten(0, -2).mT @ input.flatten(0, -2)
        if ctx.needs_input_grad[2]:
            grad_bias = delta.sum(-2) if ctx.batched else delta.flatten(0, -2).sum(0)
        return grad_input, grad_weight, grad_bias, None


def feedback_linear(input: Tensor, weight: Tensor, bias: Tensor | None, feedback: Tensor) -> Tensor:
    """Forward identical to ``torch.nn.functional.linear``; backward sends ``delta @ feedback`` down in place of W.

    ``input`` (…, n_in), ``weight`` and ``feedback`` (n_out, n_in), ``bias`` (n_out,) or None; with replicas
    ``weight`` and ``feedback`` are (K, n_out, n_in), ``bias`` (K, n_out), ``input`` (N, n_in) or (K, N, n_in).
    The gradients of weight and bias are the usual ones; ``feedback`` gets none (Lillicrap et al. 2016, eq. 2).
    """
    if feedback.shape != weight.shape:
        raise DfaLabError(
            f"feedback has shape {tuple(feedback.shape)}, weight {tuple(weight.shape)}; "
            "a layerwise feedback matrix has the layout of the weight, (out, in)."
        )
    if input.dim() == 1:
        return feedback_linear(input.unsqueeze(0), weight, bias, feedback).squeeze(-2)
    result: Tensor = _FeedbackLinear.apply(input, weight, bias, feedback)
    return result


class _DirectFeedback(torch.autograd.Function):
    @staticmethod
    def forward(output: Tensor, broadcast: Callable[[Tensor], Tensor] | None, count: int, *tensors: Tensor) -> Tensor:
        return output.view_as(output)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        _, ctx.broadcast, ctx.count, *tensors = inputs
        ctx.save_for_backward(*tensors[ctx.count :])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (error,) = grads
        heard = error if ctx.broadcast is None else ctx.broadcast(error)
        needed = ctx.needs_input_grad[3 : 3 + ctx.count]
        signals = [heard @ matrix if need else None for matrix, need in zip(ctx.saved_tensors, needed, strict=True)]
        return error, None, None, *signals, *(None for _ in signals)


def direct_feedback(
    output: Tensor,
    hiddens: Sequence[Tensor],
    feedbacks: Sequence[Tensor],
    broadcast: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """The output as it is; backward gives e to ``output`` and ``e @ B_l`` to each hidden activity at once.

    One node joins them all, so no layer waits for the one above and BP's ``delta @ W`` products are never made
    (Nøkland 2016, eq. 7). For that, each hidden activity must reach ``output`` through ``.detach()``.
    ``broadcast`` maps e to what is heard in its place. ``output`` is (…, N, n_out), ``hiddens[l]`` (…, N, n_l),
    ``feedbacks[l]`` (…, n_out, n_l).
    """
    if len(hiddens) != len(feedbacks):
        raise DfaLabError(
            f"{len(hiddens)} hidden activities and {len(feedbacks)} feedback matrices were given; expected as many."
        )
    for hidden, matrix in zip(hiddens, feedbacks, strict=True):
        if tuple(matrix.shape[-2:]) != (output.shape[-1], hidden.shape[-1]):
            raise DfaLabError(
                f"a direct feedback matrix has shape {tuple(matrix.shape)}; expected (n_out, n_l) = "
                f"({output.shape[-1]}, {hidden.shape[-1]})."
            )
    result: Tensor = _DirectFeedback.apply(output, broadcast, len(hiddens), *hiddens, *feedbacks)
    return result


class _Activate(torch.autograd.Function):
    @staticmethod
    def forward(a: Tensor, function: Callable[[Tensor], Tensor], slope: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        # A function that returns its argument (the identity) must still give a tensor of its own.
        h = function(a)
        return h.view_as(h) if h is a else h

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        a, _, ctx.slope = inputs
        ctx.save_for_backward(a, output)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        a, h = ctx.saved_tensors
        return grads[0] * ctx.slope(a, h), None, None


def activate(a: Tensor, function: Callable[[Tensor], Tensor], slope: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """f(a) forward; backward multiplies with ``slope(a, f(a))`` where autograd would use f′ (the seed's eq. with g)."""
    result: Tensor = _Activate.apply(a, function, slope)
    return result
