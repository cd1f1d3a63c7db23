"""The alignment of a converted network, a value for each layer that carries δ.

- A sample's δ at a layer is the gradient at the layer's output: all positions, and all calls of a layer that is called
  several times, in one vector. Its *signal* is the gradient behind the activation layer that the output goes into,
  through normalisation and sums but no other layer; functional activations cannot be seen.
- A shared weight counts once: the matrix that carries δ and the weight itself are compared entry by entry, a
  convolution's kernel as it is, however many positions it serves.
- Weight alignment belongs to the layer through which δ goes down. Under a direct rule it belongs to the layer before
  the feedback point, compares B with the downstream product W_L … W_{l+1}, and needs a chain of linear layers there.

What is not defined is NaN.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dfa_lab.learning.alignment.angles import GradientPair, angle, comparable
from dfa_lab.learning.alignment.backward_paths import BackwardPaths
from dfa_lab.learning.alignment.chance_bands import mean_and_sd, weight_chance
from dfa_lab.learning.alignment.conventions import CONVENTIONS, DEFAULT, Compared, compare
from dfa_lab.learning.alignment.no_side_effects import savable, side_effect_free
from dfa_lab.learning.alignment.of_mlp import Columns
from dfa_lab.learning.alignment.recorded_passes import BackwardPass, Call, Recording, recorded_with_paths
from dfa_lab.learning.alignment.rounding_floor import LIMIT, Rounding, rms
from dfa_lab.learning.layers import effective_weight, sources
from dfa_lab.learning.modules import DIRECT, Converted, downstream_product, features_first
from dfa_lab.learning.rules import Route

NOTHING = torch.tensor(math.nan, dtype=torch.float64)


def measure_converted(
    converted: Converted,
    inputs: Any,
    targets: Any,
    loss_fn: Callable[[Any, Any], Tensor],
    reduction: str,
    *,
    linearised: bool = False,
    convention: str = DEFAULT,
    draws: int = 0,
) -> Columns:
    """Name -> a value for each layer that carries δ, in order, float64. One forward pass; changes nothing.

    With ``draws`` the chance of the gradients comes from as many more backward passes: mean and sample standard
    deviation of the angle with redrawn feedback, which need not be 90° where skips carry e past the feedback.
    """
    with side_effect_free(converted):
        inputs, targets = savable(inputs), savable(targets)
        recorded = recorded_with_paths(converted, inputs, targets, loss_fn, reduction, slopes=linearised)
        with recorded as (recording, paths):
            ours = recording.backward()
            paths.by_backpropagation()
            reference = _Reference(converted, recording, recording.backward())
            chance = reference.chance(paths, convention, draws)
        weights = measure_weights(converted, recording.calls)
        rows = [
            compare(reference.compared(ours, name)) | {"at_floor": reference.at_floor(name, reduction)}
            for name in converted.carrying
        ]
    return weights | chance | {key: [row[key] for row in rows] for key in (rows[0] if rows else ())}


@dataclass(frozen=True)
class _Reference:
    """BP's backward pass over a recording, and what is compared with it."""

    converted: Converted
    recording: Recording
    bp: BackwardPass

    def compared(self, ours: BackwardPass, name: str) -> Compared:
        """A layer by another backward pass and by BP."""
        calls = self.recording.calls_of(name)
        activations = [found for call in calls if (found := self.recording.activation_of(call))]
        both = ([(ours.received(one), self.bp.received(one)) for one in some] for some in (activations, calls))
        signals, deltas = map(_joined, both)

        def gradients() -> GradientPair:
            return GradientPair.of_vectors(self._gradient(ours, name), self._gradient(self.bp, name))

        return Compared(deltas or [(torch.zeros(1, 1), torch.zeros(1, 1))], signals, gradients)

    def _gradient(self, backward: BackwardPass, name: str) -> Tensor:
        parts = []
        layer = self.converted.root.get_submodule(name)
        for parameter in [part for one in self.converted.carrying[name] for part in sources(layer, one)]:
            found = backward.parameters.get(f"{name}.{parameter}" if name else parameter)
            own = layer.get_parameter(parameter)
            if found is None:  # of a frozen weight none was made; one that nothing reached has a gradient of zero
                found = torch.full_like(own, 0.0 if own.requires_grad else math.nan)
            parts.append(found.detach().flatten())
        return torch.cat(parts)

    def at_floor(self, name: str, reduction: str) -> Tensor:
        """1 at the rounding floor, by e and by the layer's own activation; NaN where it cannot be judged."""
        calls, output = self.recording.calls_of(name), self.recording.output
        if self.bp.error is None or not calls:
            return NOTHING
        activation = self.recording.activation_of(calls[-1])
        delta = rms(self.bp.received(calls[-1]).flatten())
        signal = delta if activation is None else rms(self.bp.received(activation).flatten())
        first = features_first(output.dim(), self.converted.maps)
        classes = 1 if output.dim() < 2 else output.shape[1 if first else -1]
        scale = classes / output.numel() if reduction == "mean" else 1.0
        return (Rounding(output.detach(), self.bp.error, scale).through(signal, delta) > LIMIT).double()

    def chance(self, paths: BackwardPaths, convention: str, draws: int) -> Columns:
        """Mean and sd of each layer's angle over ``draws`` backward passes with redrawn feedback."""
        names = list(self.converted.carrying)
        angles: list[list[Tensor]] = [[] for _ in names]
        redrawable = any(rule.needs_feedback and not rule.magnitudes for rule in self.converted.conversion.uses)
        for draw in range(draws if redrawable else 0):
            paths.by_chance(draw)
            ours = self.recording.backward()
            for column, name in zip(angles, names, strict=True):
                column.append(CONVENTIONS[convention].measure(self.compared(ours, name)))
        bands = [mean_and_sd(column) for column in angles]
        return {
            "gradient_alignment_chance": [sd for _, sd in bands],
            "gradient_alignment_chance_mean": [mean for mean, _ in bands],
        }


