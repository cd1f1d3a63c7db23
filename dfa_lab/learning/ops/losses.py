"""LOSSES: losses with their error e = ∂L/∂a_L in closed form, so that the explicit form needs no autograd.

Outputs are (…, N, n_out); a leading K holds replicas. Under ``reduction="mean"`` e carries 1/N, under "sum" not.

>>> import torch, dfa_lab as dfa
>>> dfa.LOSSES["squared_error"].value_and_error(torch.tensor([[3.0]]), torch.tensor([[1.0]]))
(tensor(2.), tensor([[2.]]))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.graph import Node

from dfa_lab.errors import DfaLabError, in_words
from dfa_lab.registry import Registry

Reduction = Literal["mean", "sum"]


@dataclass(frozen=True)
class Loss:
    """A loss in two forms that check each other: ``by_autograd`` and, by hand, ``value_and_error``.

    Called with (output, targets) it is an ordinary torch loss: a scalar, summed over replicas so that each replica's
    gradient is that of a run by itself. ``value_and_error`` gives the loss a replica, (…), and e, of output's shape.
    ``ignoring`` says that class numbers may be ``IGNORED``, and are then left out.
    """

    by_autograd: Callable[[Tensor, Tensor, str], Tensor]
    by_hand: Callable[[Tensor, Tensor, Reduction], tuple[Tensor, Tensor]]
    reduction: Reduction = "mean"
    ignoring: bool = False

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
        return self.by_hand(output, targets, self.reduction)


LOSSES: Registry[Loss] = Registry("loss")


_aten = torch.ops.aten
_CODES = {"mean": 1, "sum": 2}  # as aten has them
_NO_CLASS = -(2**62)  # aten would pass over targets of this number
#: Over fewer classes than this, and more samples, torch's softmax is several times slower in the last dimension.
MANY_CLASSES = 64


def _cross_entropy(output: Tensor, targets: Tensor, reduction: Reduction) -> tuple[Tensor, Tensor]:
    few = output.shape[-1] < MANY_CLASSES <= output.numel() // output.shape[-1]
    logits, dim = (output.mT, -2) if few else (output, -1)
    log_share = torch.log_softmax(logits, dim)
    if output.dim() == 2:
        # What autograd would call, called without it: fewer calls than the equation has operations.
        rows = log_share.mT if few else log_share
        value, total = _aten.nll_loss_forward.default(rows, targets, None, _CODES[reduction], _NO_CLASS)
        one = torch.ones_like(value)
        delta = _aten.nll_loss_backward.default(one, rows, targets, None, _CODES[reduction], _NO_CLASS, total)
        error = _aten._log_softmax_backward_data.default(delta.mT if few else delta, log_share, dim, output.dtype)
        return value, error.mT if few else error
    scale = 1 / max(output.shape[-2], 1) if reduction == "mean" else 1.0
    index = targets.expand(output.shape[:-1]).unsqueeze(dim)
    value = log_share.gather(dim, index).sum((-2, -1)) * -scale
    error = log_share.exp_().mul_(scale)
    error.scatter_(dim, index, -scale, reduce="add")
    return value, error.mT if few else error


def _squared_error(output: Tensor, targets: Tensor, reduction: Reduction) -> tuple[Tensor, Tensor]:
    scale = 1 / max(output.shape[-2], 1) if reduction == "mean" else 1.0
    error = output - targets
    return error.square().sum((-2, -1)) * (scale / 2), error.mul_(scale)


def _half_squared_error(output: Tensor, targets: Tensor, reduction: str) -> Tensor:
    total = F.mse_loss(output, targets, reduction="sum") / 2
    return total / max(output.shape[-2], 1) if reduction == "mean" else total


#: Softmax cross-entropy in nats; targets are class numbers (…, N). e = (p − t) / N.
LOSSES.register("cross_entropy", Loss(lambda o, t, r: F.cross_entropy(o, t, reduction=r), _cross_entropy))
#: Half the squared error, summed over outputs; targets are (…, N, n_out). e = (y − t) / N.
LOSSES.register("squared_error", Loss(_half_squared_error, _squared_error))


#: The class number that is no class: what has it, such as the padding of a sequence, is not to be learned.
IGNORED = -100


def _cross_entropy_of_classes(output: Tensor, targets: Tensor, reduction: Reduction) -> tuple[Tensor, Tensor]:
    targets = targets.expand(output.shape[:-1])
    counted, share = _counted(targets, output, reduction)
    index = targets.where(counted, 0).unsqueeze(-1)
    log_share = torch.log_softmax(output, -1)
    value = (log_share.gather(-1, index).squeeze(-1) * share).sum(-1).neg()
    share = share.unsqueeze(-1)
    return value, log_share.exp().mul_(share).scatter_add_(-1, index, -share)


def _counted(targets: Tensor, output: Tensor, reduction: str) -> tuple[Tensor, Tensor]:
    """Which targets are classes, and the share of each in the loss."""
    counted = targets != IGNORED
    share = counted.to(output)
    return counted, share / share.sum(-1, keepdim=True).clamp_min(1) if reduction == "mean" else share


def _by_autograd_of_classes(output: Tensor, targets: Tensor, reduction: str) -> Tensor:
    losses = F.cross_entropy(output, targets, reduction="none", ignore_index=IGNORED)
    return (losses * _counted(targets, output, reduction)[1]).sum()


#: Cross-entropy over the targets that are classes, the others left out of its mean; 0 where there is none.
CROSS_ENTROPY_OF_CLASSES = Loss(_by_autograd_of_classes, _cross_entropy_of_classes, ignoring=True)


#: What a loss raises that does not fit what it was given.
LOSS_FAILURES = (TypeError, ValueError, RuntimeError, AttributeError, LookupError, AssertionError)


def failed_loss(reason: Exception, output: Any, targets: Any, where: str = "") -> str:
    """What an error says of a loss that failed for ``reason``, and what would fit where that is known."""
    words = in_words(reason).rstrip(".")
    said = f"loss_fn failed on {where}output {_shape(output)} and targets {_shape(targets)}: {words}."
    misread = isinstance(reason, AttributeError | LookupError)  # it takes the output for something else
    if misread or not isinstance(output, Tensor) or not isinstance(targets, Tensor):
        return said
    if output.dim() > 2 and targets.shape == output.shape[:-1] and not targets.is_floating_point():
        return (
            f"{said} For a class a token, flatten both: loss_fn=lambda output, targets: cross_entropy("
            f"output.flatten(0, {output.dim() - 2}), targets.flatten())."
        )
    return f"{said} Give targets that fit the loss."


def checked_loss(loss_fn: Callable[[Any, Any], Tensor], output: Any, targets: Any) -> Tensor:
    """``loss_fn(output, targets)``; ``DfaLabError`` where that fails or is not one finite number."""
    try:
        loss = loss_fn(output, targets)
    except LOSS_FAILURES as reason:
        raise DfaLabError(failed_loss(reason, output, targets)) from reason
    if not isinstance(loss, Tensor) or loss.dim() or not bool(torch.isfinite(loss)):
        given = f"shape {tuple(loss.shape)}, {loss}" if isinstance(loss, Tensor) else type(loss).__name__
        raise DfaLabError(f"loss_fn gave {given}; expected one finite number, a tensor without dimensions.")
    if not loss.requires_grad:
        raise DfaLabError("loss_fn gave a number that does not depend on the output, so there is no gradient of it.")
    return loss


_SOFTMAX, _SIGMOID = "torch.nn.functional.cross_entropy", "torch.nn.functional.binary_cross_entropy_with_logits"
#: The beginning of a node's name -> what it is called, and the losses that hold it.
_FUNCTIONS = {
    "LogSoftmaxBackward": ("LogSoftmax", _SOFTMAX),
    "SoftmaxBackward": ("Softmax", _SOFTMAX),
    "LogSigmoidBackward": ("LogSigmoid", _SIGMOID),
    "SigmoidBackward": ("Sigmoid", _SIGMOID),
}
#: What gives the same numbers in another shape, order, dtype or place.
_SAME_NUMBERS = (
    *("View", "UnsafeView", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Permute", "T", "Expand", "Alias", "Clone"),
    *(
        "ToCopy",
        "Slice",
        "Select",
        "Split",
        "Chunk",
        "Unbind",
        "Narrow",
        "Cat",
        "Stack",
        "Index",
        "AsStrided",
        "Movedim",
    ),
)
#: What is done by hand to a probability before its logarithm, and the logarithm: log(softmax(o) + 1e-8).
_BEFORE_A_LOSS = ("Log", "Clamp", "ClampMin", "ClampMax", "Clip")
_PLAIN = tuple(f"{name}Backward" for name in (*_SAME_NUMBERS, *_BEFORE_A_LOSS))


def squashed_by(node: Node | None) -> str | None:
    """What a warning says of an output made by ``node`` that is a softmax or a sigmoid; None where it is none.

    Views, copies and casts of it count as well, and so does its logarithm, clamped or with a constant added. Behind
    it, ∂L/∂output is another error than the papers' e before it.
    """
    while node is not None:
        name = node.name()
        function = getattr(getattr(node, "function", None), "__self__", None)  # an activation layer with another g
        for begins, found in _FUNCTIONS.items():
            if name.startswith(begins) or type(function).__name__ == f"Feedback{found[0]}":
                return (
                    f"the network ends in {found[0]}, and direct rules send e as it is behind it, not the error of "
                    "what goes in: the signals are others than the papers'. Let the network end before "
                    f"{found[0]}, and use a loss that holds it: {found[1]}."
                )
        before = [behind for behind, _ in node.next_functions if behind is not None]
        if not name.startswith(_PLAIN) and not (name.startswith("AddBackward") and len(before) == 1):
            return None
        node = before[0] if before else None
    return None


def _shape(given: Any) -> str:
    return str(tuple(given.shape)) if isinstance(given, Tensor) else f"of type {type(given).__name__}"
