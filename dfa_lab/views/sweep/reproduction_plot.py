"""reproductionplot: what a reproduction gave, seed by seed, beside what the paper printed."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dfa_lab.atomic_file import write_atomically
from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.reproductions import REPRODUCTIONS, Reproduced
from dfa_lab.views.base import axes_for, palette, run_colour

#: Height of a case, and of what stands above and below them, in inches.
ROW, MARGIN = 0.3, 1.0


def reproductionplot(found: Reproduced, ax: Axes | None = None) -> Axes:
    """A row a case: a dot a seed, the mean with one standard deviation, and the paper's number as a diamond.

    The bar behind the diamond is as wide as the tolerance on both sides; a quick reproduction shows none, since it is
    compared with nothing. Use it beside the table that ``print(found)`` gives.

    Returns the Axes. Raises ``DfaLabError`` where ``found`` is not what ``dfa.reproduce`` returns.

    >>> import dfa_lab as dfa
    >>> found = dfa.reproduce("lillicrap", quick=True, seeds=2, progress=False)
    >>> dfa.reproductionplot(found).get_xlabel()
    'degrees, %'
    """
    if not isinstance(found, Reproduced):
        raise DfaLabError(f"reproductionplot() got {shown(found)}; expected what dfa.reproduce returns.")
    rows = found.frame.to_dict("records")
    axes = axes_for(ax, "reproductionplot()", height=ROW * len(rows) + MARGIN)
    about, colour = REPRODUCTIONS[found.name], run_colour(0)
    for place, row in enumerate(rows):
        values = np.asarray(found.values[row["case"]], dtype=float)
        axes.plot(values, np.full(len(values), place), ".", color=colour, alpha=0.4, gid=f"seeds {place}")
        axes.errorbar(row["mean"], place, xerr=row["sd"] if len(values) > 1 else None, fmt="o", color=colour, capsize=3)
        if np.isfinite(row["published"]):
            axes.plot(row["published"], place, "D", color=palette.NEUTRAL, mfc="none", gid=f"published {place}")
            if not found.quick:
                low, high = row["published"] - about.tolerance, row["published"] + about.tolerance
                bar = axes.fill_betweenx([place - 0.4, place + 0.4], low, high, color=palette.NEUTRAL, alpha=0.15, lw=0)
                bar.set_gid("tolerance")
    axes.set_yticks(range(len(rows)), labels=[str(row["case"]) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(about.unit)
    dots = "dots: seeds, with mean ± sd"
    judged = any(np.isfinite(row["published"]) for row in rows)
    paper = f"; diamond: published, ± {about.tolerance:g}" if judged and not found.quick else ""
    axes.set_title(f"{found.title}\n{dots}{paper}", fontsize="small")
    return axes


def write_reproduction(found: Reproduced, folder: Path) -> None:
    """Write it into ``folder`` as NAME-TASK.json, its table as .md and its picture as .svg; a quick one says so there.

    The same numbers are the same files.
    """
    stem = f"{found.name}-{found.task}{'-quick' if found.quick else ''}"
    found.to_json(folder / f"{stem}.json")
    write_atomically(folder / f"{stem}.md", f"{found.title}\n\n{found.to_markdown()}\n", what="a reproduction")
    with rc_context({"svg.hashsalt": stem}):
        cast(Figure, reproductionplot(found).figure).savefig(folder / f"{stem}.svg", metadata={"Date": None})
