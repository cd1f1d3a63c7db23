"""The legend beside the plotly figure: its entries, what a click on one hides, and where its two columns stand."""

from __future__ import annotations

from typing import Any

from plotly import graph_objects as go

from dfa_lab.views.base import CHANCE_LABEL, LineStyle, palette
from dfa_lab.views.history.figure_traces import Drawing
from dfa_lab.views.history.traces import legend_line, legend_square

# In pixels.
LINE, TITLE = 19, 26


def legend_entries(drawing: Drawing) -> list[go.Scatter]:
    """One entry a run and one a kind of line, or with a single run the kinds alone; then references, then chance."""
    looks = sorted(drawing.used, key=lambda look: not look.name.startswith("layer"))
    looks = [look for look in looks if look is not palette.WHOLE]
    references = [
        legend_line(look, palette.REFERENCE_COLOUR, group=f"reference {number}")
        for number, (_, look) in enumerate(drawing.references)
        if number in drawing.referred
    ]
    if drawing.single:
        kinds = [legend_line(one, palette.run_colour(0, one.shade), group=drawing.group(0, one)) for one in looks]
        entries, last = [*kinds, *references], "legend"
    else:
        runs = [
            legend_line(LineStyle(name), palette.run_colour(run), group=f"run {run}")
            for run, name in enumerate(drawing.names)
        ]
        grey, last = palette.NEUTRAL, "legend2"
        kinds = [legend_line(one, palette.shaded(grey, one.shade), group="key", legend=last) for one in looks]
        entries = [*runs, *references, *kinds]
    if drawing.chance:
        colour = palette.translucent(palette.CHANCE_COLOUR, 0.4)
        entries.append(legend_square(CHANCE_LABEL, colour, group="chance", legend=last))
    return entries


def legend_layout(drawing: Drawing, height: int) -> dict[str, Any]:
    """Where the legend stands beside a plot of ``height`` pixels; with several runs a second one below the first."""
    legend = {"x": 1.01, "xanchor": "left", "y": 1.0, "yanchor": "top", "font": {"size": 12}, "tracegroupgap": 0}
    if drawing.single:
        return {"legend": legend}
    used = TITLE + LINE * (len(drawing.histories) + len(drawing.referred)) + 12
    key = legend | {"title": {"text": "line"}, "y": max(0.0, 1 - used / height)}
    return {
        "legend": legend | {"title": {"text": "run (click to hide)"}},
        "legend2": key | {"itemclick": False, "itemdoubleclick": False},
    }
