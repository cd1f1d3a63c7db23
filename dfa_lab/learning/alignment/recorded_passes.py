"""What flows through each layer of a converted network: one forward pass, and any number of backward passes over it.

Every tensor that leaves a watched module is cloned on its way, so that each call has a place of its own in the autograd
graph. The gradient at that place is what this call received, whatever else uses the tensor. ``measure_alignment`` and
``audit`` both read these recordings. Record inside ``side_effect_free``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, Node, get_gradient_edge

from dfa_lab.errors import DfaLabError
from dfa_lab.learning.alignment.backward_paths import BackwardPaths
from dfa_lab.learning.interface import advice, called, located
from dfa_lab.learning.modules import Converted, RuledActivation, RuledLayer
from dfa_lab.learning.networks import lesson
from dfa_lab.learning.ops import checked_loss, mapped, tensors_of, torch_state

#: The names under which torch's layers take what has a gradient.
_INPUTS = ("input", "hx", "query", "key", "value")


class Clones:
    """Clones of the floating tensors that pass by, one for each, with their places in the graph.

    A place is None for a clone made without gradients. The first clone has one even where its tensor needs no gradient;
    with ``force`` every clone has.
    """

    def __init__(self, *, force: bool) -> None:
        self.tensors: list[Tensor] = []
        self.edges: list[GradientEdge | None] = []
        self._force, self._known = force, dict[int, Tensor]()

    def __call__(self, one: Tensor) -> Tensor:
        """The clone of ``one``; what is not floating is handed on itself."""
        if not one.is_floating_point():
            return one
        if id(one) not in self._known:
            forced = (self._force or not self.tensors) and not one.requires_grad
            clone = (one.detach().requires_grad_() if forced else one).clone()
            self._known[id(one)] = clone
            self.tensors.append(clone)
            self.edges.append(get_gradient_edge(clone) if clone.requires_grad else None)
        return self._known[id(one)]


@dataclass(eq=False)
class Call:
    """One call of a watched module; tensors are the clones.

    ``feeds`` says that the network itself needs a gradient at one of the inputs: there are layers below. ``origin`` is
    the node that made the first input. ``slope``, where asked for, is an activation's mean f′ over samples. Recorded
    ``with_inputs``, the call has its arguments, its ``inputs`` and the state of torch's random streams before it, and
    at a point where the rule cuts the graph ``cut``, clones behind the cut.
    """

    name: str
    module: nn.Module
    feeds: bool
    origin: Node | None
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    random: list[Tensor] = field(default_factory=list)
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
        return self.args[place] if place < len(self.args) else self.kwargs.get(name)


@dataclass(frozen=True)
class BackwardPass:
    """The gradients of one backward pass: ``error`` is e = ∂L/∂output, None where the network's output is no tensor.

    ``parameters`` has each parameter's gradient by name, None for one that got none.
    """

    error: Tensor | None
    parameters: dict[str, Tensor | None]
    _at: dict[Clones, list[Tensor]]

    def at(self, clones: Clones) -> list[Tensor]:
        """The gradients at a call's ``outputs``, ``inputs`` or ``cut``; zeros where none came."""
        return self._at[clones]

    def received(self, call: Call) -> Tensor:
        """What the call's first output received, a row a sample: (N, …), flat; (1, n) where it has one dimension."""
        found = self._at[call.outputs][0]
        return found.flatten(1) if found.dim() > 1 else found.reshape(1, -1)


class Recording:
    """One forward pass: its calls in order and the network's ``output``, also ``before_join`` with feedback points."""

    def __init__(self, root: nn.Module, calls: Sequence[Call], output: Any, before_join: list[Tensor], loss: Tensor):
        self.root, self.calls, self.output, self.before_join = root, calls, output, before_join
        self._loss = loss

    def parameters(self) -> dict[str, nn.Parameter]:
        """The parameters that learn, by name."""
        return {name: one for name, one in self.root.named_parameters() if one.requires_grad}

    def backward(self) -> BackwardPass:
        """One backward pass; the graph stays."""
        named = self.parameters()
        first = [self.output] if isinstance(self.output, Tensor) else []
        groups = [clones for call in self.calls for clones in (call.outputs, call.inputs, call.cut)]
        edges = [edge for clones in groups for edge in clones.edges if edge is not None]
        wanted: list[Any] = [*first, *edges, *named.values()]
        found: list[Any] = list(torch.autograd.grad(self._loss, wanted, allow_unused=True, retain_graph=True))
        error = found.pop(0) if first else None
        parameters = dict(zip(named, found[len(edges) :], strict=True))
        at_edges = iter(found)
        return BackwardPass(error, parameters, {clones: _filled(clones, at_edges) for clones in groups})

    def activation_of(self, call: Call) -> Call | None:
        """The activation layer that the call's output goes into, no other call between; None where none can be seen."""
        if call.edge is None:
            return None
        others = {one.edge.node for one in self.calls if one.edge is not None and one is not call and _decides(one)}
        for later in self.calls[self.calls.index(call) + 1 :]:
            fits = isinstance(later.module, RuledActivation) and later.output.shape == call.output.shape
            if fits and _leads_to(later.origin, call.edge.node, others):
                return later
        return None

    def calls_of(self, name: str) -> list[Call]:
        """The calls of one module, in order."""
        return [call for call in self.calls if call.name == name]


