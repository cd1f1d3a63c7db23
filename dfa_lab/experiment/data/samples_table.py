"""A few samples of a task as a notebook shows them: pictures, points of a plane, or numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dfa_lab.experiment.data.pixels import network_inputs
from dfa_lab.html_table import Drawn, number, picture, points, table
from dfa_lab.learning.interface import all_tensors, rows
from dfa_lab.learning.ops import IGNORED

if TYPE_CHECKING:
    from dfa_lab.experiment.data.task import Task

#: How many pictures, points and rows of numbers are shown, and how many numbers of a row.
PICTURES, POINTS, ROWS, NUMBERS = 8, 120, 4, 8
#: Colours of classes, far apart for every eye (Okabe & Ito).
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999")


def samples_table(task: Task) -> str:
    """A table of the first training samples with their targets, headed by what the task is."""
    size = f"{len(task.train_targets):,} samples to learn from, {len(task.test_targets):,} to test on"
    caption = f"{task.name}: {task.summary.rstrip('.')}. {size}."
    classes = task.train_targets.dim() == 1
    several = all_tensors(network_inputs(rows(task.stored_inputs("train"), slice(0, POINTS))))
    first = several[0]
    if task.image is not None:
        targets = [_target(task, place) for place in range(min(PICTURES, len(first)))]
        return table(targets, [[_picture(task, first[place], name) for place, name in enumerate(targets)]], caption)
    if task.single and classes and first.shape[1:] == (2,) and first.is_floating_point():
        places = [(row[0], row[1]) for row in first[:POINTS].tolist()]
        colours = [COLOURS[int(one) % len(COLOURS)] for one in task.train_targets[:POINTS]]
        drawn = points(places, colours, f"samples of {task.name}, a colour a class")
        return table([f"the first {len(places)} samples, a colour a class"], [[drawn]], caption)
    inputs = torch.cat([one[:ROWS].reshape(min(ROWS, len(one)), -1) for one in several], 1)
    more = ["…"] * (inputs.shape[1] > NUMBERS)
    lines = [
        [*map(number, map(float, row[:NUMBERS])), *more, _target(task, place)]
        for place, row in enumerate(inputs.tolist())
    ]
    head = [*(f"input {one}" for one in range(1, min(inputs.shape[1], NUMBERS) + 1)), *more, "target"]
    return table(head, lines, caption)


def _target(task: Task, place: int) -> str:
    target: Any = task.train_targets[place]
    if task.classifies:
        words = [task.labels[int(one)] if one != IGNORED else "–" for one in target.reshape(-1)[:NUMBERS]]
        return ", ".join(words) + (", …" if target.numel() > NUMBERS else "")
    target = target.reshape(-1)
    return ", ".join(number(float(one)) for one in target[:NUMBERS]) + (", …" if len(target) > NUMBERS else "")


def _picture(task: Task, sample: Tensor, name: str) -> Drawn:
    assert task.image is not None
    channels, height, _ = task.image
    pixels = sample.reshape(task.image).double()
    low, high = pixels.min(), pixels.max()
    scaled = ((pixels - low) / (high - low).clamp_min(1e-12) * 255).round().byte()
    if channels != 3:  # any other number of channels is seen in grey
        scaled, channels = scaled[:1], 1
    lines = scaled.permute(1, 2, 0).reshape(height, -1)
    return picture([bytes(line.tolist()) for line in lines], name, channels=channels)
