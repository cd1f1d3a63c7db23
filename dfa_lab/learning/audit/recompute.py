"""A layer recomputed for ``audit`` by torch's own functions: its products with weights, and the rest of its forward.

Shares no code with the converted layers' own forward or backward pass.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from dfa_lab.learning.ops import restore_torch_state
from dfa_lab.learning.recording import Call


def bare(module: nn.Module) -> nn.Module:
    """A copy of torch's own class that shares the tensors: no rule, no hook, no forward of its own."""
    kind = getattr(type(module), "plain_class", type(module))
    plain = kind.__new__(kind)
    plain.__dict__ = {name: copy.copy(value) for name, value in module.__dict__.items() if name != "forward"}
    for name in plain.__dict__:
        if name.endswith("_hooks") or "_hooks_" in name:
            plain.__dict__[name] = type(plain.__dict__[name])()
    plain._buffers = {name: None if one is None else one.clone() for name, one in module._buffers.items()}
    plain._modules = {name: None if child is None else bare(child) for name, child in module._modules.items()}
    return plain


@dataclass(frozen=True)
class Product:
    """One product with ``parameter`` and ``bias`` (some rows of them), for the input ``x``: apply(x, weight, bias)."""

    x: Tensor
    parameter: str
    bias: str | None
    apply: Callable[[Tensor, Tensor, Tensor | None], Tensor]
    rows: slice = field(default_factory=lambda: slice(None))
    bias_rows: slice = field(default_factory=lambda: slice(None))


@dataclass(frozen=True)
class Recomputation:
    """``products``, the input tensors that are used directly as well, and ``core(projected, directly) -> outputs``."""

    products: list[Product]
    directly: list[Tensor]
    core: Callable[[Sequence[Tensor], Sequence[Tensor]], Sequence[Tensor]]


def recompute(call: Call) -> Recomputation:
    """The call of a layer that carries δ, taken apart."""
    layer: Any = call.module
    if isinstance(layer, nn.MultiheadAttention):
        return _attention(layer, call)
    if isinstance(layer, nn.RNNCellBase):
        return _cell(layer, call)

    def apply(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        plain: Any = bare(layer)
        plain.__class__ = parametrize.type_before_parametrizations(plain)  # whose weight is made of nothing
        for name in ("weight", "bias"):
            plain.__dict__.pop(name, None)
        plain._parameters.update(weight=weight, bias=bias)
        result: Tensor = type(plain).forward(plain, x, *call.args[1:], **options)
        return result

    options = {name: value for name, value in call.kwargs.items() if name != "input"}
    bias = None if layer.bias is None else "bias"
    return Recomputation([Product(call.given(0, "input"), "weight", bias, apply)], [], lambda projected, _: projected)


def sent_through(call: Call, matrices: Sequence[Tensor], delta: Tensor) -> Tensor:
    """What a layer whose class was taught sends to its input, with ``matrices`` in its weights' places."""
    layer: Any = call.module
    x = call.inputs.tensors[0].detach().requires_grad_()
    if layer.layer_kind.product is not None:
        y = layer.layer_kind.product(layer, x, *matrices)
    else:
        plain: Any = bare(layer)
        plain.__class__ = parametrize.type_before_parametrizations(plain)
        for name, matrix in zip(layer.layer_kind.names(layer), matrices, strict=True):
            plain._parameters.pop(name, None)
            plain.__dict__[name] = matrix
        y = type(plain).forward(plain, x)
    return torch.autograd.grad(y, x, delta)[0]


def _cell(layer: Any, call: Call) -> Recomputation:
    x, given = call.given(0, "input"), call.given(1, "hx")
    zeros = x.new_zeros(*x.shape[:-1], layer.hidden_size)
    state, cell = given if isinstance(given, tuple | list) else (zeros if given is None else given, zeros)
    bias = [None, None] if layer.bias_ih is None else ["bias_ih", "bias_hh"]
    products = [
        Product(x, "weight_ih", bias[0], F.linear),
        Product(state, "weight_hh", bias[1], F.linear),
    ]

    def core(projected: Sequence[Tensor], directly: Sequence[Tensor]) -> Sequence[Tensor]:
        below, beside = projected
        if isinstance(layer, nn.LSTMCell):
            i, f, g, o = (below + beside).split(layer.hidden_size, -1)
            new = f.sigmoid().mul(directly[0]) + i.sigmoid().mul(g.tanh())
            return o.sigmoid() * new.tanh(), new
        if isinstance(layer, nn.GRUCell):
            (r, z, n), (r_h, z_h, n_h) = (part.split(layer.hidden_size, -1) for part in (below, beside))
            update = (z + z_h).sigmoid()
            return [(1 - update) * (n + (r + r_h).sigmoid() * n_h).tanh() + update * directly[0]]
        return [getattr(torch, layer.nonlinearity)(below + beside)]

    used = [cell] if isinstance(layer, nn.LSTMCell) else [state] if isinstance(layer, nn.GRUCell) else []
    return Recomputation(products, used, core)


def _attention(layer: Any, call: Call) -> Recomputation:
    names = ("query", "key", "value")
    inputs = [call.given(n, name) for n, name in enumerate(names)]
    size = layer.embed_dim
    packed = layer._qkv_same_embed_dim
    products = []
    for n, x in enumerate(inputs):
        rows = slice(n * size, (n + 1) * size)
        parameter = "in_proj_weight" if packed else f"{'qkv'[n]}_proj_weight"
        bias = None if layer.in_proj_bias is None else "in_proj_bias"
        products.append(Product(x, parameter, bias, F.linear, rows if packed else slice(None), rows))
    options = {name: call.args[n] for n, name in enumerate(_OPTIONS, 3) if n < len(call.args)} | {
        name: value for name, value in call.kwargs.items() if name not in names
    }

    def core(projected: Sequence[Tensor], _: Sequence[Tensor]) -> Sequence[Tensor]:
        # torch's own layer, with identities where the weights were.
        plain: Any = nn.MultiheadAttention(size, layer.num_heads, layer.dropout, batch_first=layer.batch_first)
        plain = plain.to(projected[0]).train(layer.training)
        identity = torch.eye(size, dtype=projected[0].dtype, device=projected[0].device)
        plain._parameters.update(in_proj_weight=identity.repeat(3, 1), in_proj_bias=None)
        plain.bias_k, plain.bias_v, plain.add_zero_attn = layer.bias_k, layer.bias_v, layer.add_zero_attn
        plain.out_proj._parameters.update(weight=identity, bias=None)
        restore_torch_state(call.random)  # the same dropout again
        attended, weights = plain(*projected, **options)
        return [attended, *([] if weights is None else [weights])]

    return Recomputation(products, [], core)


_OPTIONS = ("key_padding_mask", "need_weights", "attn_mask", "average_attn_weights", "is_causal")


def vjp(outputs: Sequence[Tensor], deltas: Sequence[Tensor], inputs: Sequence[Tensor]) -> list[Tensor]:
    """The gradients at ``inputs`` for ``deltas`` at ``outputs``; zeros where there is no way."""
    pairs = [(y, d) for y, d in zip(outputs, deltas, strict=False) if y.requires_grad]
    if not pairs:
        return [torch.zeros_like(one) for one in inputs]
    return list(torch.autograd.grad([y for y, _ in pairs], inputs, [d for _, d in pairs], materialize_grads=True))
