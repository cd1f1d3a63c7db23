"""Mean, standard deviation and number of the runs of a group, and how a table writes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

#: What a table shows where there is no number.
NOTHING = "–"
#: The most decimals that a table shows.
DECIMALS = 6
#: From here on a number is written as 5.26e+18.
LARGE = 1e9


@dataclass(frozen=True)
class Statistics:
    """Of the finite values of a group: their mean and sample standard deviation, NaN where there is none; how many."""

    mean: float
    sd: float
    runs: int

    @classmethod
    def of(cls, values: np.ndarray) -> Statistics:
        """The statistics of ``values`` (runs,), of which those that are not finite are left out."""
        finite = values[np.isfinite(values)]
        sd = float(finite.std(ddof=1)) if len(finite) > 1 else np.nan
        return cls(float(finite.mean()) if len(finite) else np.nan, sd, len(finite))

    def text(self, decimals: int) -> str:
        """``0.951 ± 0.012``; the mean alone of one run."""
        if not self.runs:
            return NOTHING
        return written(self.mean, decimals) + (f" ± {written(self.sd, decimals)}" if np.isfinite(self.sd) else "")


def written(value: float, decimals: int, sign: str = "") -> str:
    """A number with so many decimals; a large one by its power of ten. ``sign`` "+" says of a positive one that it is.

    >>> written(0.125, 2), written(-5.2631e18, 2), written(3.0, 0, "+")
    ('0.12', '-5.26e+18', '+3')
    """
    return f"{value:{sign}.2e}" if abs(value) >= LARGE else f"{value:{sign}.{decimals}f}"


def decimals_for(spreads: Iterable[float], fallback: float = 0.001) -> int:
    """The decimals that show the least positive spread with two figures."""
    least = min((one for one in spreads if np.isfinite(one) and one > 0), default=fallback)
    return int(np.clip(1 - np.floor(np.log10(least)), 0, DECIMALS))
