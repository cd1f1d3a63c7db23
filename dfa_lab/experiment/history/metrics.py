"""METRICS: what is measured in a run, with its label and unit. Every view and panel reads its words from here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dfa_lab.learning.alignment import CONVENTIONS, DEFAULT, column
from dfa_lab.registry import Registry


@dataclass(frozen=True)
class Metric:
    """What a number means: label, unit, help; whether each hidden layer has one; whether it is a clock reading.

    What is not ``compared`` is no part of what a history's ``equals`` and ``digest`` look at.
    """

    label: str
    unit: str
    help: str
    per_layer: bool = False
    clock: bool = False
    compared: bool = True


class Metrics(Registry[Metric]):
    """The registry of metrics. A convention has its own, one that is registered later too, as long as it is there.

    A run is the same whatever else it is measured by: the metric of a convention that does not ship is not compared.
    """

    def __getitem__(self, name: str) -> Metric:
        if isinstance(name, str) and name not in self._entries:
            later = self._later()
            if name in later:
                return later[name]
        return super().__getitem__(name)

    def __iter__(self) -> Iterator[str]:
        return iter([*self._entries, *self._later()])

    def __len__(self) -> int:
        return len(self._entries) + len(self._later())

    def _later(self) -> dict[str, Metric]:
        found = {column(name): of_convention(name, compared=False) for name in list(CONVENTIONS)}
        return {name: metric for name, metric in found.items() if name not in self._entries}


def of_convention(name: str, *, compared: bool = True) -> Metric:
    """The metric of a convention."""
    label = "gradient alignment" if name == DEFAULT else f"gradient alignment ({name.replace('_', ' ')})"
    meaning = f"{CONVENTIONS[name].equation}, δ by the rule against δ by BP."
    return Metric(label, "degrees", meaning, per_layer=True, compared=compared)


METRICS = Metrics("metric")
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
for _name in CONVENTIONS:
    METRICS.register(column(_name), of_convention(_name))
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
