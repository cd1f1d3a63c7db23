"""The predictions of a run's network for given inputs at this moment. The run is not changed."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.measurement import checked_replica
from dfa_lab.experiment.settings import Computing
from dfa_lab.experiment.training import Updater
from dfa_lab.learning.mlp import equations
from dfa_lab.learning.rules import RULES

if TYPE_CHECKING:
    from dfa_lab.experiment.run import Experiment


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
    with Computing(experiment.settings), torch.no_grad():
        with experiment._lock:
            step, rule, name = experiment.steps_done, RULES.label(experiment.settings.rule), experiment.history.name
            updater = experiment._updater
            inputs = inputs.to(experiment.settings.device)
            parts = inputs.split(updater.chunk)
            if isinstance(updater, Updater):
                own = number if experiment.settings.replicas is not None else ...
                weights, biases = (
                    [one[own].clone() for one in column] for column in (updater.layers.weights, updater.layers.biases)
                )
                layers = replace(updater.layers, weights=weights, biases=biases)
            else:
                layers, outputs = None, [updater.output(part) for part in parts]
        if layers is not None:
            outputs = [equations.forward(layers, part).output for part in parts]
        found = torch.cat(outputs).double().softmax(-1).cpu().numpy()
    if not np.isfinite(found).all():
        raise DfaLabError(f"the network's output at step {step} is not finite; lower lr, or reset the run.")
    labels, task = experiment.task.labels, experiment.task.name
    return Predictions(
        probabilities=found, class_names=labels, task=task, step=step, rule=rule, name=name, replica=replica
    )