def _joined(pairs: Sequence[tuple[Tensor, Tensor]]) -> list[tuple[Tensor, Tensor]]:
    """All calls of a sample in one vector; calls with batches of their own apart."""
    if len({len(ours) for ours, _ in pairs}) == 1:
        pairs = [(torch.cat([ours for ours, _ in pairs], 1), torch.cat([theirs for _, theirs in pairs], 1))]
    return [(comparable(ours), comparable(theirs)) for ours, theirs in pairs]


def measure_weights(converted: Converted, calls: Sequence[Call]) -> Columns:
    """The numbers that compare matrices, for each layer; ``calls`` show which layers have layers below."""
    rules = converted.rules
    found: dict[str, dict[str, Tensor]] = {name: {} for name in converted.carrying}
    for name, (layerwise, pairs) in matrix_pairs(converted, calls).items():
        carried, own = (torch.cat([one.flatten() for one in side]) for side in zip(*pairs, strict=True))
        found[name] = {"entries": torch.tensor(float(own.numel())), "weight_alignment": angle(carried, own)}
        if not layerwise or (rules[name].needs_feedback and not rules[name].magnitudes):
            chance = torch.tensor(weight_chance(own.numel()), dtype=torch.float64)
            found[name]["weight_alignment_chance"] = chance
    former = None  # B_{l−1}
    for name, point in _points(converted, calls):
        matrix, layer = point._buffers.get(DIRECT), converted.root.get_submodule(name)
        weight = effective_weight(layer, "weight") if converted.carrying[name] == ("weight",) else None
        if matrix is not None and former is not None and weight is not None and len(matrix) == len(former):
            product = matrix.mT @ former
            if product.shape == weight.shape:
                found[name]["feedback_product_alignment"] = angle(product.flatten(), weight.detach().flatten())
        former = matrix
    names = ("entries", "weight_alignment", "weight_alignment_chance", "feedback_product_alignment")
    return {name: [row.get(name, NOTHING) for row in found.values()] for name in names}


def matrix_pairs(converted: Converted, calls: Sequence[Call]) -> dict[str, tuple[bool, list[tuple[Tensor, Tensor]]]]:
    """Layer -> whether its rule is layerwise, and pairs of the matrix that carries the signal there and BP's own."""
    feeding = {call.name for call in calls if call.feeds}
    found = {}
    for name, parameters in converted.carrying.items():
        layer = converted.root.get_submodule(name)
        if converted.rules[name].route is Route.LAYERWISE and name in feeding:
            found[name] = (
                True,
                [(_backward_matrix(layer, one), effective_weight(layer, one).detach()) for one in parameters],
            )
    slopes = _slopes(calls) if any(call.slope is not None for call in calls) else None
    names = {call.module: call.name for call in calls}
    for name, point in _points(converted, calls):
        matrix, product = point._buffers.get(DIRECT), downstream_product(converted.root, names[point], slopes)
        if matrix is not None and product is not None and product.shape == matrix.shape:
            found[name] = False, [(matrix, product)]
    return found


def _slopes(calls: Sequence[Call]) -> dict[str, Tensor]:
    """The mean f′ of each activation layer that was called once, a number for each unit."""
    times = Counter(call.name for call in calls)
    return {call.name: call.slope.flatten() for call in calls if call.slope is not None and times[call.name] == 1}


def _points(converted: Converted, calls: Sequence[Call]) -> Iterator[tuple[str, nn.Module]]:
    """The feedback points of direct rules as they are passed, each with the layer before it."""
    last = None
    for call in calls:
        last = call.name if call.name in converted.carrying else last
        if last and call.name in converted.points and converted.rules[call.name].route is Route.DIRECT:
            yield last, call.module


def _backward_matrix(layer: Any, parameter: str) -> Tensor:
    weight = effective_weight(layer, parameter).detach()
    matrix: Tensor | None = layer.backward_weight(parameter)
    return weight if matrix is None else matrix.broadcast_to(weight.shape)
