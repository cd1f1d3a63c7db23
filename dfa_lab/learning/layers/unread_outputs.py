"""Which modules give what the output of a pass does not come from: the other heads of a network with several."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.autograd.graph import Node

from dfa_lab.learning.ops import behind, tensors_of


def unread_outputs(modules: Mapping[str, nn.Module], run: Callable[[], Tensor]) -> list[str]:
    """Those of the ``modules`` called in ``run`` from whose outputs no way of autograd's leads to the one returned."""
    made: dict[str, list[Node]] = {}

    def note(name: str, module: nn.Module, args: Any, given: Any) -> None:
        nodes = [one.grad_fn for one in tensors_of(given)]
        made.setdefault(name, []).extend(node for node in nodes if node is not None)

    handles = [module.register_forward_hook(partial(note, name)) for name, module in modules.items()]
    try:
        output = run()
    finally:
        for handle in handles:
            handle.remove()
    read = set(behind(output.grad_fn, ()))
    return [name for name, nodes in made.items() if nodes and read and read.isdisjoint(nodes)]
