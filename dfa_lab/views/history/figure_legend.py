"""Legend: the entries beside the plotly figure, what a click on one hides, and where its two columns stand."""

from __future__ import annotations

from typing import Any

from plotly import graph_objects as go

from dfa_lab.views.base import LineStyle
from dfa_lab.views.base import palette as style
from dfa_lab.views.history.figure_traces import Drawing
from dfa_lab.views.history.traces import legend_line, legend_square

# In pixels.
LINE, TITLE = 19, 26


def legend_entries(drawing: Drawing) -> list[go.Scatter]:
    """One entry a run and one a kind of line, or with a single run the kinds alone; then references, then chance."""
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
    for number in sorted(drawing.referred):
        look, colour = drawing.looks_of_references[number], style.REFERENCE_COLOUR
        entries.append(legend_line(look.name, look, colour, group=f"reference {number}", legend="legend"))
    if not drawing.single:
        for look in looks:
            colour = style.shaded(style.NEUTRAL, look.shade)
            entries.append(legend_line(look.name, look, colour, group="key", legend="legend2"))
    if drawing.chance:
        colour = style.translucent(style.CHANCE_COLOUR, 0.4)
        legend = "legend" if drawing.single else "legend2"
        entries.append(legend_square("chance ± 2 sd (widest)", colour, group="chance", legend=legend))
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
