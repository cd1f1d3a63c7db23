"""Updater: one batch into one update. Plain SGD by the explicit equations in place, the rest by torch's optimizers."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.cadence import Work
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.task import Task
from dfa_lab.experiment.work import mlp_work
from dfa_lab.learning import equations
from dfa_lab.learning.alignment_mlp import measure_chance, measure_mlp
from dfa_lab.learning.losses import Loss
from dfa_lab.learning.mlp import MLP
from dfa_lab.learning.optimizers import OPTIMIZERS, change_options
from dfa_lab.learning.portraits import Portrait, portraits_of_mlp
from dfa_lab.learning.rule import Route

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

    def check_net(self) -> None:
        """Raise ``DfaLabError`` where the network was changed behind the experiment, which would train the old one."""
        now = self.net.layers()
        same = all(
            one.data_ptr() == two.data_ptr() and one.dtype == two.dtype
            for one, two in zip([*now.weights, *now.biases], [*self.layers.weights, *self.layers.biases], strict=True)
        )
        if not same or now.rule is not self.layers.rule or now.slope is not self.layers.slope:
            raise DfaLabError(
                "the experiment's network was changed from outside (another rule, derivative, dtype or device); "
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

    def portraits(self, inputs: Tensor, targets: Tensor, replica: int | None) -> list[Portrait]:
        """The tensors behind the angles of each hidden layer of one replica."""
        seen = equations.forward(self.layers, inputs)
        _, error = self.loss.value_and_error(seen.output, targets)
        lesson = equations.lesson_for(self.layers.rule, seen, targets, self.loss)
        return portraits_of_mlp(self.layers, seen, error, lesson, replica)

    def work(self, probe: int, test: int) -> Work:
        """What a step, a probe on so many samples and a test split of so many cost."""
        rule, feedback = self.net.rule, self.layers.feedback
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
        watch = self._listen if rule.listens else None
        if self.optimizer is None:
            lr, decay = self.settings.lr, self.settings.weight_decay
            value = equations.step(self.layers, inputs, targets, self.loss, lr, decay, watch)
        else:
            value = self._update_by(self.optimizer, inputs, targets, watch)
        if rule.changes_feedback:
            self.net.move_feedback(before)
        return value

    def _listen(self, seen: equations.Pass, error: Tensor) -> None:
        self.net.listen(seen.activities[1:-1], error)

    def _update_by(
        self, optimizer: torch.optim.Optimizer, inputs: Tensor, targets: Tensor, watch: equations.Watch | None
    ) -> Tensor:
        value, gradients = equations.gradients(self.layers, inputs, targets, self.loss, watch)
        frozen = len(gradients) - 1 if self.net.rule.route is Route.NONE else 0
        for number, (weight, bias) in enumerate(gradients):
            self.net.weights[number].grad = None if number < frozen else weight
            self.net.biases[number].grad = None if number < frozen else bias
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return value

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
        device=settings.device,
    )


def _needs_one(settings: Settings) -> bool:
    """Plain SGD is done in place by the equations; it needs no optimizer object until momentum has made one."""
    return settings.optimizer != "sgd" or settings.momentum > 0


def make_optimizer(net: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """The optimizer the settings ask for. Raises what it refuses."""
    make = OPTIMIZERS[settings.optimizer]
    learning = [parameter for parameter in net.parameters() if parameter.requires_grad]
    return make(learning, lr=settings.lr, momentum=settings.momentum, weight_decay=settings.weight_decay)
