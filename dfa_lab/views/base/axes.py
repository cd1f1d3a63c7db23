"""matplotlib axes and figures that a notebook shows by themselves, and what is read back from axes.

Figures are made without pyplot, which is unsafe beside widget callbacks. What was drawn is marked by its gid: "run 0"
belongs to the first run on the axes, so that the next one takes the next colour.
"""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.views.base.palette import LineStyle


class ShownFigure(Figure):
    """A matplotlib figure that a notebook shows although pyplot does not know it."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=100, bbox_inches="tight")
        return buffer.getvalue()


class ShownAxes(Axes):
    """Axes that a notebook shows as the whole figure they are in."""

    def _repr_png_(self) -> bytes | None:
        return _png(self)


class ShownPanels(np.ndarray):
    """The axes of several panels, an object array, that a notebook shows as the whole figure they are in."""

    @classmethod
    def of(cls, axes: list[Axes]) -> ShownPanels:
        """Several axes as one array (number of panels,)."""
        array = np.empty(len(axes), dtype=object)
        array[:] = axes
        return array.view(cls)

    def _repr_png_(self) -> bytes | None:
        return _png(self.flat[0]) if self.size else None


def _png(axes: Axes) -> bytes | None:
    figure = axes.get_figure(root=True)
    return figure._repr_png_() if isinstance(figure, ShownFigure) else None


def axes_for(ax: object, place: str, *, width: float = 8.0, height: float = 3.6) -> Axes:
    """``ax`` itself, or where it is None new axes in a figure of that size in inches. ``place`` names the caller.

    Raises ``DfaLabError`` where ``ax`` is something else.
    """
    if ax is None:
        return ShownFigure(figsize=(width, height), layout="constrained").add_subplot(axes_class=ShownAxes)
    if not isinstance(ax, Axes):
        raise DfaLabError(f"{place} got ax={shown(ax)}; expected a matplotlib Axes, or leave it out to get a new one.")
    return ax


def runs_on(axes: Axes) -> int:
    """How many runs are drawn on the axes: read from the gids there, so that nothing has to be kept elsewhere."""
    drawn = (re.fullmatch(r"run (\d+)", str(artist.get_gid())) for artist in axes.get_children())
    return len({match[1] for match in drawn if match})


def dash_of(look: LineStyle) -> Any:
    """The dash of ``look`` as matplotlib takes it, in units of the line's width."""
    return (0, tuple(length / look.width for length in look.dash)) if look.dash else "-"


def hex_colour(color: str) -> str:
    """Any colour that matplotlib knows, as ``#rrggbb``."""
    try:
        return to_hex(color)
    except ValueError:
        raise DfaLabError(
            f"{shown(color)} is no colour; give a name such as 'black' or a code such as '#0072B2'."
        ) from None


def put_legend(axes: Axes, handles: list[Any], texts: list[str]) -> None:
    """A legend beside axes of our own, whose layout makes room for it; on given axes where there is room inside."""
    if isinstance(axes, ShownAxes):
        axes.legend(handles, texts, fontsize="small", frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    else:
        axes.legend(handles, texts, fontsize="small", framealpha=0.6, edgecolor="none")
