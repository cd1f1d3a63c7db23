"""METRICS: what is measured in a run, with its label and unit. Every view and panel reads its words from here."""

from __future__ import annotations

from dataclasses import dataclass

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
    "gradient_alignment",
    Metric("gradient alignment", "degrees", "Mean over samples of the angle between the rule's delta and BP's.", True),
)
METRICS.register(
    "weight_alignment_chance",
    Metric("chance, weight alignment", "degrees", "One sd of the weight alignment of an independent matrix.", True),
)
METRICS.register(
    "gradient_alignment_chance",
    Metric("chance, gradient alignment", "degrees", "One sd of the gradient alignment over redrawn feedback.", True),
)
METRICS.register(
    "gradient_norm_ratio",
    Metric("gradient norm ratio", "ratio", "Norm of the rule's weight gradient over that of BP's.", True),
)
METRICS.register(
    "bp_gradient_norm", Metric("BP gradient norm", "norm", "Frobenius norm of BP's weight gradient.", True)
)
METRICS.register(
    "samples_per_s",
    Metric(
        "throughput", "samples/s", "Training samples a second, over all replicas together, probes left out.", clock=True
    ),
)
