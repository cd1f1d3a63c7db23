"""A history's rows as a table of pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dfa_lab.experiment.history.series import Series, SeriesKey

if TYPE_CHECKING:
    import pandas as pd


def rows_frame(given: Mapping[SeriesKey, Series], replicas: int) -> pd.DataFrame:
    """A tidy table, a number a row: step, samples, metric, layer (empty for the network's own), replica, value.

    What was measured by hand and by the schedule at one step stands in it once, where it is the same.
    """
    import pandas as pd

    parts: list[tuple[np.ndarray, ...]] = []
    for (metric, layer), series in list(given.items()):
        steps, values = series.since(0, replicas)
        samples = np.array(series.samples[: len(steps)], dtype=np.int64)
        again = _measured_again(series, steps, values)
        steps, samples, values = (np.delete(column, again, axis=0) for column in (steps, samples, values))
        rows = values.size
        parts.append(
            (
                *(np.repeat(column, replicas) for column in (steps, samples)),
                np.full(rows, metric, dtype=object),
                np.full(rows, np.nan if layer is None else layer),
                np.tile(np.arange(replicas), len(steps)),
                values.reshape(-1),
            )
        )
    columns = map(np.concatenate, zip(*parts, strict=True)) if parts else [np.array([])] * 6
    names = ("step", "samples", "metric", "layer", "replica", "value")
    frame = pd.DataFrame(dict(zip(names, columns, strict=True))).astype({"layer": "Int64"})
    return frame.sort_values("step", kind="stable", ignore_index=True)


def _measured_again(series: Series, steps: np.ndarray, values: np.ndarray) -> list[int]:
    """The rows by hand beside which another of the same step has the same values."""
    found: list[int] = []
    for row in [row for row in series.by_hand if row < len(steps)]:
        before = next((one for one in range(row - 1, -1, -1) if one not in found), row)
        beside = [one for one in (before, row + 1) if one != row and one < len(steps)]
        if any(steps[one] == steps[row] and np.array_equal(values[one], values[row], equal_nan=True) for one in beside):
            found.append(row)
    return found
