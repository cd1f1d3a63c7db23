"""sweepplot: what the runs of a sweep reached, over a setting, with a band over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from matplotlib.axes import Axes

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.settings import label_of
from dfa_lab.views.base import (
    ShownAxes,
    ShownFigure,
    ShownPanels,
    axes_for,
    palette,
    put_legend,
    run_colour,
    runs_on,
)
from dfa_lab.views.sweep.column_labels import column_label, words_of
from dfa_lab.views.sweep.sweep_axis import SweepAxis
from dfa_lab.views.sweep.sweep_groups import (
    Point,
    Spread,
    checked_column,
    checked_frame,
    hidden_settings,
    identity,
    levels,
    numbers,
    points,
    rows_of,
)
from dfa_lab.views.sweep.trained_part import TrainedPart, trained

if TYPE_CHECKING:
    import pandas as pd

#: A curve is known by its marker too, not by its colour alone.
MARKERS = "osD^vPX*"
#: Curves that stand side by side at a place: at most this far from one another, and all of them within so much.
APART, WITHIN = 0.12, 0.6
#: How the title looks that says what is drawn.
TITLE: dict[str, Any] = {"fontsize": "small", "color": palette.NEUTRAL}


@overload
def sweepplot(
    frame: pd.DataFrame,
    x: str,
    hue: str | Sequence[str] | None = None,
    y: str = "test_accuracy",
    *,
    col: None = None,
    band: str | float = "sd",
    log: bool | None = None,
    ax: Axes | None = None,
    label: str | None = None,
) -> Axes: ...


@overload
def sweepplot(
    frame: pd.DataFrame,
    x: str,
    hue: str | Sequence[str] | None = None,
    y: str = "test_accuracy",
    *,
    col: str,
    band: str | float = "sd",
    log: bool | None = None,
    ax: Axes | None = None,
    label: str | None = None,
) -> ShownPanels: ...


def sweepplot(
    frame: pd.DataFrame,
    x: str,
    hue: str | Sequence[str] | None = None,
    y: str = "test_accuracy",
    *,
    col: str | None = None,
    band: str | float = "sd",
    log: bool | None = None,
    ax: Axes | None = None,
    label: str | None = None,
) -> Axes | ShownPanels:
    """What the runs of a sweep reached: the metric ``y`` over the setting ``x``, with a band over seeds.

    ``frame`` is the table that ``dfa.sweep`` or ``dfa.load_sweep`` gives, a row a run. ``hue`` is the setting, or the
    settings, that each curve has a value of; ``col`` one that each panel has a value of. Every other setting that the
    sweep varied must be named or selected before (``frame[frame.batch_size == 64]``): a band is a spread over seeds
    and nothing else.

    ``band="sd"`` draws the mean and ± one standard deviation; a number, such as 90, the median and the middle 90 % of
    the runs. Runs without a finite ``y`` (they failed, or diverged) are left out, and the title counts them.

    Where the values of ``x`` are spaced by ratio, the axis is logarithmic; ``log=True`` or ``False`` overrules. Values
    that are not numbers, such as rules, have a place each, and bars in place of bands.

    Returns the Axes, or with ``col`` the array of them; a second call on the same ``ax`` adds its curves, ``label``
    before their names. As of all plots here the figure is none of pyplot's: ``axes.figure.savefig("sweep.png")`` saves
    it, ``panels[0].figure.savefig("sweep.png")`` that of panels. Raises ``DfaLabError`` for an unknown column, and for
    a setting that would hide in the band.

    >>> import pandas as pd, dfa_lab as dfa
    >>> runs = [("bp", 0.1, 0, 0.95), ("bp", 0.1, 1, 0.97), ("fa", 0.1, 0, 0.91), ("fa", 0.1, 1, 0.94)]
    >>> frame = pd.DataFrame(runs, columns=["rule", "lr", "seed", "test_accuracy"])
    >>> dfa.sweepplot(frame, x="rule").get_title(loc="left")
    'mean ± sd of 2 runs'
    """
    table, spread = checked_frame(frame, "sweepplot()"), Spread.of(band)
    hues = [] if hue is None else [hue] if isinstance(hue, str) else list(hue)
    for role, name in [("x", x), *(("hue", one) for one in hues), *([("col", col)] if col is not None else [])]:
        checked_column(table, role, name)
    checked_column(table, "y", y)
    named, part = [x, *hues, *([col] if col is not None else [])], TrainedPart.of(table)
    _nothing_hidden(table, named, part)
    _something_to_draw(table, y)
    plot = _Plot(
        x, tuple(hues), y, spread, SweepAxis.of(levels(table, x), log), _curves(table, hues), label, part.words(named)
    )
    if col is None:
        axes = axes_for(ax, "sweepplot()")
        plot.axis.check_fits(axes)
        axes.set_title(plot.title(table, plot.draw(axes, table)), loc="left", **TITLE)
        plot.legend(axes)
        return axes
    if ax is not None:
        raise DfaLabError("sweepplot() got both col and ax; expected one of them: col makes a panel for each value.")
    return _panels(plot, table, col)


def _nothing_hidden(frame: pd.DataFrame, named: list[str], part: TrainedPart) -> None:
    hidden = hidden_settings(frame, named) or part.hidden(named)
    if hidden:
        name, value = hidden[0], levels(frame, hidden[0])[0]
        raise DfaLabError(
            f"the runs differ in {', '.join(hidden)} too, which the band would hide among the seeds; name "
            f"{'it' if len(hidden) == 1 else 'each'} as hue or col, or select runs first: "
            f"frame[frame[{name!r}] == {shown(value)}]."
        )


def _something_to_draw(frame: pd.DataFrame, y: str) -> None:
    if not np.isfinite(numbers(frame, y)).any():
        first = next((one for one in frame.get("error", []) if isinstance(one, str) and one), None)
        why = f"; the first run's error: {shown(first)}" if first else ""
        raise DfaLabError(f"sweepplot() needs {y}, and no run has a finite one{why}.")


def _curves(frame: pd.DataFrame, hues: Sequence[str]) -> list[tuple[Any, ...]]:
    """The values of the hues that occur together, one tuple a curve: the first hue's values outermost."""
    if not hues:
        return [()]
    there = rows_of(frame, hues)
    curves: list[tuple[Any, ...]] = [()]
    for name in hues:
        curves = [(*curve, value) for curve in curves for value in levels(frame, name)]
    return [curve for curve in curves if tuple(map(identity, curve)) in there]


