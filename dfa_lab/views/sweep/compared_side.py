"""One side of a comparison: the table of a sweep, or the history of a run, in one form."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dfa_lab.experiment.history import History
from dfa_lab.experiment.settings import Settings
from dfa_lab.views.base import event_line
from dfa_lab.views.sweep.column_labels import words_of
from dfa_lab.views.sweep.sweep_groups import SEEDS, checked_frame, identity, setting_columns, untrained
from dfa_lab.views.sweep.trained_part import TrainedPart, trained

if TYPE_CHECKING:
    import pandas as pd

Key = tuple[Hashable, ...]

#: Columns that say how a run went, not what it reached.
NO_METRICS = (*SEEDS, "seconds", "error")
#: How many changes of a run are listed.
LISTED = 3


@dataclass(frozen=True)
class Side:
    """One of the two: its name, a row a trained run with its settings and metrics, and what all runs share.

    Of a run ``measured_at`` has the metrics whose last value is of a step before the run's last, with that step.
    """

    name: str
    frame: pd.DataFrame
    shared: Mapping[str, Any]
    missing: str = ""
    measured_at: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, given: object, place: str) -> Side:
        """A sweep's table, or the history of a run: its settings now, and the last value of each metric a replica.

        Raises ``DfaLabError`` that says what ``place`` got, for anything else and where no run is trained yet.
        """
        if isinstance(given, History):
            return cls(name, *_rows_of_history(given), measured_at=_steps_before_the_last(given))
        frame = checked_frame(given, place)
        attrs = dict(frame.attrs)
        # Where a folder holds several sweeps, what all of them share.
        calls = [{**(one.get("settings") or {}), "steps": one.get("steps")} for one in attrs.get("sweeps") or [attrs]]
        shared = {key: one for key, one in calls[0].items() if all(same(call.get(key)) == same(one) for call in calls)}
        shared = {name: value for name, value in shared.items() if value is not None and name not in frame.columns}
        there = frame[trained(frame)]
        if not len(there):
            raise untrained(place, len(frame))
        return cls(name, there, shared, TrainedPart.of(frame).words(setting_columns(frame)))

    @property
    def settings(self) -> list[str]:
        """The settings that are columns."""
        return setting_columns(self.frame)

    @property
    def metrics(self) -> list[str]:
        """The columns of numbers that the runs reached."""
        others = (*self.settings, *NO_METRICS)
        return [str(name) for name in self.frame.columns if name not in others]

    def values(self, name: str) -> list[Any]:
        """A setting of each run; where nothing is said it has its default."""
        if name in self.frame.columns:
            return list(self.frame[name].tolist())
        default = Settings.model_fields[name].default if name in Settings.model_fields else None
        return [self.shared.get(name, default)] * len(self.frame)

    def varies(self, name: str) -> bool:
        """Whether its runs differ in a setting."""
        return len({identity(value) for value in self.values(name)}) > 1

    def groups(self, names: Sequence[str]) -> dict[Key, tuple[tuple[Any, ...], list[int]]]:
        """Identities of the settings ``names`` -> their values, and the numbers of the rows that have them."""
        columns = [self.values(name) for name in names]
        found: dict[Key, tuple[tuple[Any, ...], list[int]]] = {}
        for row in range(len(self.frame)):
            values = tuple(column[row] for column in columns)
            found.setdefault(tuple(map(same, values)), (values, []))[1].append(row)
        return found


def _rows_of_history(history: History) -> tuple[pd.DataFrame, dict[str, Any]]:
    """A row a replica: the last value of every metric; beside it the settings in force, seeds left out."""
    import pandas as pd

    settings: dict[str, Any] = {**history.settings, "steps": history.last_step}
    if events := list(history.events):
        more = f" and {len(events) - LISTED:,} more" if len(events) > LISTED else ""
        settings["changes"] = "; ".join(f"step {one.step}: {event_line(one)}" for one in events[:LISTED]) + more
    columns: dict[str, Any] = {}
    for (metric, layer), series in sorted(history.series.items(), key=lambda item: (item[0][0], item[0][1] or 0)):
        if len(series):
            columns[_column(metric, layer)] = history.values(metric, layer)[1][-1]
    each = {
        name: list(value)
        for name, value in settings.items()
        if isinstance(value, list | tuple) and name != "widths" and len(value) == history.replicas > 1
    }
    seed = settings.get("seed")
    seeds = each.get("seed") or [seed + k if isinstance(seed, int) else k for k in range(history.replicas)]
    left_out = {"replicas", *SEEDS, *each}
    frame = pd.DataFrame({**{name: one for name, one in each.items() if name not in SEEDS}, "seed": seeds, **columns})
    return frame, {name: value for name, value in settings.items() if name not in left_out}


def _steps_before_the_last(history: History) -> dict[str, int]:
    """The columns whose last value is of a step before the run's last, with that step."""
    steps = {_column(*key): series.steps[-1] for key, series in history.series.items() if len(series)}
    return {column: step for column, step in steps.items() if step < history.last_step}


def _column(metric: str, layer: int | None) -> str:
    return metric if layer is None else f"{metric}_{layer}"


def same(value: Any) -> Hashable:
    """The same for values that mean the same, whatever a table, a file or a setting made of them."""
    if isinstance(value, Mapping) or (isinstance(value, str) and value.startswith("{")):
        return words_of(value)
    return identity(list(value) if isinstance(value, tuple) else value)
