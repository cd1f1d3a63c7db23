"""The audit of a converted network: each gradient, recomputed layer by layer, beside what each rule would give."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dfa_lab.learning.alignment import Recording
from dfa_lab.learning.audit.reach import PastLayers, bypassing, fed_points, unconverted, why_idle
from dfa_lab.learning.audit.recompute import Product, bare, recompute, sent_through, vjp
from dfa_lab.learning.audit.rerun import Rerun
from dfa_lab.learning.audit.result import AuditRow, RuleErrors, relative_error, rounding, tolerance
from dfa_lab.learning.layers import effective_weight, is_made, sources
from dfa_lab.learning.modules import DIRECT, Converted, RuledActivation, TaughtLayer, received_by, signal_of
from dfa_lab.learning.networks import lesson
from dfa_lab.learning.ops import mapped, restore_torch_state, tensors_of
from dfa_lab.learning.recording import Call
from dfa_lab.learning.rules import BP, RULES, Direct, Layerwise, Lesson, Route, Rule

#: Parameters of attention that no product is with.
BESIDE = ("bias_k", "bias_v")


class Auditor:
    """Checks a recorded pass through a converted network; ``rows`` has the outcome."""

    def __init__(self, converted: Converted, recording: Recording, targets: Tensor, reduction: str) -> None:
        self._converted, self._root, self._recording = converted, converted.root, recording
        self._calls, self._output, self._passed = recording.calls, recording.output, recording.backward()
        self._fed = fed_points(recording, converted.conversion.active_points())
        self._bypassing, self._past = bypassing(recording), PastLayers(converted, recording)
        self._by_layer = unconverted(converted) | {name: converted.rules[name] for name in converted.carrying}
        self._lesson_given = (targets, reduction)
        in_use = {rule.name: rule for rule in converted.conversion.uses}
        self._rules = [in_use.get(name, rule) for name, rule in RULES.items()]
        self._gradients: dict[int, Tensor] = {}  # by id of the parameter, over all calls
        self._terms: dict[int, Tensor] = {}  # of biases: the sizes of what is added up, which may cancel
        self._layers: dict[str, RuleErrors] = defaultdict(RuleErrors)  # of the signals that each layer sent
        self._activations: dict[str, RuleErrors] = defaultdict(RuleErrors)  # against each derivative
        self._called = {call.name for call in recording.calls}

    def check_calls(self) -> None:
        """Check each layer and activation by itself, while the buffers are those that the pass left."""
        for call in self._calls:
            taught = isinstance(call.module, TaughtLayer)
            if call.name in self._converted.carrying and not taught and self._calls_its_parts(call):
                self._check_layer(call)
            elif isinstance(call.module, RuledActivation):
                self._check_activation(call)
            elif call.name in self._converted.carrying:
                self._check_by_autograd(call)

    def rows(self) -> list[AuditRow]:
        """A row for each parameter that learns, and one for each activation layer; after ``check_calls``."""
        self._rest = Rerun(self._converted, self._recording, self._passed)
        points = {call: self._point(call) for calls in self._fed.values() for call in calls}
        names = {id(parameter): name for name, parameter in self._root.named_parameters()}
        rows = [
            self._parameter(name, names[id(parameter)], points)
            for name, parameter in self._root.named_parameters(remove_duplicate=False)
            if parameter.requires_grad or name.rpartition(".")[0] in self._layers
        ]
        return rows + [self._activation(name, errors) for name, errors in self._activations.items()]

    def _calls_its_parts(self, call: Call) -> bool:
        """Whether a layer called its parts: attention on torch's own path does not call ``out_proj``."""
        return not isinstance(call.module, nn.MultiheadAttention) or f"{call.name}.out_proj" in self._called

    def _before_projection(self, call: Call) -> list[Tensor]:
        """What a layer's own products received: in attention, what its ``out_proj``, a layer by itself, sent."""
        if not isinstance(call.module, nn.MultiheadAttention):
            return self._passed.at(call.outputs)
        earlier = [one for one in self._calls if one.name == call.name].index(call)
        projections = [one for one in self._calls if one.name == f"{call.name}.out_proj"]
        sent = self._passed.at(projections[earlier].inputs)[0]
        swapped = call.module.batch_first and sent.dim() == 3
        return [sent.transpose(0, 1) if swapped else sent, *self._passed.at(call.outputs)[1:]]

    def _check_layer(self, call: Call) -> None:
        """Its parameters' gradients, and for each rule the error of the signals that it sent."""
        layer, parts = call.module, recompute(call)
        projected, sent_by = [], []
        for product in parts.products:
            weight, bias = self._leaves(layer, product)
            x = product.x.detach().requires_grad_()
            projected.append((product.apply(x, weight, bias), x, weight, bias))
        leaves = [one.detach().requires_grad_() for one, *_ in projected]
        directly = [one.detach().requires_grad_() for one in parts.directly]
        outputs = parts.core(leaves, directly)
        used = [*leaves, *directly]
        received = self._before_projection(call)
        if outputs[0] is leaves[0]:
            deltas = received
        else:  # what attention adds to keys and values learns too
            beside = [one for one in (getattr(layer, name, None) for name in BESIDE) if isinstance(one, nn.Parameter)]
            learning = [one for one in beside if one.requires_grad]
            deltas = vjp(outputs, received, [*used, *learning])
            for parameter, grad in zip(learning, deltas[len(used) :], strict=True):
                self._add(parameter, grad)
            deltas = deltas[: len(used)]
        for product, (y, x, weight, bias), delta in zip(parts.products, projected, deltas, strict=False):
            grads = vjp([y], [delta], [weight] if bias is None else [weight, bias])
            self._add_to(layer, product.parameter, grads[0], product.rows)
            if bias is not None and product.bias is not None:
                self._add_to(layer, product.bias, grads[1], product.bias_rows)
                if not is_made(layer, product.bias):
                    sizes = vjp([product.apply(x.detach(), weight.detach(), bias)], [delta.abs()], [bias])[0]
                    self._add(layer.get_parameter(product.bias), sizes, product.bias_rows, self._terms)
            sent_by.append((product, x, delta))
        for rule in self._rules:
            wanted = self._wanted(layer, rule, sent_by)
            if wanted is None:
                continue
            totals = {id(one): torch.zeros_like(one) for one in call.inputs.tensors}
            extra = zip(parts.directly, deltas[len(leaves) :], strict=True)
            for one, signal in [*wanted, *extra]:
                if id(one) in totals:
                    totals[id(one)] = totals[id(one)] + signal
            self._layers[call.name].note(rule.name, self._error_of_sent(call, totals))

    def _error_of_sent(self, call: Call, wanted: Mapping[int, Tensor]) -> float:
        """The largest error of the signals that a call sent, against those ``wanted`` by id of the input."""
        sent = zip(call.inputs.tensors, self._passed.at(call.inputs), strict=True)
        return max((relative_error(got, wanted[id(one)]) for one, got in sent), default=math.inf)

    def _wanted(self, layer: nn.Module, rule: Rule, parts: Any) -> list[tuple[Tensor, Tensor]] | None:
        """What the rule sends down through each product; None where the rule has no feedback here."""
        found = []
        for product, x, delta in parts:
            matrix = self._matrix(layer, rule, product.parameter)
            if matrix is None:
                return None
            leaf = x.detach().requires_grad_()
            y = product.apply(leaf, matrix[product.rows], None)
            found.append((product.x, vjp([y], [delta], [leaf])[0]))
        return found

    def _matrix(self, layer: nn.Module, rule: Rule, parameter: str) -> Tensor | None:
        """What carries δ in a layer by a rule, in the weight's shape; None where the rule has no feedback here."""
        weight = effective_weight(layer, parameter).detach()
        if not isinstance(rule, Layerwise) or rule is BP:
            return weight
        feedback = layer._buffers.get(f"{rule.store}_{parameter}")
        missing = rule.needs_feedback and feedback is None
        return None if missing else rule.matrix(weight, feedback).broadcast_to(weight.shape)

    def _leaves(self, layer: nn.Module, product: Product) -> tuple[Tensor, Tensor | None]:
        weight = effective_weight(layer, product.parameter).detach()[product.rows].requires_grad_()
        if product.bias is None:
            return weight, None
        return weight, effective_weight(layer, product.bias).detach()[product.bias_rows].requires_grad_()

    def _add_to(self, layer: nn.Module, name: str, grad: Tensor, rows: slice) -> None:
        """Add a weight's or a bias's gradient; of one that is made from other parameters, those of these."""
        own = [layer.get_parameter(one) for one in sources(layer, name)]
        made = effective_weight(layer, name)[rows]
        learning = [one for one in own if one.requires_grad]
        for one, part in zip(learning, vjp([made], [grad], learning), strict=True):
            self._add(one, part)

    def _add(self, parameter: Tensor, grad: Tensor, rows: slice = slice(None), to: Any = None) -> None:
        total = (self._gradients if to is None else to).setdefault(id(parameter), torch.zeros_like(parameter))
        with torch.no_grad():
            (total[rows] if total.dim() else total).add_(grad.to_dense() if grad.is_sparse else grad)

    def _check_by_autograd(self, call: Call) -> None:
        """A layer that autograd differentiates: its parameters' gradients and what it sent, by its class alone."""
        plain = bare(call.module)
        restore_torch_state(call.random)
        leaves = {name: one.detach().requires_grad_() for name, one in call.module.named_parameters()}
        for name, leaf in leaves.items():
            owner, _, own = name.rpartition(".")
            parameters: Any = plain.get_submodule(owner)._parameters
            parameters[own] = leaf
        clones = {id(one): one.detach().requires_grad_() for one in call.inputs.tensors}
        args, kwargs = mapped((call.args, call.kwargs), lambda one: clones.get(id(one), one))
        outputs = tensors_of(type(plain).forward(plain, *args, **kwargs))
        names, inputs = list(leaves), list(clones.values())
        grads = vjp(outputs, self._passed.at(call.outputs), [*leaves.values(), *inputs])
        for name, grad in zip(names, grads, strict=False):
            self._add(call.module.get_parameter(name), grad)
        if call.name in self._converted.carrying:
            error = self._error_of_sent(call, dict(zip(clones, grads[len(names) :], strict=True)))
            for rule in self._rules:
                if rule is BP or rule.route is not Route.LAYERWISE:
                    self._layers[call.name].note(rule.name, error)
                elif isinstance(call.module, TaughtLayer):
                    self._check_taught(call, rule)

    def _check_taught(self, call: Call, rule: Rule) -> None:
        """The error of the signal that a layer whose class was taught sent, against the rule's."""
        matrices = [self._matrix(call.module, rule, one) for one in self._converted.carrying[call.name]]
        known = [one for one in matrices if one is not None]
        if len(known) == len(matrices):
            sent = sent_through(call, known, self._passed.at(call.outputs)[0])
            wanted = {id(one): torch.zeros_like(one) for one in call.inputs.tensors}
            wanted[id(call.inputs.tensors[0])] = sent
            self._layers[call.name].note(rule.name, self._error_of_sent(call, wanted))

    def _check_activation(self, call: Call) -> None:
        module: Any = call.module
        a = call.given(0, "input").detach().requires_grad_()
        (sent, *_), received = self._passed.at(call.inputs), self._passed.at(call.outputs)
        (exact,) = vjp([type(bare(module)).forward(bare(module), a.clone())], received, [a])
        errors = self._activations[call.name]
        errors.note("exact", relative_error(sent, exact))
        if module.derivative != "exact":
            slope = module.slope(a.detach(), call.output.detach())
            errors.note(str(module.derivative), relative_error(sent, received[0] * slope))

    def _point(self, call: Call) -> RuleErrors:
        """For each rule, the error of what a feedback point received."""
        errors, received = RuleErrors(), self._passed.at(call.outputs)[0]
        lesson = self._lesson()
        matrix = call.module._buffers.get(DIRECT)
        for rule in self._rules:
            if rule.route is Route.NONE:
                errors.note(rule.name, relative_error(received, torch.zeros_like(received)))
            elif rule.route is Route.LAYERWISE:
                for offered in self._passed.at(call.cut)[:1]:
                    errors.note(rule.name, relative_error(received, offered))
            elif matrix is not None and isinstance(rule, Direct) and (lesson or not rule.needs_lesson):
                assert self._passed.error is not None
                error = self._passed.error
                first = self._converted.layouts.of(call.name, error.shape, received.shape)
                wanted = signal_of(rule, received_by(rule, error, lesson, first), matrix, received.shape, first)
                errors.note(rule.name, relative_error(received, wanted))
        return errors

    def _lesson(self) -> Lesson | None:
        """The batch's lesson; None where the targets are of a kind that makes none."""
        try:
            with lesson(self._root, *self._lesson_given):
                return self._converted.conversion.lesson_of(self._output)
        except (RuntimeError, AttributeError, TypeError, ValueError):
            return None

    def _parameter(self, name: str, first_name: str, points: Mapping[Call, RuleErrors]) -> AuditRow:
        """The row of one parameter; a tied one has a row under each of its names, and its gradient is the sum."""
        layer_name, _, own_name = name.rpartition(".")
        parameter = self._root.get_parameter(name)
        found = self._passed.parameters.get(first_name)
        found = torch.zeros_like(parameter) if found is None else found.to_dense() if found.is_sparse else found
        rules, carrying, fed = self._converted.rules, self._converted.carrying, self._fed.get(first_name, [])
        idle = why_idle(self._converted, self._called, name, self._passed.parameters.get(first_name))
        known, reason = (None, idle) if idle else self._known(parameter, found)
        checked = not idle and (known is not None or own_name in carrying.get(layer_name, ()))
        noise = rounding(self._terms.get(id(parameter)))
        own = math.inf if known is None else relative_error(found, known, noise)
        # A layer is held to its own rule; what feeds a point, to the point's: they differ where rules are mixed.
        layer, rule = self._layers.get(layer_name), self._by_layer.get(layer_name)
        sent = layer.of(rule.name) if layer is not None and rule is not None else 0.0
        unseen = layer is None and rule is not None and rule.route is Route.LAYERWISE and rule is not BP and found.any()
        if unseen or id(parameter) in self._past.weights:
            sent = math.inf  # its weight was used, and not by the layer
            reason = self._past.why(layer_name)
        expected = dict.fromkeys(rules[call.name].name for call in fed) or {(BP if rule is None else rule).name: None}
        past = bool(fed) and first_name in self._bypassing  # a way around the points, by autograd
        error = max(own, sent, *(points[call].of(rules[call.name].name) for call in fed))
        close = tolerance(parameter.dtype)
        explained = []
        # Inside a direct rule's block a layer sends what BP sends; in a layerwise network that is BP alone.
        direct = bool(fed) or rule is None or rule.route is not Route.LAYERWISE
        for candidate in (one for one in self._rules if direct or one.route is Route.LAYERWISE):
            one = candidate.name
            parts = [points[call].of(one) for call in fed] or [layer.of(one) if layer is not None else 0.0]
            if max(own, *parts) <= close and (not fed or sent <= close):
                explained.append(f"{one}+bp" if past and candidate.route is not Route.LAYERWISE else one)
        if past:
            expected["bp"] = None
        clean = error <= close or not checked
        shown = error if checked else math.nan
        reason = "" if checked and error < math.inf else reason
        return AuditRow(name, layer_name, "+".join(expected), tuple(explained), shown, clean, checked, reason)

    def _known(self, parameter: nn.Parameter, found: Tensor) -> tuple[Tensor | None, str]:
        """The gradient that a parameter should have, of all its uses; None and why, where it cannot be known."""
        if not parameter.requires_grad:
            return found, ""
        own, rest = self._gradients.get(id(parameter)), self._rest
        if id(parameter) in rest.unlike:
            return None, "run again, what uses it gave other values: it keeps a state, or draws random numbers, unseen"
        if not rest.failure:
            beside = rest.gradients[id(parameter)]
            return (beside.to_dense() if beside.is_sparse else beside) + (0.0 if own is None else own), ""
        if own is None and not bool(found.any()):
            own = found
        return own, f"what uses it could not be run again ({rest.failure})"

    def _activation(self, name: str, errors: RuleErrors) -> AuditRow:
        module: Any = self._root.get_submodule(name)
        expected = str(module.derivative)
        close = tuple(one for one, error in errors.items() if error <= tolerance(next(self._root.parameters()).dtype))
        return AuditRow(f"{name} (derivative)", name, expected, close, errors.of(expected), expected in close, True)
