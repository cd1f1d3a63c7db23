"""The tensors behind the angles of each layer, for a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dfa_lab.learning.alignment.angles import angle
from dfa_lab.learning.alignment.no_side_effects import savable, side_effect_free
from dfa_lab.learning.alignment.of_mlp import backward_matrix, by_backpropagation
from dfa_lab.learning.alignment.of_modules import matrix_pairs
from dfa_lab.learning.alignment.recorded_passes import recorded_with_paths
from dfa_lab.learning.mlp import Layers, Pass, deltas, downstream
from dfa_lab.learning.modules import Converted, as_matrix
from dfa_lab.learning.rules import Lesson


@dataclass(frozen=True, eq=False)
class Portrait:
    """One layer: what carries the signal and BP's own (rows, columns), None where not defined; deltas, a row a sample.

    Layouts are torch's: (out, in) layerwise, (n_out, n_l) direct.
    """

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


def portraits_of_mlp(
    layers: Layers, seen: Pass, error: Tensor, lesson: Lesson | None, replica: int | None
) -> list[Portrait]:
    """A portrait of each hidden layer of one ``replica``; None where the network has no replicas."""

    def own(tensor: Tensor | None) -> Tensor | None:
        return tensor if tensor is None or replica is None else tensor[replica]

    ours, theirs = deltas(layers, seen, error, lesson), deltas(by_backpropagation(layers), seen, error)
    found = []
    for number in range(len(layers.weights) - 1):
        bp = theirs[number]
        assert bp is not None
        partner, matrix = downstream(layers.weights, number + 1, layers.rule.route), backward_matrix(layers, number)
        carried = None if matrix is None else matrix.expand_as(partner)
        delta = torch.zeros_like(bp) if ours[number] is None else ours[number]
        sides = own(carried), own(partner), own(delta), own(bp)
        assert sides[2] is not None
        assert sides[3] is not None
        found.append(Portrait(f"layer {number + 1}", sides[0], sides[1], sides[2], sides[3]))
    return found


def portraits_of_converted(
    converted: Converted, inputs: Any, targets: Any, loss_fn: Callable[[Any, Any], Tensor], reduction: str
) -> list[Portrait]:
    """A portrait of each layer that carries δ and was called."""
    with side_effect_free(converted):
        inputs, targets = savable(inputs), savable(targets)
        with recorded_with_paths(converted, inputs, targets, loss_fn, reduction) as (recording, paths):
            ours = recording.backward()
            paths.by_backpropagation()
            theirs = recording.backward()
        pairs = matrix_pairs(converted, recording.calls)
    found = []
    for name in converted.conversion.buffers.carrying:
        calls = recording.calls_of(name)
        calls = [call for call in calls if len(call.output) == len(calls[0].output)]
        if not calls:
            continue
        sides: list[Tensor | None] = [None, None]
        if name in pairs:
            layerwise, matrices = pairs[name]
            layer = converted.root.get_submodule(name)
            sides = [
                torch.cat([as_matrix(layer, one) if layerwise else one for one in side], 1)
                for side in zip(*matrices, strict=True)
            ]
        deltas = (torch.cat([heard.received(call) for call in calls], 1) for heard in (ours, theirs))
        found.append(Portrait(name or "the module", sides[0], sides[1], *deltas))
    return found
