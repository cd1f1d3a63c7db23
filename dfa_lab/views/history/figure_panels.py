"""PANELS: what the figure shows one above the other, under the angles, and the y axis of each."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np

from dfa_lab.experiment.history import METRICS
from dfa_lab.views.base import LineStyle, angle_range
from dfa_lab.views.base import palette as style

# The width of a letter of an axis' title, in pixels.
LETTER = 5.9


@dataclass(frozen=True)
class Panel:
    """One set of axes: its title, what it draws, its height in pixels, and whether reference runs are drawn in it."""

    title: str
    metrics: dict[str, LineStyle]
    height: int
    angle: bool = False
    references: bool = False


def angle_panel(metric: str) -> Panel:
    """The panel of one angle, a line a layer."""
    return Panel(METRICS[metric].label, {metric: style.WHOLE}, 190, angle=True)


# What stands below the angles. Backpropagation's own angle is 0° and frozen layers have none, so only these have
# references; throughput is a clock reading and says nothing of another run.
PANELS = (
    Panel("loss", {"train_loss": style.TRAINING, "test_loss": style.TEST}, 170, references=True),
    Panel("test accuracy", {"test_accuracy": style.TEST}, 140, references=True),
    Panel("throughput", {"samples_per_s": style.WHOLE}, 120),
)


def y_axis(panel: Panel, bottom: float, top: float, values: list[np.ndarray]) -> dict[str, Any]:
    """The panel's y axis from ``bottom`` to ``top`` (shares of the figure's height), with room for all ``values``."""
    unit = METRICS[next(iter(panel.metrics))].unit
    lines = [*textwrap.wrap(panel.title, int(panel.height / LETTER)), f"({unit})"]
    axis: dict[str, Any] = {
        "title": {"text": "<br>".join(lines), "font": {"size": 12}},
        "domain": [max(bottom, 0.0), min(top, 1.0)],
        "zeroline": False,
        "rangemode": "tozero",
    }
    if panel.angle:
        low, high, tick = angle_range(values)
        margin = 0.02 * (high - low)
        axis |= {"range": [low - margin, high + margin], "tick0": 0, "dtick": tick, "ticksuffix": "°"}
    return axis
