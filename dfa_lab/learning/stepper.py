"""Stepper: the equations' step made to be run often. What it writes to is made once for a batch size.

``equations.gradients`` is its twin: it returns what this one applies in place, and tests hold the two equal. Here a
layer's δ is made, used and forgotten before the next: δ and ∂W of the whole network never exist at once.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dfa_lab.learning.equations import Layers, Pass, Watch, lesson_for
from dfa_lab.learning.losses import Loss
from dfa_lab.learning.rule import Route
from dfa_lab.learning.updates import Update


class Workspace:
    """What a step over so many samples writes to: a and h of every layer, and one δ or, for a layerwise rule, two.

    Where g needs h alone, a is written over with h.
    """

    def __init__(self, layers: Layers, samples: int) -> None:
        weights = layers.weights
        lead, widths = weights[0].shape[:-2], [weight.shape[-2] for weight in weights]
        like = weights[0]
        self.samples = samples
        self.activities = [like.new_empty(*lead, samples, width) for width in widths]
        if layers.in_place:
            self.preactivations = self.activities
        else:
            hidden = [like.new_empty(activity.shape) for activity in self.activities[:-1]]
            self.preactivations = [*hidden, self.activities[-1]]
        self.ones = like.new_ones(samples)
        kernel, pairs = layers.kernel, zip(self.preactivations[:-1], self.activities, strict=False)
        self.bend = [kernel.into(a, h) for a, h in pairs] if kernel is not None else []
        places = 2 if layers.rule.route is Route.LAYERWISE else 1
        rows = math.prod(lead) * samples
        room = [like.new_empty(rows * max(widths[:-1], default=0)) for _ in range(places)]
        self.deltas = [
            room[number % places][: rows * width].view(*lead, samples, width) for number, width in enumerate(widths[:-1])
        ]
        self.transposed = [delta.mT for delta in self.deltas]
        pairs = zip(self.deltas, self.activities, strict=False)
        self.back = [kernel.back(delta, h) for delta, h in pairs] if kernel is not None and layers.in_place else []


class Stepper:
    """Steps of the MLP ``layers`` under ``loss``: the same tensors again and again, so build another when they change.

    ``step(inputs, targets, update)`` goes forward, asks the loss for e, and gives ``update`` each layer's δ and input,
    the output's first. Layers that hear nothing stay as they are. Every δ is made before the W that carries it moves.
    """

    def __init__(self, layers: Layers, loss: Loss) -> None:
        self.layers = layers
        self.loss = loss
        self._transposed = [weight.mT for weight in layers.weights]
        batched = layers.weights[0].dim() == 3
        self._biases = [bias.unsqueeze(1) if batched else bias for bias in layers.biases]
        self._affine = torch.baddbmm if batched else torch.addmm
        self._product = torch.bmm if batched else torch.mm
        self._workspace: Workspace | None = None

    def step(self, inputs: Tensor, targets: Tensor, update: Update, watch: Watch | None = None) -> Tensor:
        """One step on ``inputs`` (…, N, n_0); the loss before it. ``watch(seen, error)`` is told the pass and e."""
        layers, rule = self.layers, self.layers.rule
        if inputs.dim() < layers.weights[0].dim():
            inputs = inputs.expand(len(layers.weights[0]), *inputs.shape)
        work = self._workspace
        if work is None or work.samples != inputs.shape[-2]:
            work = self._workspace = Workspace(layers, inputs.shape[-2])
        activities = self._forward(work, inputs)
        seen = Pass(work.preactivations, [inputs, *activities])
        value, error = self.loss.value_and_error(seen.output, targets)
        lesson = lesson_for(rule, seen, targets, self.loss)
        if watch is not None:
            watch(seen, error)
        last, ones = len(activities) - 1, work.ones
        below = seen.activities
        if rule.route is Route.DIRECT:
            assert rule.broadcast is not None
            heard = rule.broadcast(error, lesson)
            if update.scale is not None:
                heard, error = heard * update.scale, error * update.scale
            update(last, error.mT, below[last], ones)
            for number in reversed(range(last)):
                signal = self._product(heard, layers.feedback[number], out=work.deltas[number])
                self._bend(signal, work, number)
                update(number, work.transposed[number], below[number], ones)
            return value
        delta = error if update.scale is None else error * update.scale
        transposed = delta.mT
        if rule.route is Route.LAYERWISE:
            assert rule.carrier is not None
            for number in reversed(range(last)):
                feedback = layers.feedback[number] if rule.needs_feedback else None
                carrier = rule.carrier(layers.weights[number + 1], feedback)
                signal = self._product(delta, carrier, out=work.deltas[number])
                self._bend(signal, work, number)
                update(number + 1, transposed, below[number + 1], ones)
                delta, transposed = signal, work.transposed[number]
            update(0, transposed, inputs, ones)
        else:
            update(last, transposed, below[last], ones)
        return value

    def _forward(self, work: Workspace, inputs: Tensor) -> list[Tensor]:
        """h_1 … h_L."""
        layers, h = self.layers, inputs
        activities = work.activities
        last = len(activities) - 1
        for number, (bias, transposed) in enumerate(zip(self._biases, self._transposed, strict=True)):
            a = self._affine(bias, h, transposed, out=work.preactivations[number])
            if number == last:
                return activities
            if work.bend:
                h = activities[number]
                work.bend[number]()
            else:
                h = activities[number] = layers.function(a)
        return activities

    def _bend(self, signal: Tensor, work: Workspace, number: int) -> None:
        """δ = signal ⊙ g, in the signal's place."""
        if work.back:
            work.back[number]()
        else:
            signal.mul_(self.layers.slope(work.preactivations[number], work.activities[number]))
