"""What the chart sends to the page, type by type."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from dfa_lab.widgets.kernel import PartMessage


class ChartSeries(TypedDict):
    """What lies in the chart's buffer for one series: count steps, count values, deviations where its run has them."""

    metric: str
    layer: int | str | None
    count: int
    run: NotRequired[int]


class ChartEvent(TypedDict):
    """A change to be marked on the curves of a run, given by its place."""

    step: int
    label: str
    run: NotRequired[int]


class ChartRun(TypedDict):
    """A run on the chart: see ``Shown``."""

    name: str
    id: str
    faint: bool
    colour: str
    spread: bool


class ChartLine(TypedDict):
    """A line of a panel: its metric, its labels, how it is drawn; ``colour`` is a place in the panel's palette."""

    metric: str
    label: str
    short: str
    per_layer: bool
    dashed: bool
    colour: int
    held: bool


class ChartBand(TypedDict):
    """A band of chance around the line ``of``: ``factor`` times ``metric`` about ``mean``, or about ``centre``."""

    of: str
    metric: str
    centre: float
    factor: float
    mean: str


class ChartPanel(TypedDict):
    """One plot: see ``PANELS``."""

    name: str
    title: str
    short: str
    unit: str
    axis: str
    note: str
    low: float | None
    high: float | None
    floor: float | None
    ceiling: float | None
    tick: float | None
    decimals: int
    spans_decades: bool
    guide: float | None
    guide_label: str
    empty: str
    palette: list[str]
    lines: list[ChartLine]
    bands: list[ChartBand]


class ChartRows(PartMessage):
    """New rows of the runs on the chart."""

    series: list[ChartSeries]
    events: list[ChartEvent]
    status: NotRequired[dict[str, str]]
    diverged: NotRequired[int | None]


class ChartSnapshot(ChartRows):
    """All of the chart."""

    run: str
    spread: bool
    session: int
    layers: str
    angle: str
    runs: list[ChartRun]
    panels: list[ChartPanel]


class FocusMessage(PartMessage):
    """Show the steps around this one."""

    step: int