@dataclass(frozen=True)
class _Plot:
    """What one or several panels show alike: the columns, the axis of x, and the curves by their values of the hues."""

    x: str
    hues: tuple[str, ...]
    y: str
    spread: Spread
    axis: SweepAxis
    curves: list[tuple[Any, ...]]
    label: str | None
    missing: str

    def draw(self, axes: Axes, frame: pd.DataFrame) -> list[Point]:
        """Draw the runs of ``frame``; the points that were drawn."""
        first, drawn = runs_on(axes), []
        rows = rows_of(frame, self.hues)
        for number, curve in enumerate(self.curves):
            key = tuple(map(identity, curve))
            if key not in rows:
                continue  # this panel has no run of it
            found = points(frame.iloc[rows[key]], self.x, self.y, self.spread)
            self._draw_curve(axes, found, first + number, self._shift(number), self._name(curve))
            drawn += found
        self.axis.draw(axes)
        axes.set_xlabel(label_of(self.x))
        axes.set_ylabel(column_label(self.y))
        axes.spines[["top", "right"]].set_visible(False)
        return drawn

    def _draw_curve(self, axes: Axes, found: list[Point], number: int, shift: float, name: str) -> None:
        at = self.axis.places([point.value for point in found]) + shift
        middle = [point.middle for point in found]
        look: dict[str, Any] = {"color": run_colour(number), "marker": MARKERS[number % len(MARKERS)], "ms": 5}
        joined = self.axis.joined
        axes.plot(at, middle, lw=1.8 if joined else 0, label=name, gid=f"run {number}", zorder=2.5, **look)
        low = np.array([np.nan if point.low is None else point.low for point in found])
        high = np.array([np.nan if point.high is None else point.high for point in found])
        if not np.isfinite(low).any():
            return
        if joined and len(found) > 1:
            fill: dict[str, Any] = {"color": look["color"], "alpha": palette.SPREAD_OPACITY, "lw": 0}
            axes.fill_between(at, low, high, gid=f"spread {number}", **fill)
        else:
            axes.vlines(at, low, high, color=look["color"], lw=1.8, alpha=0.7, gid=f"spread {number}")

    def _shift(self, number: int) -> float:
        """How far curve ``number`` stands aside where curves have places, so that no bar hides another."""
        if self.axis.joined or len(self.curves) == 1:
            return 0.0
        return min(APART, WITHIN / len(self.curves)) * (number - (len(self.curves) - 1) / 2)

    def _name(self, curve: tuple[Any, ...]) -> str:
        return ", ".join(filter(None, [self.label, *map(words_of, curve)])) or "_"

    def title(self, frame: pd.DataFrame, drawn: list[Point]) -> str:
        """What the points are, of how many runs; then what was left out, and what is not there yet."""
        counts = sorted({point.runs for point in drawn})
        many = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"
        words = "one run each" if counts == [1] else f"{self.spread.words} of {many} runs"
        ready = trained(frame)
        left_out = int((~np.isfinite(numbers(frame, self.y)) & ready).sum())
        if left_out:
            words += f"; {left_out:,} of {ready.sum():,} runs without a finite value left out"
        return f"{words}\n{self.missing}" if self.missing else words

    def legend(self, *panels: Axes) -> None:
        """The curves of all panels by name, each once, under the names of the hues; beside the last panel."""
        handles = {
            name: handle for one in panels for handle, name in zip(*one.get_legend_handles_labels(), strict=True)
        }
        if handles:
            put_legend(panels[-1], list(handles.values()), list(handles))
            legend = panels[-1].get_legend()
            if self.hues and legend is not None:
                legend.set_title(", ".join(map(label_of, self.hues)))
                legend.get_title().set_fontsize("small")


def _panels(plot: _Plot, frame: pd.DataFrame, col: str) -> ShownPanels:
    """A panel for each value of ``col``, all on the same axes of x and y."""
    values, rows = levels(frame, col), rows_of(frame, [col])
    figure = ShownFigure(figsize=(3.3 * len(values) + 1.2, 3.6), layout="constrained")
    made: list[Axes] = []
    drawn: list[Point] = []
    for place, value in enumerate(values):
        axes = figure.add_subplot(1, len(values), place + 1, axes_class=ShownAxes, sharey=made[0] if made else None)
        drawn += plot.draw(axes, frame.iloc[rows[(identity(value),)]])
        axes.set_title(f"{label_of(col)} {words_of(value)}", fontsize="medium")
        if made:
            axes.set_ylabel("")
            axes.tick_params(labelleft=False)
        made.append(axes)
    plot.legend(*made)
    figure.suptitle(plot.title(frame, drawn), x=0.01, ha="left", **TITLE)
    return ShownPanels.of(made)
