"""The panels of the live chart as plain JSON values: what the browser needs to know of PANELS to draw them."""

from __future__ import annotations

from typing import Any

from dfa_lab.experiment.history import METRICS
from dfa_lab.views.base import CHANCE, CHANCE_SDS, RIGHT_ANGLE, RUN_COLOURS, Panel

#: What the browser reads of a panel as it stands there.
FIELDS = (
    *("name", "title", "short", "unit", "low", "high", "floor", "ceiling", "tick", "decimals", "spans_decades"),
    *("guide", "guide_label", "empty"),
)


def bands(panel: Panel) -> list[dict[str, Any]]:
    """The bands of chance: each lies ``factor`` times ``metric`` about ``mean``, and about ``centre`` without one.

    It says what chance would make of the line ``of``, and is drawn where that line is.
    """
    chances = [(line.metric, f"{line.metric}{CHANCE}") for line in panel.lines if f"{line.metric}{CHANCE}" in METRICS]
    return [
        {
            "of": metric,
            "metric": chance,
            "centre": RIGHT_ANGLE,
            "factor": CHANCE_SDS,
            "mean": f"{chance}_mean" if f"{chance}_mean" in METRICS else "",
        }
        for metric, chance in chances
    ]


def metrics(panel: Panel) -> set[str]:
    """Every metric that the panel reads, those of its bands included."""
    of_bands = {band[name] for band in bands(panel) for name in ("metric", "mean") if band[name]}
    return {line.metric for line in panel.lines} | of_bands


def description(panel: Panel, *, compared: bool = False) -> dict[str, Any]:
    """The panel for the browser; ``compared`` where throughput is timed beside BP's.

    A line's label leaves out what the panel is called.
    """
    lines = [
        {
            "metric": line.metric,
            "label": line.label or METRICS[line.metric].label.removesuffix(f" {panel.name}"),
            "short": line.short,
            "per_layer": METRICS[line.metric].per_layer,
            "dashed": line.dashed,
            "colour": line.colour,
            "held": line.held,
        }
        for line in panel.lines
    ]
    return {name: getattr(panel, name) for name in FIELDS} | {
        "axis": panel.axis,
        "note": panel.note_compared if compared else panel.note,
        "palette": list(RUN_COLOURS),
        "lines": lines,
        "bands": bands(panel),
    }
