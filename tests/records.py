"""Histories made of random numbers, and what the tests read back from a figure or from axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from dfa_lab.experiment.history.history import History

STEPS = (0, 10, 20, 30, 40)


def make(name: str = "dfa", *, replicas: int = 1, layers: int = 2, seed: int = 0, accuracy: bool = True) -> History:
    random = np.random.default_rng(seed)
    history = History(replicas=replicas, name=name)
    for step in STEPS:
        at = {"step": step, "samples": 32 * step}
        history.record("train_loss", [*random.uniform(1, 2, replicas)], **at)
        history.record("test_loss", [*random.uniform(1, 2, replicas)], **at)
        if accuracy:
            history.record("test_accuracy", [*random.uniform(0, 1, replicas)], **at)
        history.record("samples_per_s", [*random.uniform(1e4, 2e4, replicas)], **at)
        for layer in range(1, layers + 1):
            history.record("weight_alignment", [*random.uniform(70, 85, replicas)], layer=layer, **at)
            history.record("gradient_alignment", [*random.uniform(50, 85, replicas)], layer=layer, **at)
    return history


def trace(fig: Any, name: str) -> Any:
    (found,) = [one for one in fig.data if one.name == name]
    return found


def mean(history: History, metric: str, layer: int | None = None) -> np.ndarray:
    return history.values(metric, layer)[1].mean(axis=1)


def lines(ax: Axes) -> list[Any]:
    return [line for line in ax.lines if str(line.get_gid()).startswith("run ")]
