"""SampleState: the sample that goes through a drawn network: its picture, what it is, what the network says, and e."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from dfa_lab.experiment.data import Task
from dfa_lab.experiment.inspection.layer_state import numbers, spread
from dfa_lab.learning.interface import all_tensors
from dfa_lab.learning.ops import IGNORED

#: Pixels on a side of a picture, at most: a larger one is averaged down.
LARGEST_SIDE = 32


@dataclass(frozen=True, eq=False)
class SampleState:
    """Sample ``number`` of the ``count`` in a run's probe batch.

    ``pixels`` (height, width) is its picture, the mean over the channels, where the task has pictures, else None; one
    of more than 32 pixels on a side is averaged down. ``units`` are the drawn inputs of ``size`` in all, ``values``
    (units,) theirs. ``target`` is what it is and ``prediction`` what the network says, in words: the class, or the
    first values. At the drawn outputs, (outputs,): ``labels`` their classes or numbers, ``says`` the probabilities, or
    for values the output itself, and ``error`` e = ∂L/∂a_L as in a batch of this one sample.
    """

    number: int
    count: int
    pixels: np.ndarray | None
    size: int
    units: np.ndarray
    values: np.ndarray
    target: str
    prediction: str
    labels: tuple[str, ...]
    says: np.ndarray
    error: np.ndarray

    @property
    def shape(self) -> tuple[int, int] | None:
        """(height, width) of the picture."""
        return None if self.pixels is None else (self.pixels.shape[0], self.pixels.shape[1])


def sample_state(
    task: Task,
    number: int,
    count: int,
    batch: tuple[Any, Tensor],
    answer: tuple[Tensor, Tensor],
    drawn: np.ndarray,
    most_units: int,
) -> SampleState:
    """From a ``batch`` of the one sample, the network's ``answer``, output and e (1, n_out), and the drawn outputs.

    Of several inputs the first is shown, of several tokens the first with a target.
    """
    first = all_tensors(batch[0])[0]
    inputs, (target, place) = first.reshape(-1), _first_target(task, batch[1])
    answers = [one[0] if task.per_sample else one[0].flatten(0, -2)[place] for one in answer]
    output, error = map(numbers, answers)
    units = spread(inputs.numel(), most_units)
    if task.classifies:
        said, known = int(output.argmax()), int(target)
        says = numbers(answers[0].double().softmax(-1))
        words = task.labels[known] if known != IGNORED else "", task.labels[said]
    else:
        says, words = output, (_values(numbers(target)), _values(output))
    return SampleState(
        number=number,
        count=count,
        pixels=_picture(task, first),
        size=inputs.numel(),
        units=units,
        values=numbers(inputs)[units],
        target=words[0],
        prediction=words[1],
        labels=tuple(task.labels[unit] for unit in drawn),
        says=says[drawn],
        error=error[drawn],
    )


def _first_target(task: Task, targets: Tensor) -> tuple[Tensor, int]:
    if task.per_sample:
        return targets[0], 0
    flat = targets[0].flatten() if task.classifies else targets[0].flatten(0, -2)
    place = int((flat != IGNORED).int().argmax()) if task.classifies else 0
    return flat[place], place


def _picture(task: Task, inputs: Tensor) -> np.ndarray | None:
    if task.image is None or not inputs.is_floating_point():
        return None
    picture = inputs.reshape(1, *task.image).mean(1, keepdim=True)
    height, width = picture.shape[-2:]
    if max(height, width) > LARGEST_SIDE:
        picture = F.adaptive_avg_pool2d(picture, (min(height, LARGEST_SIDE), min(width, LARGEST_SIDE)))
    return numbers(picture[0, 0])


def _values(values: np.ndarray, most: int = 3) -> str:
    shown = ", ".join(f"{value:.3g}" for value in values[:most]).replace("-", "−")
    return f"{shown} …" if len(values) > most else shown
