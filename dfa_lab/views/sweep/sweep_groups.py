"""The runs of a sweep in groups: for each value of a setting, the middle of a metric and its spread over seeds."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dfa_lab.errors import DfaLabError, shown, unknown_name
from dfa_lab.experiment.jobs import SWEEP_COLUMNS
from dfa_lab.experiment.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

#: Settings that repeat an experiment by chance: a spread is taken over them.
SEEDS = ("seed", "feedback_seed")


@dataclass(frozen=True)
class Point:
    """The runs of one value of x whose metric is a finite number: its middle, its spread, and how many they are.

    ``low`` and ``high`` are None where there is no spread: of one run.
    """

    value: Any
    middle: float
    low: float | None
    high: float | None
    runs: int


@dataclass(frozen=True)
class Spread:
    """What the band is: mean ± one standard deviation (divisor n - 1), or the median and the middle ``percent``."""

    percent: float | None = None

    @classmethod
    def of(cls, band: object) -> Spread:
        """The spread that ``band`` names: "sd", or the percentage of the runs that it holds."""
        if band == "sd":
            return cls()
        if isinstance(band, int | float) and not isinstance(band, bool) and 0 < band <= 100:
            return cls(float(band))
        raise DfaLabError(
            f"band was given as {shown(band)}; expected 'sd' for the mean ± one standard deviation, or the percentage "
            "of the runs that the band holds around their median, such as 90."
        )

    @property
    def words(self) -> str:
        """What is drawn, in words."""
        if self.percent is None:
            return "mean ± sd"
        return "median and range" if self.percent == 100 else f"median and middle {self.percent:g} %"

    def point(self, value: Any, found: np.ndarray) -> Point | None:
        """The point of the metric's values ``found`` (runs,); None where no value is finite."""
        finite = found[np.isfinite(found)]
        runs = len(finite)
        if not runs:
            return None
        if self.percent is None:
            middle = float(finite.mean())
            sd = float(finite.std(ddof=1)) if runs > 1 else math.nan
            low, high = middle - sd, middle + sd
        else:
            low, middle, high = np.percentile(finite, [50 - self.percent / 2, 50, 50 + self.percent / 2]).tolist()
        one = runs == 1
        return Point(value, middle, None if one else low, None if one else high, runs)


def checked_frame(frame: object, place: str) -> pd.DataFrame:
    """``frame`` itself, a table with a row a run. Raises ``DfaLabError`` that says what ``place`` got instead."""
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        hint = ": read it by dfa.load_sweep(folder)" if isinstance(frame, str) or hasattr(frame, "__fspath__") else ""
        raise DfaLabError(
            f"{place} got a {type(frame).__name__}; expected the table that dfa.sweep or dfa.load_sweep gives{hint}."
        )
    if not len(frame):
        if (runs := frame.attrs.get("runs")) and frame.attrs.get("done") == 0:
            raise untrained(place, runs)
        raise DfaLabError(f"{place} got a table without a run; expected a row for each run.")
    return frame


def untrained(place: str, runs: int) -> DfaLabError:
    """What ``place`` says of the table of a sweep of so many ``runs`` that has only begun."""
    return DfaLabError(
        f"{place} got the table of a sweep, and none of its {runs:,} runs is trained yet; expected one or more: go on "
        "with the sweep first."
    )


def checked_column(frame: pd.DataFrame, role: str, name: object) -> str:
    """``name`` itself, a column of the frame; ``role`` is the argument that names it."""
    if not isinstance(name, str) or name not in frame.columns:
        raise unknown_name(f"column for {role}", name, map(str, frame.columns))
    return name


def numbers(frame: pd.DataFrame, name: str, role: str = "y") -> np.ndarray:
    """A column as numbers (rows,), NaN where a run has none."""
    import pandas as pd

    try:
        return pd.to_numeric(frame[name]).to_numpy(dtype=np.float64, na_value=math.nan)
    except (TypeError, ValueError):
        raise DfaLabError(f"{role} was given as {name!r}, a column that holds no numbers.") from None


def identity(value: Any) -> Hashable:
    """The same for equal values of a setting, also for those that are lists or mappings."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, Mapping | list | tuple | np.ndarray):
        return json.dumps(value, sort_keys=True, default=repr)
    return value if isinstance(value, Hashable) else repr(value)


def is_number(value: object) -> bool:
    """Whether a value of a setting is a finite number."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(value)


def levels(frame: pd.DataFrame, name: str) -> list[Any]:
    """The different values of a column: numbers from low to high, else in the order in which they come.

    A missing value is None, whatever the table made of it.
    """
    by_identity = {identity(value): value for value in frame[name].tolist()}
    found = [None if key is None else value for key, value in by_identity.items()]
    return sorted(found) if all(map(is_number, found)) else found


def rows_of(frame: pd.DataFrame, names: Sequence[str]) -> dict[tuple[Hashable, ...], np.ndarray]:
    """Identities of the values in the columns ``names`` -> numbers of the rows that have them; of no columns, all."""
    if not names:
        return {(): np.arange(len(frame))}
    found: dict[tuple[Hashable, ...], list[int]] = {}
    for row, key in enumerate(zip(*(map(identity, frame[name].tolist()) for name in names), strict=True)):
        found.setdefault(key, []).append(row)
    return {key: np.array(rows) for key, rows in found.items()}


def setting_columns(frame: pd.DataFrame) -> list[str]:
    """The columns that say what a run is, seeds apart, in their order."""
    known = {*Settings.model_fields, *SWEEP_COLUMNS} - {*SEEDS}
    return [str(name) for name in frame.columns if name in known]


def hidden_settings(frame: pd.DataFrame, named: Sequence[str]) -> list[str]:
    """The settings, seeds apart, in which runs differ that have the same values in the columns ``named``."""
    settings = [name for name in setting_columns(frame) if name not in named]
    groups = rows_of(frame, named).values()
    found = []
    for name in settings:
        column = np.array([hash(identity(value)) for value in frame[name].tolist()])
        if any((column[rows] != column[rows[0]]).any() for rows in groups):
            found.append(name)
    return found


def points(frame: pd.DataFrame, x: str, y: str, spread: Spread) -> list[Point]:
    """A point for each value of ``x`` that any run has a finite ``y`` at."""
    found, rows = numbers(frame, y), rows_of(frame, [x])
    given = (spread.point(value, found[rows[(identity(value),)]]) for value in levels(frame, x))
    return [point for point in given if point is not None]
