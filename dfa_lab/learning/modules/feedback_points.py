"""Feedback points: where a network receives direct feedback, found from how it is built.

A *feedback point* is a module after which the graph is cut and the signal comes in. What stands between two of them is
a block, inside which autograd works. Chains (``nn.Sequential``, ``ModuleList``, ``ModuleDict``, the layers of a
Transformer) are looked into, and so is a part of the network that holds a chain of blocks, such as the encoder of a
language model, unless it is a link of a chain itself. Anything else is one block. A point stands after an activation,
or after a block where no activation follows; none stands after the last block, which receives e itself.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError
from dfa_lab.learning.interface import Output, located, point_messages
from dfa_lab.learning.layers import LAYERS, effective_weight
from dfa_lab.learning.modules.activation_layers import ELEMENTWISE, RuledActivation
from dfa_lab.learning.ops import mapped, tensors_of

ACTIVATION_TYPES = (*ELEMENTWISE, RuledActivation)
CHAINS = (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.TransformerEncoder)
EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)
NORMS = (
    nn.modules.batchnorm._NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
)


def find_points(module: nn.Module) -> list[str]:
    """The names of the feedback points of ``module``, in the order it holds them."""
    links = list(_links(module, "", isinstance(module, CHAINS)))
    times = Counter(id(child) for _, child, _ in links)
    points: list[str] = []
    block: str | None = None  # the last block that no point follows yet
    for name, child, ordered in links:
        if is_activation(child):
            # One activation may serve many layers: only where a chain has it once, its place is known.
            if ordered and times[id(child)] == 1 and block is not None:
                points.append(name)
                block = None
        elif not any(True for _ in child.parameters()) or isinstance(child, EMBEDDINGS):
            continue  # an embedding is a part of the block that reads it
        elif isinstance(child, NORMS) and block is not None:
            block = name
        else:
            if block is not None:
                points.append(block)
            block = name
    known = {name for name, _ in module.named_modules()}
    points = [name for name in points if name in known]  # a repeated block by its first name
    if block is None and points:
        points.pop()  # the network ends with this activation: its block receives e
    if not points:
        held = [
            name
            for name, child in module.named_children()
            if any(True for _ in child.parameters()) and not isinstance(child, EMBEDDINGS)
        ]
        if len(held) == 1:  # a wrapper: look into what it wraps
            return [f"{held[0]}.{name}" for name in find_points(module.get_submodule(held[0]))]
    return points


def _links(module: nn.Module, prefix: str, ordered: bool) -> Iterator[tuple[str, nn.Module, bool]]:
    """The links of a chain: (name, module, whether its place among the others is known), repeated ones each time."""
    for name, child in module._modules.items():
        here = f"{prefix}{name}"
        if child is None:
            continue
        if isinstance(child, CHAINS) or type(child) is nn.Module:
            yield from _links(child, f"{here}.", True)
        elif not ordered and _holds_blocks(child):
            yield from _links(child, f"{here}.", False)
        else:
            yield here, child, ordered


def _holds_blocks(module: nn.Module) -> bool:
    """Whether a module of somebody's own holds a list or chain of at least two blocks of one class."""
    for chain in module.modules():
        if isinstance(chain, nn.ModuleList | nn.Sequential):
            blocks = [one for one in chain if any(True for _ in one.children()) and not isinstance(one, CHAINS)]
            kinds = Counter(type(one) for one in blocks if any(True for _ in one.parameters()))
            if max(kinds.values(), default=0) > 1 and (isinstance(chain, nn.ModuleList) or _is_deep(blocks[0])):
                return True
    return False


def _is_deep(block: nn.Module) -> bool:
    """Whether a block holds more than one layer that carries δ."""
    return sum(isinstance(one, nn.Linear | nn.modules.conv._ConvNd) for one in block.modules()) > 1


