"""similarityplot: how alike the hidden layers of two networks are, a cell for each pair of layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.inspection import similarity
from dfa_lab.experiment.run import Experiment
from dfa_lab.views.base import ON_IMAGE, axes_for, palette

if TYPE_CHECKING:
    import pandas as pd

#: One lightness course: values differ for any common colour vision and in print. From 0 to 1 in every picture.
COLOURS = "cividis"
#: Above this the cell is light, and its number dark.
LIGHT = 0.55
#: More layers than these on a side leave no room for numbers in the cells.
NUMBERED = 10
#: The longest name of a layer, in characters, that has room beside others.
LONGEST = 9
#: In inches: a cell's width and height, and the room beside and above all.
CELL, MARGIN_BESIDE, MARGIN_ABOVE = (0.85, 0.55), 2.6, 1.5


def similarityplot(
    compared: pd.DataFrame | Experiment | tuple[Any, Any], ax: Axes | None = None, *, numbers: bool | None = None
) -> Axes:
    """The table of ``dfa.similarity`` as a map: rows are the layers of one network, columns those of the other.

    Takes the table, a pair ``(a, b)`` of what ``similarity`` takes, or a run alone, beside the untrained network that
    it began from. The colours go from 0 to 1 in every picture, so two can be compared. Each cell has its number where
    there are at most ten layers on a side (``numbers`` overrules), with replicas the mean ± one standard deviation over
    them (divisor n − 1). A cell without colour has no similarity: a layer gives every sample the same.

    Returns the Axes. Raises ``DfaLabError`` for another table, and as ``similarity`` does.

    >>> import dfa_lab as dfa
    >>> run = dfa.Experiment(task="moons", widths=(8, 8))
    >>> dfa.similarityplot(run).get_title()
    'dfa beside untrained, layer by layer'
    """
    table = _table(compared)
    mean, sd = _over_replicas(table)
    rows, columns = mean.shape
    width, height = (CELL[0] * columns + MARGIN_BESIDE, CELL[1] * rows + MARGIN_ABOVE)
    axes = axes_for(ax, "similarityplot()", width=min(width, 10.0), height=min(height, 8.0))
    image = axes.imshow(mean.to_numpy(), cmap=COLOURS, vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    image.set_gid("similarity")
    if numbers or (numbers is None and max(rows, columns) <= NUMBERED):
        _write_numbers(axes, mean.to_numpy(), None if sd is None else sd.to_numpy())
    names = [str(table.index.names[-1] or "rows"), str(table.columns.name or "columns")]
    # Names that would run into one another stand upright.
    upright = columns > NUMBERED or max(len(str(name)) for name in mean.columns) > LONGEST
    axes.set_xticks(range(columns), labels=list(map(str, mean.columns)), rotation=90 if upright else 0)
    axes.set_yticks(range(rows), labels=list(map(str, mean.index)))
    axes.set_xlabel(names[1])
    axes.set_ylabel(names[0])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    said = "" if sd is None else f"\nmean ± sd of {table.index.get_level_values(0).nunique()} replicas"
    axes.set_title(f"{names[0]} beside {names[1]}, layer by layer{said}", fontsize="medium")
    _put_bar(axes, image)
    return axes


def _table(compared: Any) -> pd.DataFrame:
    import pandas as pd

    if isinstance(compared, tuple | list):
        if len(compared) != 2:
            raise DfaLabError(f"similarityplot() got {len(compared)} of what it compares; expected two: (a, b).")
        return similarity(*compared)
    if isinstance(compared, Experiment):
        return similarity(compared)
    if not isinstance(compared, pd.DataFrame):
        raise DfaLabError(
            f"similarityplot() got {shown(compared)}; expected the table that dfa.similarity gives, a run, or a "
            "pair of them: (a, b)."
        )
    kinds = all(kind.kind == "f" for kind in compared.dtypes)
    if not compared.size or not kinds or bool(((compared < 0) | (compared > 1)).any(axis=None)):
        raise DfaLabError("similarityplot() got another table; expected that of dfa.similarity, numbers from 0 to 1.")
    return compared


def _over_replicas(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The mean over replicas and the standard deviation; the table itself and None where it has no such level."""
    if table.index.nlevels == 1:
        return table, None
    groups = table.groupby(level=-1, sort=False)
    return groups.mean(), groups.std()


def _write_numbers(axes: Axes, mean: np.ndarray, sd: np.ndarray | None) -> None:
    place: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": "small"}
    for (row, column), value in np.ndenumerate(mean):
        if not np.isfinite(value):
            axes.text(column, row, "none", color=palette.NEUTRAL, **place)
            continue
        spread = "" if sd is None or not np.isfinite(sd[row, column]) else f"\n± {sd[row, column]:.2f}"
        colour = "black" if value > LIGHT else "white"
        axes.text(column, row, f"{value:.2f}{spread}", color=colour, gid=ON_IMAGE, **place)


def _put_bar(axes: Axes, image: AxesImage) -> None:
    figure = axes.get_figure(root=True)
    assert figure is not None
    bar = figure.colorbar(image, ax=axes)
    bar.set_label("linear CKA")
    bar.outline.set_visible(False)
