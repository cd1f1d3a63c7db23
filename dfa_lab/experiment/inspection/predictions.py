"""Answers: what a run's network says to given inputs at this moment, as probabilities. Changes nothing in the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.measurement import checked_replica
from dfa_lab.experiment.settings import ComputeContext
from dfa_lab.learning.rules import RULES

if TYPE_CHECKING:
    from dfa_lab.experiment.run import Experiment


@dataclass(frozen=True, eq=False)
class Answers:
    """Probabilities (N, classes), float64, by one replica of the run called ``name`` after ``step`` updates."""

    probabilities: np.ndarray
    step: int
    rule: str
    name: str

    @property
    def said(self) -> np.ndarray:
        """The class each answer is surest of, (N,)."""
        return np.asarray(self.probabilities.argmax(axis=1))


def answers_of(experiment: Experiment, inputs: Tensor, *, replica: int = 0) -> Answers:
    """The softmax of the network's output for ``inputs`` (N, …), shaped as the task's are.

    An MLP's weights are copied and training goes on meanwhile; a module holds the run until it has answered. Raises
    ``DfaLabError`` for a replica that is none, and where the output is not finite.
    """
    number = checked_replica(experiment.settings, replica)
    with ComputeContext(experiment.settings), torch.no_grad():
        with experiment.held() as trainer:
            step, rule, name = experiment.steps_done, RULES.label(experiment.settings.rule), experiment.history.name
            parts = inputs.to(experiment.settings.device).split(trainer.learner.chunk)
            outputs = trainer.learner.answering(parts, number)
        found = torch.cat(outputs()).double().softmax(-1).cpu().numpy()
    if not np.isfinite(found).all():
        raise DfaLabError(f"the network's output at step {step} is not finite; lower lr, or reset the run.")
    return Answers(found, step, rule, name)
