"""Autograd functions: forward identical to torch's own, backward by a learning rule. They know no network.

Shape letters: N samples, n_in and n_out features; with replicas every tensor has a leading K.

>>> import torch, dfa_lab as dfa
>>> x, weight = torch.ones(1, 2, requires_grad=True), torch.zeros(3, 2)
>>> dfa.functional.feedback_linear(x, weight, None, torch.ones(3, 2)).sum().backward()
>>> x.grad  # by the feedback, where the weight would give zeros
tensor([[3., 3.]])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError
from dfa_lab.learning.ops.transforms import autocast, first_only, function_inputs


class _FeedbackLinear(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(input: Tensor, weight: Tensor, bias: Tensor | None, feedback: Tensor, exact: bool) -> Tensor:
        if weight.dim() == 2:
            return torch.nn.functional.linear(input, weight, bias)
        output = torch.matmul(input, weight.mT)
        return output if bias is None else output + bias.unsqueeze(-2)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        input, weight, _, feedback, ctx.exact = inputs
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
        found = grad_input, grad_weight, grad_bias, None, None
        return found if ctx.exact else first_only(ctx, *found)


def feedback_linear(input: Tensor, weight: Tensor, bias: Tensor | None, feedback: Tensor) -> Tensor:
    """Forward identical to ``torch.nn.functional.linear``; backward sends ``delta @ feedback`` down in place of W.

    ``input`` (…, n_in), ``weight`` and ``feedback`` (n_out, n_in), ``bias`` (n_out,) or None; with replicas
    ``weight`` and ``feedback`` are (K, n_out, n_in), ``bias`` (K, n_out), ``input`` (N, n_in) or (K, N, n_in).
    The gradients of weight and bias are the usual ones; ``feedback`` gets none (Lillicrap et al. 2016, eq. 2).
    Raises ``DfaLabError`` for other shapes, and where gradients are to be differentiated again: only where ``feedback``
    is ``weight`` itself they have a derivative.
    """
    if not isinstance(feedback, Tensor):
        raise DfaLabError(
            f"feedback was given as a {type(feedback).__name__}; expected a tensor of the weight's shape."
        )
    if feedback.shape != weight.shape:
        raise DfaLabError(
            f"feedback has shape {tuple(feedback.shape)}, weight {tuple(weight.shape)}; "
            "a layerwise feedback matrix has the layout of the weight, (out, in)."
        )
    if input.dim() == 1:
        return feedback_linear(input.unsqueeze(0), weight, bias, feedback).squeeze(-2)
    exact = feedback is weight
    result: Tensor = _FeedbackLinear.apply(
        *function_inputs(autocast(input, weight, bias, feedback), exact=exact), exact
    )
    return result


class _FeedbackConv(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(
        input: Tensor, weight: Tensor, bias: Tensor | None, feedback: Tensor, exact: bool, *options: Any
    ) -> Tensor:
        return torch.convolution(input, weight, bias, *options)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        input, _, _, feedback, ctx.exact, *ctx.options = inputs
        ctx.save_for_backward(input, feedback)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (delta,) = grads
        input, feedback = ctx.saved_tensors
        needed = list(ctx.needs_input_grad[:3])
        # The gradient of the weight does not depend on it; that of the input is made with what stands in its place.
        found = torch.ops.aten.convolution_backward(
            delta, input, feedback, [delta.shape[1]] if needed[2] else None, *ctx.options, needed
        )
        if not ctx.exact:
            found = first_only(ctx, *found)
        return *found, None, None, *(None for _ in ctx.options)


def feedback_conv(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    feedback: Tensor,
    *,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int = 1,
    transposed: bool = False,
    output_padding: Sequence[int] | None = None,
) -> Tensor:
    """Forward identical to torch's convolution in 1–3 dimensions; backward carries δ with ``feedback`` in place of W.

    ``input`` (N, C_in, …) or (C_in, …); ``weight`` and ``feedback`` (C_out, C_in / groups, …), ``transposed``
    (C_in, C_out / groups, …); one number a spatial dimension in ``stride``, ``padding``, ``dilation`` and
    ``output_padding``. The gradients of weight and bias are the usual ones; ``feedback`` gets none.
    """
    if feedback.shape != weight.shape:
        raise DfaLabError(
            f"feedback has shape {tuple(feedback.shape)}, weight {tuple(weight.shape)}; "
            "the feedback of a convolution has the layout of its weight."
        )
    spatial = weight.dim() - 2
    alone = input.dim() == spatial + 1
    options = list(stride), list(padding), list(dilation), transposed, list(output_padding or [0] * spatial), groups
    batch = input.unsqueeze(0) if alone else input
    exact = feedback is weight
    result: Tensor = _FeedbackConv.apply(
        *function_inputs(autocast(batch, weight, bias, feedback), exact=exact), exact, *options
    )
    return result.squeeze(0) if alone else result


class _CarriedBy(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(output: Tensor, input: Tensor, product: Callable[..., Tensor], *matrices: Tensor) -> Tensor:
        return output.clone()  # not a view: what follows may change it in place

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.product = inputs[2]
        ctx.save_for_backward(inputs[1], *inputs[3:])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (delta,) = grads
        input, *matrices = ctx.saved_tensors
        sent = None
        if ctx.needs_input_grad[1]:
            pulled: Any = torch.func.vjp(lambda one: ctx.product(one, *matrices), input)
            (sent,) = pulled[1](delta.to(pulled[0].dtype))
        return *first_only(ctx, delta, sent), None, *(None for _ in matrices)


def carried_by(output: Tensor, input: Tensor, product: Callable[..., Tensor], matrices: Sequence[Tensor]) -> Tensor:
    """The ``output`` of a layer unchanged; backward also sends ``input`` what ``product(input, *matrices)`` would.

    ``output`` must be made from ``input.detach()``, so that the layer's own parameters learn as ever.
    """
    given = function_inputs([output, input, *matrices])
    result: Tensor = _CarriedBy.apply(*given[:2], product, *given[2:])
    return result


Signals = Callable[[Tensor, Sequence[Tensor], Sequence[bool]], Sequence[Tensor | None]]


class _DirectFeedback(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(output: Tensor, signals: Signals, count: int, *tensors: Tensor) -> Tensor:
        return output.clone()  # not a view: what follows may change it in place

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        _, ctx.signals, ctx.count, *tensors = inputs
        ctx.save_for_backward(*tensors[ctx.count :])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (error,) = grads
        needed = ctx.needs_input_grad[3 : 3 + ctx.count]
        signals = ctx.signals(error, ctx.saved_tensors, needed)
        sent, *signals = first_only(ctx, error, *signals)
        return sent, None, None, *signals, *(None for _ in signals)


def join(output: Tensor, hiddens: Sequence[Tensor], feedbacks: Sequence[Tensor], signals: Signals) -> Tensor:
    """The output unchanged, in one graph node with all ``hiddens``.

    Backward gives e to ``output`` and what ``signals(e, feedbacks, needed)`` gives to each hidden tensor: None where
    none is needed. Each hidden tensor must reach ``output`` through ``.detach()``.
    """
    result: Tensor = _DirectFeedback.apply(output, signals, len(hiddens), *function_inputs([*hiddens, *feedbacks]))
    return result


def direct_feedback(
    output: Tensor,
    hiddens: Sequence[Tensor],
    feedbacks: Sequence[Tensor],
    broadcast: Callable[[Tensor], Tensor] | None = None,
    resize: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Tensor:
    """The output unchanged; backward gives e to ``output`` and ``e @ B_l`` to each hidden activity at once.

    One node joins them all, so no layer waits for the one above and BP's ``delta @ W`` products are never made
    (Nøkland 2016, eq. 7). For that, each hidden activity must reach ``output`` through ``.detach()``.
    ``broadcast`` maps e to what is sent in its place, ``resize`` a signal and what was sent to the signal that a layer
    receives. ``output`` is (…, N, n_out), ``hiddens[l]`` (…, N, n_l),
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

    def signals(error: Tensor, matrices: Sequence[Tensor], needed: Sequence[bool]) -> list[Tensor | None]:
        sent = error if broadcast is None else broadcast(error)
        signals = [sent @ matrix if need else None for matrix, need in zip(matrices, needed, strict=True)]
        return signals if resize is None else [one if one is None else resize(one, sent) for one in signals]

    return join(output, hiddens, feedbacks, signals)


