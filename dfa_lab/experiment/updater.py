"""Updater: one batch into one update. Plain SGD by the explicit equations in place, the rest by torch's optimizers."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from dfa_lab.experiment.settings import Settings
from dfa_lab.learning import equations
from dfa_lab.learning.losses import Loss
from dfa_lab.learning.mlp import MLP
from dfa_lab.learning.optimizers import OPTIMIZERS
from dfa_lab.learning.rules import Route


class Updater:
    """A network, its loss and the optimizer's state: ``adopt`` takes changed settings, ``update`` learns a batch."""

    def __init__(self, net: MLP, loss: Loss, settings: Settings) -> None:
        self.net = net
        self.loss = loss
        self.optimizer = _make_optimizer(net, settings)
        self.adopt(settings)

    def adopt(self, settings: Settings, previous: Settings | None = None) -> None:
        """Use ``settings`` from the next update on. Another optimizer starts anew; lr, momentum, decay keep state."""
        if previous is not None:
            fresh = _make_optimizer(self.net, settings)
            if settings.optimizer != previous.optimizer or fresh is None or self.optimizer is None:
                self.optimizer = fresh
            else:
                for group, new in zip(self.optimizer.param_groups, fresh.param_groups, strict=True):
                    group.update({key: value for key, value in new.items() if key != "params"})
        self.settings = settings
        self.layers = self.net.layers()

    def update(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Learn one batch; returns the loss at the weights before it, () or (K,)."""
        settings = self.settings
        if self.optimizer is None:
            return equations.step(self.layers, inputs, targets, self.loss, settings.lr, settings.weight_decay)
        value, gradients = equations.gradients(self.layers, inputs, targets, self.loss)
        frozen = len(gradients) - 1 if self.net.rule.route is Route.NONE else 0
        for number, (weight, bias) in enumerate(gradients):
            self.net.weights[number].grad = None if number < frozen else weight
            self.net.biases[number].grad = None if number < frozen else bias
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return value

    def state(self) -> dict[str, Any] | None:
        """The optimizer's state, copied; None where it has none."""
        return None if self.optimizer is None else copy.deepcopy(self.optimizer.state_dict())

    def restore(self, settings: Settings, state: dict[str, Any] | None) -> None:
        """Take up ``settings`` with an optimizer state that ``state`` gave."""
        self.optimizer = _make_optimizer(self.net, settings)
        if self.optimizer is not None and state is not None:
            self.optimizer.load_state_dict(copy.deepcopy(state))
        self.adopt(settings)


def _make_optimizer(net: MLP, settings: Settings) -> torch.optim.Optimizer | None:
    """The optimizer the settings ask for; None for plain SGD, which needs none. Raises what the optimizer refuses."""
    if settings.optimizer == "sgd" and not settings.momentum:
        return None
    make = OPTIMIZERS[settings.optimizer]
    return make(net.parameters(), lr=settings.lr, momentum=settings.momentum, weight_decay=settings.weight_decay)
