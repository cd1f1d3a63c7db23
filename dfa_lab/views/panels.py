"""PANELS: what the figure shows one above the other, and the y axis of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dfa_lab.experiment.metrics import METRICS
from dfa_lab.views import style
from dfa_lab.views.curve import angle_range
from dfa_lab.views.style import LineStyle


@dataclass(frozen=True)
class Panel:
    """One set of axes: its title, what it draws, and its height in pixels."""

    title: str
    metrics: dict[str, LineStyle]
    height: int
    angle: bool = False


PANELS = (
    Panel("weight alignment", {"weight_alignment": style.WHOLE}, 190, angle=True),
    Panel("gradient alignment", {"gradient_alignment": style.WHOLE}, 190, angle=True),
    Panel("loss", {"train_loss": style.TRAINING, "test_loss": style.TEST}, 170),
    Panel("test accuracy", {"test_accuracy": style.TEST}, 140),
    Panel("throughput", {"samples_per_s": style.WHOLE}, 120),
)


def y_axis(panel: Panel, bottom: float, top: float, values: list[np.ndarray]) -> dict[str, Any]:
    """The panel's y axis from ``bottom`` to ``top`` (shares of the figure's height), with room for all ``values``."""
    unit = METRICS[next(iter(panel.metrics))].unit
    axis: dict[str, Any] = {
        "title": {"text": f"{panel.title}<br>({unit})", "font": {"size": 12}},
        "domain": [max(bottom, 0.0), min(top, 1.0)],
        "zeroline": False,
        "rangemode": "tozero",
    }
    if panel.angle:
        low, high, tick = angle_range(values)
        margin = 0.02 * (high - low)
        axis |= {"range": [low - margin, high + margin], "tick0": 0, "dtick": tick, "ticksuffix": "°"}
    return axis
