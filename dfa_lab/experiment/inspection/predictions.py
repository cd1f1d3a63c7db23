"""The predictions of a run's network for given inputs at this moment. The run is not changed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.measurement import checked_replica
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.settings import ComputeContext
from dfa_lab.learning.rules import RULES


@dataclass(frozen=True, eq=False, kw_only=True)
class Inspected:
    """The run that something was read from: its name and rule, and which replica, after ``step`` updates.

    ``class_names`` has a name for each class of its ``task``.
    """

    class_names: tuple[str, ...]
    task: str
    step: int
    rule: str
    name: str
    replica: int = 0


@dataclass(frozen=True, eq=False, kw_only=True)
class Predictions(Inspected):
    """Probabilities (N, classes), float64."""

    probabilities: np.ndarray

    @property
    def said(self) -> np.ndarray:
        """The class of the largest probability, (N,)."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @property
    def source(self) -> dict[str, Any]:
        """The fields of ``Inspected``, for another record of the same run."""
        return {one.name: getattr(self, one.name) for one in fields(Inspected)}


def predictions_of(experiment: Experiment, inputs: Tensor, *, replica: int = 0) -> Predictions:
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
    labels, task = experiment.task.labels, experiment.task.name
    return Predictions(
        probabilities=found, class_names=labels, task=task, step=step, rule=rule, name=name, replica=replica
    )
