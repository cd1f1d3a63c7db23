"""History: what was measured in a run, and every change with its step.

Columnar, one array a series; append-only but for ``truncate``. It knows no screen: views and widgets read it.
One thread may record while others read: a series' steps are written last, so a reader who asks for the
length first sees whole rows only.
"""

from __future__ import annotations

import hashlib
import json
import math
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.history.json_format import in_brackets, read_history, write_history
from dfa_lab.experiment.history.metrics import METRICS
from dfa_lab.experiment.history.series import Event, Series, SeriesKey

if TYPE_CHECKING:
    import pandas as pd


class History:
    """The record of one run.

    ``settings`` are the run's settings at its start (plain JSON values), ``replicas`` how many networks it trains
    side by side, ``name`` what a legend calls it, ``run_id`` a random identity. ``revision`` counts how often rows
    already read may have been taken back (see ``truncate``): a reader that keeps its place starts anew when it moves.
    """

    def __init__(
        self,
        settings: Mapping[str, Any] | None = None,
        *,
        replicas: int = 1,
        name: str = "run",
        run_id: str | None = None,
    ) -> None:
        values = dict(settings or {})
        self.settings = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        self.replicas = replicas
        self.name = name
        self.run_id = run_id or uuid.uuid4().hex
        self.revision = 0
        self.series: dict[SeriesKey, Series] = {}
        self.events: list[Event] = []

    def __repr__(self) -> str:
        return f"History({self.name!r}, steps={self.last_step}, series={len(self.series)}, events={len(self.events)})"

    @property
    def last_step(self) -> int:
        """The step of the newest row; 0 where there is none."""
        return max((series.steps[-1] for series in self.series.values() if len(series)), default=0)

    def record(
        self,
        metric: str,
        value: float | Sequence[float],
        *,
        step: int,
        samples: int,
        layer: int | None = None,
        by_hand: bool = False,
    ) -> None:
        """Append one row: a number, or one a replica. ``layer`` counts hidden layers from 1.

        A row ``by_hand`` is there for every reader, but is no part of what ``equals`` and ``digest`` compare.
        """
        if METRICS[metric].per_layer != (layer is not None):
            raise DfaLabError(
                f"metric {shown(metric)} was given layer={shown(layer)}; metrics of a layer, and only they, need one."
            )
        given = [value] * self.replicas if isinstance(value, int | float) else value
        values = [math.nan if v != v else float(v) for v in given]  # one NaN: a processor has many
        if len(values) != self.replicas:
            raise DfaLabError(
                f"metric {shown(metric)} got {len(values)} values; this history has {self.replicas} replicas."
            )
        series = self.series.setdefault((metric, layer), Series())
        if by_hand:
            series.by_hand.append(len(series))
        series.values.extend(values)
        series.samples.append(samples)
        series.steps.append(step)

    def record_layers(
        self, found: Mapping[str, Sequence[Sequence[float]]], *, step: int, samples: int, by_hand: bool = False
    ) -> None:
        """One row for each metric and layer: metric -> for each layer a number a replica."""
        for metric, columns in found.items():
            for layer, values in enumerate(columns, 1):
                self.record(metric, values, step=step, samples=samples, layer=layer, by_hand=by_hand)

    def layers(self, metric: str) -> list[int]:
        """The hidden layers that ``metric`` was recorded for, in order."""
        return sorted(layer for name, layer in list(self.series) if name == metric and layer is not None)

    def values(self, metric: str, layer: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Steps (n,) and values (n, replicas) of one series; empty where nothing was recorded."""
        if METRICS[metric].per_layer and layer is None:
            raise DfaLabError(f"metric {shown(metric)} is a hidden layer's; give layer=1 for the first.")
        series = self.series.get((metric, layer), Series())
        return series.since(0, self.replicas)

    def last(self, metric: str, layer: int | None = None) -> float | None:
        """The newest value, averaged over replicas; None where nothing was recorded."""
        _, values = self.values(metric, layer)
        return float(values[-1].mean()) if len(values) else None

    def add_change(self, step: int, fields: Mapping[str, tuple[Any, Any]]) -> None:
        """Note fields that were changed together after ``step`` updates: name -> (old, new)."""
        number = self.events[-1].change + 1 if self.events else 0
        self.events += [Event(step, name, old, new, number) for name, (old, new) in fields.items()]

    def changes(self) -> list[tuple[int, dict[str, Any]]]:
        """The event log as it was made: (step, the fields changed together with their new values), in order.

        To replay a run: train to each step, then ``change(**fields)``.
        """
        found: dict[int, tuple[int, dict[str, Any]]] = {}
        for event in list(self.events):
            found.setdefault(event.change, (event.step, {}))[1][event.field] = event.new
        return list(found.values())

    def lengths(self) -> dict[SeriesKey, int]:
        """How many rows each series has."""
        return {key: len(series) for key, series in self.series.items()}

    def truncate(self, step: int, *, changes: int | None = None, rows: Mapping[SeriesKey, int] | None = None) -> None:
        """Take back every row after ``step``, and all but the first ``changes`` changes: the run went back there.

        ``rows``, from ``lengths`` at that moment, takes back what was recorded at the step itself since.
        """
        for key, series in self.series.items():
            keep = len(series) if rows is None else min(len(series), rows.get(key, 0))
            while keep and series.steps[keep - 1] > step:
                keep -= 1
            series.cut(keep, self.replicas)
        if changes is not None:
            self.events = [event for event in self.events if event.change < changes]
        self.revision += 1

    def copy(self, name: str | None = None) -> History:
        """The same record under a new run id, to go on by itself: what a fork starts from."""
        other = History(self.settings, replicas=self.replicas, name=name or self.name)
        for key, series in list(self.series.items()):
            other.series[key] = series.copy()
        other.events = list(self.events)
        return other

    def equals(self, other: History) -> bool:
        """Whether both hold the same rows and events to the last bit.

        Clock readings, rows by hand, conventions that do not ship, names and run ids apart.
        """
        return self._comparable() == other._comparable()

    def digest(self) -> str:
        """64 hex digits over all that ``equals`` compares: two runs with the same one are the same to the last bit."""
        rows, events, replicas = self._comparable()
        total = hashlib.sha256()
        for (metric, layer), columns in sorted(rows.items(), key=lambda item: (item[0][0], item[0][1] or 0)):
            total.update(f"{metric} {layer} {len(columns[0])}\n".encode() + b"".join(columns))
        plain = [[event.step, event.field, event.old, event.new, event.change] for event in events]
        total.update(json.dumps([plain, replicas], default=in_brackets).encode())
        return total.hexdigest()

    def _comparable(self) -> tuple[Any, ...]:
        rows = {
            key: series.as_due(self.replicas)
            for key, series in self.series.items()
            if (metric := METRICS[key[0]]).compared and not metric.clock and len(series) > len(series.by_hand)
        }
        return rows, self.events, self.replicas

    def to_frame(self) -> pd.DataFrame:
        """A tidy table, a number a row: step, samples, metric, layer (empty for the network's own), replica, value."""
        import pandas as pd

        columns: dict[str, list[np.ndarray]] = {name: [] for name in ("step", "samples", "metric", "layer", "replica")}
        columns["value"] = []
        for (metric, layer), series in list(self.series.items()):
            steps, values = series.since(0, self.replicas)
            count = len(steps)
            columns["step"].append(np.repeat(steps, self.replicas))
            samples = np.array(series.samples[:count], dtype=np.int64)
            columns["samples"].append(np.repeat(samples, self.replicas))
            columns["metric"].append(np.full(count * self.replicas, metric, dtype=object))
            columns["layer"].append(np.full(count * self.replicas, np.nan if layer is None else layer))
            columns["replica"].append(np.tile(np.arange(self.replicas), count))
            columns["value"].append(values.reshape(-1))
        data = {name: np.concatenate(parts) if parts else np.array([]) for name, parts in columns.items()}
        frame = pd.DataFrame(data).astype({"layer": "Int64"})
        return frame.sort_values("step", kind="stable", ignore_index=True)

    def events_frame(self) -> pd.DataFrame:
        """One change a row: step, field, old, new."""
        import pandas as pd

        rows = [(event.step, event.field, event.old, event.new) for event in self.events]
        return pd.DataFrame(rows, columns=["step", "field", "old", "new"])

    def to_json(self) -> str:
        """The whole record as JSON text with a format version; ``from_json`` takes it back to the last bit.

        A callable among the settings has no name that a file could hold: its place takes its name in angle brackets.
        """
        return write_history(self)

    @classmethod
    def from_json(cls, text: str) -> History:
        """The record that ``to_json`` wrote. Raises ``DfaLabError`` where the text is something else."""
        return read_history(text, cls)
