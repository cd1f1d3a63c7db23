"""The angles of a converted network, layer by layer.

Gradient alignment of a layer is the angle, a mean over samples, between the δ that arrives at its output by the rule
(with g) and by BP (with f′) at the same weights; a sample's vector has all positions, and all calls of a layer that is
called several times. Weight alignment is the angle between the matrix that really carries δ down through the layer and
its own weight, where a layer below hears it; under a direct rule, that between the B of the feedback point behind the
layer and the downstream product W_L … W_{l+1}, where the network goes on as a chain of linear layers. What is not
defined is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from dfa_lab.learning.angles import angle
from dfa_lab.learning.bends import RuledActivation
from dfa_lab.learning.blocks import downstream_product
from dfa_lab.learning.buffers import DIRECT
from dfa_lab.learning.converted import Converted
from dfa_lab.learning.generators import restore_torch_state, torch_state
from dfa_lab.learning.rule import Route
from dfa_lab.learning.rules import BP
from dfa_lab.learning.tracing import Trace, trace, undisturbed


def measure_converted(
    converted: Converted,
    inputs: Any,
    targets: Any,
    loss_fn: Callable[[Any, Any], Tensor],
    reduction: str,
) -> dict[str, list[Tensor]]:
    """Name -> a value for each layer that carries δ, in order, float64. Two passes; changes nothing."""
    layers, points = list(converted.conversion.buffers.carrying), converted.conversion.points
    watched = [name for name, _ in converted.root.named_modules() if name in layers or name in points]
    with undisturbed(converted):
        random = torch_state()
        ours = trace(converted, watched, inputs, targets, loss_fn, reduction)
        restore_torch_state(random)
        with by_backpropagation(converted):
            theirs = trace(converted, watched, inputs, targets, loss_fn, reduction)
    columns: dict[str, list[Tensor]] = {
        "weight_alignment": weight_alignment(converted, theirs),
        "gradient_alignment": [],
        "gradient_norm_ratio": [],
        "bp_gradient_norm": [],
    }
    for name in layers:
        columns["gradient_alignment"].append(_gradient_alignment(ours, theirs, name))
        norms = [_gradient_norm(converted, one, name) for one in (ours, theirs)]
        columns["gradient_norm_ratio"].append(norms[0] / norms[1])
        columns["bp_gradient_norm"].append(norms[1])
    return columns


@contextmanager
def by_backpropagation(converted: Converted) -> Iterator[None]:
    """Inside, the network learns by BP with its true derivatives."""
    rules = converted.conversion.rules
    bends = [module for module in converted.root.modules() if isinstance(module, RuledActivation)]
    derivatives = [module.__dict__["derivative"] for module in bends]
    # Another object than BP itself: a layer that sees BP may leave its parts to one call of torch's, out of sight.
    converted.assign(dict.fromkeys(rules, replace(BP)))
    for module in bends:
        module.set_derivative("exact")
    try:
        yield
    finally:
        for module, derivative in zip(bends, derivatives, strict=True):
            module.set_derivative(derivative)
        converted.assign(rules)


def weight_alignment(converted: Converted, seen: Trace) -> list[Tensor]:
    """Degrees for each layer; ``seen`` is a pass by BP, which shows what lies below what."""
    conversion = converted.conversion
    feeding = {call.name for call in seen.calls if call.feeds}
    found: dict[str, Tensor] = {}
    for name, parameters in conversion.buffers.carrying.items():
        rule, layer = conversion.rules[name], converted.root.get_submodule(name)
        if rule.route is Route.LAYERWISE and name in feeding:
            pairs = [(_carrier(layer, one), layer.get_parameter(one).detach()) for one in parameters]
            found[name] = angle(*(torch.cat([one.flatten() for one in side]) for side in zip(*pairs, strict=True)))
    last = None
    for call in seen.calls:
        last = call.name if call.name in conversion.buffers.carrying else last
        rule = conversion.rules[call.name]
        if call.name in conversion.points and rule.route is Route.DIRECT and last is not None:
            product = downstream_product(converted.root, call.name)
            matrix = call.module._buffers.get(DIRECT)
            if product is not None and matrix is not None and product.shape == matrix.shape:
                found[last] = angle(matrix.flatten(), product.flatten())
    nothing = torch.tensor(math.nan, dtype=torch.float64)
    return [found.get(name, nothing) for name in conversion.buffers.carrying]


def _carrier(layer: Any, parameter: str) -> Tensor:
    weight: Tensor = layer.get_parameter(parameter).detach()
    matrix: Tensor | None = layer.carrier(parameter)
    return weight if matrix is None else matrix.broadcast_to(weight.shape)


def _gradient_alignment(ours: Trace, theirs: Trace, name: str) -> Tensor:
    sides = [[call.arrived[0].flatten(1) for call in one.calls if call.name == name] for one in (ours, theirs)]
    if not sides[0]:
        return torch.tensor(math.nan, dtype=torch.float64)
    if len({len(one) for one in sides[0]}) > 1:  # calls with batches of their own: the mean over all their samples
        return torch.cat([angle(ours, theirs) for ours, theirs in zip(*sides, strict=True)]).nanmean()
    return angle(*(torch.cat(side, 1) for side in sides)).nanmean()


def _gradient_norm(converted: Converted, seen: Trace, name: str) -> Tensor:
    parameters = converted.conversion.buffers.carrying[name]
    found = [seen.gradients.get(f"{name}.{one}" if name else one) for one in parameters]
    squares = [one.double().square().sum() for one in found if one is not None]
    return torch.stack(squares).sum().sqrt() if squares else torch.zeros((), dtype=torch.float64)
