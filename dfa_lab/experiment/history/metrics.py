"""METRICS: what is measured in a run. Every view and panel reads labels, units and help from here."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.learning.alignment import CONVENTIONS, DEFAULT, column
from dfa_lab.registry import Registry

#: What follows the name of an angle in the name of its sd by chance.
CHANCE = "_chance"


@dataclass(frozen=True)
class Metric:
    """What a number means: label, unit, help; whether each hidden layer has one; whether it is a clock reading.

    ``History.equals`` and ``digest`` leave out a metric that is not ``compared``.
    """

    label: str
    unit: str
    help: str
    per_layer: bool = False
    clock: bool = False
    compared: bool = True


class Metrics(Registry[Metric]):
    """The registry of metrics. A convention that is registered has a metric as long as it is registered.

    It is not ``compared``: a run is the same whatever else measures it.

    >>> import dfa_lab as dfa
    >>> dfa.METRICS["weight_alignment"].unit
    'degrees'
    """

    def check_entry(self, name: str, entry: Metric) -> None:
        """Raise ``DfaLabError`` for what is no ``Metric``."""
        if not isinstance(entry, Metric):
            raise DfaLabError(
                f"metric {shown(name)} was given as {_named(entry)}; expected a Metric, which says what a "
                "number of every run's history means. A number of a sweep's alone is a function of the run: "
                "dfa.sweep(…, metrics=[…])."
            )

    def __getitem__(self, name: str) -> Metric:
        if (
            isinstance(name, str)
            and name not in self._entries
            and name in (others := self._of_registered_conventions())
        ):
            return others[name]
        return super().__getitem__(name)

    def __iter__(self) -> Iterator[str]:
        return iter([*self._entries, *self._of_registered_conventions()])

    def __len__(self) -> int:
        return len(self._entries) + len(self._of_registered_conventions())

    def _of_registered_conventions(self) -> dict[str, Metric]:
        found = {column(name): of_convention(name, compared=False) for name in list(CONVENTIONS)}
        return {name: metric for name, metric in found.items() if name not in self._entries}


def _angle(label: str, meaning: str, *, compared: bool = True) -> Metric:
    return Metric(label, "degrees", meaning, per_layer=True, compared=compared)


def of_convention(name: str, *, compared: bool = True) -> Metric:
    """The metric of a convention."""
    label = "gradient alignment" if name == DEFAULT else f"gradient alignment ({name.replace('_', ' ')})"
    return _angle(label, f"{CONVENTIONS[name].equation}, δ by the rule against δ by BP.", compared=compared)


_LOSS = "nats or squared units"
_TABLE = {
    "train_loss": Metric("training loss", _LOSS, "Mean batch loss since the row before."),
    "test_loss": Metric("test loss", _LOSS, "Loss over the whole test split."),
    "test_accuracy": Metric("test accuracy", "share", "Share of the test split classified rightly, 0–1."),
    "weight_alignment": _angle("weight alignment", "Angle between the matrix that carries the signal and BP's own."),
    "weight_alignment_chance": _angle(
        "chance, weight alignment", "One sd of the weight alignment of an independent matrix."
    ),
    "feedback_product_alignment": _angle(
        "feedback product alignment", "Angle between W_l and B_l B_{l−1}ᵀ under a direct rule."
    ),
    "signal_alignment": _angle("signal alignment", "Mean over samples of the angle between what is received and BP's."),
    **{column(name): of_convention(name) for name in CONVENTIONS},
    "gradient_alignment_sd": _angle("gradient alignment, sd", "Sd over samples of a sample's gradient angle."),
    "gradient_alignment_chance": _angle(
        "chance, gradient alignment", "One sd of the gradient alignment over redrawn feedback."
    ),
    "gradient_alignment_chance_mean": _angle(
        "chance, mean gradient alignment", "Mean gradient alignment over redrawn feedback."
    ),
    "gradient_norm_ratio": Metric(
        "gradient norm ratio", "ratio", "Norm of the rule's weight gradient over that of BP's.", True
    ),
    "bp_gradient_norm": Metric("BP gradient norm", "norm", "Frobenius norm of BP's weight gradient.", True),
    "at_floor": Metric(
        "BP at the numerical floor", "0 or 1", "BP's delta is made of rounding errors: its angles say nothing.", True
    ),
    "untrained_similarity": Metric(
        "similarity to the untrained network",
        "0 to 1",
        "Linear CKA of a hidden layer now and in the network that the run began from; only where it was asked for.",
        per_layer=True,
        compared=False,
    ),
    "samples_per_s": Metric(
        "throughput", "samples/s", "Training samples a second, over all replicas together, probes left out.", clock=True
    ),
    "bp_samples_per_s": Metric(
        "BP's throughput",
        "samples/s",
        "Training samples a second that BP's update makes at this batch size.",
        clock=True,
    ),
}
METRICS = Metrics("metric")
for _name, _metric in _TABLE.items():
    METRICS.register(_name, _metric)


def angle_metrics() -> list[str]:
    """The registered metrics that are an angle of each layer: in degrees, and no chance or ``_sd`` of another one."""
    return [
        name
        for name, metric in METRICS.items()
        if metric.per_layer and metric.unit == "degrees" and CHANCE not in name and not name.endswith("_sd")
    ]


def _named(entry: object) -> str:
    """What was given in place of a metric: a function by its name."""
    return f"the function {entry.__name__}" if inspect.isroutine(entry) else shown(entry)
