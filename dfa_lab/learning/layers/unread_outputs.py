"""Which modules give what the output of a pass does not come from: the other heads of a network with several."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.autograd.graph import Node

from dfa_lab.learning.ops import behind, mapped


def unread_outputs(root: nn.Module, names: Collection[str], run: Callable[[], Tensor]) -> list[str]:
    """Those modules of ``root`` with these ``names``, and called in ``run``, that the tensor it returns is not made of.

    That is, to which autograd knows no way back from it. In ``run`` buffers are copies.
    """
    made: dict[str, list[Node]] = {}

    def handed_on(name: str, module: nn.Module, args: Any, given: Any) -> Any:
        return mapped(given, partial(copied, name))

    def copied(name: str, tensor: Tensor) -> Tensor:
        copy = tensor.clone()  # whose node stays, where the tensor's own may go: a view that is changed in place
        if copy.grad_fn is not None:
            made.setdefault(name, []).append(copy.grad_fn)
        return copy

    buffers = [(module._buffers, dict(module._buffers)) for module in root.modules()]
    handles = [root.get_submodule(name).register_forward_hook(partial(handed_on, name), prepend=True) for name in names]
    try:
        for held, own in buffers:
            held.update({name: None if one is None else one.clone() for name, one in own.items()})
        output = run()
    finally:
        for held, own in buffers:
            held.update(own)
        for handle in handles:
            handle.remove()
    read = set(behind(output.grad_fn, ()))
    return [name for name, nodes in made.items() if read and read.isdisjoint(nodes)]
