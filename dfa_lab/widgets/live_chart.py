"""LiveChart: four linked panels that draw a run while it trains. It sends what a History holds and computes nothing.

A message is a JSON header and one buffer of float64. The header's ``series`` say what lies in the buffer, one after
another: n steps, n values (the mean over replicas), and n standard deviations where there are replicas.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import numpy as np

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.history import History, Series, SeriesKey
from dfa_lab.widgets.panels import PANELS, event_label
from dfa_lab.widgets.routes import forget_route
from dfa_lab.widgets.thinning import thin

STATIC = Path(__file__).parent / "static"
if not (STATIC / "live_chart.js").is_file():
    raise DfaLabError(
        "the live chart's JavaScript is not built, which installing does: run `pip install -e .` (or `make lab`) "
        "in the repository, and start Python again."
    )

POINTS_A_MESSAGE = 1000
"""The most points of one series that a message holds, whatever the run's length."""
EVENTS_A_MESSAGE = 200
"""The most events a message holds; of more the newest count."""


class LiveChart(anywidget.AnyWidget):
    """Alignment, loss, accuracy and throughput of one run, drawn in the browser as it trains.

    ``show`` is all there is to call, from one thread; the browser may reload at any time and is given everything again.
    ``on_hello`` is called, if set, when a page has opened the chart.
    """

    _esm = STATIC / "live_chart.js"
    _css = STATIC / "live_chart.css"

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._hello = threading.Event()
        self._history: History | None = None
        self._revision = 0
        self._rows: dict[SeriesKey, int] = {}
        self._events = 0
        self._status: dict[str, str] = {}
        self._number = 0
        self._metrics = {metric for panel in PANELS for metric in panel.metrics}
        self.on_hello: Callable[[], None] | None = None
        self.on_msg(self._listen)

    def __repr__(self) -> str:
        return "LiveChart()"

    @property
    def wants_snapshot(self) -> bool:
        """Whether a browser has opened the chart, or lost a message, and waits for everything at the next ``show``."""
        return self._hello.is_set()

    def show(self, history: History, status: Mapping[str, str]) -> bool:
        """Send what is new in ``history`` and ``status`` in one message; return whether there was anything.

        ``status`` is shown above the panels: state, step, samples, settings, error, each a text. Everything is sent
        anew, thinned, where the browser asks for it, ``history`` is another object than last time, or its ``revision``
        moved. Call it from one thread at a time.
        """
        asked = self._hello.is_set()
        self._hello.clear()
        # Read before the rows: a truncation in between is then seen at the next call.
        revision = history.revision
        snapshot = asked or history is not self._history or revision != self._revision
        if snapshot:
            self._history, self._revision = history, revision
            self._rows, self._events = {}, 0
        chunks, buffer = self._new_rows(history)
        events = history.events[self._events :]
        self._events += len(events)
        changed = dict(status) != self._status
        if not (snapshot or chunks or events or changed):
            return False
        self._status = dict(status)
        self._number += 1
        header: dict[str, Any] = {
            "type": "snapshot" if snapshot else "rows",
            "number": self._number,
            "series": chunks,
            "events": [{"step": e.step, "label": event_label(e)} for e in events[-EVENTS_A_MESSAGE:]],
        }
        if snapshot or changed:
            header["status"] = self._status
        if snapshot:
            header |= {"run": history.run_id, "spread": history.replicas > 1}
            header["panels"] = [panel.description() for panel in PANELS]
        self.send(header, [buffer])
        forget_route(self)
        return True

    def _new_rows(self, history: History) -> tuple[list[dict[str, Any]], bytes]:
        """What each series has gained since it was last read: a description of each, and all their numbers."""
        chunks: list[dict[str, Any]] = []
        columns: list[np.ndarray] = []
        for key, series in list(history.series.items()):
            if key[0] not in self._metrics:
                continue
            start = self._rows.get(key, 0)
            steps, values, gained = _read(series, start, history.replicas)
            if not gained:
                continue
            self._rows[key] = start + gained
            columns += [steps, *values]
            chunks.append({"metric": key[0], "layer": key[1], "count": len(steps)})
        return chunks, np.concatenate(columns).tobytes() if columns else b""

    def _listen(self, _widget: object, content: Mapping[str, Any], _buffers: object) -> None:
        if isinstance(content, Mapping) and content.get("type") == "hello":
            self._hello.set()
            if self.on_hello is not None:
                self.on_hello()


def _read(series: Series, start: int, replicas: int) -> tuple[np.ndarray, list[np.ndarray], int]:
    """Steps, columns (mean; sd where there are replicas) and number of the rows from ``start`` on, thinned."""
    steps, values = series.since(start, replicas)
    gained = min(len(steps), len(values))  # unequal where the trainer takes rows back at this very moment
    steps, values = steps[:gained].astype(np.float64), values[:gained]
    mean = values.mean(axis=1)
    columns = [mean, values.std(axis=1, ddof=1)] if replicas > 1 else [mean]
    keep = thin(steps, mean, POINTS_A_MESSAGE)
    return steps[keep], [column[keep] for column in columns], gained
