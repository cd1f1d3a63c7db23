"""Pictures of one step of a run.

Nothing loads before it is used, so that plotly and matplotlib each load only where they draw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfa_lab.lazy import lazily

if TYPE_CHECKING:
    from dfa_lab.views.snapshots.alt_text import mistakes_words, surface_words, view_words
    from dfa_lab.views.snapshots.matrix_plot import matrixplot
    from dfa_lab.views.snapshots.mistakes_plot import mistakesplot
    from dfa_lab.views.snapshots.surface_plot import surfaceplot
    from dfa_lab.views.snapshots.views import VIEWS, deltaplot, sampleangleplot, spectrumplot

__all__ = [
    "VIEWS",
    "deltaplot",
    "matrixplot",
    "mistakes_words",
    "mistakesplot",
    "sampleangleplot",
    "spectrumplot",
    "surface_words",
    "surfaceplot",
    "view_words",
]

__getattr__ = lazily(
    __name__,
    {
        "VIEWS": "dfa_lab.views.snapshots.views",
        "deltaplot": "dfa_lab.views.snapshots.views",
        "matrixplot": "dfa_lab.views.snapshots.matrix_plot",
        "mistakes_words": "dfa_lab.views.snapshots.alt_text",
        "mistakesplot": "dfa_lab.views.snapshots.mistakes_plot",
        "sampleangleplot": "dfa_lab.views.snapshots.views",
        "spectrumplot": "dfa_lab.views.snapshots.views",
        "surface_words": "dfa_lab.views.snapshots.alt_text",
        "surfaceplot": "dfa_lab.views.snapshots.surface_plot",
        "view_words": "dfa_lab.views.snapshots.alt_text",
    },
)