class _Activate(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(
        a: Tensor,
        function: Callable[[Tensor], Tensor],
        slope: Callable[[Tensor, Tensor], Tensor],
        keep: bool,
        exact: bool,
    ) -> Tensor:
        # A function that returns its argument (the identity) must still give a tensor of its own.
        h = function(a)
        return h.clone() if h is a else h

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        a, ctx.function, ctx.slope, keep, ctx.exact = inputs
        ctx.save_for_backward(a, output if keep else a)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        a, h = ctx.saved_tensors
        slope = ctx.slope(a, h)
        look = None if torch.compiler.is_compiling() else getattr(ctx.slope, "look", None)
        if look is not None:
            look(a, slope)
        found = grads[0] * slope
        return *((found,) if ctx.exact else first_only(ctx, found)), None, None, None, None


def activate(
    a: Tensor,
    function: Callable[[Tensor], Tensor],
    slope: Callable[[Tensor, Tensor], Tensor],
    *,
    keep_output: bool = True,
    exact: bool = False,
) -> Tensor:
    """f(a) forward; backward multiplies with g = ``slope(a, f(a))`` where autograd would use f′.

    Without ``keep_output`` slope gets ``a`` twice, and f(a) may be changed in place by what follows. Only where
    ``exact`` says that slope is f′ may gradients be differentiated again; elsewhere that is a ``DfaLabError``.
    """
    result: Tensor = _Activate.apply(*function_inputs([a], exact=exact), function, slope, keep_output, exact)
    return result
