"""A few samples of a task as a notebook shows them: pictures, points of a plane, or numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dfa_lab.html_table import Drawn, number, picture, points, table

if TYPE_CHECKING:
    from dfa_lab.experiment.data.task import Task

#: How many pictures, points and rows of numbers are shown, and how many numbers of a row.
PICTURES, POINTS, ROWS, NUMBERS = 8, 120, 4, 8
#: Colours of classes, far apart for every eye (Okabe & Ito).
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999")


def samples_table(task: Task) -> str:
    """A table of the first training samples with their targets, headed by what the task is."""
    size = f"{len(task.train_inputs):,} samples to learn from, {len(task.test_inputs):,} to test on"
    caption = f"{task.name}: {task.summary.rstrip('.')}. {size}."
    classes = task.train_targets.dim() == 1
    if task.image is not None:
        targets = [_target(task, place) for place in range(min(PICTURES, len(task.train_inputs)))]
        return table(targets, [[_picture(task, place, name) for place, name in enumerate(targets)]], caption)
    if classes and task.train_inputs.shape[1:] == (2,) and task.train_inputs.is_floating_point():
        places = [(row[0], row[1]) for row in task.train_inputs[:POINTS].tolist()]
        colours = [COLOURS[int(one) % len(COLOURS)] for one in task.train_targets[:POINTS]]
        drawn = points(places, colours, f"samples of {task.name}, a colour a class")
        return table([f"the first {len(places)} samples, a colour a class"], [[drawn]], caption)
    inputs = task.train_inputs[:ROWS].flatten(1)
    more = ["…"] * (inputs.shape[1] > NUMBERS)
    rows = [
        [*map(number, map(float, row[:NUMBERS])), *more, _target(task, place)]
        for place, row in enumerate(inputs.tolist())
    ]
    head = [*(f"input {one}" for one in range(1, min(inputs.shape[1], NUMBERS) + 1)), *more, "target"]
    return table(head, rows, caption)


def _target(task: Task, place: int) -> str:
    target: Any = task.train_targets[place]
    if target.dim() == 0:
        return task.labels[int(target)]
    return ", ".join(number(float(one)) for one in target[:NUMBERS]) + (", …" if len(target) > NUMBERS else "")


def _picture(task: Task, place: int, name: str) -> Drawn:
    assert task.image is not None
    channels, height, _ = task.image
    pixels = task.train_inputs[place].reshape(task.image).double()
    low, high = pixels.min(), pixels.max()
    scaled = ((pixels - low) / (high - low).clamp_min(1e-12) * 255).round().byte()
    if channels != 3:  # any other number of channels is seen in grey
        scaled, channels = scaled[:1], 1
    rows = scaled.permute(1, 2, 0).reshape(height, -1)
    return picture([bytes(row.tolist()) for row in rows], name, channels=channels)