def record(
    converted: Converted,
    watched: Collection[str],
    inputs: Any,
    targets: Any,
    loss_fn: Callable[[Any, Any], Tensor],
    reduction: str,
    *,
    with_inputs: bool = False,
    slopes: bool = False,
    forward_in: AbstractContextManager[Any] | None = None,
) -> Recording:
    """One forward pass on a batch, made inside ``forward_in``, that notes every call of the modules named ``watched``.

    ``with_inputs`` records what each call sends down too; then a watched layer's inputs have a gradient even where the
    network needs none. ``slopes`` notes the activations' mean f′.
    """
    calls, handles, before_join = list[Call](), list[Any](), list[Tensor]()
    cut = converted.conversion.active_points() if with_inputs else ()
    converted.conversion.seen_output = before_join
    try:
        for name, module in converted.root.named_modules():
            if name in watched:
                handles += _watch(name, module, calls, with_inputs, name in cut, slopes)
        with lesson(converted.root, targets, reduction), forward_in or nullcontext():
            returned = called(converted.root, inputs)
    finally:
        converted.conversion.seen_output = None
        for handle in handles:
            handle.remove()
    where = converted.conversion.output
    output = returned if where is None else located(returned, where)
    return Recording(converted.root, calls, output, before_join, _loss(loss_fn, output, targets))


@contextmanager
def recorded_with_paths(
    converted: Converted,
    inputs: Any,
    targets: Any,
    loss_fn: Callable[[Any, Any], Tensor],
    reduction: str,
    *,
    slopes: bool = False,
) -> Iterator[tuple[Recording, BackwardPaths]]:
    """A recording of every layer, activation and feedback point, and the paths that its backward passes may take."""
    paths = BackwardPaths()
    watched = {*converted.carrying, *converted.points}
    watched |= {name for name, module in converted.root.named_modules() if isinstance(module, RuledActivation)}
    with paths.installed(converted):
        made = record(
            converted, watched, inputs, targets, loss_fn, reduction, slopes=slopes, forward_in=paths.recording()
        )
        yield made, paths


def _loss(loss_fn: Callable[[Any, Any], Tensor], output: Any, targets: Any) -> Tensor:
    try:
        return checked_loss(loss_fn, output, targets)
    except DfaLabError as reason:
        if isinstance(output, Tensor):
            raise
        raise DfaLabError(f"{reason} loss_fn was given a {type(output).__name__}; {advice(output)}") from reason


def _filled(clones: Clones, found: Iterator[Tensor | None]) -> list[Tensor]:
    gradients = [None if edge is None else next(found) for edge in clones.edges]
    return [torch.zeros_like(a) if b is None else b for a, b in zip(clones.tensors, gradients, strict=True)]


def _decides(call: Call) -> bool:
    """Whether a call makes another signal of one: a layer or an activation does, a normalisation behind a layer not."""
    return isinstance(call.module, RuledActivation | RuledLayer)


def _leads_to(start: Node | None, wanted: Node, others: set[Node]) -> bool:
    """Whether ``wanted`` is behind ``start`` in the graph, with none of ``others`` on the way."""
    waiting, known = [start], set[Node]()
    while waiting:
        node = waiting.pop()
        if node is wanted:
            return True
        if node is not None and node not in known and node not in others:
            known.add(node)
            waiting += [behind for behind, _ in node.next_functions]
    return False


def _watch(
    name: str, module: nn.Module, calls: list[Call], with_inputs: bool, is_cut: bool, slopes: bool
) -> Iterator[Any]:
    """Put hooks on a module that append its calls to ``calls``; the handles to remove them."""
    running: list[Call] = []

    def enter(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = tensors_of((args, kwargs))
        origin = given[0].grad_fn if given else None
        call = Call(name, module, any(one.requires_grad for one in given), origin)
        running.append(call)
        if slopes and isinstance(module, RuledActivation) and given:
            a = given[0].detach()
            call.slope = module.exact_slope(a, a).mean(0)
        if not with_inputs:
            return None
        call.random = torch_state()
        # Through its masks, a layer of attention sends nothing.
        count = 3 if isinstance(module, nn.MultiheadAttention) else len(args)
        signals = args[:count], {key: kwargs[key] for key in _INPUTS if key in kwargs}
        new, named = mapped(signals, call.inputs)
        call.args, call.kwargs = (*new, *args[count:]), {**kwargs, **named}
        handed = call.args, call.kwargs
        if isinstance(module, RuledActivation) and getattr(module, "inplace", False):
            call.args, call.kwargs = mapped(handed, lambda one: one.detach().clone())  # before it is changed
        return handed

    def leave(_: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        call = running.pop()
        new = mapped(output, call.outputs)
        if call.outputs.tensors or with_inputs:
            calls.append(call)
        return new

    def behind_cut(_: nn.Module, args: Any, output: Any) -> Any:
        # After the network's own hook has cut the graph: leaves that show what autograd offers from above.
        return mapped(output, calls[-1].cut)

    # Before the hook that cuts the graph, so that what a feedback point receives arrives here.
    yield module.register_forward_pre_hook(enter, with_kwargs=True)
    yield module.register_forward_hook(leave, with_kwargs=True, prepend=True)
    if is_cut:
        yield module.register_forward_hook(behind_cut)
