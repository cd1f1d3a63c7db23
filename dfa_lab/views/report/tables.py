"""Tables: what a report says of its runs in words and numbers, beside the figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dfa_lab.experiment.history import METRICS, History
from dfa_lab.experiment.settings import Settings, extra_of
from dfa_lab.views.base import value_text
from dfa_lab.views.report.html import Row, table

#: Beyond these a table is no longer read; the last ones are shown.
EVENTS_SHOWN = 500
#: What the table of results has, where it was recorded.
SHARE = "test_accuracy"
RESULTS = (SHARE, "test_loss", "train_loss")
ANGLES = ("weight_alignment", "gradient_alignment")


def _number(metric: str, value: float, digits: int = 4) -> str:
    if not np.isfinite(value):
        return "not finite"
    if metric == SHARE:
        return f"{value:.1%}"
    return f"{value:.1f}°" if METRICS[metric].unit == "degrees" else f"{value:.{digits}g}"


def _newest(history: History, metric: str, layer: int | None = None, place: int = -1) -> str:
    """The value at a place in the record: the mean, with the sample sd where several replicas have one; "–" if none."""
    if metric not in METRICS:
        return "–"
    _, values = history.values(metric, layer)
    if not len(values):
        return "–"
    there = values[place][np.isfinite(values[place])]
    if not len(there):
        return "not finite"
    text = _number(metric, float(there.mean()))
    return text + (f" ± {_number(metric, float(there.std(ddof=1)), 2)}" if len(there) > 1 else "")


def _samples(history: History) -> int:
    return max((series.samples[-1] for series in history.series.values() if len(series)), default=0)


def summary(histories: Sequence[History], names: Sequence[str]) -> list[str]:
    """Each run in a sentence: how far it went and where it stands."""
    sentences = []
    for history, name in zip(histories, names, strict=True):
        parts = [f"{METRICS[metric].label} {_newest(history, metric)}" for metric in RESULTS]
        found = [part for part in parts if not part.endswith("–")][:2]
        angles = ", ".join(
            f"layer {layer} {_newest(history, 'weight_alignment', layer)}"
            for layer in history.layers("weight_alignment")
        )
        found += [f"weight alignment {angles}"] if angles else []
        replicas = f", {history.replicas} replicas" if history.replicas > 1 else ""
        count = len(history.changes())
        changed = f", {count} change{'s' if count > 1 else ''} on the way" if count else ""
        sentences.append(
            f"{name}: {history.last_step:,} steps{replicas}{changed}; {'; '.join(found) or 'nothing recorded'}."
        )
    return sentences


def results_table(histories: Sequence[History], names: Sequence[str]) -> str:
    """The newest values of each run."""
    several = any(history.replicas > 1 for history in histories)
    head = ["run", "steps (updates)", "training samples"]
    head += [METRICS[one].label + ("" if one == SHARE else f" ({METRICS[one].unit})") for one in RESULTS]
    rows = [
        Row([name, f"{run.last_step:,}", f"{_samples(run):,}", *(_newest(run, metric) for metric in RESULTS)])
        for run, name in zip(histories, names, strict=True)
    ]
    spread = ", mean ± one standard deviation over replicas" if several else ""
    return table(f"The newest values{spread}", head, rows, numbers=range(1, len(head)))


def angles_table(histories: Sequence[History], names: Sequence[str]) -> str:
    """Each layer's angles to backpropagation, first and last."""
    rows = []
    for history, name in zip(histories, names, strict=True):
        for layer in sorted({layer for metric in ANGLES for layer in history.layers(metric)}):
            ends = [_newest(history, metric, layer, place) for metric in ANGLES for place in (0, -1)]
            rows.append(Row([name, layer, *ends]))
    if not rows:
        return "<p class='soft'>No alignment was recorded.</p>"
    head = ["run", "layer", *(f"{METRICS[metric].label}, {end}" for metric in ANGLES for end in ("first", "last"))]
    return table("Angles to backpropagation, in degrees; 90° is chance", head, rows, numbers=range(1, len(head)))


def changes_table(histories: Sequence[History], names: Sequence[str]) -> str:
    """Every change with its step."""
    events = [(name, event) for history, name in zip(histories, names, strict=True) for event in history.events]
    if not events:
        return "<p class='soft'>Nothing was changed while it trained.</p>"
    rows = [
        Row([f"{event.step:,}", name, event.field, value_text(event.old), value_text(event.new)])
        for name, event in events[-EVENTS_SHOWN:]
    ]
    left_out = len(events) - len(rows)
    caption = "Each took effect after so many updates" + (f"; the first {left_out:,} are left out" if left_out else "")
    return table(caption, ["step (updates)", "run", "setting", "before", "from then on"], rows, numbers=[0])


def _at_first_step(history: History) -> dict[str, Any]:
    """The settings of the first step: what it began with, and what was changed before there was one."""
    return {**history.settings, **{event.field: event.new for event in history.events if event.step == 0}}


def settings_table(histories: Sequence[History], names: Sequence[str]) -> str:
    """What each run took its first step with, and what each setting means."""
    began = [_at_first_step(history) for history in histories]
    fields = list(dict.fromkeys(name for settings in began for name in settings))
    rows = []
    for name in fields:
        values = [value_text(settings.get(name)) for settings in began]
        field = Settings.model_fields.get(name)
        unit = str(extra_of(field)["unit"]) if field is not None else ""
        meaning = str(field.description) if field is not None else ""
        rows.append(Row([f"{name} ({unit})" if unit else name, *values, meaning], differs=len(set(values)) > 1))
    caption = "Settings at the first step" + ("; marked: where the runs differ" if len(histories) > 1 else "")
    return table(caption, ["setting", *names, "meaning"], rows, words=len(names) + 1)
