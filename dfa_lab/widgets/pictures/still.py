"""A still picture of a run, for where no kernel runs: a saved notebook opened again, a page made by nbconvert."""

from __future__ import annotations

from matplotlib.figure import Figure

from dfa_lab.experiment.run import Experiment
from dfa_lab.views.history import panelplot, panels_of
from dfa_lab.widgets.pictures.png import Image, png

#: In inches, and dots an inch: as wide as a cell's output.
SIZE, DPI = (8.5, 5.2), 100
#: In bytes; it is kept twice, as a picture and inside HTML.
STILL_LIMIT = 50_000


def still(run: Experiment, note: str = "") -> Image:
    """The curves of ``run`` as far as it has come, a ``note`` below; of one that nobody has measured, its title alone.

    ``note`` is plain text.
    """
    panels = panels_of(run.history)
    figure = Figure(figsize=SIZE, layout="constrained")
    figure.suptitle(f"{run.history.name} after {run.steps_done:,} steps", parse_math=False)
    if note:
        figure.supxlabel(note, fontsize="small", color="#555555", parse_math=False)
    axes = list(figure.subplots(2, max(1, -(-len(panels) // 2)), squeeze=False).flat)
    for ax, panel in zip(axes, panels, strict=False):
        panelplot(panel, run.history, ax=ax)
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    return png(figure, DPI, STILL_LIMIT)
