"""Converted: a module that was converted, and what one does to it: another rule, derivative or feedback."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError
from dfa_lab.learning.activations import Activation, check_layers, derivative_of, kept, slope_of
from dfa_lab.learning.feedback import Place
from dfa_lab.learning.interface import called, cloned, heard_output
from dfa_lab.learning.layers import RuleChoice, blocked_layers, eval_mode, is_made, unread_outputs
from dfa_lab.learning.modules.activation_layers import RuledActivation
from dfa_lab.learning.modules.feedback_buffers import DIRECT, ModuleFeedback, Weight
from dfa_lab.learning.modules.feedback_points import is_activation
from dfa_lab.learning.modules.hooks import Conversion
from dfa_lab.learning.modules.layer_types import carries, obstacle, own_parameters, readable_tables
from dfa_lab.learning.modules.layers import RuledLayer, kind_of
from dfa_lab.learning.ops import is_same
from dfa_lab.learning.rules import BP, Direct, Layerwise, Rule, UpdateContext, average_over_processes
from dfa_lab.registry import per_layer

#: Where a converted network keeps its conversion.
ATTRIBUTE = "dfa_conversion"


def _of_conversion(name: str) -> Any:
    """An attribute that reads and sets the conversion's own."""
    return property(
        lambda self: getattr(self.conversion, name), lambda self, value: setattr(self.conversion, name, value)
    )


