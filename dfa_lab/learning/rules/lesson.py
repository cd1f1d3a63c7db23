"""Lesson: the targets and the batch factor, for rules whose signal needs more than the error e."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.learning.ops import IGNORED


def check_reduction(reduction: Any, then: str = "") -> None:
    """Raise ``DfaLabError`` for what is no reduction of a loss; ``then`` ends the message."""
    if reduction not in ("mean", "sum"):
        raise DfaLabError(f"reduction was given as {shown(reduction)}; expected 'mean' or 'sum'{then}.")


@dataclass(frozen=True)
class Lesson:
    """What e alone does not say about a batch: its ``targets``, and the factor ``scale`` that e carries.

    ``scale`` is 1/N under a mean and 1 under a sum; what takes e's place is scaled alike. ``given`` are the targets as
    the loss takes them, class numbers (…, N) or values (…, N, n_out), for an ``output`` (…, N, n_out). ``ignoring``
    says that class numbers may be ``IGNORED``: such a sample has no target and is not counted in N, which may be 0;
    ``of_classes`` that the targets are classes, whichever way they are given.
    """

    given: Tensor
    output: Tensor
    scale: float | Tensor
    ignoring: bool = False
    of_classes: bool = False

    @classmethod
    def of(cls, targets: Tensor, output: Tensor, reduction: str) -> Lesson:
        """The lesson of one batch; ``DfaLabError`` where the targets or the reduction do not fit."""
        check_reduction(reduction)
        return cls.checked(targets, output, reduction, ignoring=check_targets(targets, output))

    @classmethod
    def checked(cls, targets: Tensor, output: Tensor, reduction: str, *, ignoring: bool = False) -> Lesson:
        """As ``of``, for targets that a task or a loss has checked."""
        scale: float | Tensor = 1 / max(output.shape[-2], 1) if reduction == "mean" else 1.0
        if ignoring and reduction == "mean":
            scale = 1 / (targets != IGNORED).sum(-1).clamp_min(1).to(output)
            scale = scale[..., None, None] if targets.dim() > 1 else scale  # of each replica
        return cls(targets, output, scale, ignoring, of_classes=not targets.is_floating_point())

    @property
    def targets(self) -> Tensor:
        """What the output should be, (…, N, n_out): one-hot for classes."""
        return self._times(1.0)

    @property
    def scaled(self) -> Tensor:
        """``targets`` times ``scale``, to be sent in e's place."""
        return self._times(self.scale)

    def _times(self, factor: float | Tensor) -> Tensor:
        targets, outputs = self.given, self.output.shape[-1]
        if self.ignoring:
            counted = targets != IGNORED
            blank = self.output.new_zeros((*targets.shape, outputs))
            return blank.scatter(-1, targets.where(counted, 0).unsqueeze(-1), counted.unsqueeze(-1).to(blank)) * factor
        if not targets.is_floating_point() and outputs > 1:
            # Not one_hot, which looks at the numbers and so cannot be used under torch.func.vmap.
            blank = self.output.new_zeros((*targets.shape, outputs))
            return blank.scatter(-1, targets.unsqueeze(-1), factor)
        if not targets.is_floating_point():
            targets = targets.unsqueeze(-1)  # one output: 0 or 1 is the target itself
        return targets.to(self.output) * factor


def given_lesson(lesson: tuple[Tensor, str] | None, rule: str) -> tuple[Tensor, str]:
    """``lesson`` itself, targets and reduction; ``DfaLabError`` where ``rule`` needs one and there is none."""
    if lesson is None:
        raise DfaLabError(
            f"rule {rule!r} needs more than the error; run the forward pass inside "
            "`with dfa.lesson(net, targets, reduction=…):`."
        )
    return lesson


def check_targets(targets: Any, output: Tensor) -> bool:
    """Whether targets for ``output`` (…, N, n_out) may have samples that are ``IGNORED``.

    Raises ``DfaLabError`` for another shape or kind than the output has, and for a class ≥ n_out. A network with one
    output has the classes 0 and 1.
    """
    highest, rows = max(output.shape[-1] - 1, 1), output.shape[:-1]
    several = output.shape[-1] > 1
    wanted = f"class numbers {tuple(rows)} from 0 to {highest} or values {tuple(output.shape)}"
    if not isinstance(targets, Tensor):
        raise DfaLabError(f"the lesson's targets were given as a {type(targets).__name__}; expected {wanted}.")
    valued = targets.is_floating_point()
    shape = tuple(output.shape if valued else rows)
    shared = shape[1:] if len(shape) > (2 if valued else 1) else shape  # by all replicas
    if targets.dtype is torch.bool or tuple(targets.shape) not in (shape, shared):
        raise DfaLabError(
            f"the lesson's targets have shape {tuple(targets.shape)}, {targets.dtype}, for an output "
            f"{tuple(output.shape)}; expected {wanted}."
        )
    if valued or not targets.numel():
        return False
    if torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active() or targets.device.type != "cpu":
        return several  # nobody may look
    low, high = int(targets.min()), int(targets.max())
    ignoring = several and low == IGNORED
    if ignoring:
        counted = targets[targets != IGNORED]
        low, high = (int(counted.min()), high) if counted.numel() else (0, 0)
    if low < 0 or high > highest:
        also = f" ({IGNORED} for a sample without a target)" if several else ""
        raise DfaLabError(f"the lesson's targets run from {low} to {high}; expected {wanted}{also}.")
    return ignoring
