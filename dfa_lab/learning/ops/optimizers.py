"""OPTIMIZERS: torch's own optimizers under the settings they understand.

An entry is ``make(parameters, *, lr, momentum, weight_decay) -> torch.optim.Optimizer``.

>>> import dfa_lab as dfa
>>> list(dfa.OPTIMIZERS)
['sgd', 'adam', 'rmsprop']
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError
from dfa_lab.registry import Registry

OPTIMIZERS: Registry[Callable[..., torch.optim.Optimizer]] = Registry("optimizer")


@OPTIMIZERS.register("sgd")
def sgd(parameters: Iterable[Tensor], *, lr: float, momentum: float, weight_decay: float) -> torch.optim.Optimizer:
    """Stochastic gradient descent, with heavy-ball momentum."""
    return torch.optim.SGD(parameters, lr=lr, momentum=momentum, weight_decay=weight_decay)


@OPTIMIZERS.register("adam")
def adam(parameters: Iterable[Tensor], *, lr: float, momentum: float, weight_decay: float) -> torch.optim.Optimizer:
    """Adam (Kingma & Ba 2015), β = (0.9, 0.999). It has no momentum setting."""
    if momentum:
        raise DfaLabError(f"optimizer 'adam' was given momentum={momentum}; it has none to set: use momentum=0.")
    return torch.optim.Adam(parameters, lr=lr, weight_decay=weight_decay, fused=True)


@OPTIMIZERS.register("rmsprop")
def rmsprop(parameters: Iterable[Tensor], *, lr: float, momentum: float, weight_decay: float) -> torch.optim.Optimizer:
    """RMSprop (Tieleman & Hinton 2012), α = 0.99: Nøkland's optimizer."""
    return torch.optim.RMSprop(parameters, lr=lr, momentum=momentum, weight_decay=weight_decay, foreach=True)


def warm_up() -> None:
    """Make one optimizer and drop it: torch loads its compiler with the first, which takes about a second."""
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)


def change_options(optimizer: torch.optim.Optimizer, fresh: torch.optim.Optimizer) -> None:
    """Give ``optimizer`` the options of ``fresh``, one of its own kind, and let it keep its state."""
    for group, new in zip(optimizer.param_groups, fresh.param_groups, strict=True):
        group.update({key: value for key, value in new.items() if key != "params"})
        for parameter in group["params"]:
            state = optimizer.state.get(parameter)
            if state and isinstance(optimizer, torch.optim.RMSprop) and group["momentum"] > 0:
                # torch makes this buffer at the first step only, and only if there was momentum then.
                state.setdefault("momentum_buffer", torch.zeros_like(parameter))
