"""What the pictures share: axes, curves, colours, themes, labels of changes.

Nothing loads before it is used, so that plotly and matplotlib each load only where they draw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfa_lab.lazy import lazily
from dfa_lab.views.base import palette

if TYPE_CHECKING:
    from dfa_lab.views.base.axes import (
        ShownAxes,
        ShownFigure,
        ShownPanels,
        axes_for,
        dash_of,
        hex_colour,
        panels,
        put_legend,
        runs_on,
    )
    from dfa_lab.views.base.change_labels import Change, Place, changes, place_labels, shortened, value_text
    from dfa_lab.views.base.curves import (
        ANGLES,
        RIGHT_ANGLE,
        Band,
        Curve,
        angle_metrics,
        angle_range,
        chance_band,
        curve,
        reference_metric,
    )
    from dfa_lab.views.base.palette import RUN_COLOURS, LineStyle, is_dashed, run_colour
    from dfa_lab.views.base.sources import (
        Engine,
        NamedRun,
        Source,
        engine_of,
        references_of,
        run_of,
        runs_of,
        snapshot_of,
    )
    from dfa_lab.views.base.themes import THEMES, dress

__all__ = [
    "ANGLES",
    "RIGHT_ANGLE",
    "RUN_COLOURS",
    "THEMES",
    "Band",
    "Change",
    "Curve",
    "Engine",
    "LineStyle",
    "NamedRun",
    "Place",
    "ShownAxes",
    "ShownFigure",
    "ShownPanels",
    "Source",
    "angle_metrics",
    "angle_range",
    "axes_for",
    "chance_band",
    "changes",
    "curve",
    "dash_of",
    "dress",
    "engine_of",
    "hex_colour",
    "is_dashed",
    "palette",
    "panels",
    "place_labels",
    "put_legend",
    "reference_metric",
    "references_of",
    "run_colour",
    "run_of",
    "runs_of",
    "runs_on",
    "shortened",
    "snapshot_of",
    "value_text",
]

__getattr__ = lazily(
    __name__,
    {
        "ANGLES": "dfa_lab.views.base.curves",
        "Band": "dfa_lab.views.base.curves",
        "Change": "dfa_lab.views.base.change_labels",
        "Curve": "dfa_lab.views.base.curves",
        "Engine": "dfa_lab.views.base.sources",
        "LineStyle": "dfa_lab.views.base.palette",
        "NamedRun": "dfa_lab.views.base.sources",
        "Place": "dfa_lab.views.base.change_labels",
        "RIGHT_ANGLE": "dfa_lab.views.base.curves",
        "RUN_COLOURS": "dfa_lab.views.base.palette",
        "ShownAxes": "dfa_lab.views.base.axes",
        "ShownFigure": "dfa_lab.views.base.axes",
        "ShownPanels": "dfa_lab.views.base.axes",
        "Source": "dfa_lab.views.base.sources",
        "THEMES": "dfa_lab.views.base.themes",
        "angle_metrics": "dfa_lab.views.base.curves",
        "angle_range": "dfa_lab.views.base.curves",
        "axes_for": "dfa_lab.views.base.axes",
        "chance_band": "dfa_lab.views.base.curves",
        "changes": "dfa_lab.views.base.change_labels",
        "curve": "dfa_lab.views.base.curves",
        "dash_of": "dfa_lab.views.base.axes",
        "dress": "dfa_lab.views.base.themes",
        "engine_of": "dfa_lab.views.base.sources",
        "hex_colour": "dfa_lab.views.base.axes",
        "is_dashed": "dfa_lab.views.base.palette",
        "panels": "dfa_lab.views.base.axes",
        "place_labels": "dfa_lab.views.base.change_labels",
        "put_legend": "dfa_lab.views.base.axes",
        "reference_metric": "dfa_lab.views.base.curves",
        "references_of": "dfa_lab.views.base.sources",
        "run_colour": "dfa_lab.views.base.palette",
        "run_of": "dfa_lab.views.base.sources",
        "runs_of": "dfa_lab.views.base.sources",
        "runs_on": "dfa_lab.views.base.axes",
        "shortened": "dfa_lab.views.base.change_labels",
        "snapshot_of": "dfa_lab.views.base.sources",
        "value_text": "dfa_lab.views.base.change_labels",
    },
)
