"""METRICS: what is measured in a run, with its label and unit. Every view and panel reads its words from here."""

from __future__ import annotations

from dataclasses import dataclass

from dfa_lab.learning.conventions import CONVENTIONS, DEFAULT, column
from dfa_lab.registry import Registry


@dataclass(frozen=True)
class Metric:
    """What a number means: label, unit, help; whether each hidden layer has one; whether it is a clock reading."""

    label: str
    unit: str
    help: str
    per_layer: bool = False
    clock: bool = False


METRICS: Registry[Metric] = Registry("metric")
METRICS.register(
    "train_loss", Metric("training loss", "nats or squared units", "Mean batch loss since the row before.")
)
METRICS.register("test_loss", Metric("test loss", "nats or squared units", "Loss over the whole test split."))
METRICS.register("test_accuracy", Metric("test accuracy", "share", "Share of the test split classified rightly, 0–1."))
METRICS.register(
    "weight_alignment",
    Metric("weight alignment", "degrees", "Angle between the matrix that carries the signal and BP's own.", True),
)
METRICS.register(
    "weight_alignment_chance",
    Metric("chance, weight alignment", "degrees", "One sd of the weight alignment of an independent matrix.", True),
)
METRICS.register(
    "feedback_product_alignment",
    Metric("feedback product alignment", "degrees", "Angle between W_l and B_l B_{l−1}ᵀ under a direct rule.", True),
)
METRICS.register(
    "signal_alignment",
    Metric("signal alignment", "degrees", "Mean over samples of the angle between what is heard and BP's.", True),
)
for _name, _convention in CONVENTIONS.items():
    METRICS.register(
        column(_name),
        Metric(
            "gradient alignment" if _name == DEFAULT else f"gradient alignment ({_name.replace('_', ' ')})",
            "degrees",
            f"{_convention.equation}, δ by the rule against δ by BP.",
            True,
        ),
    )
METRICS.register(
    "gradient_alignment_sd",
    Metric("gradient alignment, sd", "degrees", "Sd over samples of a sample's gradient angle.", True),
)
METRICS.register(
    "gradient_alignment_chance",
    Metric("chance, gradient alignment", "degrees", "One sd of the gradient alignment over redrawn feedback.", True),
)
METRICS.register(
    "gradient_alignment_chance_mean",
    Metric("chance, mean gradient alignment", "degrees", "Mean gradient alignment over redrawn feedback.", True),
)
METRICS.register(
    "gradient_norm_ratio",
    Metric("gradient norm ratio", "ratio", "Norm of the rule's weight gradient over that of BP's.", True),
)
METRICS.register(
    "bp_gradient_norm", Metric("BP gradient norm", "norm", "Frobenius norm of BP's weight gradient.", True)
)
METRICS.register(
    "at_floor",
    Metric(
        "BP at the numerical floor", "0 or 1", "BP's delta is made of rounding errors: its angles say nothing.", True
    ),
)
METRICS.register(
    "samples_per_s",
    Metric(
        "throughput", "samples/s", "Training samples a second, over all replicas together, probes left out.", clock=True
    ),
)
METRICS.register(
    "bp_samples_per_s",
    Metric(
        "BP's throughput",
        "samples/s",
        "Training samples a second that BP's update makes at this batch size.",
        clock=True,
    ),
)
