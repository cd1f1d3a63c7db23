"""History: what was measured in a run, and every change with its step.

Columnar, one array a series; append-only but for ``truncate``. One thread may record while others read: a series' steps
are written last, so a reader who asks for the length first sees whole rows only.
"""

from __future__ import annotations

import hashlib
import json
import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.history.json_format import in_brackets, read_history, write_history
from dfa_lab.experiment.history.listeners import Listener, Listeners, Row
from dfa_lab.experiment.history.metrics import METRICS
from dfa_lab.experiment.history.series import Event, Series, SeriesKey
from dfa_lab.html_table import curve, degrees, number, table

if TYPE_CHECKING:
    import pandas as pd


#: What a table of a history shows.
SHOWN = ("train_loss", "test_loss", "test_accuracy", "weight_alignment", "gradient_alignment")


class History:
    """The record of one run.

    ``settings`` are the run's settings at its start (plain JSON values), ``replicas`` how many networks it trains
    side by side, ``name`` what a legend calls it, ``run_id`` a random identity. ``revision`` counts calls of
    ``truncate``: a reader that keeps its place starts again when it has changed.

    >>> import dfa_lab as dfa
    >>> history = dfa.History()
    >>> history.record("train_loss", 0.5, step=10, samples=640)
    >>> history.last("train_loss"), history.last_step
    (0.5, 10)
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
        if not isinstance(name, str):
            raise DfaLabError(f"a run's name was given as {shown(name)}; expected a text.")
        self.settings = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        self.replicas = replicas
        self.name = name
        self.run_id = run_id or uuid.uuid4().hex
        self.revision = 0
        self.series: dict[SeriesKey, Series] = {}
        self.events: list[Event] = []
        self._listeners = Listeners()

    def __repr__(self) -> str:
        return f"History({self.name!r}, steps={self.last_step}, series={len(self.series)}, events={len(self.events)})"

    def _repr_html_(self) -> str:
        """The loss, the accuracy and the angles, each with its curve; no clock reading, so it is the same each time."""
        keys: list[SeriesKey] = [(metric, layer) for metric in SHOWN for layer in (None, *self.layers(metric))]
        rows: list[list[object]] = []
        for metric, layer in keys:
            steps, values = self.series.get((metric, layer), Series()).since(0, self.replicas)
            if len(steps):
                means = values.mean(1).tolist()
                said = degrees(means[-1]) if METRICS[metric].unit == "degrees" else number(means[-1])
                whose = "" if layer is None else f"layer {layer}"
                rows.append([METRICS[metric].label, whose, said, curve(means, steps.tolist())])
        caption = f"{self.name}: {self.last_step:,} steps, {len(self.events)} changes"
        return table(["metric", "", "last", "from the first step to the last"], rows, caption)

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

        ``equals`` and ``digest`` leave out a row ``by_hand``.
        """
        if METRICS[metric].per_layer != (layer is not None):
            raise DfaLabError(
                f"metric {shown(metric)} was given layer={shown(layer)}; metrics of a layer, and only they, need one."
            )
        given = [value] * self.replicas if isinstance(value, int | float) else value
        values = [math.nan if v != v else float(v) for v in given]  # one NaN: a processor has many
        if len(values) != self.replicas:
            words = f"{len(values)} values; this history has {self.replicas} replicas"
            raise DfaLabError(f"metric {shown(metric)} got {words}.")
        series = self.series.setdefault((metric, layer), Series())
        if by_hand:
            series.by_hand.append(len(series))
        series.values.extend(values)
        series.samples.append(samples)
        series.steps.append(step)
        if self._listeners.all:
            self._listeners.tell(Row(metric, layer, step, samples, tuple(values)))

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with each ``Row`` that is recorded from now on; return a function that ends it.

        It is called in the thread that trains, which waits for it. One that raises is called no more, with a warning.
        A copy, a fork and a file have no listeners, nor has the new history that a reset of the run begins. Where a
        diverged run goes back, the rows that it drops were given.

        >>> import dfa_lab as dfa
        >>> run, seen = dfa.Experiment(task="moons", widths=(8,)), []
        >>> end = run.history.listen(lambda row: seen.append((row.name, row.step)))
        >>> run.train(10).last_step, ("train_loss", 10) in seen, ("weight_alignment/1", 8) in seen
        (10, True, True)
        """
        return self._listeners.add(listener)

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

    def newest(self, metric: str, layer: int | None = None, replica: int = 0) -> tuple[int, float] | None:
        """The step and one replica's value of the newest row; None where nothing was recorded.

        >>> import dfa_lab as dfa
        >>> history = dfa.History(replicas=2)
        >>> history.record("train_loss", [0.5, 0.25], step=10, samples=640)
        >>> history.newest("train_loss", replica=1)
        (10, 0.25)
        """
        series = self.series.get((metric, layer))
        rows = 0 if series is None else len(series)
        if series is None or not rows:
            return None
        return series.steps[rows - 1], series.values[(rows - 1) * self.replicas + replica]

    def add_change(self, step: int, fields: Mapping[str, tuple[Any, Any]]) -> None:
        """Record fields that were changed together after ``step`` updates: name -> (old, new)."""
        number = self.events[-1].change + 1 if self.events else 0
        self.events += [Event(step, name, old, new, number) for name, (old, new) in fields.items()]

    def changes(self) -> list[tuple[int, dict[str, Any]]]:
        """The event log in order: (step, the fields changed together with their new values).

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
        """Drop every row after ``step``, and all but the first ``changes`` changes, because the run went back there.

        ``rows``, from ``lengths`` at that moment, also drops what was recorded at the step itself since.
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
        """The same record under a new run id, which a fork continues."""
        other = History(self.settings, replicas=self.replicas, name=name or self.name)
        for key, series in list(self.series.items()):
            other.series[key] = series.copy()
        other.events = list(self.events)
        return other

    def equals(self, other: History) -> bool:
        """Whether both hold the same rows and events to the last bit.

        Clock readings, rows by hand, conventions that a user registered, names and run ids do not count.
        """
        return self._comparable() == other._comparable()

    def digest(self) -> str:
        """64 hex digits over all that ``equals`` compares."""
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

        parts: list[tuple[np.ndarray, ...]] = []
        for (metric, layer), series in list(self.series.items()):
            steps, values = series.since(0, self.replicas)
            rows, samples = values.size, np.array(series.samples[: len(steps)], dtype=np.int64)
            parts.append(
                (
                    *(np.repeat(column, self.replicas) for column in (steps, samples)),
                    np.full(rows, metric, dtype=object),
                    np.full(rows, np.nan if layer is None else layer),
                    np.tile(np.arange(self.replicas), len(steps)),
                    values.reshape(-1),
                )
            )
        columns = map(np.concatenate, zip(*parts, strict=True)) if parts else [np.array([])] * 6
        names = ("step", "samples", "metric", "layer", "replica", "value")
        frame = pd.DataFrame(dict(zip(names, columns, strict=True))).astype({"layer": "Int64"})
        return frame.sort_values("step", kind="stable", ignore_index=True)

    def events_frame(self) -> pd.DataFrame:
        """One change a row: step, field, old, new."""
        import pandas as pd

        rows = [(event.step, event.field, event.old, event.new) for event in self.events]
        return pd.DataFrame(rows, columns=["step", "field", "old", "new"])

    def to_json(self) -> str:
        """The whole record as JSON text with a format version; ``from_json`` reads it back to the last bit.

        A callable among the settings is written as its name in angle brackets.
        """
        return write_history(self)

    @classmethod
    def from_json(cls, text: str) -> History:
        """The record that ``to_json`` wrote. Raises ``DfaLabError`` where the text is something else."""
        return read_history(text, cls)
