"""The papers' equations for an MLP, written out: no autograd, replicas as a leading dimension.

Legend (rows are samples): h_0 = inputs (N, n_0); a_l = h_{l-1} W_lᵀ + b_l; h_l = f(a_l), and h_L = a_L is the output;
e = ∂L/∂a_L; signal_l is what the rule sends hidden layer l; δ_l = signal_l ⊙ g(a_l); ∂W_l = δ_lᵀ h_{l-1}. With replicas
every tensor has a leading K. This is the teaching text, what measurements use, and the reference that the autograd form
and the step in place (``stepper.py``) are tested against.

>>> import dfa_lab as dfa
>>> net, x, t = dfa.MLP([4, 8, 2], rule="dfa"), torch.ones(3, 4), torch.tensor([0, 1, 1])
>>> loss, gradients = dfa.equations.gradients(net.layers(), x, t, dfa.LOSSES["cross_entropy"])
>>> [tuple(weight.shape) for weight, bias in gradients]
[(8, 4), (2, 8)]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dfa_lab.learning.activations import Slope, own_slope
from dfa_lab.learning.ops import InplaceActivation, Loss
from dfa_lab.learning.rules import Lesson, Route, Rule


@dataclass(frozen=True)
class Layers:
    """An MLP as the equations see it: tensors and functions, nothing that records a graph.

    ``weights[l]`` (…, n_{l+1}, n_l) and ``biases[l]`` (…, n_{l+1}), first layer first; ``feedback[l-1]`` is the B of
    hidden layer l (empty where the rule needs none); ``slope(a, h)`` is g, ``exact_slope`` f′; a ``kernel`` does the
    function and f′ in place. ``slopes[l-1]`` is the g of hidden layer l where they differ, () where all have ``slope``.
    """

    weights: Sequence[Tensor]
    biases: Sequence[Tensor]
    function: Callable[[Tensor], Tensor]
    slope: Slope
    exact_slope: Slope
    rule: Rule
    feedback: Sequence[Tensor]
    kernel: InplaceActivation | None = None
    slopes: Sequence[Slope] = ()

    def _feedback_of(self, number: int) -> Tensor | None:
        """B of hidden layer ``number`` (from 0); None where the rule needs none."""
        return self.feedback[number] if self.feedback else None

    def backward_matrix(self, number: int) -> Tensor | None:
        """The matrix that the signal of hidden layer ``number`` (from 0) is made with; None where there is none."""
        return self.rule.matrix(self.weights[number + 1], self._feedback_of(number))

    def of_replica(self, number: int) -> Layers:
        """Replica ``number`` (from 0) as a network by itself: views of its tensors, and its own g."""
        weights, biases, feedback = (
            [one[number] for one in column] for column in (self.weights, self.biases, self.feedback)
        )
        slope, slopes = own_slope(self.slope, number), [own_slope(slope, number) for slope in self.slopes]
        return replace(self, weights=weights, biases=biases, feedback=feedback, slope=slope, slopes=slopes)

    def slope_at(self, number: int) -> Slope:
        """The g of hidden layer ``number`` (from 0)."""
        return self.slopes[number] if self.slopes else self.slope

    def in_place_at(self, number: int) -> bool:
        """Whether hidden layer ``number`` (from 0) can do with h alone: g is f′, and the kernel knows it from h."""
        return self.kernel is not None and self.slope_at(number) is self.exact_slope

    @property
    def in_place(self) -> bool:
        """Whether every hidden layer can."""
        return all(self.in_place_at(number) for number in range(max(1, len(self.slopes))))


@dataclass(frozen=True)
class Pass:
    """What a forward pass leaves: ``preactivations`` a_1 … a_L and ``activities`` h_0 … h_L (h_L is the output)."""

    preactivations: list[Tensor]
    activities: list[Tensor]

    @property
    def output(self) -> Tensor:
        """a_L, (…, N, n_out)."""
        return self.activities[-1]


def downstream(weights: Sequence[Tensor], layer: int, route: Route, slopes: Sequence[Tensor] | None = None) -> Tensor:
    """What BP carries the signal of hidden ``layer`` (from 1) with: W_{l+1}, or for a direct route W_L … W_{l+1}.

    With ``slopes``, one (…, n_l) for each hidden layer, first layer first, the product goes through them:
    W_L diag(s_{L-1}) W_{L-1} … diag(s_{l+1}) W_{l+1}.
    """
    if route is not Route.DIRECT:
        return weights[layer]
    product = weights[-1]  # from the output down: the product never has more rows than there are outputs
    for number in reversed(range(layer, len(weights) - 1)):
        product = (product if slopes is None else product * slopes[number].unsqueeze(-2)) @ weights[number]
    return product


def affine(h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """a = h Wᵀ + b; ``h`` may be shared by all replicas."""
    if weight.dim() == 2:
        return torch.addmm(bias, h, weight.mT)
    if h.dim() == 2:
        h = h.expand(len(weight), *h.shape)
    return torch.baddbmm(bias.unsqueeze(1), h, weight.mT)


def forward(layers: Layers, inputs: Tensor) -> Pass:
    """All preactivations and activities for ``inputs`` (N, n_0) or (K, N, n_0)."""
    preactivations, activities = [], [inputs]
    last = len(layers.weights) - 1
    for number, (weight, bias) in enumerate(zip(layers.weights, layers.biases, strict=True)):
        a = affine(activities[-1], weight, bias)
        preactivations.append(a)
        activities.append(a if number == last else layers.function(a))
    return Pass(preactivations, activities)


def deltas(
    layers: Layers,
    seen: Pass,
    error: Tensor,
    lesson: Lesson | None = None,
    signals: list[Tensor] | None = None,
) -> list[Tensor | None]:
    """δ_1 … δ_L by the rule. The output's is e; a hidden layer without a signal has None.

    ``lesson`` is for rules that need one. A list given as ``signals`` gets the hidden layers' signals, the last layer's
    first.
    """
    hidden = len(layers.weights) - 1
    result: list[Tensor | None] = [None] * hidden + [error]
    rule, received = layers.rule, layers.rule.received(error, lesson)
    delta = error
    for number in reversed(range(hidden)):
        signal = rule.signal(delta, received, layers.weights[number + 1], layers._feedback_of(number))
        if signal is None:
            break
        slope = layers.slope_at(number)(seen.preactivations[number], seen.activities[number + 1])
        if signals is None:
            delta = signal.mul_(slope)
        else:
            signals.append(signal)
            delta = signal * slope
        result[number] = delta
    return result


def lesson_for(rule: Rule, seen: Pass, targets: Tensor, loss: Loss) -> Lesson | None:
    """The batch's lesson where ``rule`` needs one."""
    if not rule.needs_lesson:
        return None
    return Lesson.checked(targets, seen.output, loss.reduction, ignoring=loss.ignoring)


Watch = Callable[[Pass, Tensor], None]


def gradients(
    layers: Layers, inputs: Tensor, targets: Tensor, loss: Loss, watch: Watch | None = None
) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
    """What a step would apply: the loss and, first layer first, (∂W_l, ∂b_l) as the rule has them.

    ``watch(seen, received)``, if given, is called with the forward pass and what a direct rule sends to hidden layers.
    """
    seen = forward(layers, inputs)
    value, error = loss.value_and_error(seen.output, targets)
    lesson = lesson_for(layers.rule, seen, targets, loss)
    if watch is not None and (received := layers.rule.received(error, lesson)) is not None:
        watch(seen, received)
    found = []
    for number, delta in enumerate(deltas(layers, seen, error, lesson)):
        if delta is None:
            found.append((torch.zeros_like(layers.weights[number]), torch.zeros_like(layers.biases[number])))
        else:
            found.append((delta.mT @ seen.activities[number], delta.sum(-2)))
    return value, found
