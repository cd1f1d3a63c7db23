"""Updater: one batch into one update. SGD, with momentum too, in place, the rest by torch's optimizers."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.data import Task
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.training.cost_model import Work, mlp_work
from dfa_lab.learning.alignment import LayerTensors, measure_chance, measure_mlp, mlp_layer_tensors
from dfa_lab.learning.mlp import MLP, Descent, Gradients, Momentum, Stepper, Update, equations
from dfa_lab.learning.ops import OPTIMIZERS, Loss, Replay, change_options, each, is_sequence
from dfa_lab.learning.rules import Route

#: How often feedback is redrawn for a chance band; each time is a backward pass.
CHANCE_DRAWS = 8


class Updater:
    """A network, its loss and the optimizer's state: ``adopt`` takes changed settings, ``update`` learns a batch."""

    #: Samples of the test split that go through the network at once.
    chunk = 4096

    def __init__(self, net: MLP, loss: Loss, settings: Settings) -> None:
        self.net = net
        self.loss = loss
        self.optimizer = make_optimizer(net, settings) if _needs_one(settings) else None
        self._take(settings)

    def adopt(self, settings: Settings, previous: Settings) -> None:
        """Use ``settings`` from the next update on. Another optimizer starts anew; lr, momentum, decay keep its state.

        Raises what the optimizer refuses, before anything has changed.
        """
        if settings.optimizer == previous.optimizer and self.optimizer is not None:
            change_options(self.optimizer, make_optimizer(self.net, settings))
        else:
            self.optimizer = make_optimizer(self.net, settings) if _needs_one(settings) else None
        self._take(settings)

    def _take(self, settings: Settings) -> None:
        self.settings = settings
        self.layers = self.net.layers()
        rates = each("lr", settings.lr, settings.replicas)
        self._rates = self.net.weights[0].new_tensor(rates) if is_sequence(settings.lr) else None
        self._gradients: list[tuple[Tensor, Tensor]] = []
        self._only_output = self.layers.rule.route is Route.NONE
        self._step: Any = Stepper(self.layers, self.loss, self._make_update(settings)).step
        if self.layers.weights[0].is_cuda and not self.layers.rule.listens:
            self._step = Replay(self._step)

    def _make_update(self, settings: Settings) -> Update:
        weights, biases = self.layers.weights, self.layers.biases
        if settings.optimizer != "sgd":
            pairs = zip(weights, biases, strict=True)
            self._gradients = [(torch.empty_like(weight), torch.empty_like(bias)) for weight, bias in pairs]
            return Gradients(self._gradients)
        lr: Any = settings.lr if self._rates is None else self._rates
        if not settings.momentum:
            return Descent(weights, biases, lr, settings.weight_decay)
        velocities = [self._velocity(pair) for pair in zip(self.net.weights, self.net.biases, strict=True)]
        return Momentum(weights, biases, velocities, lr, settings.momentum, settings.weight_decay)

    def _velocity(self, parameters: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """What torch's optimizer holds of a weight and its bias; the arithmetic is done in place, without it."""
        assert self.optimizer is not None
        held = []
        for parameter in parameters:
            state = self.optimizer.state[parameter]
            if state.get("momentum_buffer") is None:
                state["momentum_buffer"] = torch.zeros_like(parameter, requires_grad=False)
            held.append(state["momentum_buffer"])
        return held[0], held[1]

    def check_net(self) -> None:
        """Raise ``DfaLabError`` where the network was changed behind the experiment, which would train the old one."""
        now = self.net.layers()
        same = all(
            one.data_ptr() == two.data_ptr() and one.dtype == two.dtype
            for one, two in zip([*now.weights, *now.biases], [*self.layers.weights, *self.layers.biases], strict=True)
        )
        if not same or now.rule is not self.layers.rule or now.slope is not self.layers.slope:
            raise DfaLabError(
                "the experiment's network was changed from outside (other tensors, another rule or derivative); "
                "use change(…) on the experiment, or train the network in a loop of your own."
            )

    def output(self, inputs: Tensor) -> Tensor:
        """The network's output, (…, N, n_out)."""
        return equations.forward(self.layers, inputs).output

    def alignment(self, inputs: Tensor, targets: Tensor, *, chance: bool) -> dict[str, list[Tensor]]:
        """Metric -> a value a hidden layer; with ``chance`` the bands that mean nothing as well."""
        seen = equations.forward(self.layers, inputs)
        _, error = self.loss.value_and_error(seen.output, targets)
        lesson = equations.lesson_for(self.layers.rule, seen, targets, self.loss)
        found = measure_mlp(self.layers, seen, error, lesson, reduction=self.loss.reduction)
        if not chance:
            return found
        return found | measure_chance(self.layers, seen, error, lesson, draws=CHANCE_DRAWS)

    def portraits(self, inputs: Tensor, targets: Tensor, replica: int | None) -> list[LayerTensors]:
        """The tensors behind the angles of each hidden layer of one replica."""
        seen = equations.forward(self.layers, inputs)
        _, error = self.loss.value_and_error(seen.output, targets)
        lesson = equations.lesson_for(self.layers.rule, seen, targets, self.loss)
        return mlp_layer_tensors(self.layers, seen, error, lesson, replica)

    def work(self, probe: int, test: int) -> Work:
        """What a step, a probe on so many samples and a test split of so many cost."""
        rule, feedback = self.layers.rule, self.layers.feedback
        return mlp_work(
            self.net.widths,
            layerwise=rule.route is Route.LAYERWISE,
            feedback_entries=0 if rule.magnitudes else sum(math.prod(matrix.shape[-2:]) for matrix in feedback),
            batch=self.settings.batch_size,
            probe=probe,
            test=test,
            draws=CHANCE_DRAWS,
        )

    def update(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Learn one batch; returns the loss at the weights before it, () or (K,)."""
        rule = self.net.rule
        self.net.begin_step()
        before = self.net.weights_before()
        value: Tensor = self._step(inputs, targets, *([self._listen] if rule.listens else []))
        if self._gradients:
            self._step_by_torch()
        if rule.changes_feedback:
            self.net.move_feedback(before)
        return value

    def _listen(self, seen: equations.Pass, error: Tensor) -> None:
        self.net.listen(seen.activities[1:-1], error)

    def _step_by_torch(self) -> None:
        assert self.optimizer is not None
        pairs = list(zip(self.net.weights, self.net.biases, self._gradients, strict=True))
        learning = pairs[-1:] if self._only_output else pairs
        for weight, bias, (weight_gradient, bias_gradient) in learning:
            weight.grad, bias.grad = weight_gradient, bias_gradient
        moving = (
            [tensor for weight, bias, _ in learning for tensor in (weight, bias)] if self._rates is not None else []
        )
        before = [tensor.detach().clone() for tensor in moving]
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        # Rates of replicas' own: torch's optimizer has stepped with η = 1, and each goes its share of that way.
        for tensor, then in zip(moving, before, strict=True):
            assert self._rates is not None
            tensor.copy_(torch.lerp(then, tensor.detach(), self._rates.reshape(-1, *[1] * (tensor.dim() - 1))))

    def state(self) -> dict[str, Any] | None:
        """The optimizer's state, copied; None where it has none."""
        return None if self.optimizer is None else copy.deepcopy(self.optimizer.state_dict())

    def restore(self, settings: Settings, state: dict[str, Any] | None) -> None:
        """Take up ``settings`` with what ``state`` gave."""
        self.optimizer = None
        if state is not None:
            self.optimizer = make_optimizer(self.net, settings)
            self.optimizer.load_state_dict(copy.deepcopy(state))
        self._take(settings)


def make_mlp(task: Task, settings: Settings) -> MLP:
    """The MLP that the settings describe, for a task."""
    return MLP(
        [task.inputs, *settings.widths, task.outputs],
        rule=settings.rule,
        activation=settings.activation,
        activation_derivative=settings.activation_derivative,
        feedback_init=settings.feedback_init,
        feedback_scale=settings.feedback_scale,
        feedback_seed=settings.feedback_seed,
        weight_init=settings.weight_init,
        seed=settings.seed,
        replicas=settings.replicas,
        dtype=torch.float32,
        device=settings.device,
    )


def _needs_one(settings: Settings) -> bool:
    """Plain SGD is done in place by the equations; it needs no optimizer object until momentum has made one."""
    return settings.optimizer != "sgd" or settings.momentum > 0


def make_optimizer(net: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """The optimizer the settings ask for. Raises what it refuses."""
    make = OPTIMIZERS[settings.optimizer]
    learning = [parameter for parameter in net.parameters() if parameter.requires_grad]
    # Rates of replicas' own are the updater's to apply.
    lr = 1.0 if is_sequence(settings.lr) else settings.lr
    return make(learning, lr=lr, momentum=settings.momentum, weight_decay=settings.weight_decay)
