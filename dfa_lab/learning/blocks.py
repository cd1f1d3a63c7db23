"""Blocks: where in a network the direct rules deliver, found from how it is built.

A *feedback point* is a module after which the graph is cut and the signal comes in: autograd inside a block, the rule
between blocks. Chains (``nn.Sequential``, ``nn.ModuleList``, the layers of a Transformer) are looked into, anything
else is one block. A point stands after an activation, or after a block where no activation follows; nothing after the
last block, which hears e itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from dfa_lab.learning.bends import ELEMENTWISE, RuledActivation

ACTIVATIONS = (*ELEMENTWISE, RuledActivation)
CHAINS = (nn.Sequential, nn.ModuleList, nn.TransformerEncoder)
NORMS = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
)


def find_points(module: nn.Module) -> list[str]:
    """The names of the feedback points of ``module``, in the order it holds them."""
    points: list[str] = []
    block: str | None = None  # the last block that no point follows yet
    for name, child, ordered in _links(module, "", isinstance(module, CHAINS)):
        if isinstance(child, ACTIVATIONS):
            # Held by a module of one's own, one activation may serve many layers: only a chain says where it is used.
            if ordered and block is not None:
                points.append(name)
                block = None
        elif not any(True for _ in child.parameters()):
            continue
        elif isinstance(child, NORMS) and block is not None:
            block = name
        else:
            if block is not None:
                points.append(block)
            block = name
    if block is None and points:
        points.pop()  # the network ends with this activation: its block hears e
    if not points:
        held = [name for name, child in module.named_children() if any(True for _ in child.parameters())]
        if len(held) == 1:  # a wrapper: look into what it wraps
            return [f"{held[0]}.{name}" for name in find_points(module.get_submodule(held[0]))]
    return points


def _links(module: nn.Module, prefix: str, ordered: bool) -> Iterator[tuple[str, nn.Module, bool]]:
    """The links of a chain: (name, module, whether its place among the others is known)."""
    for name, child in module.named_children():
        here = f"{prefix}{name}"
        if isinstance(child, CHAINS):
            yield from _links(child, f"{here}.", True)
        else:
            yield here, child, ordered


def downstream_product(module: nn.Module, point: str) -> Tensor | None:
    """W_L … W_{l+1} from ``point`` to the output, (n_out, n_l), detached; None where that is no chain of linears."""
    if not isinstance(module, nn.Sequential):
        return None
    links = list(_links(module, "", True))
    names = [name for name, _, _ in links]
    if point not in names:
        return None
    product: Tensor | None = None
    for _, link, _ in links[names.index(point) + 1 :]:
        if isinstance(link, nn.Linear):
            weight = link.weight.detach()
            product = weight if product is None else weight @ product
        elif not isinstance(link, (*ACTIVATIONS, nn.Dropout, nn.Identity)):
            return None
    return product
