"""The alignment of a converted network, a value for each layer that carries δ, in order.

- A sample's δ at a layer is the gradient at the layer's output: all positions, and all calls of a layer that is called
  several times, in one vector. Its *signal* is the gradient behind the activation layer that the output goes into,
  through normalisation and sums but no other layer; functional activations cannot be seen.
- ``carriers.py`` says which matrices carry the signal to a layer.
- Behind the layers comes a row for each feedback point in use with no such layer since the point before, and in a
  network without such layers for each point: there signal and δ are both what the point receives, and the gradient is
  that of all parameters that feed it from there.

What is not defined is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dfa_lab.learning.alignment.angles import GradientPair, comparable
from dfa_lab.learning.alignment.backward_paths import BackwardPaths
from dfa_lab.learning.alignment.carriers import lone_points, measure_weights
from dfa_lab.learning.alignment.chance_bands import mean_and_sd
from dfa_lab.learning.alignment.conventions import CONVENTIONS, DEFAULT, Compared, compare
from dfa_lab.learning.alignment.of_mlp import Columns
from dfa_lab.learning.alignment.recorded_passes import BackwardPass, Recording, recorded_with_paths
from dfa_lab.learning.alignment.rounding_floor import LIMIT, Rounding, rms
from dfa_lab.learning.layers import sources
from dfa_lab.learning.modules import Converted
from dfa_lab.learning.ops import behind
from dfa_lab.learning.recording import savable, side_effect_free

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
) -> tuple[list[str], Columns]:
    """The rows' names, and column -> a value for each row, float64. One forward pass; changes nothing.

    With ``draws`` the chance of the gradients comes from as many more backward passes: mean and sample standard
    deviation of the angle with redrawn feedback, which need not be 90° where skips carry e past the feedback.
    """
    with side_effect_free(converted):
        inputs, targets = savable(inputs), savable(targets)
        recorded = recorded_with_paths(converted, inputs, targets, loss_fn, reduction, slopes=linearised)
        with recorded as (recording, paths):
            ours = recording.backward()
            paths.by_backpropagation()
            reference = _Reference(converted, recording, recording.backward(), _parameters(converted, recording))
            chance = reference.chance(paths, convention, draws)
        names = list(reference.parameters)
        weights = measure_weights(converted, recording, names)
        rows = [
            compare(reference.compared(ours, name)) | {"at_floor": reference.at_floor(name, reduction)}
            for name in names
        ]
    return names, weights | chance | {key: [row[key] for row in rows] for key in (rows[0] if rows else ())}


def _parameters(converted: Converted, recording: Recording) -> dict[str, list[str]]:
    """Each row's name -> the parameters whose gradient it compares."""
    found = {}
    for name, carried in converted.carrying.items():
        held = [part for one in carried for part in sources(converted.root.get_submodule(name), one)]
        found[name] = [f"{name}.{one}" if name else one for one in held]
    names = {id(one): name for name, one in recording.root.named_parameters()}
    edges = {edge.node for call in recording.calls for edge in call.outputs.edges if edge is not None}
    for point in lone_points(converted, recording.calls):
        own = [call.edge.node for call in recording.calls_of(point) if call.edge is not None]
        leaves = [getattr(node, "variable", None) for start in own for node in behind(start, edges - {start})]
        found[point] = list(dict.fromkeys(names[id(one)] for one in leaves if id(one) in names))
    return found


@dataclass(frozen=True)
class _Reference:
    """BP's backward pass over a recording, and what is compared with it; each row's ``parameters``."""

    converted: Converted
    recording: Recording
    bp: BackwardPass
    parameters: Mapping[str, Sequence[str]]

    def compared(self, ours: BackwardPass, name: str) -> Compared:
        """A layer by another backward pass and by BP."""
        calls = self.recording.calls_of(name)
        activations = [found for call in calls if (found := self.recording.activation_of(call))]
        both = ([(ours.received(one), self.bp.received(one)) for one in some] for some in (activations, calls))
        signals, deltas = map(_joined, both)
        if name not in self.converted.carrying:  # a point receives the signal itself
            signals = deltas

        def gradients() -> GradientPair:
            return GradientPair.of_vectors(self._gradient(ours, name), self._gradient(self.bp, name))

        return Compared(deltas or [(torch.zeros(1, 1), torch.zeros(1, 1))], signals, gradients)

    def _gradient(self, backward: BackwardPass, name: str) -> Tensor:
        parts = []
        for parameter in self.parameters[name]:
            found, own = backward.parameters.get(parameter), self.recording.root.get_parameter(parameter)
            if found is None:  # of a frozen weight none was made; one that nothing reached has a gradient of zero
                found = torch.full_like(own, 0.0 if own.requires_grad else math.nan)
            parts.append((found.to_dense() if found.is_sparse else found).detach().flatten())
        return torch.cat(parts) if parts else torch.full((1,), math.nan)

    def at_floor(self, name: str, reduction: str) -> Tensor:
        """1 at the rounding floor, by e and by the layer's own activation; NaN where it cannot be judged."""
        calls, output = self.recording.calls_of(name), self.recording.output
        if self.bp.error is None or not calls:
            return NOTHING
        activation = self.recording.activation_of(calls[-1])
        delta = rms(self.bp.received(calls[-1]).flatten())
        signal = delta if activation is None else rms(self.bp.received(activation).flatten())
        first = self.converted.layouts.features_first("", output.shape)
        classes = 1 if output.dim() < 2 else output.shape[1 if first else -1]
        scale = classes / output.numel() if reduction == "mean" else 1.0
        return (Rounding(output.detach(), self.bp.error, scale).through(signal, delta) > LIMIT).double()

    def chance(self, paths: BackwardPaths, convention: str, draws: int) -> Columns:
        """Mean and sd of each layer's angle over ``draws`` backward passes with redrawn feedback."""
        names = list(self.parameters)
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
