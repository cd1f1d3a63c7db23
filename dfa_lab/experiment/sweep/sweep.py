"""sweep: every combination of settings with every seed, trained, as a table."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from dfa_lab.errors import DfaLabError, shown, whole_number
from dfa_lab.experiment.settings import MOST_STEPS
from dfa_lab.experiment.sweep.grid import Grid
from dfa_lab.experiment.sweep.group import train_runs
from dfa_lab.experiment.sweep.plan import plan
from dfa_lab.experiment.sweep.sweep_frame import Results, attributes_of
from dfa_lab.experiment.sweep.sweep_metrics import sweep_metrics

if TYPE_CHECKING:
    import pandas as pd


def sweep(
    grid: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    seeds: int | Sequence[int] = 1,
    steps: int,
    metrics: Any = None,
    executor: Any = None,
    folder: str | os.PathLike[str] | None = None,
    on_error: Literal["keep", "raise"] = "keep",
    progress: bool = True,
    group_size: int | None = None,
    **fields: Any,
) -> pd.DataFrame:
    """Train every combination of the settings in ``grid`` with every seed for ``steps`` updates; a row a run.

    >>> import dfa_lab as dfa
    >>> frame = dfa.sweep({"lr": [0.05, 0.1]}, seeds=2, steps=5, task="moons", widths=(8,), progress=False)
    >>> list(frame.columns)[:3], len(frame)
    (['lr', 'seed', 'test_accuracy'], 4)
    """
    whole_number("steps", steps, 1, MOST_STEPS)
    if on_error not in ("keep", "raise"):
        raise DfaLabError(f"on_error was given as {shown(on_error)}; expected 'keep' or 'raise'.")
    runs = Grid.of(grid, seeds, fields)
    wanted = sweep_metrics(metrics)
    columns = [one.column for one in wanted]
    groups, every = plan(runs, steps, group_size), list(runs.runs())
    results = Results(len(runs), columns)
    for group in groups:
        found = train_runs([every[number] for number in group.runs], steps, wanted)
        for number, result in zip(group.runs, found, strict=True):
            results.put(number, result)
    return results.frame(runs, attributes_of(runs, steps, columns))
