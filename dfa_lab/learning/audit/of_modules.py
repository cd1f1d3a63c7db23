"""Auditor: every gradient of one pass, recomputed layer by layer and compared with what each rule would give."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dfa_lab.learning.audit.recompute import Product, anatomy, bare
from dfa_lab.learning.audit.result import AuditRow, Findings, apart, tolerance
from dfa_lab.learning.audit.trace import Call, Trace
from dfa_lab.learning.modules import DIRECT, Converted, RuledActivation, project
from dfa_lab.learning.ops import mapped, restore_torch_state, tensors_of
from dfa_lab.learning.rules import BP, RULES, Direct, Layerwise, Lesson, Route, Rule


class Auditor:
    """The checks of one traced pass through a converted network; ``rows`` is what it finds."""

    def __init__(self, converted: Converted, seen: Trace, targets: Tensor, reduction: str) -> None:
        self._converted, self._root, self._seen = converted, converted.root, seen
        self._conversion = converted.conversion
        self._told = (targets, reduction)
        in_use = {rule.name: rule for rule in self._conversion.uses}
        self._rules = [in_use.get(name, rule) for name, rule in RULES.items()]
        self._gradients: dict[int, Tensor] = {}  # by id of the parameter, over all calls
        self._layers: dict[str, Findings] = {}  # by layer: how far what it sent is from each rule's
        self._bends: dict[str, Findings] = {}
        self._called = {call.name for call in seen.calls}

    def rows(self) -> list[AuditRow]:
        """A row for each parameter that learns, and one for each activation layer."""
        for call in self._seen.calls:
            if call.name in self._conversion.buffers.carrying and self._is_apart(call):
                self._check_layer(call)
            elif isinstance(call.module, RuledActivation):
                self._check_bend(call)
            elif any(True for _ in call.module.parameters(recurse=False)):
                self._check_plain(call)
        points = {id(call): self._point(call) for calls in self._seen.fed.values() for call in calls}
        names = {id(parameter): name for name, parameter in self._root.named_parameters()}
        everywhere = self._root.named_parameters(remove_duplicate=False)
        rows = [
            self._parameter(name, names[id(parameter)], points)
            for name, parameter in everywhere
            if parameter.requires_grad or name.rpartition(".")[0] in self._layers
        ]
        return rows + [self._bend(name, findings) for name, findings in self._bends.items()]

    def _is_apart(self, call: Call) -> bool:
        """Whether a layer made its products one by one: attention on torch's own path does not call ``out_proj``."""
        return not isinstance(call.module, nn.MultiheadAttention) or f"{call.name}.out_proj" in self._called

    def _before_projection(self, call: Call) -> list[Tensor]:
        """What arrived at a layer's own outputs: in attention, what its ``out_proj``, a layer by itself, sent."""
        if not isinstance(call.module, nn.MultiheadAttention):
            return call.arrived
        earlier = [one for one in self._seen.calls if one.name == call.name].index(call)
        projections = [one for one in self._seen.calls if one.name == f"{call.name}.out_proj"]
        sent = projections[earlier].sent[0]
        swapped = call.module.batch_first and sent.dim() == 3
        return [sent.transpose(0, 1) if swapped else sent, *call.arrived[1:]]

    def _check_layer(self, call: Call) -> None:
        """Its parameters' gradients, and for each rule how far what it sent is from what it should have sent."""
        layer, parts = call.module, anatomy(call)
        projected, sent_by = [], []
        for product in parts.products:
            weight, bias = self._leaves(layer, product)
            x = product.x.detach().requires_grad_()
            projected.append((product.apply(x, weight, bias), x, weight, bias))
        leaves = [one.detach().requires_grad_() for one, *_ in projected]
        directly = [one.detach().requires_grad_() for one in parts.directly]
        outputs = parts.core(leaves, directly)
        used = [*leaves, *directly]
        arrived = self._before_projection(call)
        deltas = arrived if outputs[0] is leaves[0] else _vjp(outputs, arrived, used)
        for product, (y, x, weight, bias), delta in zip(parts.products, projected, deltas, strict=False):
            grads = _vjp([y], [delta], [weight] if bias is None else [weight, bias])
            self._add(layer.get_parameter(product.parameter), grads[0], product.rows)
            if product.bias is not None:
                self._add(layer.get_parameter(product.bias), grads[1], product.bias_rows)
            sent_by.append((product, x, delta))
        for rule in self._rules:
            wanted = self._wanted(layer, rule, sent_by)
            if wanted is None:
                continue
            totals = {id(one): torch.zeros_like(one) for one in call.tensors}
            extra = zip(parts.directly, deltas[len(leaves) :], strict=True)
            for one, signal in [*wanted, *extra]:
                if id(one) in totals:
                    totals[id(one)] = totals[id(one)] + signal
            sent = zip(call.tensors, call.sent, strict=True)
            error = max((apart(got, totals[id(one)]) for one, got in sent), default=math.inf)
            self._layers.setdefault(call.name, Findings()).note(rule.name, error)

    def _wanted(self, layer: nn.Module, rule: Rule, parts: Any) -> list[tuple[Tensor, Tensor]] | None:
        """What the rule sends down through each product; None where the rule has no feedback here."""
        found = []
        for product, x, delta in parts:
            weight = layer.get_parameter(product.parameter).detach()
            matrix = weight
            if isinstance(rule, Layerwise) and rule is not BP:
                feedback = layer._buffers.get(f"{rule.store}_{product.parameter}")
                if rule.needs_feedback and feedback is None:
                    return None
                matrix = rule.matrix(weight, feedback).broadcast_to(weight.shape)
            leaf = x.detach().requires_grad_()
            y = product.apply(leaf, matrix[product.rows], None)
            found.append((product.x, _vjp([y], [delta], [leaf])[0]))
        return found

    def _leaves(self, layer: nn.Module, product: Product) -> tuple[Tensor, Tensor | None]:
        weight = layer.get_parameter(product.parameter).detach()[product.rows].requires_grad_()
        if product.bias is None:
            return weight, None
        return weight, layer.get_parameter(product.bias).detach()[product.bias_rows].requires_grad_()

    def _add(self, parameter: Tensor, grad: Tensor, rows: slice = slice(None)) -> None:
        total = self._gradients.setdefault(id(parameter), torch.zeros_like(parameter))
        with torch.no_grad():
            total[rows] += grad.to_dense() if grad.is_sparse else grad

    def _check_plain(self, call: Call) -> None:
        """A layer that is left to autograd: its parameters' gradients and what it sent, by its class alone."""
        plain = bare(call.module)
        restore_torch_state(call.random)
        leaves = {name: one.detach().requires_grad_() for name, one in call.module.named_parameters()}
        for name, leaf in leaves.items():
            owner, _, own = name.rpartition(".")
            parameters: Any = plain.get_submodule(owner)._parameters
            parameters[own] = leaf
        clones = {id(one): one.detach().requires_grad_() for one in call.tensors}
        args, kwargs = mapped((call.args, call.kwargs), lambda one: clones.get(id(one), one))
        outputs = tensors_of(type(plain).forward(plain, *args, **kwargs))
        names, inputs = list(leaves), list(clones.values())
        grads = _vjp(outputs, call.arrived, [*leaves.values(), *inputs])
        for name, grad in zip(names, grads, strict=False):
            self._add(call.module.get_parameter(name), grad)
        if call.name in self._conversion.buffers.carrying:
            sent = dict(zip(clones, grads[len(names) :], strict=True))
            error = max(apart(got, sent[id(one)]) for one, got in zip(call.tensors, call.sent, strict=True))
            for rule in self._rules:
                if rule is BP or rule.route is not Route.LAYERWISE:
                    self._layers.setdefault(call.name, Findings()).note(rule.name, error)

    def _check_bend(self, call: Call) -> None:
        module: Any = call.module
        choice = module.__dict__["derivative"]
        a = call.given(0, "input").detach().requires_grad_()
        (exact,) = _vjp([type(bare(module)).forward(bare(module), a.clone())], call.arrived, [a])
        findings = self._bends.setdefault(call.name, Findings())
        findings.note("exact", apart(call.sent[0], exact))
        if choice != "exact":
            slope = module.__dict__["_slope"](a.detach(), call.outputs[0].detach())
            findings.note(str(choice), apart(call.sent[0], call.arrived[0] * slope))

    def _point(self, call: Call) -> Findings:
        """For each rule, how far what arrived at a feedback point is from what the rule delivers."""
        findings, arrived = Findings(), call.arrived[0]
        lesson = self._lesson()
        matrix = call.module._buffers.get(DIRECT)
        for rule in self._rules:
            if rule.route is Route.NONE:
                findings.note(rule.name, apart(arrived, torch.zeros_like(arrived)))
            elif rule.route is Route.LAYERWISE:
                if call.offered is not None:
                    findings.note(rule.name, apart(arrived, call.offered))
            elif matrix is not None and isinstance(rule, Direct) and (lesson or not rule.needs_lesson):
                assert self._seen.error is not None
                heard = rule.received(self._seen.error, lesson)
                findings.note(
                    rule.name, apart(arrived, project(heard, matrix, arrived.shape, self._conversion.buffers.maps))
                )
        return findings

    def _lesson(self) -> Lesson | None:
        """The batch's lesson; None where the targets are of a kind that makes none."""
        before, self._conversion.lesson = self._conversion.lesson, self._told
        try:
            return self._conversion.lesson_of(self._seen.output)
        except (RuntimeError, AttributeError, TypeError, ValueError):
            return None
        finally:
            self._conversion.lesson = before

    def _parameter(self, name: str, first_name: str, points: Mapping[int, Findings]) -> AuditRow:
        """The row of one parameter; a tied one has a row under each of its names, and its gradient is the sum."""
        layer_name, _, own_name = name.rpartition(".")
        parameter = self._root.get_parameter(name)
        found = self._seen.gradients.get(first_name)
        found = torch.zeros_like(parameter) if found is None else found.to_dense() if found.is_sparse else found
        known = self._gradients.get(id(parameter)) if parameter.requires_grad else found
        if known is None and not bool(found.any()):
            known = found
        rules, fed = self._conversion.rules, self._seen.fed.get(first_name, [])
        carrying = self._conversion.buffers.carrying
        carries = layer_name in carrying
        checked = known is not None or own_name in carrying.get(layer_name, ())
        own = math.inf if known is None else apart(found, known)
        # A layer is held to its own rule; what feeds a point, to the point's: they differ where rules are mixed.
        layer, rule = self._layers.get(layer_name), rules[layer_name] if carries else None
        sent = layer.of(rule.name) if layer is not None and rule is not None else 0.0
        if layer is None and rule is not None and rule.route is Route.LAYERWISE and rule is not BP and found.any():
            sent = math.inf  # its weight was used, and not by the layer
        expected = dict.fromkeys(rules[call.name].name for call in fed) or {(BP if rule is None else rule).name: None}
        past = bool(fed) and first_name in self._seen.bypassed  # a way around the points, by autograd
        error = max(own, sent, *(points[id(call)].of(rules[call.name].name) for call in fed))
        close = tolerance(parameter.dtype)
        explained = []
        # Inside a direct rule's block a layer sends what BP sends; in a layerwise network that is BP alone.
        direct = bool(fed) or rule is None or rule.route is not Route.LAYERWISE
        for candidate in (one for one in self._rules if direct or one.route is Route.LAYERWISE):
            one = candidate.name
            parts = [points[id(call)].of(one) for call in fed] or [layer.of(one) if layer is not None else 0.0]
            if max(own, *parts) <= close and (not fed or sent <= close):
                explained.append(f"{one}+bp" if past and candidate.route is not Route.LAYERWISE else one)
        if past:
            expected["bp"] = None
        clean = error <= close or not checked
        return AuditRow(
            name, layer_name, "+".join(expected), tuple(explained), error if checked else math.nan, clean, checked
        )

    def _bend(self, name: str, findings: Findings) -> AuditRow:
        module: Any = self._root.get_submodule(name)
        expected = str(module.__dict__["derivative"])
        close = tuple(one for one, error in findings.errors.items() if error <= tolerance(_dtype(self._root)))
        return AuditRow(f"{name} (derivative)", name, expected, close, findings.of(expected), expected in close, True)


def _dtype(root: nn.Module) -> torch.dtype:
    return next(root.parameters()).dtype


def _vjp(outputs: Sequence[Tensor], deltas: Sequence[Tensor], inputs: Sequence[Tensor]) -> list[Tensor]:
    """The gradients at ``inputs`` for ``deltas`` at ``outputs``; zeros where there is no way."""
    pairs = [(y, d) for y, d in zip(outputs, deltas, strict=False) if y.requires_grad]
    if not pairs:
        return [torch.zeros_like(one) for one in inputs]
    found = torch.autograd.grad([y for y, _ in pairs], inputs, [d for _, d in pairs], allow_unused=True)
    return [torch.zeros_like(one) if grad is None else grad for one, grad in zip(inputs, found, strict=True)]
