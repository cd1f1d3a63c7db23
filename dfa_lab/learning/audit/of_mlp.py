"""The audit of an MLP: each layer by the papers' equations, from the δ that the layer above received."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from dfa_lab.learning.audit.result import Audit, AuditRow, RuleErrors, relative_error, tolerance
from dfa_lab.learning.mlp import MLP
from dfa_lab.learning.ops import checked_loss
from dfa_lab.learning.rules import RULES, Lesson, Rule


def audit_mlp(
    net: MLP, inputs: Tensor, targets: Tensor, loss_fn: Callable[[Any, Any], Tensor], reduction: str
) -> Audit:
    """As ``audit``. Hidden layer l is judged by its δ, which the layer above and the rule's feedback give it."""
    preactivations, output_error, received, gradients = _passed(net, inputs, targets, loss_fn, reduction)
    layers = net.layers()
    activities = [inputs, *(layers.function(a) for a in preactivations[:-1])]
    lesson = Lesson.of(targets, output_error, reduction)
    rows = []
    for number in range(len(net.weights)):
        errors = RuleErrors()
        for rule in [net.rule if rule.name == net.rule.name else rule for rule in RULES.values()]:
            if number == len(net.weights) - 1:
                errors.note(rule.name, relative_error(received[number], output_error))
                continue
            signal = _signal(net, rule, number, received[number + 1], output_error, lesson)
            if signal is not None:
                delta = signal * layers.slope_at(number)(preactivations[number], activities[number + 1])
                errors.note(rule.name, relative_error(received[number], delta))
        delta, h = received[number], activities[number]
        wanted = {f"weights.{number}": delta.mT @ h, f"biases.{number}": delta.sum(-2)}
        for name, gradient in wanted.items():
            if name not in gradients:  # frozen
                continue
            own = relative_error(gradients[name], gradient)
            worst = {rule: max(own, error) for rule, error in errors.items()}
            explained = tuple(rule for rule, error in worst.items() if error <= tolerance(delta.dtype))
            expected = net.rule.name
            rows.append(AuditRow(name, str(number), expected, explained, worst[expected], expected in explained))
    return Audit(rows)


def _passed(
    net: MLP, inputs: Tensor, targets: Tensor, loss_fn: Callable[[Any, Any], Tensor], reduction: str
) -> tuple[list[Tensor], Tensor, Sequence[Tensor], dict[str, Tensor]]:
    """Preactivations, e, the δ that each layer received, and the parameters' gradients, of one pass."""
    with net.unchanged() as seen, torch.enable_grad():
        net.lesson = targets, reduction
        output = net(inputs)
        loss = checked_loss(loss_fn, output, targets)
        named = {name: one for name, one in net.named_parameters() if one.requires_grad}
        found = torch.autograd.grad(loss, [output, *seen, *named.values()], materialize_grads=True)
    received, gradients = found[1 : 1 + len(seen)], dict(zip(named, found[1 + len(seen) :], strict=True))
    return [a.detach() for a in seen], found[0], received, gradients


def _signal(net: MLP, rule: Rule, number: int, above: Tensor, error: Tensor, lesson: Lesson) -> Tensor | None:
    """The signal of hidden layer ``number`` (from 0) by ``rule``; None where the network has no feedback for it."""
    own = net.feedback.matrix(net, rule.store, number + 1) if rule.needs_feedback else None
    if rule.needs_feedback and own is None:
        return None
    signal = rule.signal(above, rule.received(error, lesson), net.weights[number + 1].detach(), own)
    return torch.zeros((), dtype=above.dtype) if signal is None else signal
