"""Which matrices carry the signal to each layer of a converted network, and how they stand to BP's own.

- A layer's row has what carries the signal *to* it, as an MLP's has: the backward weights of the layers that read its
  output, directly or through activations, normalisation and sums, found on the recorded graph. With several readers all
  their matrices count as one vector; a head that the loss does not come from carries no signal, and does not count. Of
  attention the projections that read it count; those of query, key and value are read by ``out_proj``. A cell reads its
  own state. A layer that none reads, such as the last, has none.
- Each matrix counts once and whole: a kernel as it is, however many positions it serves, and with the columns for other
  layers' outputs, where the reader has them beside this one's.
- Under a direct rule it is B of the point behind the layer, beside the downstream product W_L … W_{l+1}, where a chain
  of linear layers follows. Layers inside a block, which autograd reaches with W, have none.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import Node

from dfa_lab.learning.alignment.angles import angle
from dfa_lab.learning.alignment.chance_bands import weight_chance
from dfa_lab.learning.alignment.of_mlp import Columns
from dfa_lab.learning.alignment.recorded_passes import Recording
from dfa_lab.learning.layers import effective_weight
from dfa_lab.learning.modules import DIRECT, Converted, as_matrix, downstream_product
from dfa_lab.learning.ops import behind
from dfa_lab.learning.recording import Call, Ends
from dfa_lab.learning.rules import Direct, Route

NOTHING = torch.tensor(math.nan, dtype=torch.float64)


@dataclass(frozen=True, eq=False)
class Carrier:
    """A matrix that carries the signal and BP's ``own`` in its place; ``layer`` reads with it, None for a point's B.

    ``independent`` says that it is drawn without the weights' signs: an angle to it has a chance band.
    """

    matrix: Tensor
    own: Tensor
    layer: nn.Module | None
    independent: bool

    def as_matrices(self) -> tuple[Tensor, Tensor]:
        """Both for a picture: rows are the terms summed in one signal, columns what receives it."""
        if self.layer is None:
            return self.matrix, self.own
        return as_matrix(self.layer, self.matrix), as_matrix(self.layer, self.own)


def measure_weights(converted: Converted, recording: Recording, names: Sequence[str]) -> Columns:
    """The numbers that compare matrices, for each row of ``names``."""
    found: dict[str, dict[str, Tensor]] = {name: {} for name in names}
    for name, carriers in carriers_of(converted, recording).items():
        pairs = ([getattr(one, side).flatten() for one in carriers] for side in ("matrix", "own"))
        carried, own = map(torch.cat, pairs)
        found[name] = {"entries": torch.tensor(float(own.numel())), "weight_alignment": angle(carried, own)}
        if all(one.independent for one in carriers):
            chance = torch.tensor(weight_chance(own.numel()), dtype=torch.float64)
            found[name]["weight_alignment_chance"] = chance
    former = None  # B_{l−1}
    for name, _, matrix in _direct(converted, recording.calls):
        single = converted.carrying.get(name) == ("weight",)
        weight = effective_weight(converted.root.get_submodule(name), "weight") if single else None
        if matrix is not None and former is not None and weight is not None and len(matrix) == len(former):
            fits = weight.shape == (matrix.shape[1], former.shape[1])
            if fits:  # two maps' B would make units × units entries, more than the memory takes
                product = matrix.mT @ former
                found[name]["feedback_product_alignment"] = angle(product.flatten(), weight.detach().flatten())
        former = matrix
    columns = ("entries", "weight_alignment", "weight_alignment_chance", "feedback_product_alignment")
    return {column: [row.get(column, NOTHING) for row in found.values()] for column in columns}


def carriers_of(converted: Converted, recording: Recording) -> dict[str, list[Carrier]]:
    """Row -> what carries the signal there, in the order of the layers that read."""
    found: dict[str, list[Carrier]] = {}
    calls = recording.calls
    places = {name: place for place, name in enumerate(converted.carrying)}
    for name, read in _readers(converted, recording).items():
        for reader, parameter, start, size in sorted(read, key=lambda one: (places[one[0]], *one[1:])):
            layer: Any = converted.root.get_submodule(reader)
            own = effective_weight(layer, parameter).detach()
            matrix = layer.backward_weight(parameter)
            matrix = own if matrix is None else matrix.broadcast_to(own.shape)
            part, rule = slice(start, start + size) if size else slice(None), converted.rules[reader]
            drawn = rule.needs_feedback and not rule.magnitudes
            found.setdefault(name, []).append(Carrier(matrix[part], own[part], layer, drawn))
    slopes = _slopes(calls) if any(call.slope is not None for call in calls) else None
    names = {call.module: call.name for call in calls}
    for name, point, feedback in _direct(converted, calls):
        product = downstream_product(converted.root, names[point], slopes)
        if feedback is not None and product is not None and product.shape == feedback.shape:
            found[name] = [Carrier(feedback, product, None, True)]
    return found


#: A layer, its parameter, the first of the rows that read, and how many; 0 for all.
Reading = tuple[str, str, int, int]


def _readers(converted: Converted, recording: Recording) -> dict[str, set[Reading]]:
    """Layer -> what the loss reads its output through by a layerwise rule, with no other layer and no cut between."""
    calls, for_loss = recording.calls, recording.calls_for()
    inside = {call.name for call in calls if call.name.endswith(".out_proj")}
    owners: dict[Node, str] = {}
    for call in calls:
        if call.name in converted.carrying and not _projects(converted, call.name):
            last = f"{call.name}.out_proj"  # what attention gives is what it has projected
            for edge in call.outputs.edges:
                if edge is not None:
                    owners[edge.node] = last if last in inside else call.name
    found: dict[str, set[Reading]] = {}
    for call in calls:
        if call not in for_loss or call.name not in converted.carrying:
            continue
        if converted.rules[call.name].route is not Route.LAYERWISE:
            continue
        for reading, origin in _readings(converted, call):
            if _projects(converted, call.name):
                found.setdefault(call.name.rpartition(".")[0], set()).add(reading)
                continue
            for node in behind(origin, Ends(owners)):
                if node in owners:
                    found.setdefault(owners[node], set()).add(reading)
    return found


def _projects(converted: Converted, name: str) -> bool:
    """Whether a layer is attention's own projection of its output."""
    holder, _, own = name.rpartition(".")
    return own == "out_proj" and isinstance(converted.root.get_submodule(holder), nn.MultiheadAttention)


