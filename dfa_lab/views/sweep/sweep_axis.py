"""The x axis of a sweep's picture: logarithmic for a geometric grid, linear for other numbers, else a place a value."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from dfa_lab.errors import DfaLabError
from dfa_lab.views.sweep.column_labels import words_of
from dfa_lab.views.sweep.sweep_groups import identity, is_number

#: A grid of two values is geometric where the second is at least so many times the first.
DECADE = 10.0
#: A grid of more values, whose ratios vary less than its differences, where the last is so many times the first.
GEOMETRIC = 4.0
#: Up to so many values each has its own tick.
TICKS = 12
#: Letters that labels side by side have room for.
LETTERS = 60


@dataclass(frozen=True)
class SweepAxis:
    """Where each value of x stands. ``kind`` is "log", "linear" or "places", one after another at equal distances."""

    kind: str
    values: tuple[Any, ...]

    @classmethod
    def of(cls, values: Sequence[Any], log: bool | None) -> SweepAxis:
        """The axis for these values, in their order; ``log`` is what the caller asked for, None to choose."""
        numeric = all(map(is_number, values))
        if log and not (numeric and min(values) > 0):
            raise DfaLabError("log=True was given for an x that is not made of positive numbers; leave log out.")
        if not numeric:
            return cls("places", tuple(values))
        if log is None and min(values) == 0 and is_geometric([value for value in values if value > 0]):
            return cls("places", tuple(values))  # 0, 0.01, 0.1, 1: zero has no place on a logarithmic axis
        chosen = is_geometric(values) if log is None else log
        return cls("log" if chosen else "linear", tuple(values))

    def places(self, values: Sequence[Any]) -> np.ndarray:
        """The x coordinates (n,) of values."""
        if self.kind != "places":
            return np.array(values, dtype=np.float64)
        order: dict[Hashable, int] = {identity(value): place for place, value in enumerate(self.values)}
        return np.array([order[identity(value)] for value in values], dtype=np.float64)

    @property
    def joined(self) -> bool:
        """Whether there is something between two values, which a line may go through."""
        return all(map(is_number, self.values))

    def check_fits(self, axes: Axes) -> None:
        """Raise ``DfaLabError`` where curves on ``axes`` have other places, which would change their meaning."""
        drawn = str(axes.xaxis.get_gid() or self._identity)
        if drawn != self._identity:
            raise DfaLabError(
                "sweepplot() got an ax whose x axis has other values, and values that are not numbers have places in "
                "their order; draw both tables at once: sweepplot(pandas.concat([one, other]), …)."
            )

    @property
    def _identity(self) -> str:
        places = [words_of(value) for value in self.values] if self.kind == "places" else ""
        return f"{'places' if places else 'numbers'} {places}"

    def draw(self, axes: Axes) -> None:
        """Scale and ticks: each value of a short grid has its tick."""
        axes.xaxis.set_gid(self._identity)
        if self.kind == "log":
            axes.set_xscale("log")
        axis = axes.xaxis
        at = self.places(self.values)
        if len(at) <= TICKS and (self.kind != "linear" or _apart(at)):
            axis.set_major_locator(FixedLocator(at.tolist()))
            axis.set_minor_locator(NullLocator())
            axis.set_ticklabels([words_of(value) for value in self.values])
        elif self.kind == "places":
            axis.set_major_locator(MaxNLocator(nbins=TICKS, integer=True))
            axis.set_major_formatter(lambda place, _: self._label(place))
        if self.kind == "places":
            axes.set_xlim(-0.5, len(at) - 0.5)
            if sum(len(words_of(value)) for value in self.values[:TICKS]) > LETTERS:
                axes.tick_params(axis="x", labelrotation=30)
                for label in axis.get_ticklabels():
                    label.set_horizontalalignment("right")
                    label.set_rotation_mode("anchor")

    def _label(self, place: float) -> str:
        here = round(place)
        return words_of(self.values[here]) if 0 <= here < len(self.values) else ""


def is_geometric(values: Sequence[float]) -> bool:
    """Whether rising positive numbers are spaced by ratio rather than by difference."""
    if len(values) < 2 or values[0] <= 0:
        return False
    reach = values[-1] / values[0]
    if len(values) == 2:
        return bool(reach >= DECADE)
    ratios, differences = np.diff(np.log(values)), np.diff(np.array(values, dtype=np.float64))
    return bool(reach >= GEOMETRIC and _variation(ratios) < _variation(differences))


def _variation(steps: np.ndarray) -> float:
    return float(steps.std() / steps.mean())


def _apart(at: np.ndarray) -> bool:
    """Whether ticks on a linear axis stand far enough apart to be read."""
    return len(at) < 2 or float(np.diff(at).min()) >= (at[-1] - at[0]) / 16
