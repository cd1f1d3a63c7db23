"""Which parameters carry δ in a way of a module's own, seen on the autograd graph of a forward pass.

A parameter carries δ where a product or convolution with it, or with what is made of it, has another operand that needs
a gradient. What is added to, or multiplied entry by entry with, a signal (class tokens, position embeddings, γ, β,
scales, tables that are looked up) carries none through a matrix; nor does a product of weights alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from dfa_lab.learning.layers.rule_choices import RuleChoice, blocked_layers
from dfa_lab.learning.ops import tensors_of

_PRODUCT = re.compile(r"(Add|Badd)?(Mm|Bmm|bmm|Mv|mm|mv)Backward|DotBackward|LinearBackward|Convolution\w*Backward")
#: Their first operand is added to the product, their last is a bias.
_ADDED, _BIAS = re.compile(r"Badd|Add"), re.compile(r"Convolution")
#: What looks something up, and our own layers: their values are signals.
_SIGNAL = re.compile(r"Embedding|Index|Gather|_FeedbackLinear|_FeedbackConv|_CarriedBy|_Activate")
_JOINED = re.compile(r"Cat|Stack")


class _Made(NamedTuple):
    """A node whose value is made from parameters of one module alone; ``pure``: without a sum or a product."""

    owner: str
    parameters: frozenset[int]
    is_matrix: bool
    pure: bool


def is_decided(root: nn.Module, undecided: Mapping[str, str], choice: Any, output: Any) -> bool:
    """Look after a forward pass through ``root`` whether δ goes through the ``undecided`` parameters.

    They are names, with those of their modules. False where nothing can be seen: without gradients, in compilers and
    under ``torch.func``. Raises ``DfaLabError`` for those that the layerwise rules of ``choice`` cannot stand for.
    """
    if torch.compiler.is_compiling() or not torch.is_grad_enabled() or torch._C._are_functorch_transforms_active():
        return False
    outputs = [one for one in tensors_of(output) if one.grad_fn is not None]
    if not outputs:
        return False
    names = {id(root.get_parameter(name)): name for name in undecided}
    owners = {
        id(one): owner.partition(".parametrizations")[0]
        for owner, module in root.named_modules()
        for one in module.parameters(recurse=False)
    }
    found = carrying_parameters(outputs, owners, names)
    blocked: dict[str, str] = {}
    for name in (one for number, one in names.items() if number in found):
        owner = undecided[name]
        module, own = root.get_submodule(owner), name.rpartition(".")[2]
        first = f"{getattr(module, 'plain_class', type(module)).__name__} sends δ through its own {own}"
        if hasattr(module, "plain_class") or isinstance(module, nn.Embedding | nn.EmbeddingBag):
            first += ", which is used in a product past the layer itself"
        blocked[owner] = f"{blocked[owner]}, {own}" if owner in blocked else first
    if blocked:
        raise blocked_layers(blocked, RuleChoice(choice).leaving(blocked))
    return True


def carrying_parameters(outputs: Sequence[Tensor], owners: Mapping[int, str], candidates: Collection[int]) -> set[int]:
    """The ids of those ``candidates`` that δ goes through on the way from ``outputs``.

    ``owners`` has the id of each parameter of the network, and the name of the module that it belongs to.
    """
    made: dict[Any, _Made | None] = {}
    found: set[int] = set()
    for node in _nodes_in_order([one.grad_fn for one in outputs if one.grad_fn is not None]):
        operands = [behind for behind, _ in node.next_functions]
        name = node.name()
        is_product = _PRODUCT.match(name) is not None
        if is_product:
            start, end = int(_ADDED.match(name) is not None), len(operands) - int(_BIAS.match(name) is not None)
            found |= _carriers(operands[start:end], made) & set(candidates)
        variable = getattr(node, "variable", None)
        if isinstance(variable, Tensor):
            owner = owners.get(id(variable))
            matrix = variable.dim() > 1
            made[node] = None if owner is None else _Made(owner, frozenset([id(variable)]), matrix, True)
        elif _SIGNAL.match(name) or (None in operands and (is_product or _JOINED.match(name))):
            made[node] = None
        else:
            parts = [made.get(one) for one in operands if one is not None]
            made[node] = _union(parts, pure=not is_product and _ADDED.match(name) is None)
    return found


def _carriers(operands: Sequence[Any], made: Mapping[Any, _Made | None]) -> set[int]:
    """The parameters behind one operand of a product, where another is a signal."""
    found: set[int] = set()
    for one in operands:
        weight = made.get(one)
        others = [made.get(other) for other in operands if other is not None and other is not one]
        if weight is not None and any(other is None or not (other.pure and other.is_matrix) for other in others):
            found |= weight.parameters
    return found


def _union(parts: Sequence[_Made | None], pure: bool) -> _Made | None:
    known = [one for one in parts if one is not None]
    if not known or len(known) < len(parts) or len({one.owner for one in known}) > 1:
        return None
    parameters = frozenset[int]().union(*(one.parameters for one in known))
    return _Made(
        known[0].owner, parameters, any(one.is_matrix for one in known), pure and all(one.pure for one in known)
    )


def _nodes_in_order(starts: Sequence[Any]) -> Iterator[Any]:
    """Every node of a graph once, after all that lie behind it."""
    known, waiting = set[Any](), [(one, False) for one in starts]
    while waiting:
        node, is_done = waiting.pop()
        if is_done:
            yield node
        elif node not in known:
            known.add(node)
            waiting.append((node, True))
            waiting += [(behind, False) for behind, _ in node.next_functions if behind is not None]
