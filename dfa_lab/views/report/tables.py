"""What a report says of its runs in words and numbers, beside the figure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dfa_lab.experiment.history import METRICS, History
from dfa_lab.experiment.settings import Settings, extra_of
from dfa_lab.views.base import ANGLES, PANELS, value_text

#: The runs of a report, each with its name.
Runs = Sequence[tuple[str, History]]
#: Beyond these a table is no longer read; the last ones are shown.
EVENTS_SHOWN = 500
#: The results that come first, in this order.
FIRST = "test_accuracy", "test_loss", "train_loss"


@dataclass(frozen=True)
class Table:
    """A table: the first cell of a row is its heading.

    ``kinds`` are the columns, from 0, that hold a "number" or "words"; ``differs`` are the rows to mark, from 0;
    ``empty`` is said where there are no rows.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[object]]
    kinds: Mapping[int, str] = field(default_factory=dict)
    differs: Collection[int] = ()
    empty: str = ""


def _results() -> list[str]:
    """The metrics that say how well a run does: ``FIRST``, then those of the panels that are no layer's, no clock's."""
    metrics = dict.fromkeys([*FIRST, *(metric for panel in PANELS.values() for metric in panel.metrics)])
    return [one for one in metrics if not METRICS[one].per_layer and not METRICS[one].clock]


def _number(metric: str, value: float, digits: int = 4) -> str:
    if not np.isfinite(value):
        return "not finite"
    forms = {"share": f"{value:.1%}", "degrees": f"{value:.1f}°"}
    return forms.get(METRICS[metric].unit, f"{value:.{digits}g}")


def _newest(history: History, metric: str, layer: int | None = None, place: int = -1) -> str:
    """The value at a place in the record: the mean, with the sample sd where several replicas have one; "–" if none."""
    _, values = history.values(metric, layer)
    if not len(values):
        return "–"
    there = values[place][np.isfinite(values[place])]
    if not len(there):
        return "not finite"
    text = _number(metric, float(there.mean()))
    return text + (f" ± {_number(metric, float(there.std(ddof=1)), 2)}" if len(there) > 1 else "")


def summary(history: History, name: str) -> str:
    """A run in a sentence: how far it went and where it stands."""
    newest = {metric: _newest(history, metric) for metric in _results()}
    found = [f"{METRICS[metric].label} {value}" for metric, value in newest.items() if value != "–"][:2]
    first = ANGLES[0]
    angles = [f"layer {layer} {_newest(history, first, layer)}" for layer in history.layers(first)]
    found += [f"{METRICS[first].label} {', '.join(angles)}"] if angles else []
    replicas = f", {history.replicas} replicas" if history.replicas > 1 else ""
    count = len(history.changes())
    changed = f", {count} change{'s' if count > 1 else ''} on the way" if count else ""
    return f"{name}: {history.last_step:,} steps{replicas}{changed}; {'; '.join(found) or 'nothing recorded'}."


def results_table(runs: Runs) -> Table:
    """The newest values of each run."""
    several = any(history.replicas > 1 for _, history in runs)
    units = {metric: METRICS[metric].unit for metric in _results()}
    head = ["run", "steps (updates)", "training samples"]
    head += [METRICS[one].label + ("" if unit == "share" else f" ({unit})") for one, unit in units.items()]
    rows = []
    for name, run in runs:
        samples = max((series.samples[-1] for series in run.series.values() if len(series)), default=0)
        rows.append([name, f"{run.last_step:,}", f"{samples:,}", *(_newest(run, metric) for metric in units)])
    spread = ", mean ± one standard deviation over replicas" if several else ""
    return Table(f"The newest values{spread}", head, rows, _numbers(head))


def angles_table(runs: Runs) -> Table:
    """Each layer's angles to backpropagation, first and last."""
    rows = [
        [name, layer, *(_newest(run, metric, layer, place) for metric in ANGLES for place in (0, -1))]
        for name, run in runs
        for layer in sorted({layer for metric in ANGLES for layer in run.layers(metric)})
    ]
    head = ["run", "layer", *(f"{METRICS[metric].label}, {end}" for metric in ANGLES for end in ("first", "last"))]
    caption = "Angles to backpropagation, in degrees; 90° is chance"
    return Table(caption, head, rows, _numbers(head), empty="No alignment was recorded.")


def _numbers(head: Sequence[str]) -> dict[int, str]:
    return dict.fromkeys(range(1, len(head)), "number")


def changes_table(runs: Runs) -> Table:
    """Every change with its step."""
    events = [(name, event) for name, history in runs for event in history.events]
    rows = [
        [f"{event.step:,}", name, event.field, value_text(event.old), value_text(event.new)]
        for name, event in events[-EVENTS_SHOWN:]
    ]
    left_out = len(events) - len(rows)
    caption = "Each took effect after so many updates" + (f"; the first {left_out:,} are left out" if left_out else "")
    head = ["step (updates)", "run", "setting", "before", "from then on"]
    return Table(caption, head, rows, {0: "number"}, empty="Nothing was changed while it trained.")


def settings_table(runs: Runs) -> Table:
    """What each run took its first step with, and what each setting means."""
    began = [_at_first_step(history) for _, history in runs]
    rows = []
    for name in dict.fromkeys(name for settings in began for name in settings):
        about = Settings.model_fields.get(name)
        unit = f" ({extra_of(about)['unit']})" if about is not None and extra_of(about)["unit"] else ""
        meaning = about.description if about is not None else ""
        rows.append([name + unit, *(value_text(settings.get(name)) for settings in began), meaning])
    differs = [place for place, row in enumerate(rows) if len(set(row[1:-1])) > 1]
    caption = "Settings at the first step" + ("; marked: where the runs differ" if len(runs) > 1 else "")
    head = ["setting", *(name for name, _ in runs), "meaning"]
    return Table(caption, head, rows, {len(head) - 1: "words"}, differs)


def _at_first_step(history: History) -> dict[str, Any]:
    """The settings of the first step: what it began with, and what was changed before there was one."""
    return {**history.settings, **{event.field: event.new for event in history.events if event.step == 0}}
