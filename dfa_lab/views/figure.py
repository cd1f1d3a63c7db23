"""figure: one interactive plotly figure of one or several runs, all panels over one axis of training steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from plotly import graph_objects as go

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.history import History
from dfa_lab.experiment.metrics import METRICS
from dfa_lab.views import style
from dfa_lab.views.changes import Change, Place, changes, place_labels
from dfa_lab.views.curve import chance_band, checked, curve
from dfa_lab.views.panels import PANELS, Panel, y_axis
from dfa_lab.views.style import LineStyle
from dfa_lab.views.traces import (
    change_line,
    change_trace,
    legend_line,
    legend_square,
    line_trace,
    region_trace,
    right_angle,
)

# Sizes in pixels; the width of the plot is what a notebook's column leaves it, more or less.
GAP, LANE, LETTER, PLOT_WIDTH = 16, 17, 6.2, 620
TOP, BOTTOM = 24, 56
LEGEND_LINE, LEGEND_TITLE = 19, 26


@dataclass
class _Drawing:
    """What is gathered while the panels are drawn, one after another."""

    histories: Sequence[History]
    names: Sequence[str]
    layers: dict[int, LineStyle]
    bands: list[go.Scatter] = field(default_factory=list)
    lines: list[go.Scatter] = field(default_factory=list)
    used: dict[LineStyle, None] = field(default_factory=dict)  # in the order of first use
    chance: bool = False

    @property
    def single(self) -> bool:
        return len(self.histories) == 1

    def group(self, run: int, line_style: LineStyle) -> str:
        """What a click in the legend hides together: a kind of line where there is one run, else all of a run."""
        return line_style.name if self.single else f"run {run}"


def figure(*histories: History, labels: Sequence[str] | None = None) -> go.Figure:
    """The course of one or several runs in linked panels: both alignments, loss, accuracy, throughput, every change.

    The x axis, training step in updates, is one for all panels: zooming one zooms all. Panels that no run has
    anything for are left out; a figure of empty histories has all of them, empty.

    - **Runs** have a colour each, named by ``labels`` (else by their own names, numbered where these are alike);
      a click on the legend hides a run, or with a single run a kind of line. Layers differ by dash and shade.
    - **Replicas**: the line is their mean, the band ± one standard deviation. Values that are not finite are left
      out of both (the hover text counts the replicas left); where none is finite the line has a gap.
    - **Angles** have a line at 90° and, where it was recorded, the grey band of chance, 90° ± 2 sd: a step function,
      at each step the widest of the layers and runs drawn (see ``curve.chance_band``).
    - **Changes** are vertical lines through every panel, in the colour of their run, or grey where several runs
      changed alike. The label above is short, and left out where there is no room; the full text is on hover.

    The same histories give the same JSON. Raises ``DfaLabError`` where no history is given, where something else
    is, or where ``labels`` has another length.
    """
    runs = [checked(history, "figure()") for history in histories]
    if not runs:
        raise DfaLabError("figure() got no history; give one or several, such as figure(experiment.history).")
    drawing = _Drawing(runs, _names(runs, labels), style.layer_styles(_layers(runs)))
    recorded = {metric for history in runs for (metric, _), series in list(history.series.items()) if len(series)}
    panels = [panel for panel in PANELS if recorded & panel.metrics.keys()] or list(PANELS)
    last = max(history.last_step for history in runs)
    last = max([last, 1, *(event.step for history in runs for event in history.events)])
    span = (-0.01 * last, 1.01 * last)

    found = changes(runs)
    scale = PLOT_WIDTH / (span[1] - span[0])
    places = place_labels(
        [(change.step - span[0]) * scale for change in found],
        [change.text for change in found],
        width=PLOT_WIDTH,
        letter=LETTER,
    )
    lanes = max((place.lane + 1 for place in places if place.lane is not None), default=0)
    lane_height = LANE * max(lanes, 1) if found else 0
    height = sum(panel.height for panel in panels) + GAP * (len(panels) - 1) + lane_height
    layout: dict[str, Any] = {}
    shapes: list[dict[str, Any]] = []
    top = height - lane_height
    for number, panel in enumerate(panels, start=1):
        axis = "y" if number == 1 else f"y{number}"
        values = _draw_panel(drawing, panel, axis)
        layout[axis.replace("y", "yaxis")] = y_axis(panel, (top - panel.height) / height, top / height, values)
        if panel.angle:
            shapes.append(right_angle(axis))
        top -= panel.height + GAP

    traces = [*drawing.bands, *drawing.lines]
    if found:
        axis = f"y{len(panels) + 1}"
        rows = max(lanes, 1)
        layout[axis.replace("y", "yaxis")] = {
            "domain": [1 - lane_height / height, 1],
            "range": [0, rows],
            "visible": False,
            "fixedrange": True,
        }
        heights = [0.0 if place.lane is None else rows - place.lane - 0.5 for place in places]
        marks: dict[str | None, list[tuple[Change, Place, float]]] = {}
        for change, place, end in zip(found, places, heights, strict=True):
            # What one of several runs changed is hidden with it.
            group = None if drawing.single or len(change.runs) > 1 else f"run {change.runs[0]}"
            marks.setdefault(group, []).append((change, place, end))
            shapes.append(change_line(change, 1 - lane_height / height * (1 - end / rows), group))
        traces += [change_trace(some, drawing.names, axis=axis, group=group) for group, some in marks.items()]
    traces += _legend_entries(drawing)
    layout["xaxis"] = {
        "title": {"text": "training step (updates)"},
        "anchor": "y" if len(panels) == 1 else f"y{len(panels)}",
        "range": list(span),
        "zeroline": False,
        "dtick": 1 if last < 6 else None,
        "showspikes": True,
        "spikemode": "across",
        "spikethickness": 1,
        "spikecolor": style.CHANCE_COLOUR,
        "spikedash": "solid",
    }
    layout["shapes"] = shapes
    return go.Figure(traces, _layout(drawing, height) | layout)


def _names(histories: Sequence[History], labels: Sequence[str] | None) -> list[str]:
    if labels is None:
        names = [history.name for history in histories]
        alike = Counter(names)
        seen: Counter[str] = Counter()
        for place, name in enumerate(names):
            if alike[name] > 1:
                seen[name] += 1
                names[place] = f"{name} {seen[name]}"
        return names
    if (
        isinstance(labels, str)
        or not isinstance(labels, Sequence)
        or not all(isinstance(label, str) for label in labels)
    ):
        raise DfaLabError(f'figure() got labels={labels!r}; expected one text a history, such as labels=["bp", "dfa"].')
    if len(labels) != len(histories):
        raise DfaLabError(
            f"figure() got {len(labels)} labels for {len(histories)} histories; give one label for each, in order."
        )
    return list(labels)


def _layers(histories: Iterable[History]) -> set[int]:
    metrics = [metric for panel in PANELS for metric in panel.metrics]
    return {layer for history in histories for metric in metrics for layer in history.layers(metric)}


def _draw_panel(drawing: _Drawing, panel: Panel, axis: str) -> list[np.ndarray]:
    """Adds the panel's traces to the drawing; returns all y values in it."""
    values: list[np.ndarray] = []
    for metric, metric_style in panel.metrics.items():
        if panel.angle:
            band = chance_band(drawing.histories, metric)
            if band is not None:
                drawing.chance = True
                values += [band.lower, band.upper]
                fill = style.translucent(style.CHANCE_COLOUR, style.CHANCE_OPACITY)
                drawing.bands.insert(0, region_trace(band, fill, axis=axis, name=f"{metric}, chance", group="chance"))
        for run, history in enumerate(drawing.histories):
            layers: list[int | None] = [*history.layers(metric)] if METRICS[metric].per_layer else [None]
            for layer in layers:
                line = curve(history, metric, layer)
                if not len(line):
                    continue
                look = metric_style if layer is None else drawing.layers[layer]
                drawing.used[look] = None
                group = drawing.group(run, look)
                name = ", ".join([drawing.names[run], METRICS[metric].label, *([] if layer is None else [look.name])])
                colour = style.run_colour(run, look.shade)
                drawing.lines.append(
                    line_trace(line, look, colour, axis=axis, name=name, group=group, unit=METRICS[metric].unit)
                )
                values.append(line.mean)
                if line.replicas > 1:
                    spread = line.spread
                    values += [spread.lower, spread.upper]
                    fill = style.translucent(colour, style.SPREAD_OPACITY)
                    drawing.bands.append(region_trace(spread, fill, axis=axis, name=f"{name}, ± 1 sd", group=group))
    if not values:  # plotly draws no axes that nothing stands on
        nothing = np.array([np.nan])
        drawing.lines.append(go.Scatter(x=nothing, y=nothing, yaxis=axis, showlegend=False, hoverinfo="skip"))
    return values


