"""Which parameters feed which feedback point, which reach the output past every point, and which go past the rules."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge

from dfa_lab.learning.alignment import Recording
from dfa_lab.learning.layers import RuleChoice, carrying_parameters
from dfa_lab.learning.modules import Converted, TaughtLayer, carries
from dfa_lab.learning.ops import tensors_of
from dfa_lab.learning.recording import Call
from dfa_lab.learning.rules import BP, Direct, Route, Rule


def fed_points(recording: Recording, points: Sequence[str]) -> dict[str, list[Call]]:
    """Parameter -> the calls of ``points`` that it feeds with no other point between."""
    named = recording.parameters()
    fed: dict[str, list[Call]] = {name: [] for name in named}
    calls = [call for call in recording.calls if call.name in points and call.outputs.tensors]
    calls = [call for call in calls if call.output.requires_grad]
    edges: list[Any] = [get_gradient_edge(call.output) for call in calls]
    reached: dict[Call, set[str]] = {}
    for call in calls:
        found = torch.autograd.grad(call.output.sum(), [*edges, *named.values()], allow_unused=True, retain_graph=True)
        names = {name for name, one in zip(named, found[len(edges) :], strict=True) if one is not None}
        # Calls come in their order: what lies before is known. Where every point is cut, none is reached.
        for before, one in zip(calls, found, strict=False):
            if one is not None and before is not call:
                names -= reached[before]
        reached[call] = names
        for name in names:
            fed[name].append(call)
    return fed


def unread_points(converted: Converted, recording: Recording) -> list[str]:
    """The points of direct rules from which no way leads to the output, through other points or past them."""
    if all(one.grad_fn is None for one in recording.before_join):
        return []
    read = {call.name for call in recording.calls_for(recording.before_join)}
    called = {call.name for call in recording.calls}
    direct = [name for name in converted.conversion.active_points() if isinstance(converted.rules[name], Direct)]
    return [name for name in direct if name in called - read]


def bypassing(recording: Recording) -> set[str]:
    """The parameters that reach the output by autograd, past every feedback point."""
    named = recording.parameters()
    found: set[str] = set()
    for output in recording.before_join:
        if output.requires_grad:
            past = torch.autograd.grad(output.sum(), list(named.values()), allow_unused=True, retain_graph=True)
            found |= {name for name, grad in zip(named, past, strict=True) if grad is not None}
    return found


def unconverted(converted: Converted) -> dict[str, Rule]:
    """The layers put in after the conversion, with the layerwise rule that they should learn by."""
    chosen = RuleChoice(converted.conversion.choice)
    fresh = {name: chosen.of(name) for name, module in converted.root.named_modules() if carries(module)}
    return {name: rule for name, rule in fresh.items() if rule.route is Route.LAYERWISE and rule is not BP}


def why_idle(converted: Converted, called: Collection[str], name: str, gradient: Tensor | None) -> str:
    """Why a parameter has nothing to be checked in this pass; "" where it has, and where its rule sends nothing."""
    layer = name.rpartition(".")[0]
    # Attention may do without calling its out_proj.
    was_called = layer in called or layer.removesuffix(".out_proj") in called
    nothing = gradient is None or not bool(gradient.any())
    if layer in converted.carrying and not was_called and nothing:
        return "its layer was not called"
    learns = converted.root.get_parameter(name).requires_grad
    frozen = any(rule.route is Route.NONE for rule in converted.conversion.uses)
    return "the loss does not depend on it in this pass" if gradient is None and learns and not frozen else ""


class PastLayers:
    """The weights that δ goes through past their layers, by their ids, and why a row of theirs is not clean."""

    def __init__(self, converted: Converted, recording: Recording) -> None:
        self.weights = _past_layers(converted, recording)
        self._root, root = converted.root, converted.root
        self._names = [name for name in converted.carrying if self._is_past(root.get_submodule(name))]
        self._mapping = RuleChoice(converted.conversion.choice).leaving(self._names)

    def why(self, layer: str) -> str:
        """Why what a layer with a gradient sent is not its rule's."""
        if self._is_past(self._root.get_submodule(layer)):
            return f"its weight is used past its layer: leave it to backpropagation, rule={self._mapping}"
        return "its layer was not called as a module, so that what it sent cannot be seen"

    def _is_past(self, layer: nn.Module) -> bool:
        return any(id(one) in self.weights for one in layer.parameters())


def _past_layers(converted: Converted, recording: Recording) -> set[int]:
    """The ids of weights of layerwise layers that δ goes through past these, in a product of somebody else's."""
    rules, root = converted.rules, converted.root
    layers = {name for name in converted.carrying if rules[name].route is Route.LAYERWISE and rules[name] is not BP}
    named = [(name, root.get_submodule(name)) for name in layers]
    # A taught layer's own products are what it is; the signal that it sends is checked by itself.
    named = [(name, layer) for name, layer in named if not isinstance(layer, TaughtLayer)]
    owners = {id(one): name for name, layer in named for one in layer.parameters()}
    weights = {id(one) for _, layer in named for one in layer.parameters(recurse=False) if one.dim() > 1}
    ends = [*tensors_of(recording.output), *(call.output for call in recording.calls if call.name in converted.points)]
    return carrying_parameters(ends, owners, weights)
