"""MLPLearner: an MLP by the explicit equations. SGD, with momentum too, in place; the rest by torch's optimizers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.data import Task
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.training import cost_model as cost
from dfa_lab.experiment.training.cost_model import CHANCE_DRAWS, Costs
from dfa_lab.experiment.training.learner import OF_AN_MLP, SIGNAL_FIELDS, Learner, full_rule, make_optimizer
from dfa_lab.learning.alignment import LayerTensors, measure_chance, measure_mlp, mlp_layer_tensors
from dfa_lab.learning.mlp import MLP, Descent, Gradients, Momentum, Stepper, Update, equations
from dfa_lab.learning.ops import CudaGraphStep, Loss, each, is_sequence
from dfa_lab.learning.rules import Lesson, Route


class MLPLearner(Learner):
    """An MLP that learns by ``settings``; its ``layers`` are the tensors that the equations work on."""

    chunk = 1024  # of Fashion-MNIST 3 MB as float32; with 4096 the peak was 30 MB higher, and no time was won
    reads_only = True
    net: MLP

    def __init__(self, net: MLP, loss: Loss, settings: Settings) -> None:
        self.net, self.loss, self.settings, self.own_feedback = net, loss, settings, dict(net.feedback.own)
        self.optimizer = make_optimizer(net, settings) if self.needs_optimizer(settings) else None
        self.prepare()

    def needs_optimizer(self, settings: Settings) -> bool:
        """Plain SGD is done in place; it needs no optimizer object until momentum has made one."""
        return settings.optimizer != "sgd" or settings.momentum > 0

    def prepare(self) -> None:
        """Make anew the stepper over the network's tensors as they are."""
        settings = self.settings
        self.layers = self.net.layers()
        rates = each("lr", settings.lr, settings.replicas)
        self._rates = self.net.weights[0].new_tensor(rates) if is_sequence(settings.lr) else None
        self._gradients: list[tuple[Tensor, Tensor]] = []
        self._only_output = self.layers.rule.route is Route.NONE
        self._step: Any = Stepper(self.layers, self.loss, self._make_update(settings)).step
        if self.layers.weights[0].is_cuda and not self.layers.rule.listens:
            self._step = CudaGraphStep(self._step)

    def lay_out(self) -> None:
        """Keep replicas' hidden weights by columns from here on, where plain SGD alone uses them, on a CPU.

        A forward product of many small matrices takes a sixth less time with them; numbers and shapes stay.
        """
        weights = self.net.weights
        if weights[0].dim() < 3 or weights[0].device.type != "cpu" or self.optimizer is not None:
            return
        for weight in list(weights)[:-1]:
            weight.data = weight.data.mT.contiguous().mT
        self.prepare()

    def _make_update(self, settings: Settings) -> Update:
        weights, biases = self.layers.weights, self.layers.biases
        if settings.optimizer != "sgd":
            pairs = zip(weights, biases, strict=True)
            self._gradients = [(torch.empty_like(weight), torch.empty_like(bias)) for weight, bias in pairs]
            return Gradients(self._gradients)
        lr: Any = settings.lr if self._rates is None else self._rates
        if not settings.momentum:
            return Descent(weights, biases, lr, settings.weight_decay)
        pairs = zip(self.net.weights, self.net.biases, strict=True)
        velocities = [(self._velocity(weight), self._velocity(bias)) for weight, bias in pairs]
        return Momentum(weights, biases, velocities, lr, settings.momentum, settings.weight_decay)

    def _velocity(self, parameter: Tensor) -> Tensor:
        """What torch's optimizer holds of a parameter; the arithmetic is done in place, without the optimizer."""
        assert self.optimizer is not None
        state = self.optimizer.state[parameter]
        if state.get("momentum_buffer") is None:
            state["momentum_buffer"] = torch.zeros_like(parameter, requires_grad=False)
        return state["momentum_buffer"]

    def check_net(self) -> None:
        """Raise ``DfaLabError`` where the network has other tensors, matrices by hand, another rule or derivative."""
        self.check_feedback()
        now = self.net.layers()
        same = all(
            one.data_ptr() == two.data_ptr() and one.dtype == two.dtype
            for one, two in zip([*now.weights, *now.biases], [*self.layers.weights, *self.layers.biases], strict=True)
        )
        slopes = now.slope is self.layers.slope and now.slopes == self.layers.slopes
        if not same or now.rule is not self.layers.rule or not slopes:
            raise DfaLabError(
                "the experiment's network was changed from outside (other tensors, another rule or derivative); "
                "use change(…) on the experiment, or train the network in a loop of your own."
            )

    def output(self, inputs: Tensor) -> Tensor:
        """See ``Learner``."""
        return equations.forward(self.layers, inputs).output

    def answering(self, parts: Sequence[Tensor], replica: int) -> Callable[[], list[Tensor]]:
        """See ``Learner``: it computes with copies of the weights when it is called."""
        own: Any = ... if self.settings.replicas is None else replica
        weights, biases = ([one[own].clone() for one in column] for column in (self.layers.weights, self.layers.biases))
        layers = replace(self.layers, weights=weights, biases=biases)
        return lambda: [equations.forward(layers, part).output for part in parts]

    def alignment(self, inputs: Tensor, targets: Tensor, *, chance: bool) -> dict[str, list[Tensor]]:
        """See ``Learner``."""
        seen, error, lesson = self._pass(inputs, targets)
        found = measure_mlp(self.layers, seen, error, lesson, reduction=self.loss.reduction)
        if not chance:
            return found
        return found | measure_chance(self.layers, seen, error, lesson, draws=CHANCE_DRAWS)

    def layer_tensors(self, inputs: Tensor, targets: Tensor, replica: int) -> list[LayerTensors]:
        """See ``Learner``."""
        own = None if self.settings.replicas is None else replica
        return mlp_layer_tensors(self.layers, *self._pass(inputs, targets), own)

    def _pass(self, inputs: Tensor, targets: Tensor) -> tuple[equations.Pass, Tensor, Lesson | None]:
        """The forward pass, e, and what the rule needs beside e."""
        seen = equations.forward(self.layers, inputs)
        _, error = self.loss.value_and_error(seen.output, targets)
        return seen, error, equations.lesson_for(self.layers.rule, seen, targets, self.loss)

    def costs(self, test: int) -> Costs:
        """See ``Learner``. Replicas are not counted: they are measured at the steps at which each would be alone."""
        widths, rule = self.net.widths, self.layers.rule
        batch, probe = self.settings.batch_size, min(self.settings.probe_size, test)
        shapes = list(zip(widths[1:], widths[:-1], strict=True))
        weights = sum(out * n for out, n in shapes)
        above = weights - widths[0] * widths[1]
        down = above if rule.route is Route.LAYERWISE else widths[-1] * sum(widths[1:-1])
        units, layers = sum(widths[1:]), len(shapes)
        compared = sum(min(2 * probe * out * n, probe**2 * (4 * out + n)) for out, n in shapes[:-1])
        drawn = 0 if rule.magnitudes else sum(math.prod(matrix.shape[-2:]) for matrix in self.layers.feedback)
        draw = probe * (down + cost.DRAW_ELEMENT * units) + cost.DRAW_ENTRY * drawn + cost.DRAW_LAYER * (layers - 1)
        measured = probe * (weights + above + down + cost.PROBE_ELEMENT * units) + compared + cost.PROBE_ENTRY * above
        return Costs(
            step=batch * (2 * weights + down + cost.STEP_ELEMENT * units) + cost.STEP + cost.STEP_LAYER * layers,
            probe=measured + cost.PROBE + cost.PROBE_LAYER * (layers - 1),
            chance=CHANCE_DRAWS * draw if drawn else 0.0,
            test=test * (weights + cost.STEP_ELEMENT * units) + cost.TEST,
        )

    def update(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """See ``Learner``."""
        rule = self.net.rule
        self.net.begin_step()
        before = self.net.weights_before()
        watch = [lambda seen, received: self.net.listen(seen.activities[1:-1], received)] if rule.listens else []
        value: Tensor = self._step(inputs, targets, *watch)
        if self._gradients:
            self._step_by_torch()
        if rule.changes_feedback:
            self.net.move_feedback(before)
        return value

    def _step_by_torch(self) -> None:
        assert self.optimizer is not None
        pairs = list(zip(self.net.weights, self.net.biases, strict=True))
        learning = [one for pair in pairs for one in pair][-2 if self._only_output else 0 :]
        gradients = [one for pair in self._gradients for one in pair][-len(learning) :]
        for tensor, gradient in zip(learning, gradients, strict=True):
            tensor.grad = gradient
        before = [tensor.detach().clone() for tensor in learning] if self._rates is not None else []
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self._rates is not None:  # torch's optimizer has stepped with η = 1, and each replica goes its share
            for tensor, then in zip(learning, before, strict=True):
                rates = self._rates.reshape(-1, *[1] * (tensor.dim() - 1))
                tensor.copy_(torch.lerp(then, tensor.detach(), rates))

    def copy(self) -> MLPLearner:
        """Another that goes on from here by itself."""
        other = MLPLearner(deepcopy(self.net), self.loss, self.settings)
        other.restore(self.settings, self.capture())
        return other


def make_mlp(task: Task, settings: Settings) -> MLP:
    """The MLP that the settings describe, for a task."""
    given: dict[str, Any] = {name: getattr(settings, name) for name in (*OF_AN_MLP, *SIGNAL_FIELDS, "seed", "device")}
    given["rule"] = full_rule(settings)
    del given["error_channel"]
    widths = [task.inputs, *given.pop("widths"), task.outputs]
    return MLP(widths, dtype=torch.float32, **given)
