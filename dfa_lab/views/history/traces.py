"""The plotly objects that the figure is put together from: traces, shapes and axes, each from what it shows."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from plotly import graph_objects as go

from dfa_lab.experiment.history import shortened
from dfa_lab.views.base import RIGHT_ANGLE, Band, Change, Curve, LineStyle, Panel, Place, angle_range, palette

LEGEND_LENGTH = 26
NOTHING = np.array([np.nan])
# The width of a letter of an axis' title, in pixels.
TITLE_LETTER = 5.9


def line_trace(line: Curve, look: LineStyle, colour: str, *, axis: str, name: str, group: str, unit: str) -> go.Scatter:
    """A curve's mean; the hover text has the whole ``name``, the value with its unit, and the spread over replicas."""
    unit = html.escape(unit)
    hover = f"%{{y:.4~g}} {unit}<br>step %{{x:,d}}"
    extra: dict[str, Any] = {}
    if line.replicas > 1:
        hover = f"%{{y:.4~g}} ± %{{customdata[0]:.2~g}} {unit}<br>step %{{x:,d}}"
        hover += f"<br>%{{customdata[1]}} of {line.replicas} replicas"
        extra["customdata"] = np.stack([line.sd, line.count.astype(np.float64)], axis=1)
    extra["hovertemplate"] = f"<b>{html.escape(name)}</b><br>{hover}<extra></extra>"
    look_of = {"line": _stroke(look, colour), "marker": {"color": colour, "size": 6}}
    mode = "lines" if len(line) > 1 else "markers"
    return _trace(line.steps, line.mean, name, yaxis=axis, legendgroup=group, mode=mode, **look_of, **extra)


def region_trace(band: Band, fill: str, *, axis: str, name: str, group: str) -> go.Scatter:
    """A band as filled polygons, one for each stretch without a gap."""
    look: dict[str, Any] = {"mode": "lines", "line": {"width": 0}, "fill": "toself", "fillcolor": fill}
    return _trace(*band.outline(), name, yaxis=axis, legendgroup=group, hoverinfo="skip", **look)


def empty_trace(axis: str) -> go.Scatter:
    """Nothing: plotly draws no axes that have no trace."""
    return _trace(NOTHING, NOTHING, None, yaxis=axis, hoverinfo="skip")


def legend_line(look: LineStyle, colour: str, *, group: str, legend: str = "legend") -> go.Scatter:
    """A line without points: it stands in the legend for all lines of its group."""
    return _legend_entry(look.name, legendgroup=group, legend=legend, mode="lines", line=_stroke(look, colour))


def legend_square(name: str, colour: str, *, group: str, legend: str) -> go.Scatter:
    """A filled square: it stands in the legend for the bands of its group."""
    marker = {"symbol": "square", "size": 13, "color": colour}
    return _legend_entry(name, legendgroup=group, legend=legend, mode="markers", marker=marker)


def _legend_entry(name: str, **more: Any) -> go.Scatter:
    return _trace(NOTHING, NOTHING, shortened(name, LEGEND_LENGTH), showlegend=True, hoverinfo="skip", **more)


def _trace(x: np.ndarray, y: np.ndarray, name: str | None, **more: Any) -> go.Scatter:
    named = {} if name is None else {"name": html.escape(name)}
    return go.Scatter(x=x, y=y, **named, **{"showlegend": False, **more})


def _stroke(look: LineStyle, colour: str) -> dict[str, Any]:
    dash = ",".join(f"{length:g}px" for length in look.dash) or "solid"
    return {"color": colour, "width": look.width, "dash": dash}


def change_trace(
    marks: Sequence[tuple[Change, Place, float]], names: Sequence[str], *, axis: str, group: str | None
) -> go.Scatter:
    """A mark at each change's step and height, its label where it has a place; the full text on hover."""
    found, places, heights = zip(*marks, strict=True)
    colours = [_change_colour(change) for change in found]
    return _trace(
        np.array([change.step for change in found], dtype=np.float64),
        np.array(heights, dtype=np.float64),
        "changes",
        yaxis=axis,
        mode="markers+text",
        text=[html.escape(place.text) for place in places],
        textposition=["middle left" if place.left else "middle right" for place in places],
        textfont={"size": 11, "color": colours},
        marker={"symbol": "triangle-down", "size": 7, "color": colours},
        hovertext=[_change_hover(change, names) for change in found],
        hoverinfo="text",
        cliponaxis=False,
        legendgroup=group,
    )


def change_line(change: Change, reach: float, group: str | None) -> dict[str, Any]:
    """The vertical line of a change, through every panel, up to ``reach`` as a share of the figure's height."""
    ends = {"xref": "x", "x0": change.step, "x1": change.step, "yref": "paper", "y0": 0, "y1": reach}
    look = {"layer": "between", "opacity": 0.7, "line": {"color": _change_colour(change), "width": 1.2}}
    return {"type": "line", "name": "change", "legendgroup": group, **look, **ends}


def right_angle(axis: str) -> dict[str, Any]:
    """The line at 90° through the whole panel of ``axis``."""
    ends = {"xref": "paper", "x0": 0, "x1": 1, "yref": axis, "y0": RIGHT_ANGLE, "y1": RIGHT_ANGLE}
    line = {"color": palette.NEUTRAL, "width": 1, "dash": "dash"}
    return {"type": "line", "name": "right angle", "layer": "above", "opacity": 0.7, "line": line, **ends}


def y_axis(panel: Panel, bottom: float, top: float, values: list[np.ndarray]) -> dict[str, Any]:
    """The panel's y axis from ``bottom`` to ``top`` (shares of the figure's height), with room for all ``values``."""
    lines = [*textwrap.wrap(panel.title, int(panel.height / TITLE_LETTER)), f"({panel.axis_unit})"]
    axis: dict[str, Any] = {
        "title": {"text": "<br>".join(lines), "font": {"size": 12}},
        "domain": [max(bottom, 0.0), min(top, 1.0)],
        "zeroline": False,
        "rangemode": "tozero",
    }
    if panel.angle:
        low, high, tick = angle_range(values)
        margin = 0.02 * (high - low)
        axis |= {"range": [low - margin, high + margin], "tick0": 0, "dtick": tick, "ticksuffix": "°"}
    return axis


def _change_colour(change: Change) -> str:
    """The colour of the run it happened in; grey where several runs changed alike."""
    return palette.NEUTRAL if len(change.runs) > 1 else palette.run_colour(change.runs[0], -0.25)


def _change_hover(change: Change, names: Sequence[str]) -> str:
    who = ", ".join(names[run] for run in change.runs)
    lines = [html.escape(shortened(line, 120)) for line in change.lines]
    return f"<b>step {change.step:,}</b> · {html.escape(who)}<br>" + "<br>".join(lines)
