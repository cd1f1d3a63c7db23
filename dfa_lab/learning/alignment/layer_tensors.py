"""The tensors behind the angles of each layer, for a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dfa_lab.learning.alignment.angles import angle
from dfa_lab.learning.alignment.carriers import carriers_of, lone_points
from dfa_lab.learning.alignment.of_mlp import by_backpropagation, hidden_deltas
from dfa_lab.learning.alignment.recorded_passes import recorded_with_paths
from dfa_lab.learning.mlp import Layers, Pass, deltas, downstream
from dfa_lab.learning.modules import Converted
from dfa_lab.learning.recording import savable, side_effect_free
from dfa_lab.learning.rules import Lesson


@dataclass(frozen=True, eq=False)
class LayerTensors:
    """One layer: the matrix that carries the signal and BP's own, None where not defined; deltas, a row a sample.

    ``number`` is as in every table, from 1. Matrices are laid out as torch's: (out, in) layerwise, (n_out, n_l)
    direct. Those of several layers that read this one stand below one another, with zeros on the right of the narrower
    ones.
    """

    number: int
    name: str
    carried: Tensor | None
    partner: Tensor | None
    deltas: Tensor
    bp_deltas: Tensor

    @property
    def weight_alignment(self) -> float:
        """Degrees between the matrices; NaN where one is missing."""
        if self.carried is None or self.partner is None:
            return float("nan")
        return float(angle(self.carried.flatten(), self.partner.flatten()))

    @property
    def sample_angles(self) -> Tensor:
        """Degrees between the deltas of each sample, (N,)."""
        return angle(self.deltas, self.bp_deltas)


def mlp_layer_tensors(
    layers: Layers, seen: Pass, error: Tensor, lesson: Lesson | None, replica: int | None
) -> list[LayerTensors]:
    """The tensors of each hidden layer of one ``replica``; None where the network has no replicas."""

    def own(tensor: Tensor) -> Tensor:
        return tensor if replica is None else tensor[replica]

    ours = hidden_deltas(deltas(layers, seen, error, lesson), seen)
    theirs = hidden_deltas(deltas(by_backpropagation(layers), seen, error), seen)
    found = []
    for number, (delta, bp) in enumerate(zip(ours, theirs, strict=True)):
        partner, matrix = downstream(layers.weights, number + 1, layers.rule.route), layers.backward_matrix(number)
        carried = None if matrix is None else own(matrix.expand_as(partner))
        found.append(LayerTensors(number + 1, f"layer {number + 1}", carried, own(partner), own(delta), own(bp)))
    return found


def module_layer_tensors(
    converted: Converted, inputs: Any, targets: Any, loss_fn: Callable[[Any, Any], Tensor], reduction: str
) -> list[LayerTensors]:
    """The tensors of each layer that carries δ, and of feedback points with none, as far as they were called."""
    with side_effect_free(converted):
        inputs, targets = savable(inputs), savable(targets)
        with recorded_with_paths(converted, inputs, targets, loss_fn, reduction) as (recording, paths):
            ours = recording.backward()
            paths.by_backpropagation()
            theirs = recording.backward()
        carriers = carriers_of(converted, recording)
    found = []
    rows = [*converted.carrying, *lone_points(converted, recording.calls)]
    for number, name in enumerate(rows, 1):
        calls = recording.calls_of(name)
        calls = [call for call in calls if len(call.output) == len(calls[0].output)]
        if not calls:
            continue
        sides: list[Tensor | None] = [None, None]
        if name in carriers:
            sides = [
                _below_one_another(side) for side in zip(*(one.as_matrices() for one in carriers[name]), strict=True)
            ]
        both = (torch.cat([one.received(call) for call in calls], 1) for one in (ours, theirs))
        found.append(LayerTensors(number, name or "the module", sides[0], sides[1], *both))
    return found


def _below_one_another(matrices: Sequence[Tensor]) -> Tensor:
    width = max(one.shape[1] for one in matrices)
    return torch.cat([nn.functional.pad(one, (0, width - one.shape[1])) for one in matrices])
