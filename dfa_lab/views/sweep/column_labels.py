"""The columns of a sweep's table in words, with their units, and the values of settings in words."""

from __future__ import annotations

import json
from typing import Any

from dfa_lab.experiment.history import METRICS
from dfa_lab.experiment.settings import label_of
from dfa_lab.views.base import value_words

#: Letters of a metric's label that leave its unit room on the same line.
SHORT = 26
# Columns of the table that are no setting and no metric of the run's record.
OTHERS = {"seconds": ("time of the run", "s")}


def column_label(name: str) -> str:
    """A metric with its unit, on two lines where it is long; of another column its name in words.

    >>> from dfa_lab.views.sweep import column_label
    >>> column_label("gradient_alignment_last")
    'gradient alignment, last hidden layer\\n(degrees)'
    """
    label, unit = OTHERS.get(name) or _of_metric(name)
    return f"{label}{' ' if len(label) <= SHORT else chr(10)}({unit})" if unit else label


def _of_metric(name: str) -> tuple[str, str]:
    metric, _, layer = name.rpartition("_")
    if name not in METRICS and metric in METRICS and METRICS[metric].per_layer:
        which = f"layer {layer}" if layer.isdigit() else f"{layer} hidden layer"
        return f"{METRICS[metric].label}, {which}", METRICS[metric].unit
    return (METRICS[name].label, METRICS[name].unit) if name in METRICS else (label_of(name), "")


def words_of(value: Any) -> str:
    """A setting's value in words: "aligned, angle 45", also where the table has it as JSON text."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            return value
    return "none" if value is None else value_words(value)
