"""Reproductions whose numbers are test accuracies, each a sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dfa_lab.experiment.reproductions.reproduction import REPRODUCTIONS, Measured, Reproduction, Scale

#: Training images of Fashion-MNIST and of MNIST.
IMAGES = 60_000


def steps_of(epochs: float, batch_size: int) -> int:
    """Steps that are so many times through the training images."""
    return round(epochs * IMAGES / batch_size)


def accuracies(scale: Scale, cases: Mapping[str, Mapping[str, Any]], steps: int, **settings: Any) -> Measured:
    """Test accuracy in per cent of each case, settings of its own beside those that all share."""
    from dfa_lab.experiment.sweep import sweep as train_all

    found: dict[str, Sequence[float]] = {}
    for case, own in cases.items():
        frame = train_all(
            {},
            seeds=scale.seeds,
            steps=scale.steps(steps),
            metrics=["test_accuracy"],
            folder=scale.folder,
            on_error="raise",
            progress=scale.progress,
            task=scale.task,
            **{**settings, **own},
        )
        found[case] = (100 * frame["test_accuracy"]).tolist()
    return found


def _ccl(scale: Scale) -> Measured:
    cases = {
        "bp": {"rule": "bp", "lr": 0.05},
        "fa": {"rule": "fa", "lr": 0.02},
        "dfa": {"rule": "dfa", "lr": 0.02},
        "drtp": {"rule": "drtp", "lr": 0.002},
    }
    return accuracies(scale, cases, steps_of(30, 64), widths=(256,) * 6, activation="tanh", batch_size=64)


REPRODUCTIONS.register(
    "ccl",
    Reproduction(
        title="Plain networks of six hidden layers",
        source="CCL, NeurIPS 2024, Table 1",
        about="784-256⁶-10 with tanh. SGD, batch 64, 30 epochs and a rate for each rule: ours, the paper's are others.",
        unit="accuracy, %",
        published={
            "fashion_mnist": {"bp": 89.58, "fa": 87.38, "dfa": 87.35, "drtp": 82.03},
            "mnist": {"bp": 98.19, "fa": 96.96, "dfa": 97.27, "drtp": 92.16},
        },
        tolerance=1.0,
        minutes=30,
        measure=_ccl,
    ),
)
