"""A history's rows as a table of pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from dfa_lab.experiment.history.series import Series, SeriesKey

if TYPE_CHECKING:
    import pandas as pd


def rows_frame(given: Mapping[SeriesKey, Series], replicas: int) -> pd.DataFrame:
    """A tidy table, a number a row: step, samples, metric, layer (empty for the network's own), replica, value."""
    import pandas as pd

    parts: list[tuple[np.ndarray, ...]] = []
    for (metric, layer), series in list(given.items()):
        steps, values = series.since(0, replicas)
        rows, samples = values.size, np.array(series.samples[: len(steps)], dtype=np.int64)
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
