"""The calls of watched modules: what each received and gave, with its places in the autograd graph.

Every tensor that leaves a watched module is cloned on its way, so that each call has a place of its own in the graph.
The gradient at that place is what this call received, whatever else uses the tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, Node, get_gradient_edge

from dfa_lab.learning.modules import RuledActivation, RuledLayer
from dfa_lab.learning.ops import mapped, tensors_of, torch_state

#: The names under which torch's layers take what has a gradient.
_INPUTS = ("input", "hx", "query", "key", "value")


class Clones:
    """Clones of the floating tensors that pass by, one for each, with their places in the graph.

    A place is None for a clone made without gradients. The first clone has one even where its tensor needs no gradient;
    with ``force`` every clone has, with None no such clone.
    """

    def __init__(self, *, force: bool | None) -> None:
        self.tensors: list[Tensor] = []
        self.edges: list[GradientEdge | None] = []
        self._force, self._known = force, dict[int, Tensor]()

    def __call__(self, one: Tensor) -> Tensor:
        """The clone of ``one``; what is not floating is handed on itself."""
        if not one.is_floating_point():
            return one
        if id(one) not in self._known:
            forced = (self._force or (self._force is False and not self.tensors)) and not one.requires_grad
            clone = (one.detach().requires_grad_() if forced else one).clone()
            self._known[id(one)] = clone
            self.tensors.append(clone)
            self.edges.append(get_gradient_edge(clone) if clone.requires_grad else None)
        return self._known[id(one)]


@dataclass(eq=False)
class Call:
    """One call of a watched module; tensors are the clones.

    ``origin`` is the node that made the first input; ``origins`` are those of all the inputs that a layer has products
    with: in a cell input and state, in attention query, key and value. ``slope``, where asked for, is an activation's
    mean f′ over samples. Recorded ``with_inputs``, the call has its arguments, its ``inputs``, what it ``returned`` and
    the state of torch's random streams before and after it, and at a point where the rule cuts the graph ``cut``,
    clones behind the cut. Its tensors keep their values: the network goes on with copies, which it may overwrite.
    """

    name: str
    module: nn.Module
    origin: Node | None
    origins: list[Node | None] = field(default_factory=list)
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    returned: Any = None
    random: list[Tensor] = field(default_factory=list)
    random_after: list[Tensor] = field(default_factory=list)
    inputs: Clones = field(default_factory=lambda: Clones(force=True))
    outputs: Clones = field(default_factory=lambda: Clones(force=False))
    cut: Clones = field(default_factory=lambda: Clones(force=True))
    slope: Tensor | None = None

    @property
    def output(self) -> Tensor:
        """The first output."""
        return self.outputs.tensors[0]

    @property
    def edge(self) -> GradientEdge | None:
        """The place of the first output in the graph."""
        return self.outputs.edges[0]

    def given(self, place: int, name: str) -> Any:
        """The argument at a place, or by its name; None where it was not given."""
        return _given(self.args, self.kwargs, place, name)


def watched(
    name: str, module: nn.Module, calls: list[Call], with_inputs: bool, is_cut: bool, slopes: bool
) -> Iterator[Any]:
    """Put hooks on a module that append its calls to ``calls``; the handles to remove them."""
    running: list[Call] = []

    def enter(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = tensors_of((args, kwargs))
        call = Call(name, module, given[0].grad_fn if given else None)
        call.origins = [call.origin]
        if isinstance(module, nn.MultiheadAttention | nn.RNNCellBase):
            parts = [tensors_of(_given(args, kwargs, *one)) for one in enumerate(_products(module))]
            call.origins = [one[0].grad_fn if one else None for one in parts]
        running.append(call)
        if slopes and isinstance(module, RuledActivation) and given:
            a = given[0].detach()
            call.slope = module.exact_slope(a, a).mean(0)
        if not with_inputs:
            return None
        call.random = torch_state()
        if not isinstance(module, RuledLayer) and any(True for _ in module.children()):
            # A block's own code may ask whether its input needs a gradient, or make it.
            call.inputs = Clones(force=None)
        call.args, call.kwargs = at_signals(module, args, kwargs, call.inputs)
        if isinstance(module, RuledLayer):  # it overwrites nothing
            return call.args, call.kwargs
        return mapped((call.args, call.kwargs), Clones(force=None))

    def leave(_: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        call = running.pop()
        new = mapped(output, call.outputs)
        if call.outputs.tensors or with_inputs:
            calls.append(call)
        if not with_inputs:
            return new
        call.returned, call.random_after = new, torch_state()
        return mapped(new, Clones(force=False))

    def behind_cut(_: nn.Module, args: Any, output: Any) -> Any:
        # After the network's own hook has cut the graph: leaves that show what autograd offers from above.
        return mapped(output, calls[-1].cut)

    # Before the hook that cuts the graph, so that what a feedback point receives arrives here.
    yield module.register_forward_pre_hook(enter, with_kwargs=True)
    yield module.register_forward_hook(leave, with_kwargs=True, prepend=True)
    if is_cut:
        yield module.register_forward_hook(behind_cut)


def _given(args: tuple[Any, ...], kwargs: dict[str, Any], place: int, name: str) -> Any:
    return args[place] if place < len(args) else kwargs.get(name)


def _products(module: nn.Module) -> tuple[str, ...]:
    """The names of the inputs that attention or a cell has products with."""
    return ("query", "key", "value") if isinstance(module, nn.MultiheadAttention) else ("input", "hx")


def at_signals(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], change: Callable[[Tensor], Tensor]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call with every tensor changed through which the module sends a signal."""
    # Through its masks, a layer of attention sends nothing.
    count = 3 if isinstance(module, nn.MultiheadAttention) else len(args)
    new, named = mapped((args[:count], {key: kwargs[key] for key in _INPUTS if key in kwargs}), change)
    return (*new, *args[count:]), {**kwargs, **named}


class Ends(set[Node]):
    """Where a search behind a node ends: at the nodes given, and where a rule cuts the graph."""

    def __contains__(self, node: object) -> bool:
        return super().__contains__(node) or (isinstance(node, Node) and node.name() == "_GateBackward")
