"""Mistakes: the test pictures a network takes for something else, those it is surest of first."""

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

#: Pictures in one record, at most.
MOST = 400


@dataclass(frozen=True, eq=False)
class Mistakes:
    """Test pictures that one replica of a run gets wrong after ``step`` updates; plain NumPy.

    ``images`` (n, height, width, channels) lie in 0–1 over the test split, ``samples`` (n,) are their numbers in it.
    ``said`` (n,) is what the network takes each for, with ``confidence`` (n,), its probability, 0–1; ``truth`` (n,) is
    what it is: both are places in ``class_names``. ``wrong`` of ``tested`` test pictures are wrong in all.
    """

    images: np.ndarray
    samples: np.ndarray
    said: np.ndarray
    truth: np.ndarray
    confidence: np.ndarray
    wrong: int
    tested: int
    class_names: tuple[str, ...]
    task: str
    step: int
    rule: str
    name: str
    replica: int = 0


def has_pictures(task: Task) -> bool:
    """Whether a task has classes and its samples are pictures, so that the wrong ones can be shown."""
    return task.classifies and task.image is not None


def mistakes_of(experiment: Experiment, count: int = 12, replica: int = 0) -> Mistakes:
    """Up to ``count`` wrong test pictures at this step, the most confident mistakes first; training is not touched.

    Raises ``DfaLabError`` where the task has no pictures and classes, or for a count that is none.
    """
    task = experiment.task
    if not has_pictures(task):
        raise DfaLabError(
            f"task {task.name!r} has {'no pictures' if task.classifies else 'no classes'}; its wrong answers cannot be "
            "shown. Use digits or fashion_mnist, or give a Task its image=(channels, height, width)."
        )
    whole_number("count", count, 1, MOST)
    answers = answers_of(experiment, task.test_inputs, replica=replica)
    truth = task.test_targets.numpy()
    sure = answers.probabilities.max(axis=1)
    wrong = np.flatnonzero(answers.said != truth)
    # Stable, so that equally sure ones stand in the order of the test split.
    shown = wrong[np.argsort(-sure[wrong], kind="stable")][:count]
    assert task.image is not None
    pictures = task.test_inputs[torch.from_numpy(shown)].reshape(-1, *task.image).movedim(1, -1)
    low, high = float(task.test_inputs.min()), float(task.test_inputs.max())
    return Mistakes(
        ((pictures.double() - low) / ((high - low) or 1.0)).numpy(),
        shown,
        answers.said[shown],
        truth[shown],
        sure[shown],
        len(wrong),
        len(truth),
        task.labels,
        task.name,
        answers.step,
        answers.rule,
        answers.name,
        replica,
    )
