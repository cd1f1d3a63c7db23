"""SweepMetric: a number that a sweep keeps of each run, and the columns that metrics by name become."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dfa_lab.errors import DfaLabError, shown, unknown_name
from dfa_lab.experiment.history import METRICS
from dfa_lab.experiment.settings import Settings

#: What is kept where nothing is asked for.
DEFAULTS = ("test_accuracy", "test_loss", "train_loss", "gradient_alignment_first", "gradient_alignment_last")
ENDS = FIRST, LAST = "first", "last"
#: Columns beside the settings that tell runs apart, where several sweeps share a folder.
SWEEP_COLUMNS = STEPS, SWEEP = "steps", "sweep"
#: Columns that a metric cannot be called, since the table has them anyway.
TAKEN = (*Settings.model_fields, *SWEEP_COLUMNS, "seconds", "error")


@dataclass(frozen=True)
class SweepMetric:
    """A column of a sweep: ``metric`` of METRICS, of hidden ``layer`` where it is a layer's, or a function of the run.

    ``layer`` is "first", "last" or a layer's number from 1. The ``function`` takes the run as an ``Experiment`` that
    stands at its last step.
    """

    column: str
    metric: str = ""
    layer: str = ""
    function: Callable[..., Any] | None = None

    @property
    def aligned(self) -> bool:
        """Whether it is measured with the angles, and not with the loss."""
        return bool(self.metric) and METRICS[self.metric].per_layer


def sweep_metrics(given: Any) -> list[SweepMetric]:
    """What a user gave: None, a name, a function, a list of them, or a mapping of columns to them."""
    if given is None:
        given = DEFAULTS
    if isinstance(given, str) or callable(given):
        given = [given]
    if isinstance(given, Mapping):
        found = [_named(str(name), one) for name, one in given.items()]
    elif isinstance(given, Sequence):
        found = [one for part in given for one in _columns(part)]
    else:
        raise DfaLabError(f"metrics was given as {shown(given)}; expected names of metrics, functions, or None.")
    names = [one.column for one in found]
    if double := next((name for name in names if names.count(name) > 1 or name in TAKEN), None):
        raise DfaLabError(
            f"metrics has a column {shown(double)} twice, or one that the table has by itself; "
            "give a mapping of columns' names to metrics."
        )
    return found


def _columns(given: Any) -> list[SweepMetric]:
    if not isinstance(given, str):
        return [_named(getattr(given, "__name__", type(given).__name__).strip("<>"), given)]
    metric, layer = _split(given)
    if METRICS[metric].per_layer and not layer:
        return [SweepMetric(f"{metric}_{one}", metric, one) for one in (FIRST, LAST)]
    return [SweepMetric(given, metric, layer)]


def _named(column: str, given: Any) -> SweepMetric:
    if callable(given):
        return SweepMetric(column, function=given)
    if not isinstance(given, str):
        raise DfaLabError(f"metric {shown(column)} was given as {shown(given)}; expected a name or a function.")
    metric, layer = _split(given)
    if METRICS[metric].per_layer and not layer:
        raise DfaLabError(f"{metric} is a hidden layer's; give {metric}_first, {metric}_last or {metric}_1.")
    return SweepMetric(column, metric, layer)


def _split(name: str) -> tuple[str, str]:
    """The metric and the layer in a name such as "gradient_alignment_first"."""
    metric, _, layer = name.rpartition("_")
    numbered = layer in ENDS or (layer.isdigit() and int(layer) > 0)
    if name not in METRICS and numbered and metric in METRICS and METRICS[metric].per_layer:
        return metric, layer
    known = [one for one in METRICS if not METRICS[one].clock]
    if name not in known:
        raise unknown_name("metric", name, [*known, *DEFAULTS[-2:]])
    return name, ""
