"""Pictures of a whole run: curves over steps.

Nothing loads before it is used, so that plotly and matplotlib each load only where they draw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfa_lab.lazy import lazily

if TYPE_CHECKING:
    from dfa_lab.views.history.figure_traces import run_names
    from dfa_lab.views.history.plotly_figure import figure
    from dfa_lab.views.history.plots import accuracyplot, alignmentplot, lossplot, throughputplot

__all__ = ["accuracyplot", "alignmentplot", "figure", "lossplot", "run_names", "throughputplot"]

__getattr__ = lazily(
    __name__,
    {
        "accuracyplot": "dfa_lab.views.history.plots",
        "alignmentplot": "dfa_lab.views.history.plots",
        "figure": "dfa_lab.views.history.plotly_figure",
        "lossplot": "dfa_lab.views.history.plots",
        "run_names": "dfa_lab.views.history.figure_traces",
        "throughputplot": "dfa_lab.views.history.plots",
    },
)
