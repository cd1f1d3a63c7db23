"""A loss that a network computes inside, from its own output, which a direct rule cannot join."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import Node

from dfa_lab.errors import DfaLabError
from dfa_lab.learning.ops import mapped, tensors_of

_OUTSIDE = (
    "a direct rule takes the error at the output alone. Compute the loss outside, from the output: loss = "
    "loss_fn(net(inputs).logits, targets), without labels= among the inputs. A layerwise rule, such as 'fa', takes the "
    "network's own loss as well."
)


def without_losses(returned: Any, output: Tensor) -> Any:
    """``returned``, in which what was computed from ``output`` is an error when it is differentiated.

    Its gradient would go past the feedback points, and everything below the last would learn nothing. Values stay. A
    number is taken for such a loss also where it was computed from what ``output`` is a view, a part or a cast of.
    """
    if torch.compiler.is_compiling():  # the graph cannot be looked at
        if any(not one.dim() and one.requires_grad and one is not output for one in tensors_of(returned)):
            raise DfaLabError(f"a network under torch.compile returned a loss that it computed inside; {_OUTSIDE}")
        return returned
    if output.grad_fn is None:
        return returned
    own = {(output.grad_fn, output.output_nr)}
    behind = [node for node, _ in output.grad_fn.next_functions if node is not None]
    made_of = {output.grad_fn, *(behind if len(behind) == 1 else ())}

    def silenced(one: Tensor) -> Tensor:
        if one is output or one.grad_fn is None:
            return one
        edges = _behind(one)
        if any(edge in own or (not one.dim() and edge[0] in made_of) for edge in edges):
            silent: Tensor = _Unheard.apply(one)
            return silent
        return one

    return mapped(returned, silenced)


def _behind(tensor: Tensor) -> Iterator[tuple[Node, int]]:
    """The places in the graph that ``tensor`` was computed from, its own first."""
    assert tensor.grad_fn is not None
    waiting, known = [(tensor.grad_fn, tensor.output_nr)], set[tuple[Node, int]]()
    while waiting:
        edge = waiting.pop()
        if edge not in known:
            known.add(edge)
            yield edge
            waiting += [(node, place) for node, place in edge[0].next_functions if node is not None]


class _Unheard(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(one: Tensor) -> Tensor:
        return one.view_as(one)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Nothing to keep."""

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        raise DfaLabError(f"the gradient of a loss that the network computed inside was asked for; {_OUTSIDE}")
