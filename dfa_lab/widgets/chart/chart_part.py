"""The curves: linked panels that draw runs while they train. Sends what a History holds and computes nothing.

A message is a JSON header and one buffer of float64. The header's ``series`` say what lies in the buffer, one after
another: n steps, n values (the mean over replicas), and n standard deviations where there are replicas. ``run`` in a
series or an event is the run's place in the snapshot's ``runs``; without it the first run is meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.history import History, SeriesKey
from dfa_lab.experiment.runner import LaneStatus
from dfa_lab.views.base import PANELS, Panel, event_text, run_colour
from dfa_lab.widgets.chart.chart_panels import description, metrics
from dfa_lab.widgets.chart.new_rows import BP_SPEED, Rows
from dfa_lab.widgets.kernel import PagePart

#: A message holds at most so many points of a series, whatever the run's length; with several runs fewer, at the least
#: ``FEWEST_POINTS``.
POINTS_A_MESSAGE, FEWEST_POINTS = 1000, 250
#: It holds at most so many events, the newest, with labels of at most so many characters.
EVENTS_A_MESSAGE, LABEL_LENGTH = 200, 36


@dataclass(frozen=True)
class Shown:
    """A run on the chart: its history, what the legend calls it, and how it is drawn.

    A ``faint`` run (a pinned one) is thin and pale, lies behind the others and has no markers. ``colour`` is
    ``#rrggbb``; where it is left out the run has the palette's colour of its place on the chart. A run that does not
    ``classify`` has no accuracy. ``compared`` says that its throughput is timed in turn with BP's. ``since`` is the
    step at which a fork left the run that it comes from, None for no fork: its curves begin there, for what was before
    is the other's. ``inherited`` says how many rows of each series are the other's, where that is known.
    """

    history: History
    name: str
    faint: bool = False
    colour: str | None = None
    classify: bool = True
    compared: bool = False
    since: int | None = None
    inherited: Mapping[SeriesKey, int] = field(default_factory=dict)

    @classmethod
    def of_lane(cls, lane: LaneStatus, history: History, name: str, **look: Any) -> Shown:
        """The curves of a lane: those of a fork begin where it left the other run."""
        since = lane.forked_at if lane.number else None
        return cls(history, name, since=since, inherited=lane.inherited, **look)

    @classmethod
    def pinned(cls, lane: LaneStatus, history: History) -> Shown:
        """A faint line of a lane as it was."""
        compared = (BP_SPEED, None) in history.series
        return cls.of_lane(lane, history, history.name, faint=True, classify=False, compared=compared)

    def description(self, place: int) -> dict[str, Any]:
        """What the browser needs to know of the run at ``place`` on the chart, from 0."""
        colour, several = self.colour or run_colour(place), self.history.replicas > 1
        return {"name": self.name, "id": self.history.run_id, "faint": self.faint, "colour": colour, "spread": several}


class ChartPart(PagePart):
    """Alignment, loss, accuracy and throughput of one run or several, drawn in the browser as they train.

    ``show`` is all there is to call, from one thread; the browser may reload at any time and is given everything again.
    ``panels`` are the names of those that are drawn, in this order; None draws all of ``PANELS`` that fit the runs.
    ``focus`` leads the eye to a step. Raises ``DfaLabError`` for an unknown panel.
    """

    name = "chart"

    def __init__(self, panels: Sequence[str] | None = None) -> None:
        super().__init__()
        self._panels = None if panels is None else [PANELS[name] for name in panels]
        self._runs: list[Shown] = []
        self._rows: list[Rows] = []
        self._sent: list[Panel] = []
        self._status: dict[str, str] = {}
        self._diverged: int | None = None
        self._session = 0
        self._layers = self._angle = ""

    def begin_anew(self, layers: str = "", angle: str = "") -> None:
        """The runs to come have nothing in common with those before: what the page hid and chose is over.

        Until the page's user chooses, it shows these ``layers`` ("all", "ends", "mean" or a number as text) and this
        ``angle`` alone, a metric; "" leaves it to the page.
        """
        self._session += 1
        self._layers, self._angle = layers, angle

    def show(self, runs: History | Sequence[Shown], status: Mapping[str, str], *, diverged: int | None = None) -> bool:
        """Send what is new in ``runs`` and ``status`` in one message; return whether there was anything.

        ``runs`` is one history, or several runs in the order of the legend. ``status`` is shown above the panels:
        state, step, samples, settings, error, each a text. ``diverged`` is the step at which training stopped because
        the loss was not finite; the loss' panel says it until a call without it. Everything is sent anew, thinned,
        where the browser asks for it, where other runs are shown than last time, or where the ``revision`` of a history
        moved. Call it from one thread at a time. Raises ``DfaLabError`` where there is no run to show.
        """
        shown = _checked(runs)
        panels, same = self._fitting(shown), shown == self._runs
        snapshot = self._is_whole() or not same or panels != self._sent or any(rows.stale for rows in self._rows)
        if snapshot:
            self._runs, self._sent, self._rows = (
                shown,
                panels,
                [Rows(run.history, compared=run.compared, since=run.since, inherited=run.inherited) for run in shown],
            )
        chunks, buffer = self._new_rows()
        events = self._new_events()
        changed = (dict(status), diverged) != (self._status, self._diverged)
        if not (snapshot or chunks or events or changed):
            return False
        self._status, self._diverged = dict(status), diverged
        header: dict[str, Any] = {
            "type": "snapshot" if snapshot else "rows",
            "series": chunks,
            "events": events,
        }
        if snapshot or changed:
            header |= {"status": self._status, "diverged": diverged}
        if snapshot:
            first = shown[0].history
            header |= {"run": first.run_id, "spread": first.replicas > 1, "session": self._session}
            header |= {"layers": self._layers, "angle": self._angle}
            header["runs"] = [run.description(place) for place, run in enumerate(shown)]
            compared = any(run.compared for run in shown)
            header["panels"] = [description(panel, compared=compared) for panel in panels]
        self.send(header, [buffer])
        return True

    def focus(self, step: int) -> None:
        """Zoom every panel to the steps around ``step`` and light up the markers there.

        Nothing is remembered: a page that opens later shows the whole run. Raises ``DfaLabError`` for anything but a
        whole number of steps, 0 or more.
        """
        if isinstance(step, bool) or not isinstance(step, int | np.integer) or step < 0:
            raise DfaLabError(f"focus got {shown(step)}; expected a step of the run, a whole number of 0 or more.")
        self.send({"type": "focus", "step": int(step)})

    def close(self) -> None:
        """See ``PagePart``."""
        super().close()
        self._runs, self._rows = [], []

    def _fitting(self, runs: Sequence[Shown]) -> list[Panel]:
        """The panels of these runs: those asked for, else all that have something to show or will have."""
        if self._panels is not None:
            return self._panels
        classes = any(run.classify for run in runs)
        recorded = {metric for run in runs for metric, _ in list(run.history.series)}
        fitting = [panel for panel in PANELS.values() if classes or not panel.of_classes]
        return [panel for panel in fitting if not panel.on_request or recorded & {*panel.metrics}]

    def _new_rows(self) -> tuple[list[dict[str, Any]], bytes]:
        """What each series of each run has gained since the last message, and all their numbers."""
        limit = max(FEWEST_POINTS, POINTS_A_MESSAGE // len(self._rows))
        drawn = {metric for panel in PANELS.values() for metric in metrics(panel)}
        # One run's chance bands are enough: they would hide what lies behind them.
        lines = {line.metric for panel in PANELS.values() for line in panel.lines}
        chunks: list[dict[str, Any]] = []
        columns: list[np.ndarray] = []
        for place, rows in enumerate(self._rows):
            found, numbers = rows.take(lines if place else drawn, limit, averaged=lines)
            chunks += [_numbered(place, **chunk) for chunk in found]
            columns += numbers
        return chunks, np.concatenate(columns).tobytes() if columns else b""

    def _new_events(self) -> list[dict[str, Any]]:
        """The new changes of the runs that are not faint, by step; of many the last."""
        runs = [(place, rows) for place, rows in enumerate(self._rows) if not self._runs[place].faint]
        found = [(place, event) for place, rows in runs for event in rows.take_events()]
        if len(self._runs) > 1:
            found.sort(key=lambda pair: pair[1].step)
        return [
            _numbered(place, step=event.step, label=event_text(event, LABEL_LENGTH))
            for place, event in found[-EVENTS_A_MESSAGE:]
        ]


def _checked(runs: History | Sequence[Shown]) -> list[Shown]:
    """The runs to show. Raises ``DfaLabError`` where there are none."""
    if isinstance(runs, History):
        measured = {metric for metric, _ in list(runs.series)}
        classify = "test_accuracy" in measured or "test_loss" not in measured
        return [Shown(runs, runs.name, classify=classify, compared=BP_SPEED in measured)]
    if not isinstance(runs, Sequence) or not runs or not all(isinstance(run, Shown) for run in runs):
        raise DfaLabError(f"show got {shown(runs)}; expected a History, or a list of one Shown(history, name) a run.")
    return list(runs)


def _numbered(place: int, **said: Any) -> dict[str, Any]:
    """A description with its run's place, which the first run goes without."""
    return {**said, "run": place} if place else said
