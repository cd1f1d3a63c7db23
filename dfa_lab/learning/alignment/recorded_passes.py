"""Recording: one forward pass of a converted network with its loss, and any number of backward passes over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, Node, get_gradient_edge

from dfa_lab.errors import DfaLabError
from dfa_lab.learning.alignment.backward_paths import Detour
from dfa_lab.learning.modules import Converted, RuledActivation, RuledLayer
from dfa_lab.learning.ops import checked_loss, mapped, tensors_of
from dfa_lab.learning.rules import BP


@dataclass(eq=False)
class Seen:
    """One call of a module: its first output, and whether the network needs a gradient at its input.

    ``slope`` of an activation is the mean over samples of f′, where it was asked for; ``edge`` is the place of the
    output in the graph, None where the call was made without gradients, and ``origin`` the node that made the input.
    """

    name: str
    module: nn.Module
    output: Tensor
    feeds: bool
    edge: GradientEdge | None
    origin: Node | None
    slope: Tensor | None = None


@dataclass(frozen=True)
class Heard:
    """A backward pass: what arrived at the output of each call, and each parameter's gradient (None: it got none).

    Zeros stand where nothing arrived. ``error`` is e, None where the network's output is no tensor.
    """

    arrived: dict[int, Tensor]  # by id of the call
    error: Tensor | None
    gradients: dict[str, Tensor | None]

    def at(self, call: Seen) -> Tensor:
        """What arrived at the call's output, a row a sample: (N, …), flat; (1, n) where it has one dimension."""
        found = self.arrived[id(call)]
        return found.flatten(1) if found.dim() > 1 else found.reshape(1, -1)


class Recording:
    """The calls in order, the network's ``output``, and the ``detour`` that says which way ``backward`` goes."""

    def __init__(self, root: nn.Module, calls: Sequence[Seen], output: Any, loss: Tensor, detour: Detour) -> None:
        self.root, self.calls, self.output, self.detour = root, calls, output, detour
        self._loss = loss

    def backward(self) -> Heard:
        """One backward pass the detour's way; the graph stays."""
        named = {name: one for name, one in self.root.named_parameters() if one.requires_grad}
        reached = [call for call in self.calls if call.edge is not None]
        first = [self.output] if isinstance(self.output, Tensor) else []
        wanted: list[Any] = [*first, *(call.edge for call in reached), *named.values()]
        found = list(torch.autograd.grad(self._loss, wanted, allow_unused=True, retain_graph=True))
        error = found.pop(0) if first else None
        arrived = {id(call): torch.zeros_like(call.output) for call in self.calls}
        arrived |= {id(call): one for call, one in zip(reached, found, strict=False) if one is not None}
        return Heard(arrived, error, dict(zip(named, found[len(reached) :], strict=True)))

    def activation_of(self, call: Seen) -> Seen | None:
        """The activation layer that the call's output goes into, no other call between; None where none can be seen."""
        if call.edge is None:
            return None
        others = {one.edge.node for one in self.calls if one.edge is not None and one is not call and _decides(one)}
        for later in self.calls[self.calls.index(call) + 1 :]:
            fits = isinstance(later.module, RuledActivation) and later.output.shape == call.output.shape
            if fits and _leads_to(later.origin, call.edge.node, others):
                return later
        return None

    def calls_of(self, name: str) -> list[Seen]:
        """The calls of one module, in order."""
        return [call for call in self.calls if call.name == name]


@contextmanager
def recorded(
    converted: Converted,
    inputs: Any,
    targets: Any,
    loss_fn: Callable[[Any, Any], Tensor],
    reduction: str,
    *,
    slopes: bool = False,
) -> Iterator[Recording]:
    """One forward pass on a batch that notes every layer, activation and feedback point; inside, it can be gone back.

    To be used inside ``undisturbed``. With ``slopes`` the activations' mean f′ is noted too.
    """
    detour, calls, handles = Detour(), list[Seen](), list[Any]()
    names = {*converted.conversion.buffers.carrying, *converted.conversion.points}
    told, converted.lesson = converted.lesson, (targets, reduction)
    try:
        with _detoured(converted, detour):
            for name, module in converted.root.named_modules():
                if name in names or isinstance(module, RuledActivation):
                    handles += _watch(name, module, calls, slopes)
            with detour.recording():
                output = _output(converted.root, inputs)
            for handle in handles:
                handle.remove()
            yield Recording(converted.root, calls, output, checked_loss(loss_fn, output, targets), detour)
    finally:
        converted.lesson = told
        for handle in handles:
            handle.remove()


def _output(root: nn.Module, inputs: Any) -> Any:
    try:
        return root(*inputs) if isinstance(inputs, tuple) else root(inputs)
    except DfaLabError:
        raise
    except (TypeError, ValueError, RuntimeError, AttributeError, IndexError) as reason:
        shapes = [f"{tuple(one.shape)}, {one.dtype}" for one in tensors_of(inputs)] or [type(inputs).__name__]
        raise DfaLabError(f"the network failed on inputs {'; '.join(shapes)}: {reason}") from reason


def _decides(call: Seen) -> bool:
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


def _watch(name: str, module: nn.Module, calls: list[Seen], slopes: bool) -> list[Any]:
    running: list[tuple[bool, Node | None, Tensor | None]] = []

    def enter(_: nn.Module, args: Any, kwargs: Any) -> None:
        given = tensors_of((args, kwargs))
        slope = None
        if slopes and isinstance(module, RuledActivation) and given:
            a = given[0].detach()
            slope = module.exact_slope(a, a).mean(0)
        origin = given[0].grad_fn if given else None
        running.append((any(one.requires_grad for one in given), origin, slope))

    def leave(_: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        feeds, origin, slope = running.pop()
        found = tensors_of(output)
        if not found:
            return None
        first = found[0]
        clone = (first if first.requires_grad else first.detach().requires_grad_()).clone()
        edge = get_gradient_edge(clone) if clone.requires_grad else None
        calls.append(Seen(name, module, clone, feeds, edge, origin, slope))
        return mapped(output, lambda one: clone if one is first else one)

    # Before the hook that cuts the graph, so that what a feedback point hears arrives here.
    return [
        module.register_forward_pre_hook(enter, with_kwargs=True),
        module.register_forward_hook(leave, with_kwargs=True, prepend=True),
    ]


@contextmanager
def _detoured(converted: Converted, detour: Detour) -> Iterator[None]:
    """Inside, forward passes are made under ``detour``."""
    layers = [module for module in converted.root.modules() if isinstance(module, RuledLayer)]
    bends = [module for module in converted.root.modules() if isinstance(module, RuledActivation)]
    rules = [layer.__dict__["rule"] for layer in layers]
    slopes = [bend.__dict__["_slope"] for bend in bends]
    converted.conversion.detour = detour
    for layer, rule in zip(layers, rules, strict=True):
        layer.detour = detour
        if rule.carrier is None or rule is BP:
            # Another object than BP itself: a layer that sees BP may leave its parts to one call of torch's, out of
            # sight. Under a direct rule, too, autograd carries δ with W between the cuts.
            layer.__dict__["rule"] = replace(BP)
    for bend, slope in zip(bends, slopes, strict=True):
        if slope is not None:
            bend.__dict__["_slope"] = detour.slope(slope, bend.exact_slope)
    try:
        yield
    finally:
        converted.conversion.detour = None
        for layer, rule in zip(layers, rules, strict=True):
            layer.__dict__["rule"] = rule
            del layer.__dict__["detour"]
        for bend, slope in zip(bends, slopes, strict=True):
            bend.__dict__["_slope"] = slope
