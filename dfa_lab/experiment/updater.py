"""Updater: one batch into one update. Plain SGD by the explicit equations in place, the rest by torch's optimizers."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.settings import Settings
from dfa_lab.learning import equations
from dfa_lab.learning.losses import Loss
from dfa_lab.learning.mlp import MLP
from dfa_lab.learning.optimizers import OPTIMIZERS, change_options
from dfa_lab.learning.rules import Route


class Updater:
    """A network, its loss and the optimizer's state: ``adopt`` takes changed settings, ``update`` learns a batch."""

    def __init__(self, net: MLP, loss: Loss, settings: Settings) -> None:
        self.net = net
        self.loss = loss
        self.optimizer = _make_optimizer(net, settings) if _needs_one(settings) else None
        self._take(settings)

    def adopt(self, settings: Settings, previous: Settings) -> None:
        """Use ``settings`` from the next update on. Another optimizer starts anew; lr, momentum, decay keep its state.

        Raises what the optimizer refuses, before anything has changed.
        """
        if settings.optimizer == previous.optimizer and self.optimizer is not None:
            change_options(self.optimizer, _make_optimizer(self.net, settings))
        else:
            self.optimizer = _make_optimizer(self.net, settings) if _needs_one(settings) else None
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
            self.optimizer = _make_optimizer(self.net, settings)
            self.optimizer.load_state_dict(copy.deepcopy(state))
        self._take(settings)


def _needs_one(settings: Settings) -> bool:
    """Plain SGD is done in place by the equations; it needs no optimizer object until momentum has made one."""
    return settings.optimizer != "sgd" or settings.momentum > 0


def _make_optimizer(net: MLP, settings: Settings) -> torch.optim.Optimizer:
    """The optimizer the settings ask for. Raises what it refuses."""
    make = OPTIMIZERS[settings.optimizer]
    return make(net.parameters(), lr=settings.lr, momentum=settings.momentum, weight_decay=settings.weight_decay)
