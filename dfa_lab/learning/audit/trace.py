"""Trace: what really flowed through each layer in one forward and one backward pass, without leaving a mark.

Every tensor that enters or leaves a watched module is cloned on its way, so that each call has edges of its own in the
autograd graph: the gradient at a call's input is what this call sent down, and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from dfa_lab.learning.modules import Converted
from dfa_lab.learning.ops import checked_loss, mapped, tensors_of, torch_state

Edge = GradientEdge | None


@dataclass(eq=False)
class Call:
    """One call of a watched module: its arguments and outputs, and after the backward pass the gradients at both.

    ``feeds`` says that the network itself needs a gradient at one of the inputs: there are layers below.
    ``arrived`` are the gradients at the outputs, ``sent`` those at the tensors among ``args``; zeros where none came.
    For a feedback point ``offered`` is what the network above would send down by autograd, where the graph is cut.
    """

    name: str
    module: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    random: list[Tensor]
    feeds: bool
    outputs: list[Tensor] = field(default_factory=list)
    arrived: list[Tensor] = field(default_factory=list)
    sent: list[Tensor] = field(default_factory=list)
    offered: Tensor | None = None

    @property
    def tensors(self) -> list[Tensor]:
        """The floating tensors among the inputs, given by place or by name."""
        return tensors_of((heard_args(self.module, self.args), *(self.kwargs.get(name) for name in INPUTS)))

    def given(self, place: int, name: str) -> Any:
        """The argument at a place, or by its name; None where it was not given."""
        return self.args[place] if place < len(self.args) else self.kwargs.get(name)


#: The names under which torch's layers take what has a gradient.
INPUTS = ("input", "hx", "query", "key", "value")


@dataclass
class Trace:
    """All calls in order, the output, e = ∂L/∂output, the gradient of each parameter by name (None: it got none).

    ``fed`` says for each parameter which calls of feedback points hear for it, ``bypassed`` names the parameters that
    the output reaches past every point. e is None where the output is no tensor.
    """

    calls: list[Call]
    output: Any
    error: Tensor | None
    gradients: dict[str, Tensor | None]
    fed: dict[str, list[Call]]
    bypassed: set[str]


def trace(
    converted: Converted,
    watched: Sequence[str],
    inputs: Any,
    targets: Any,
    loss_fn: Callable[[Any, Any], Tensor],
    reduction: str,
) -> Trace:
    """One pass through ``converted`` on a batch. Call it inside ``undisturbed``.

    ``watched`` are names of modules; a watched layer's inputs get a gradient even where the network needs none.
    """
    recorder = _Recorder(converted)
    before = converted.lesson
    converted.lesson = (targets, reduction)
    converted.conversion.seen_output = []
    try:
        for name in watched:
            recorder.watch(name)
        output = converted.root(*inputs) if isinstance(inputs, tuple) else converted.root(inputs)
    finally:
        converted.lesson = before
        plain, converted.conversion.seen_output = converted.conversion.seen_output, None
        recorder.remove()
    loss = checked_loss(loss_fn, output, targets)
    return recorder.finish(output, plain or [], loss)


class _Recorder:
    def __init__(self, converted: Converted) -> None:
        self._root, self._conversion = converted.root, converted.conversion
        self._calls: list[tuple[Call, list[Edge], list[Edge]]] = []
        self._cuts: list[tuple[Call, Edge]] = []
        self._hiddens: list[tuple[Call, Tensor]] = []
        self._handles: list[Any] = []

    def watch(self, name: str) -> None:
        module = self._root.get_submodule(name)
        running: list[tuple[Call, list[Edge]]] = []

        def enter(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            clones: dict[int, tuple[Tensor, Edge]] = {}
            inputs = {key: kwargs[key] for key in INPUTS if key in kwargs}
            heard = heard_args(module, args)
            given = tensors_of((heard, *inputs.values()))

            def note(one: Tensor) -> Tensor:
                return clones.setdefault(id(one), _cloned(one, force=True))[0] if one.is_floating_point() else one

            new, named = mapped((heard, inputs), note)
            new = (*new, *args[len(heard) :])
            edges = [clones[id(one)][1] for one in given]
            feeds = any(one.requires_grad for one in given)
            running.append((Call(name, module, new, {**kwargs, **named}, torch_state(), feeds), edges))
            return new, {**kwargs, **named}

        def leave(_: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
            call, entered = running.pop()
            edges: list[Edge] = []

            def note(one: Tensor) -> Tensor:
                if not one.is_floating_point():
                    return one
                clone, edge = _cloned(one, force=False)
                call.outputs.append(clone)
                edges.append(edge)
                return clone

            new = mapped(output, note)
            self._calls.append((call, entered, edges))
            if name in self._conversion.active_points() and call.outputs:
                self._hiddens.append((call, call.outputs[0]))
            return new

        def cut(_: nn.Module, args: Any, output: Any) -> Any:
            # After the network's own hook has cut the graph: a leaf that shows what autograd offers from above.
            call = self._calls[-1][0]
            seen = [True]

            def note(one: Tensor) -> Tensor:
                if not one.is_floating_point():
                    return one
                clone, edge = _cloned(one, force=True)
                if seen.pop() if seen else False:
                    self._cuts.append((call, edge))
                return clone

            return mapped(output, note)

        self._handles.append(module.register_forward_pre_hook(enter, with_kwargs=True))
        self._handles.append(module.register_forward_hook(leave, with_kwargs=True, prepend=True))
        if name in self._conversion.active_points():
            self._handles.append(module.register_forward_hook(cut))

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()

    def finish(self, output: Any, plain: list[Tensor], loss: Tensor) -> Trace:
        named = {name: parameter for name, parameter in self._root.named_parameters() if parameter.requires_grad}
        parameters = list(named.values())
        edges: list[Edge] = [edge for _, entered, left in self._calls for edge in (*entered, *left)]
        edges += [edge for _, edge in self._cuts]
        known = [edge for edge in edges if edge is not None]
        first = [output] if isinstance(output, Tensor) else []
        wanted: list[Any] = [*first, *known, *parameters]
        found: Sequence[Tensor | None] = torch.autograd.grad(loss, wanted, allow_unused=True, retain_graph=True)
        error, start = (found[0] if first else None), len(first)
        at_edges = iter(found[start : start + len(known)])
        for call, entered, left in self._calls:
            call.sent = _filled(entered, at_edges, call.tensors)
            call.arrived = _filled(left, at_edges, call.outputs)
        for call, edge in self._cuts:
            (call.offered,) = _filled([edge], at_edges, call.outputs[:1])
        fed = self._fed(named)
        gradients = dict(zip(named, found[start + len(known) :], strict=True))
        bypassed: set[str] = set()
        for one in plain:
            if one.requires_grad:
                past = torch.autograd.grad(one.sum(), parameters, allow_unused=True, retain_graph=True)
                bypassed |= {name for name, grad in zip(named, past, strict=True) if grad is not None}
        return Trace([call for call, _, _ in self._calls], output, error, gradients, fed, bypassed)

    def _fed(self, named: dict[str, nn.Parameter]) -> dict[str, list[Call]]:
        """Parameter -> the calls of feedback points that it feeds, without another point between."""
        fed: dict[str, list[Call]] = {name: [] for name in named}
        hiddens = [(call, hidden) for call, hidden in self._hiddens if hidden.requires_grad]
        edges: list[Any] = [get_gradient_edge(hidden) for _, hidden in hiddens]
        reached: dict[int, set[str]] = {}
        for call, hidden in hiddens:
            found = torch.autograd.grad(hidden.sum(), [*edges, *named.values()], allow_unused=True, retain_graph=True)
            names = {name for name, one in zip(named, found[len(edges) :], strict=True) if one is not None}
            # Calls come in their order: what lies before is known. Where every point is cut, none is reached.
            for (before, _), one in zip(hiddens, found, strict=False):
                if one is not None and before is not call:
                    names -= reached[id(before)]
            reached[id(call)] = names
            for name in names:
                fed[name].append(call)
        return fed


def heard_args(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments through which a layer sends signals: in attention query, key and value, not the masks."""
    return args[:3] if isinstance(module, nn.MultiheadAttention) else args


def _cloned(one: Tensor, *, force: bool) -> tuple[Tensor, Edge]:
    """A clone and its place in the graph; with ``force`` it has one even where ``one`` needs no gradient."""
    if force and not one.requires_grad:
        one = one.detach().requires_grad_()
    clone = one.clone()
    return clone, get_gradient_edge(clone) if clone.requires_grad else None


def _filled(edges: Sequence[Edge], found: Iterator[Tensor | None], like: Sequence[Tensor]) -> list[Tensor]:
    result = []
    for edge, tensor in zip(edges, like, strict=True):
        gradient = None if edge is None else next(found)
        result.append(torch.zeros_like(tensor) if gradient is None else gradient)
    return result
