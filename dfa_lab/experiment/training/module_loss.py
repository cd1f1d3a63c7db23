"""ModuleLoss: a task's loss on what a module of one's own gives, with positions or without, in any precision."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dfa_lab.learning.modules import Layouts
from dfa_lab.learning.ops import Loss


@dataclass(frozen=True)
class ModuleLoss:
    """``task_loss``, whose rows are all positions of all samples: a mean is over tokens or pixels.

    ``layouts`` are the converted module's.
    """

    task_loss: Loss
    layouts: Layouts

    @property
    def reduction(self) -> str:
        """The task's own."""
        return self.task_loss.reduction

    def __call__(self, output: Tensor, targets: Tensor) -> Tensor:
        """The loss of an ``output`` as the module gives it, (N, …, n_out) or (N, n_out, positions …)."""
        rows, answers = _in_rows(self.in_order(output), targets)
        return self.task_loss(rows, answers)

    def value_and_error(self, output: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Loss and e for an ``output`` that is in order; e is too."""
        rows, answers = _in_rows(output, targets)
        value, error = self.task_loss.value_and_error(rows, answers)
        return value, error.reshape(output.shape)

    def in_order(self, output: Tensor) -> Tensor:
        """An output with its n_out classes last, in float32 at least: half precision has too few digits for a loss."""
        if self.layouts.features_first("", output.shape):
            output = output.movedim(1, -1)
        return output if output.dtype in (torch.float32, torch.float64) else output.float()


def _in_rows(output: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    if output.dim() == 2:
        rows, answers = output, targets
    else:
        answers = targets.flatten(0, -2) if targets.is_floating_point() else targets.flatten()
        rows = output.flatten(0, -2)
    return rows, answers.to(rows.dtype) if answers.is_floating_point() else answers
