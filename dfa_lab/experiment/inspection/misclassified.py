"""The misclassified test pictures of a run, the most confident mistakes first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from dfa_lab.errors import DfaLabError, whole_number
from dfa_lab.experiment.data import Task
from dfa_lab.experiment.inspection.predictions import Inspected, predictions_of
from dfa_lab.experiment.run import Experiment

#: Pictures in one record, at most.
MOST = 400


@dataclass(frozen=True, eq=False, kw_only=True)
class Mistakes(Inspected):
    """Test pictures that a run misclassifies; plain NumPy.

    ``images`` (n, height, width, channels) lie in 0–1 over the test split, ``samples`` (n,) are their numbers in it.
    ``said`` (n,) are the predicted classes with their probabilities ``confidence`` (n,), ``truth`` (n,) the right ones,
    as places in ``class_names``. ``wrong`` of ``tested`` test pictures are misclassified in all.
    """

    images: np.ndarray
    samples: np.ndarray
    said: np.ndarray
    truth: np.ndarray
    confidence: np.ndarray
    wrong: int
    tested: int


def has_pictures(task: Task) -> bool:
    """Whether a task has classes and its samples are pictures, so that the wrong ones can be shown."""
    return task.classifies and task.per_sample and task.image is not None


def mistakes_of(experiment: Experiment, count: int = 12, replica: int = 0) -> Mistakes:
    """Up to ``count`` misclassified test pictures at this step, most confident first; the run is not changed.

    Raises ``DfaLabError`` unless the task has pictures and classes, and for a count outside 1 to 400.
    """
    task = experiment.task
    if not has_pictures(task):
        raise DfaLabError(
            f"task {task.name!r} has {'no pictures' if task.classifies else 'no classes'}; its wrong answers cannot be "
            "shown. Use digits or fashion_mnist, or give a Task its image=(channels, height, width)."
        )
    whole_number("count", count, 1, MOST)
    inputs = task.test_inputs
    predictions = predictions_of(experiment, inputs, replica=replica)
    truth = task.test_targets.numpy()
    sure = predictions.probabilities.max(axis=1)
    wrong = np.flatnonzero(predictions.said != truth)
    # Stable: equally sure ones keep the order of the test split.
    shown = wrong[np.argsort(-sure[wrong], kind="stable")][:count]
    assert task.image is not None
    pictures = inputs[torch.from_numpy(shown)].reshape(-1, *task.image).movedim(1, -1)
    low, high = float(inputs.min()), float(inputs.max())
    return Mistakes(
        images=((pictures.double() - low) / ((high - low) or 1.0)).numpy(),
        samples=shown,
        said=predictions.said[shown],
        truth=truth[shown],
        confidence=sure[shown],
        wrong=len(wrong),
        tested=len(truth),
        **predictions.source,
    )