class Converted:
    """A view of a converted network: ``root``, the module, and its ``conversion``, where its own attributes are held.

    ``carrying``, ``points`` and ``layouts`` are as in ``ModuleFeedback``.
    """

    rules: dict[str, Rule] = _of_conversion("rules")
    lesson: tuple[Tensor, str] | None = _of_conversion("lesson")
    averaged: bool = _of_conversion("averaged")

    def __init__(self, root: nn.Module, conversion: Conversion) -> None:
        self.root, self.conversion, buffers = root, conversion, conversion.buffers
        self.carrying, self.points, self.layouts = buffers.carrying, buffers.points, buffers.layouts

    def resolve(self, choice: Any) -> dict[str, Rule]:
        """Each layer's and point's rule by ``choice``: one rule for all, or a mapping of names and patterns to rules.

        Raises ``DfaLabError`` for an unknown rule, a pattern that matches nothing, a direct rule without a point, and
        for all layers together that cannot carry δ as their rule asks.
        """
        rules, _ = self._resolved(choice)
        return rules

    def _resolved(self, choice: Any) -> tuple[dict[str, Rule], dict[str, str]]:
        """The rules, and the parameters that a layerwise rule is for only if δ goes through none of them, by name."""
        read = RuleChoice(choice)
        modules = dict(self.root.named_modules())
        obstacles = {name: why for name, module in modules.items() if (why := obstacle(module))}
        own = {name: owner for name, owner in own_parameters(modules, self.carrying) if owner not in obstacles}
        names = list(dict.fromkeys([*self.carrying, *self.points]))
        tables = readable_tables(modules)
        left = [name for name in tables.values() if read.of(name) is BP]
        read.check([*names, *obstacles], [*own, *own.values(), *left])
        if nowhere := read.layerwise_without([*self.carrying, *obstacles, *own, *own.values(), *left]):
            inside = [f"{one}.*" for one in nowhere if any(layer.startswith(f"{one}.") for layer in self.carrying)]
            layers = ", ".join(map(repr, [*inside[:1], *list(self.carrying)[:3]]))
            raise DfaLabError(
                f"a layerwise rule was given for {', '.join(map(repr, nowhere))}, a feedback point and no layer that "
                f"carries δ, so that nothing would learn by it{'; name layers, such as ' * bool(layers)}{layers}."
            )
        if pointless := read.direct_without(self.points):
            known = f"the points are: {', '.join(self.points)}" if self.points else "none was found"
            raise DfaLabError(
                f"a direct rule was given for {', '.join(map(repr, pointless))}, where no feedback point is ({known}); "
                "give convert(…, points=[…]), names of the modules after which the signal comes in."
            )
        blocked = {name: why for name, why in obstacles.items() if _is_layerwise(read.of(name))}
        if blocked:
            raise blocked_layers(blocked, read.leaving(blocked))
        matrices = {name: owner for name, owner in own.items() if self.root.get_parameter(name).dim() > 1}
        for layer, parameters in self.carrying.items():  # their weights may be used past them
            module = self.root.get_submodule(layer)
            held = [one for one in parameters if one in module._parameters and kind_of(module).ruled is not None]
            matrices |= {f"{layer}.{one}" if layer else one: layer for one in held}
        matrices |= tables
        undecided = {name: owner for name, owner in matrices.items() if _is_layerwise(read.of(name, owner))}
        return {name: read.of(name) for name in names}, undecided

    def set_rule(self, choice: Any) -> None:
        """Learn by ``choice`` from the next forward pass on; feedback drawn before is found again."""
        self.check_layers()
        rules, undecided = self._resolved(choice)
        self.conversion.buffers.need(self.root, rules)
        self.rules, self.conversion.choice = rules, copy.deepcopy(choice)
        self.conversion.undecided = undecided
        for name in self.carrying:
            layer: Any = self.root.get_submodule(name)
            layer.rule = rules[name]
        self.conversion.correlations.clear()

    def check_layers(self) -> None:
        """Raise ``DfaLabError`` where layers were put in after the conversion, which no rule reaches."""
        fresh = [name for name, module in self.root.named_modules() if carries(module)]
        if fresh:
            raise DfaLabError(
                f"{', '.join(fresh)}: put in after the conversion, and so no layer that learns by a rule. Change the "
                "module before dfa.convert."
            )

    def _activations(self) -> dict[str, nn.Module]:
        """The activation layers, converted or not yet, by every name they have."""
        modules = self.root.named_modules(remove_duplicate=False)
        return {name: one for name, one in modules if is_activation(one)}

    def check_derivative(self, derivative: Any) -> None:
        """Raise ``DfaLabError`` for a derivative that cannot be used here."""
        for one in derivative.values() if per_layer(derivative) else [derivative]:
            slope_of(Activation(torch.tanh), one)
        known = self._activations()
        if known:
            check_layers(derivative, known, "activation layer")
        elif not is_same(derivative, "exact"):
            raise DfaLabError(
                "this network has no activation layers, such as nn.Tanh(), whose derivative could be another: calls "
                "such as F.relu cannot be seen. Use activation_derivative='exact', or layers."
            )

    def set_derivative(self, derivative: Any) -> None:
        """Let every activation layer multiply signals with ``derivative`` from the next forward pass on.

        A mapping gives each of them, by name or pattern, one of its own, "exact" where it names none.
        """
        if is_same(self.conversion.derivative, derivative):
            return  # not checked again: a function of the user's may fail by now
        self.check_derivative(derivative)
        self.conversion.derivative = None  # until all of them have it
        done: set[int] = set()
        for name, module in self._activations().items():
            if isinstance(module, RuledActivation) and id(module) not in done:
                module.set_derivative(derivative_of(derivative, name))
                done.add(id(module))
        self.conversion.derivative = kept(derivative)

    def redraw_feedback(self, init: Any = None, scale: Any = None, seed: Any = None, own: bool = False) -> None:
        """Draw all feedback anew; what is not given stays as it was, and what was set by hand unless ``own``."""
        unused = set(self.points) - set(self.conversion.active_points())
        self.conversion.buffers.redraw(self.root, init, scale, seed, unused, own)

    @property
    def feedback(self) -> ModuleFeedback:
        """What draws and finds the feedback."""
        return self.conversion.buffers

    def feedback_places(self) -> list[Place]:
        """Every matrix that ``dfa.feedback`` can name."""
        return self.feedback.places(self.root, self.rules)

    def feedback_state(self) -> dict[str, Tensor]:
        """All feedback there is, drawn by whichever rule, and the count of its changes, by ``state_dict`` key."""
        return self.conversion.buffers.buffers_of(self.root)

    @property
    def true_gradients(self) -> bool:
        """Whether passes are differentiated by torch's own autograd, as inside ``dfa.true_gradients``."""
        return self.conversion.true_gradients

    @true_gradients.setter
    def true_gradients(self, on: bool) -> None:
        self.conversion.true_gradients = on
        for module in self.root.modules():
            if isinstance(module, RuledLayer | RuledActivation):
                module.true_gradients = on

    @property
    def attached(self) -> int:
        """How many optimizers' steps change its feedback."""
        return self.conversion.attached

    @attached.setter
    def attached(self, count: int) -> None:
        self.conversion.attach(count)

    def weights_before(self, stepped: Collection[int] | None = None) -> dict[int, Tensor]:
        """Copies of the weights whose feedback changes with them, to be taken right before an optimizer step.

        ``stepped`` are the ids of the parameters that the optimizer has; all where it is not given.
        """
        self.conversion.buffers.tie(self.root)
        if not any(isinstance(rule, Layerwise) and rule.move for rule in self.conversion.uses):
            return {}
        # A step with a closure makes its forward pass inside, so at the first one no layer below is known yet.
        learning = self._learning() or self._learning(below=False)
        if stepped is not None:
            learning = [one for one in learning if any(id(part) in stepped for part in one.sources)]
        return {weight.number: weight.tensor.detach().clone() for weight in learning}

    def _learning(self, below: bool = True) -> list[Weight]:
        """The weights whose feedback learns: tied ones once, frozen ones not, and ``below`` with a layer below only."""
        found: dict[int, Weight] = {}
        for weight in self.conversion.buffers.weights(self.root):
            rule = self.rules[weight.layer_name]
            sends = not below or weight.parameter in weight.layer.sends_through
            if isinstance(rule, Layerwise) and rule.move and sends and any(one.requires_grad for one in weight.sources):
                found.setdefault(weight.number, weight)
        return list(found.values())

    def move_feedback(self, before: Mapping[int, Tensor]) -> None:
        """Let feedback change, right after an optimizer step; ``before`` is from ``weights_before``."""
        if any(rule.changes_feedback for rule in self.conversion.uses):
            self.conversion.buffers.count_step(self.root)
        with torch.no_grad():
            for rule in self.conversion.uses:
                if rule.move and isinstance(rule, Layerwise):
                    self._move_layers(rule, before)
                elif rule.move:
                    rule.move(self._points_context(rule))
        self.conversion.correlations.clear()

    def _move_layers(self, rule: Rule, before: Mapping[int, Tensor]) -> None:
        rules = self.rules
        own = [one for one in self._learning() if rules[one.layer_name] is rule and one.number in before]
        weights = {weight.number: weight.tensor for weight in own}
        matrices = [weight.layer.get_buffer(f"{rule.store}_{weight.parameter}") for weight in own]
        # A weight that is made from other parameters cannot decay: what the rule takes from it is given back to both,
        # so that W − B shrinks as it does elsewhere.
        made = [
            (weights[one.number], weights[one.number].clone(), matrix)
            for one, matrix in zip(own, matrices, strict=True)
            if is_made(one.layer, one.parameter)
        ]
        assert rule.move is not None
        rule.move(self.conversion.buffers.update_context(self.root, rule, weights, matrices, before))
        for changed, weight, matrix in made:
            matrix.add_(weight - changed)

    def _points_context(self, rule: Rule) -> UpdateContext:
        found = {n: c for n, c in self.conversion.correlations.items() if self.rules[n] is rule}
        if self.conversion.averaged:
            average_over_processes(found.values())
        feedback = [self.root.get_submodule(name).get_buffer(DIRECT) for name in found]
        return UpdateContext([], [], feedback, list(found.values()), lambda *_: torch.empty(0), rule.decay, rule.rank)

    def try_out(self, example: Any) -> None:
        """``look_at_points``, and a pass in eval mode that draws direct feedback; ``example`` is as in ``convert``."""
        self.look_at_points(example)
        self.conversion.only_draws = True
        try:
            self._tried(example)
        finally:
            self.conversion.only_draws = False

    def direct_points(self) -> list[str]:
        """The feedback points to which direct rules deliver."""
        return [name for name in self.conversion.active_points() if isinstance(self.rules[name], Direct)]

    def look_at_points(self, example: Any) -> None:
        """Find direct rules' points that the output does not come from, by a pass as torch's: the next one warns."""
        points = self.direct_points()
        before, self.true_gradients, place = self.true_gradients, bool(points), self.conversion.output
        try:
            found = points and unread_outputs(self.root, points, lambda: heard_output(self._tried(example), place))
        finally:
            self.true_gradients = before
        self.conversion.unread = dict.fromkeys(found, False) | self.conversion.unread

    def _tried(self, example: Any) -> Any:
        with eval_mode(self.root), torch.random.fork_rng(), torch.enable_grad():
            return called(self.root, cloned(example), what="the example")


def _is_layerwise(rule: Rule) -> bool:
    return not rule.cuts_graph and rule is not BP


def unwrapped(net: Any, kind: type[nn.Module] = nn.Module) -> nn.Module | None:
    """The converted network, or the one of ``kind``, inside wrappers (DistributedDataParallel, torch.compile)."""
    while isinstance(net, nn.Module):
        if ATTRIBUTE in net.__dict__ or (kind is not nn.Module and isinstance(net, kind)):
            return net
        net = net._modules.get("_orig_mod") or net._modules.get("module")
    return None


def conversion_of(net: Any) -> Converted:
    """The converted network behind ``net``, which may be wrapped (DistributedDataParallel, torch.compile)."""
    root = unwrapped(net)
    if root is None:
        raise DfaLabError(
            f"a {type(net).__name__} was given; expected a dfa_lab MLP or a network from dfa.convert(module, …)."
        )
    return Converted(root, root.__dict__[ATTRIBUTE])
