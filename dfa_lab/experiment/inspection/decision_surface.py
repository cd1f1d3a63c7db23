"""Surface: what a network says at every point of the plane, for a task with two inputs and classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from dfa_lab.errors import DfaLabError, whole_number
from dfa_lab.experiment.data import Task
from dfa_lab.experiment.inspection.predictions import Inspected, predictions_of
from dfa_lab.experiment.run import Experiment

#: The margin of the picture around the samples, as a share of their span.
MARGIN = 0.08
#: Points on a side of the grid, at most: a screen shows no more.
LARGEST = 500


@dataclass(frozen=True, eq=False, kw_only=True)
class Surface(Inspected):
    """Predictions of a run on a grid over the plane and at the test points; plain NumPy.

    ``probabilities`` (H, W, classes) are those at the grid of ``x`` (W,) and ``y`` (H,), both rising. ``points``
    (N, 2) are the test split's inputs, ``labels`` (N,) their classes and ``said`` (N,) the predicted classes.
    """

    x: np.ndarray
    y: np.ndarray
    probabilities: np.ndarray
    points: np.ndarray
    labels: np.ndarray
    said: np.ndarray

    @property
    def accuracy(self) -> float:
        """The share of the test points whose class is predicted, 0–1."""
        return float(np.mean(self.said == self.labels))


def has_surface(task: Task) -> bool:
    """Whether a task has two inputs and classes, so that its decision surface can be drawn."""
    return (
        task.single
        and task.per_sample
        and task.classifies
        and task.inputs == 2
        and task.train_inputs.is_floating_point()
    )


def surface_of(experiment: Experiment, replica: int = 0, size: int = 60) -> Surface:
    """The decision surface of a run at this step on a grid of ``size`` by ``size`` points; the run is not changed.

    Raises ``DfaLabError`` unless the task has two inputs and classes, and for a size outside 2 to 500.
    """
    task = experiment.task
    if not has_surface(task):
        raise DfaLabError(
            f"task {task.name!r} has {task.inputs} inputs and {'classes' if task.classifies else 'no classes'}; a "
            "decision surface needs two inputs and classes, such as task='moons'."
        )
    whole_number("size", size, 2, LARGEST)
    everything = torch.cat([task.train_inputs.reshape(-1, 2), task.test_inputs.reshape(-1, 2)])
    low, high = everything.amin(0).double(), everything.amax(0).double()
    margin = (MARGIN * (high - low)).clamp(min=1e-3)
    x, y = (np.linspace(*ends, size) for ends in zip((low - margin).tolist(), (high + margin).tolist(), strict=True))
    grid = torch.from_numpy(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)).float()
    inputs = torch.cat([grid, task.test_inputs.reshape(-1, 2)]).reshape(-1, *task.test_inputs.shape[1:])
    predictions = predictions_of(experiment, inputs, replica=replica)
    return Surface(
        x=x,
        y=y,
        probabilities=predictions.probabilities[: size * size].reshape(size, size, -1),
        points=task.test_inputs.reshape(-1, 2).double().numpy(),
        labels=task.test_targets.numpy().copy(),
        said=predictions.said[size * size :],
        **predictions.source,
    )