def _legend_entries(drawing: _Drawing) -> list[go.Scatter]:
    entries = []
    looks = sorted(drawing.used, key=lambda look: not look.name.startswith("layer"))
    looks = [look for look in looks if look is not style.WHOLE]
    if drawing.single:
        for look in looks:
            colour = style.run_colour(0, look.shade)
            entries.append(legend_line(look.name, look, colour, group=drawing.group(0, look), legend="legend"))
    else:
        for run, name in enumerate(drawing.names):
            colour = style.run_colour(run)
            entries.append(legend_line(name, LineStyle(name), colour, group=f"run {run}", legend="legend"))
        for look in looks:
            colour = style.shaded(style.NEUTRAL, look.shade)
            entries.append(legend_line(look.name, look, colour, group="key", legend="legend2"))
    if drawing.chance:
        colour = style.translucent(style.CHANCE_COLOUR, 0.4)
        legend = "legend" if drawing.single else "legend2"
        entries.append(legend_square("chance, 90° ± 2 sd", colour, group="chance", legend=legend))
    return entries


def _layout(drawing: _Drawing, height: int) -> dict[str, Any]:
    legend = {"x": 1.01, "xanchor": "left", "y": 1.0, "yanchor": "top", "font": {"size": 12}, "tracegroupgap": 0}
    layout: dict[str, Any] = {
        "template": "plotly_white",
        "height": height + TOP + BOTTOM,
        "margin": {"l": 84, "r": 20, "t": TOP, "b": BOTTOM},
        "hovermode": "closest",
        "legend": legend,
    }
    if not drawing.single:
        used = LEGEND_TITLE + LEGEND_LINE * len(drawing.histories) + 12
        layout["legend"] = legend | {"title": {"text": "run (click to hide)"}}
        key = legend | {"title": {"text": "line"}, "y": max(0.0, 1 - used / height)}
        layout["legend2"] = key | {"itemclick": False, "itemdoubleclick": False}
    return layout
