"""matrixplot: the feedback matrix beside the weights it stands in for, entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.measurement import Snapshot
from dfa_lab.views.base import Engine, ShownAxes, ShownFigure, ShownPanels, snapshot_of
from dfa_lab.views.snapshots.captions import (
    carried_by,
    degrees,
    is_carried_to,
    layer_with,
    matrix_words,
    scaled,
    source,
)

# Blue above zero, as in the drawn network, and red below, of one lightness course around white: they differ for any
# common colour vision.
DIVERGING = "RdBu"
# The colours end at ± this many root mean squares, in every picture, so that two pictures can be compared.
REACH = 3.0
# Up to so many rows or columns each has its own number at its tick.
NUMBERED = 16


def matrixplot(
    snapshot: Snapshot | Engine, *, layer: int | str | None = None, ax: Sequence[Axes] | None = None
) -> ShownPanels:
    """Heat maps of B beside Wᵀ: what carries the signal to ``layer`` beside what BP would use, entry by entry.

    ``layer`` is a number from 1 or a name; without it, the first to which a matrix carries a signal.

    Both are shown as the papers write them: a row is a unit of the layer, a column a unit that the signal comes from
    (the transposes of how they are stored). B stands for whatever really carries the signal at this moment: W itself
    under bp, its signs under usf. W is W_{l+1}, or for a direct rule the product W_L … W_{l+1}.

    Rows and columns of both are sorted alike, by the leading singular vectors of W: whatever pattern the two share
    shows as the same pattern twice. Each matrix is divided by its own root mean square, since the angle does not see
    a scale, and the colours end at ± 3 of it. Up to 16 rows or columns bear the number of their unit, from 0; beyond
    that the ticks count places. Where there are more rows than dots on the screen some are not seen: none are averaged,
    which would make a random matrix look pale.

    Returns the two axes, or one where BP's own matrix is not defined; ``ax`` takes two axes to draw on. Raises
    ``DfaLabError`` for an unknown layer or one that no matrix carries a signal to.

    >>> import dfa_lab as dfa
    >>> run = dfa.Experiment(widths=(4,), task="moons")
    >>> [axes.get_title() for axes in dfa.matrixplot(run)]
    ['B: carries the signal', "Wᵀ: BP's own, W₂ᵀ"]
    """
    record = snapshot_of(snapshot, "matrixplot()")
    found = layer_with(record, layer, is_carried_to)
    carried = carried_by(record, found, "matrixplot()")
    partner = found.partner
    words = matrix_words(record, found)
    same = partner is not None and np.array_equal(carried, partner)
    shown = [("B, here Wᵀ itself: carries the signal" if same else "B: carries the signal", carried.T)]
    headline = f"{found.name}: B; BP's own matrix is not defined here"
    if partner is not None:
        shown.append((f"Wᵀ: BP's own, {words.partner}", partner.T))
        headline = f"{found.name}: B stands at {degrees(found.weight_alignment)} from Wᵀ"
        if not np.isfinite(found.weight_alignment):
            headline = f"{found.name}: no angle between B and Wᵀ, one of them is zero"
    axes = _pair(ax, len(shown))
    rows, columns = order(shown[-1][1])
    for axis, (title, matrix) in zip(axes, shown, strict=True):
        image = _heat_map(axis, scaled(matrix)[np.ix_(rows, columns)])
        axis.set_title(title, fontsize="medium")
        _unit_ticks(axis.xaxis, columns, words.columns)
        _unit_ticks(axis.yaxis, rows, words.rows)
    if len(axes) > 1:
        axes[1].set_ylabel("")
    figure = axes[0].get_figure(root=True)
    assert figure is not None
    bar = figure.colorbar(image, ax=axes, extend="both", shrink=0.9)
    bar.set_label("entry / root mean square of its matrix")
    bar.outline.set_visible(False)
    if ax is None:
        figure.suptitle(f"{headline}\n{source(record)}", fontsize="medium", linespacing=1.3)
    else:
        axes[0].set_title(f"{headline}\n{source(record)}\n{shown[0][0]}", fontsize="medium")
    return ShownPanels.of(axes)


def order(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The order of rows and of columns, from high to low in the leading left and right singular vectors of ``matrix``.

    The sign of a singular vector means nothing: it is set so that the greatest entry of the left one is positive.
    """
    tall = matrix.shape[0] >= matrix.shape[1]
    narrow = matrix if tall else matrix.T
    # The vectors of the smaller side are the eigenvectors of a small matrix, which costs less than an SVD.
    right = np.linalg.eigh(narrow.T @ narrow)[1][:, -1]
    left = narrow @ right
    left, right = (left, right) if tall else (right, left)
    sign = 1.0 if left[np.argmax(np.abs(left))] >= 0 else -1.0
    return np.argsort(-sign * left, kind="stable"), np.argsort(-sign * right, kind="stable")


def _pair(ax: Sequence[Axes] | None, wanted: int) -> list[Axes]:
    if ax is None:
        figure = ShownFigure(figsize=(4.4 * wanted + 0.8, 4.7), layout=ConstrainedLayoutEngine(h_pad=0.1))
        return [figure.add_subplot(1, wanted, place + 1, axes_class=ShownAxes) for place in range(wanted)]
    given = list(ax) if isinstance(ax, list | tuple | np.ndarray) else []
    if len(given) != 2 or not all(isinstance(one, Axes) for one in given):
        raise DfaLabError(
            f"matrixplot() got ax={shown(ax)}; expected two matplotlib Axes, or leave it out to get new ones."
        )
    return given[:wanted]


def _heat_map(axes: Axes, matrix: np.ndarray) -> AxesImage:
    rows, columns = matrix.shape
    near = 0.5 <= rows / columns <= 2
    axes.spines[:].set_visible(False)
    look: dict[str, Any] = {"cmap": DIVERGING, "vmin": -REACH, "vmax": REACH, "interpolation": "nearest"}
    return axes.imshow(matrix, aspect="equal" if near else "auto", **look)


def _unit_ticks(axis: Any, units: np.ndarray, name: str) -> None:
    if len(units) <= NUMBERED:
        axis.set_ticks(range(len(units)), labels=[str(unit) for unit in units])
        axis.set_label_text(f"{name}, sorted (its number)")
    else:
        axis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axis.set_label_text(f"{name}, sorted")