def _readings(converted: Converted, call: Call) -> Iterator[tuple[Reading, Node | None]]:
    """What a layer reads with, each with the node that made what is read."""
    carried, layer = converted.carrying[call.name], call.module
    packed = isinstance(layer, nn.MultiheadAttention) and len(carried) == 1
    for place, origin in enumerate(call.origins):
        size = int(layer.embed_dim) if packed else 0  # type: ignore[arg-type]
        for parameter in carried if packed or len(call.origins) == 1 else carried[place : place + 1]:
            yield (call.name, parameter, place * size, size), origin


def _slopes(calls: Sequence[Call]) -> dict[str, Tensor]:
    """The mean f′ of each activation layer that was called once, a number for each unit."""
    times = Counter(call.name for call in calls)
    return {call.name: call.slope.flatten() for call in calls if call.slope is not None and times[call.name] == 1}


def _points(converted: Converted, calls: Sequence[Call]) -> Iterator[tuple[str | None, Call]]:
    """The calls of feedback points, each with the last layer since the point before; None where there is none."""
    last = None
    for call in calls:
        last = call.name if call.name in converted.carrying else last
        if call.name in converted.points:
            yield last, call
            last = None


def lone_points(converted: Converted, calls: Sequence[Call]) -> list[str]:
    """The feedback points with no layer that carries δ since the point before, in order of their calls.

    Where the network has such layers, those at which the rule in use cuts the graph; else all.
    """
    known = set(converted.conversion.active_points() if converted.carrying else converted.points)
    led = {call.name for layer, call in _points(converted, calls) if layer is not None}
    return list(dict.fromkeys(call.name for _, call in _points(converted, calls) if call.name in known - led))


def _direct(converted: Converted, calls: Sequence[Call]) -> Iterator[tuple[str, nn.Module, Tensor | None]]:
    """The feedback points of direct rules as they are passed, each with the name of its row and the matrix it uses."""
    for layer, call in _points(converted, calls):
        rule = converted.rules[call.name]
        if isinstance(rule, Direct):
            drawn = call.module._buffers.get(DIRECT)
            used = None if drawn is None else rule.matrix(None, drawn)
            yield call.name if layer is None else layer, call.module, used
