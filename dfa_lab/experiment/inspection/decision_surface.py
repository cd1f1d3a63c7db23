"""Surface: what a network says at every point of the plane, for a task with two inputs and classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from dfa_lab.errors import DfaLabError, whole_number
from dfa_lab.experiment.data import Task
from dfa_lab.experiment.inspection.predictions import answers_of

if TYPE_CHECKING:
    from dfa_lab.experiment.run import Experiment

#: How far the picture reaches beyond the samples, as a share of their span.
MARGIN = 0.08
#: Points on a side of the grid, at most: beyond that there are more than dots on the screen.
LARGEST = 500


@dataclass(frozen=True, eq=False)
class Surface:
    """One replica of a run after ``step`` updates, on a grid over the plane and at the test points; plain NumPy.

    ``probabilities`` (H, W, classes) are those at the grid of ``x`` (W,) and ``y`` (H,), both rising. ``points``
    (N, 2) are the test split's inputs, ``labels`` (N,) their classes and ``said`` (N,) what the network takes them for.
    ``class_names`` has a name for each class, ``task`` the task's.
    """

    x: np.ndarray
    y: np.ndarray
    probabilities: np.ndarray
    points: np.ndarray
    labels: np.ndarray
    said: np.ndarray
    class_names: tuple[str, ...]
    task: str
    step: int
    rule: str
    name: str
    replica: int = 0

    @property
    def accuracy(self) -> float:
        """The share of the test points that the network is right about, 0–1."""
        return float(np.mean(self.said == self.labels))


def has_surface(task: Task) -> bool:
    """Whether a task has two inputs and classes, so that its decision surface can be drawn."""
    return task.classifies and task.inputs == 2 and task.train_inputs.is_floating_point()


def surface_of(experiment: Experiment, replica: int = 0, size: int = 60) -> Surface:
    """The decision surface of a run at this step on a grid of ``size`` by ``size`` points; training is not touched.

    Raises ``DfaLabError`` where the task has not two inputs and classes, or for a size that is none.
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
    answers = answers_of(experiment, inputs, replica=replica)
    return Surface(
        x,
        y,
        answers.probabilities[: size * size].reshape(size, size, -1),
        task.test_inputs.reshape(-1, 2).double().numpy(),
        task.test_targets.numpy().copy(),
        answers.said[size * size :],
        task.labels,
        task.name,
        answers.step,
        answers.rule,
        answers.name,
        replica,
    )