class LateActivations:
    """Finds activation layers that get what a feedback point gives, behind the cut: f′ is no part of δ there."""

    def __init__(self) -> None:
        self._handles: list[Any] = []
        self._behind: dict[str, str] = {}  # a point, and the activation behind it
        self._calls: Counter[str] = Counter()

    def watch(self, root: nn.Module, last_cut: Callable[[], tuple[str, list[Tensor]] | None]) -> None:
        """Look at the activation layers of ``root`` in a pass; ``last_cut`` gives the last point and what it gave."""
        self._end()

        def entered(name: str, args: tuple[Any, ...]) -> None:
            self._calls[name] += 1
            cut = last_cut()
            if args and cut is not None and any(args[0] is one for one in cut[1]):
                self._behind[cut[0]] = name

        for name, module in root.named_modules():
            if is_activation(module):
                hook = module.register_forward_pre_hook(lambda _, args, name=name: entered(name, args))
                self._handles.append(hook)
        # A pass that fails leaves nothing behind.
        self._handles.append(root.register_forward_hook(lambda *_: self._end(), always_call=True))

    def _end(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._behind.clear()
        self._calls.clear()

    def warn(self, points: Sequence[str]) -> None:
        """Warn of what was found among the network's ``points``, and look no more."""
        late = {point: name for point, name in self._behind.items() if point in points}
        if late:
            shown = [f"{name} behind point {point}" for point, name in late.items()]
            more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
            better = [late[one] if self._calls[late.get(one, "")] == 1 else one for one in points]
            several = better == list(points)
            advice = "give each layer an activation layer of its own" if several else f"convert(…, points={better})"
            warnings.warn(
                f"activations come behind feedback points, so that their derivative is no part of δ, and another g has "
                f"no effect there: {', '.join(shown[:5])}{more}. To have it, {advice}.",
                stacklevel=2,
            )
        self._end()

    def __getstate__(self) -> dict[str, Any]:
        """A copy begins anew."""
        return {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        LateActivations.__init__(self)


class HandedOn:
    """The tensors that feedback points handed on in a pass, where the graph is cut, and what becomes of them."""

    def __init__(self) -> None:
        self._by_id: dict[int, tuple[str, Tensor]] = {}  # the tensors are kept, so that their ids stay their own
        self._warned = False

    def clear(self) -> None:
        """A pass begins, or has ended."""
        if self._by_id:
            self._by_id = {}

    def note(self, point: str, cut: Any) -> None:
        """A point handed on ``cut``."""
        if not torch.compiler.is_compiling():
            self._by_id |= {id(one): (point, one) for one in tensors_of(cut)}

    def point_of(self, tensor: Tensor) -> str | None:
        """The point that handed on ``tensor``; None where none did."""
        return self._by_id.get(id(tensor), (None, tensor))[0]

    def watched(self, returned: Any, output: Tensor, points: Sequence[str], recorded: bool) -> Any:
        """What the network ``returned``, with copies for what points gave beside the ``output``.

        The first gradient that comes to such a copy is warned of: it reaches nothing. No copies while it is recorded.
        """
        if not self._by_id or recorded or torch._C._are_functorch_transforms_active():
            return returned
        extra = [one for one in tensors_of(returned) if one is not output and self.point_of(one)]
        if not extra:
            return returned
        names = [name for name in points if name in {self.point_of(one) for one in extra}]

        def warn(_: Tensor) -> None:
            if not self._warned:
                self._warned = True
                warnings.warn(
                    f"the network returns what feedback points {', '.join(names)} gave beside its output, and a loss "
                    "of that was differentiated: the graph is cut at a point, so that nothing learns from this loss. "
                    f"To let it reach what feeds them, {point_messages.without(points, names)}.",
                    stacklevel=2,
                )

        def copied(one: Tensor) -> Tensor:
            if all(one is not other for other in extra):
                return one
            copy = one.detach().requires_grad_().clone()  # no leaf: it may be overwritten
            copy.register_hook(warn)
            return copy

        return mapped(returned, copied)

    def __getstate__(self) -> dict[str, Any]:
        """A copy is in no pass, and warns once more."""
        return {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        HandedOn.__init__(self)


class Cuts:
    """The tensors that feedback points handed on in one pass, and those they had returned, by the last calls' order."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[list[Tensor], list[Tensor]]] = {}

    def note(self, point: str, cut: Any, whole: Any) -> None:
        """A point returned ``whole``, and ``cut`` is handed on."""
        self._made.pop(point, None)
        after = tensors_of(cut)  # compiled, what it had returned would be an output of the graph
        self._made[point] = after, after if torch.compiler.is_compiling() else tensors_of(whole)

    def last(self) -> tuple[str, list[Tensor]] | None:
        """The last point, and what it handed on."""
        return next(((point, self._made[point][0]) for point in reversed(list(self._made))), None)

    def behind_the_giver(self, returned: Any, output: Output) -> tuple[Any, list[str]] | None:
        """What the network ``returned``, not cut off, where a point gave the output; None where none did.

        And the points from that one on, itself the first. ``DfaLabError`` where what it had returned is not known.
        """
        names = list(self._made)
        if not names:
            return None
        tensor = returned if output is None else located(returned, output)
        given = [place for place, (after, _) in enumerate(self._made.values()) if any(tensor is one for one in after)]
        if not given:
            return None
        after, before = self._made[names[given[-1]]]
        if after is before:
            raise DfaLabError(point_messages.output_is_cut(names[given[-1]]))
        whole = {id(one): other for one, other in zip(after, before, strict=True)}
        return mapped(returned, lambda one: whole.get(id(one), one)), names[given[-1] :]


def downstream_product(module: nn.Module, point: str, slopes: Mapping[str, Tensor] | None = None) -> Tensor | None:
    """W_L … W_{l+1} from ``point`` to the output, (n_out, n_l), detached; None where that is no chain of linears.

    ``slopes``, by the name of an activation layer, multiply what goes through it; None too where one is missing.
    """
    if not isinstance(module, nn.Sequential):
        return None
    links = list(_links(module, "", True))
    names = [name for name, _, _ in links]
    if point not in names:
        return None
    product: Tensor | None = None
    for name, link, _ in reversed(links[names.index(point) + 1 :]):  # no more rows than there are outputs
        if isinstance(link, nn.Linear):
            weight = effective_weight(link, "weight").detach()
            if product is not None and product.shape[1] != len(weight):  # tokens were put into one vector between
                return None
            product = weight if product is None else product @ weight
        elif is_activation(link):
            if product is not None and slopes is not None:
                if name not in slopes:
                    return None
                product = product * slopes[name]
        elif not isinstance(link, nn.Dropout | nn.Identity) and not _flattens(link):
            return None
    return product


def is_activation(link: nn.Module) -> bool:
    """Whether a module is an activation layer that another g may stand in, converted or not yet."""
    found = LAYERS.find(type(link))
    return isinstance(link, ACTIVATION_TYPES) or (found is not None and found[0].elementwise)


def _flattens(link: nn.Module) -> bool:
    """Whether a link only makes a vector of each sample, in the order that flat feedback has."""
    return isinstance(link, nn.Flatten) and (link.start_dim, link.end_dim) == (1, -1)
