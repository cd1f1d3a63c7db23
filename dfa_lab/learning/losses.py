"""LOSSES: losses with their error e = ∂L/∂a_L in closed form, so that the explicit form needs no autograd.

Outputs are (…, N, n_out); a leading K holds replicas. Under ``reduction="mean"`` e carries 1/N, under "sum" not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from dfa_lab.errors import DfaLabError
from dfa_lab.registry import Registry

Reduction = Literal["mean", "sum"]


@dataclass(frozen=True)
class Loss:
    """A loss in two forms that check each other: ``by_autograd`` and, by hand, ``value_and_error``.

    Called with (output, targets) it is an ordinary torch loss: a scalar, summed over replicas so that each replica's
    gradient is that of a run by itself. ``value_and_error`` gives the loss a replica, (…), and e, of output's shape.
    """

    by_autograd: Callable[[Tensor, Tensor, str], Tensor]
    by_hand: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
    reduction: Reduction = "mean"

    def __call__(self, output: Tensor, targets: Tensor) -> Tensor:
        """The loss as one scalar that autograd can differentiate."""
        if output.dim() == 2:
            return self.by_autograd(output, targets, self.reduction)
        shared = targets.dim() < (output.dim() if targets.is_floating_point() else output.dim() - 1)
        own = [targets if shared else targets[k] for k in range(len(output))]
        losses = [self.by_autograd(one, t, self.reduction) for one, t in zip(output, own, strict=True)]
        return torch.stack(losses).sum()

    def value_and_error(self, output: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Loss (a scalar; (K,) with replicas) and e = ∂L/∂output, without autograd."""
        losses, error = self.by_hand(output, targets)
        if self.reduction == "sum":
            return losses.sum(-1), error
        return losses.mean(-1), error.div_(output.shape[-2])


LOSSES: Registry[Loss] = Registry("loss")


def _cross_entropy(output: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    index = targets.expand(output.shape[:-1]).unsqueeze(-1)
    log_share = torch.log_softmax(output, -1)
    losses = -log_share.gather(-1, index).squeeze(-1)
    error = log_share.exp_()
    error.scatter_add_(-1, index, torch.full_like(index, -1, dtype=error.dtype))
    return losses, error


def _squared_error(output: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    error = output - targets
    return error.square().sum(-1).div_(2), error


def _half_squared_error(output: Tensor, targets: Tensor, reduction: str) -> Tensor:
    total = F.mse_loss(output, targets, reduction="sum") / 2
    return total / output.shape[-2] if reduction == "mean" else total


#: Softmax cross-entropy in nats; targets are class numbers (…, N). e = (p − t) / N.
LOSSES.register("cross_entropy", Loss(lambda o, t, r: F.cross_entropy(o, t, reduction=r), _cross_entropy))
#: Half the squared error, summed over outputs; targets are (…, N, n_out). e = (y − t) / N.
LOSSES.register("squared_error", Loss(_half_squared_error, _squared_error))


def checked_loss(loss_fn: Callable[[Any, Any], Tensor], output: Any, targets: Any) -> Tensor:
    """``loss_fn(output, targets)``; ``DfaLabError`` where that fails or is not one finite number."""
    try:
        loss = loss_fn(output, targets)
    except (TypeError, ValueError, IndexError, RuntimeError) as reason:
        shapes = f"output {tuple(getattr(output, 'shape', ()))} and targets {tuple(getattr(targets, 'shape', ()))}"
        raise DfaLabError(f"loss_fn failed on {shapes}: {reason} Give targets that fit the loss.") from reason
    if not isinstance(loss, Tensor) or loss.dim() or not bool(torch.isfinite(loss)):
        given = f"shape {tuple(loss.shape)}, {loss}" if isinstance(loss, Tensor) else type(loss).__name__
        raise DfaLabError(f"loss_fn gave {given}; expected one finite number, a tensor without dimensions.")
    if not loss.requires_grad:
        raise DfaLabError("loss_fn gave a number that does not depend on the output, so there is no gradient of it.")
    return loss
