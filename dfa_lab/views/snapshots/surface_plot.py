"""surfaceplot: what a network says everywhere in the plane, where it changes its mind, and the test points."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D

from dfa_lab.experiment.inspection import Surface, surface_of
from dfa_lab.views.base import Engine, axes_for, palette, put_legend, record_of
from dfa_lab.views.snapshots.captions import put_title

#: A shape for each class, so that no two differ by hue alone.
SHAPES = ("o", "s", "^", "D", "v", "P")
#: How strong the colour of a region is where the network is wholly sure.
DEEPEST = 0.55
#: More classes than these have no room in the legend.
NAMED = 10


def surfaceplot(experiment: Engine | Surface, ax: Axes | None = None) -> Axes:
    """The decision surface of a run on a task with two inputs: regions, boundary and the points of the test split.

    Each class has a colour and a shape. The plane has the colour of the class that the network would choose there,
    deeper where it is surer, none where all classes are alike to it; the line is where its choice changes. A ring marks
    the test points it is wrong about. Takes an Experiment, a Runner or an Explorer, of these the main run, or the
    ``Surface`` that ``surface_of`` read from a run.

    Returns the Axes. Raises ``DfaLabError`` where the task has not two inputs and classes.

    >>> import dfa_lab as dfa
    >>> run = dfa.Experiment(widths=(4,), task="moons")
    >>> [text.get_text() for text in dfa.surfaceplot(run).get_legend().texts][:2]
    ['class 0', 'class 1']
    """
    surface = record_of(experiment, Surface, surface_of, "surfaceplot()", "surface_of(experiment)")
    axes = axes_for(ax, "surfaceplot()", width=6.6, height=4.8)
    classes = surface.probabilities.shape[-1]
    colours = [palette.run_colour(number) for number in range(classes)]
    ends = (surface.x[0], surface.x[-1], surface.y[0], surface.y[-1])
    # Transparent rather than white where it is not sure: it lies on any background.
    axes.imshow(_regions(surface, colours), origin="lower", extent=ends, aspect="auto", interpolation="bilinear")
    for margin in _margins(surface.probabilities):
        axes.contour(surface.x, surface.y, margin, levels=[0.0], colors=palette.NEUTRAL, linewidths=1.8)
    handles = [_draw_points(axes, surface, number, colours[number]) for number in range(classes)]
    wrong = surface.points[surface.said != surface.labels]
    (rings,) = axes.plot(
        *wrong.T, ls="none", marker="o", ms=11, mfc="none", mec=palette.NEUTRAL, mew=1.4, gid="wrong", zorder=4
    )
    handles = [*(handles if classes <= NAMED else []), rings, Line2D([], [], color=palette.NEUTRAL, lw=1.8)]
    names = [f"class {name}" if name.isdigit() else name for name in surface.class_names]
    names = [*(names if classes <= NAMED else []), f"wrong ({len(wrong):,})", "boundary"]
    axes.set_xlim(*ends[:2])
    axes.set_ylim(*ends[2:])
    axes.set_xlabel("first input (in the task's own units)\ncolour: the class it says, deeper where it is surer")
    axes.set_ylabel("second input (in the task's own units)")
    right = f"{surface.accuracy:.1%} of {len(surface.points):,} test points right"
    put_title(axes, f"{surface.task}: {right}", surface)
    put_legend(axes, handles, names)
    return axes


def _regions(surface: Surface, colours: list[str]) -> np.ndarray:
    """(H, W, 4): the colour of the likeliest class, its opacity how much likelier it is than by chance."""
    shades = np.array([to_rgb(colour) for colour in colours])
    best = surface.probabilities.max(axis=-1)
    chance = 1 / len(colours)
    sure = np.clip((best - chance) / max(1 - chance, 1e-9), 0.0, 1.0)
    return np.concatenate([shades[surface.probabilities.argmax(-1)], DEEPEST * sure[..., None]], axis=-1)


def _margins(probabilities: np.ndarray) -> list[np.ndarray]:
    """For each boundary a function of the plane that is zero there: a class' probability minus the best other's."""
    classes = probabilities.shape[-1]
    found = []
    for number in range(classes if classes > 2 else classes - 1):
        others = np.delete(probabilities, number, axis=-1).max(axis=-1)
        margin = probabilities[..., number] - others
        if margin.min() < 0 < margin.max():
            found.append(margin)
    return found


def _draw_points(axes: Axes, surface: Surface, number: int, colour: str) -> Line2D:
    points = surface.points[surface.labels == number]
    look: dict[str, Any] = {"marker": SHAPES[number % len(SHAPES)], "ms": 5, "mfc": colour, "mec": "white", "mew": 0.6}
    (drawn,) = axes.plot(*points.T, ls="none", gid=f"class {number}", zorder=3, **look)
    return drawn
