"""Stepper: the equations' step, in place, in buffers made once for a batch size.

``equations.gradients`` returns what this one applies, and tests hold the two equal. Here a layer's δ is made, used and
overwritten: δ and ∂W of the whole network never exist at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from dfa_lab.learning.mlp.equations import Layers, Pass, Watch, lesson_for
from dfa_lab.learning.mlp.inplace_updates import Update
from dfa_lab.learning.ops import Loss, onednn
from dfa_lab.learning.rules import Layerwise


class Workspace:
    """The buffers of a step over so many samples: a and h of every layer, and one δ or, for a layerwise rule, two.

    Where a layer's g needs h alone, h overwrites a. ``large`` are the layers, and ``carried`` the hidden layers'
    signals, whose product is oneDNN's: it makes a tensor of its own, which takes the place of the one here.
    """

    def __init__(self, layers: Layers, samples: int) -> None:
        weights = layers.weights
        lead, widths = weights[0].shape[:-2], [weight.shape[-2] for weight in weights]
        like = weights[0]
        self.samples = samples
        self.preactivations = [like.new_empty(*lead, samples, width) for width in widths]
        self.activities = list(self.preactivations)
        self.in_place = [layers.in_place_at(number) for number in range(len(widths) - 1)]
        if layers.kernel is not None:
            for number, alone in enumerate(self.in_place):
                if not alone:
                    self.activities[number] = torch.empty_like(self.preactivations[number])
        self.ones = like.new_ones(samples)
        kernel, pairs = layers.kernel, zip(self.preactivations[:-1], self.activities, strict=False)
        self.activate = [kernel.into(a, h) for a, h in pairs] if kernel is not None else []
        layerwise = isinstance(layers.rule, Layerwise)  # then each δ is made of the one above, and both are needed
        blocks = 2 if layerwise else 1
        rows = math.prod(lead) * samples
        room = [like.new_empty(rows * max(widths[:-1], default=0)) for _ in range(blocks)]
        shapes = [(*lead, samples, width) for width in widths[:-1]]
        self.deltas = [room[n % blocks][: math.prod(shape)].view(shape) for n, shape in enumerate(shapes)]
        self.transposed = [delta.mT for delta in self.deltas]
        triples = zip(self.deltas, self.activities, self.in_place, strict=False)
        self.back = [kernel.back(delta, h) if kernel and alone else None for delta, h, alone in triples]
        self.large = [onednn.pays(weight, samples, weight.shape[-1], weight.shape[-2]) for weight in weights]
        self.carried = [layerwise and large for large in self.large[1:]]


class Stepper:
    """Steps of the MLP ``layers`` under ``loss``, always on the same tensors: build another when they change.

    ``step(inputs, targets)`` goes forward, asks the loss for e, and gives ``update`` each layer's δᵀ and input, the
    output's first. Layers without a signal stay as they are. Every δ is made before the W that carries it changes.
    """

    def __init__(self, layers: Layers, loss: Loss, update: Update) -> None:
        self.layers = layers
        self.loss = loss
        self.update = update
        self._transposed = [weight.mT for weight in layers.weights]
        batched = layers.weights[0].dim() == 3
        self._biases = [bias.unsqueeze(1) if batched else bias for bias in layers.biases]
        self._affine = torch.baddbmm if batched else torch.addmm
        self._product = torch.bmm if batched else torch.mm
        self._feedback: Sequence[Tensor | None] = layers.feedback or [None] * len(layers.weights)
        self._workspace: Workspace | None = None

    def step(self, inputs: Tensor, targets: Tensor, watch: Watch | None = None) -> Tensor:
        """One step on ``inputs`` (…, N, n_0); the loss before it. ``watch`` is as that of ``equations.gradients``."""
        layers = self.layers
        if inputs.dim() < layers.weights[0].dim():
            inputs = inputs.expand(len(layers.weights[0]), *inputs.shape)
        work = self._workspace
        if work is None or work.samples != inputs.shape[-2]:
            work = self._workspace = Workspace(layers, inputs.shape[-2])
        seen = Pass(work.preactivations, [inputs, *self._forward(work, inputs)])
        value, error = self.loss.value_and_error(seen.output, targets)
        received = layers.rule.received(error, lesson_for(layers.rule, seen, targets, self.loss))
        if watch is not None and received is not None:
            watch(seen, received)
        self._descend(work, seen.activities, error, received)
        return value

    def _descend(self, work: Workspace, below: list[Tensor], error: Tensor, received: Tensor | None) -> None:
        """Every layer's δ, from the output down, and its update; ``received`` is what a direct rule sends them all.

        A direct rule needs no W for the next δ, so each update comes before the next δ overwrites this one. A layerwise
        rule carries δ through W, so W is updated after that.
        """
        weights, feedback, update, ones = self.layers.weights, self._feedback, self.update, work.ones
        matrix_of, deltas = self.layers.rule.matrix, work.deltas
        delta, source = error, received
        if update.scale is not None:
            delta, source = error * update.scale, None if received is None else received * update.scale
        transposed = delta.mT
        for number in range(len(deltas), 0, -1):
            matrix, hidden = matrix_of(weights[number], feedback[number - 1]), number - 1
            if source is not None or matrix is None:
                update(number, transposed, below[number], ones)
            if matrix is None:  # nothing is sent further down
                return
            if work.carried[hidden] and matrix.is_contiguous():
                deltas[hidden] = onednn.linear(delta, matrix.mT)
                work.transposed[hidden] = deltas[hidden].mT
            else:
                self._product(delta if source is None else source, matrix, out=deltas[hidden])
            if source is not None and self.layers.rule.normalised:
                self.layers.rule.resized(deltas[hidden], source)
            self._times_slope(work, hidden)
            if source is None:
                update(number, transposed, below[number], ones)
            delta, transposed = deltas[hidden], work.transposed[hidden]
        update(0, transposed, below[0], ones)

    def _forward(self, work: Workspace, inputs: Tensor) -> list[Tensor]:
        """h_1 … h_L."""
        layers, h = self.layers, inputs
        activities = work.activities
        last = len(activities) - 1
        for number, (bias, transposed) in enumerate(zip(self._biases, self._transposed, strict=True)):
            if work.large[number]:
                h = self._large(work, number, h)
                continue
            a = self._affine(bias, h, transposed, out=work.preactivations[number])
            if number == last:
                return activities
            if work.activate:
                h = activities[number]
                work.activate[number]()
            else:
                h = activities[number] = layers.function(a)
        return activities

    def _large(self, work: Workspace, number: int, h: Tensor) -> Tensor:
        """h_{number + 1} by oneDNN: with f in the same call where a can be forgotten."""
        layers = self.layers
        weight, bias, hidden = layers.weights[number], layers.biases[number], number < len(work.deltas)
        if hidden and layers.kernel is not None and work.in_place[number]:
            a = h = onednn.linear(h, weight, bias, layers.kernel.fused)
        else:
            a = onednn.linear(h, weight, bias)
            h = layers.function(a) if hidden else a
        work.preactivations[number], work.activities[number] = a, h
        return h

    def _times_slope(self, work: Workspace, number: int) -> None:
        """δ = signal ⊙ g, in the signal's place."""
        anew = work.large[number] or (number < len(work.carried) and work.carried[number])
        back = work.back[number]
        if back is None:
            slope = self.layers.slope_at(number)(work.preactivations[number], work.activities[number])
            work.deltas[number].mul_(slope)
        elif anew:
            assert self.layers.kernel is not None
            self.layers.kernel.back(work.deltas[number], work.activities[number])()
        else:
            back()
