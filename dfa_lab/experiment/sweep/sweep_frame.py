"""The results of a sweep while it goes on, and the tidy table that becomes of them."""

from __future__ import annotations

import json
import platform
from array import array
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import dfa_lab
from dfa_lab.experiment.jobs import Result
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.sweep.grid import Grid

if TYPE_CHECKING:
    import pandas as pd

#: What the error of a run says that was not trained, because the sweep was stopped.
NOT_RUN = "not run: the sweep was stopped before"


class Results:
    """What is kept of the runs of a sweep, by their numbers: 8 bytes a metric, 8 for the seconds, 8 for the error."""

    def __init__(self, runs: int, columns: Sequence[str]) -> None:
        self._columns = {name: array("d", [np.nan]) * runs for name in columns}
        self._seconds = array("d", [np.nan]) * runs
        self._errors: list[str | None] = [NOT_RUN] * runs
        self.done = self.failed = 0

    def __len__(self) -> int:
        return len(self._errors)

    def put(self, run: int, result: Result) -> None:
        """Keep the result of a run, which is put once."""
        for name, column in self._columns.items():
            column[run] = result["metrics"].get(name, np.nan)
        self._seconds[run], self._errors[run] = result["seconds"], result["error"]
        self.done += 1
        self.failed += result["error"] is not None

    def has(self, run: int) -> bool:
        """Whether the result of a run is kept."""
        return self._errors[run] is not NOT_RUN

    def frame(self, grid: Grid, attributes: Mapping[Any, Any], settings: Sequence[str] | None = None) -> pd.DataFrame:
        """A row a run, in the grid's order: ``settings``, seed, the metrics, seconds, error.

        Without ``settings`` the table has a column for each that is in the grid.
        """
        import pandas as pd

        columns: dict[str, Any] = {name: [] for name in (grid.columns if settings is None else settings)}
        for fields in grid.combinations():
            for name, column in columns.items():
                column.append(cell(fields.get(name, Settings.model_fields[name].default)))
        repeated = {name: [one for one in column for _ in grid.seeds] for name, column in columns.items()}
        combinations = len(self) // len(grid.seeds)
        table: dict[Any, Any] = {
            **repeated,
            "seed": np.tile(np.array(grid.seeds, dtype=np.int64), combinations),
            **{name: np.frombuffer(column) if len(column) else [] for name, column in self._columns.items()},
            "seconds": np.frombuffer(self._seconds) if len(self) else [],
            "error": pd.Series(self._errors, dtype=object),
        }
        frame = pd.DataFrame(table)
        frame.attrs = {**attributes, "runs": len(self), "done": self.done, "failed": self.failed}
        return frame


def cell(value: Any) -> Any:
    """A setting as a table has it: widths as a tuple, parameters as JSON text, so that rows can be grouped by it."""
    return json.dumps(value, sort_keys=True) if isinstance(value, Mapping) else value


def attributes_of(grid: Grid, steps: int, columns: Sequence[str]) -> dict[str, Any]:
    """How the table was made, as JSON has it: grid, settings that all runs share, seeds, steps, metrics, versions."""
    made = {
        "grid": [{name: list(values) for name, values in part.items()} for part in grid.parts],
        "settings": dict(grid.fixed),
        "seeds": list(grid.seeds),
        "steps": steps,
        "metrics": list(columns),
        "versions": versions(),
    }
    return dict(json.loads(json.dumps(made)))


def versions() -> dict[str, str]:
    """What a result may depend on."""
    return {"dfa_lab": dfa_lab.__version__, "torch": torch.__version__, "python": platform.python_version()}
