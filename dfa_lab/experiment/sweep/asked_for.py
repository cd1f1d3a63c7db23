"""What a sweep is asked for, checked as a whole: all that is wrong with it is one error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dfa_lab.errors import DfaLabError, shown, whole_number
from dfa_lab.experiment.jobs import SweepMetric, sweep_metrics
from dfa_lab.experiment.settings import MOST_REPLICAS, MOST_STEPS
from dfa_lab.experiment.sweep.grid import Grid


def asked_for(
    grid: Any,
    fields: Mapping[str, Any],
    *,
    seeds: Any = 1,
    steps: Any,
    metrics: Any = None,
    on_error: Any = "keep",
    group_size: Any = None,
    wrong: Sequence[str] = (),
) -> tuple[Grid, list[SweepMetric]]:
    """The grid and the metrics. ``DfaLabError`` that lists all that cannot be used, what is ``wrong`` already first."""
    errors, wanted = list(wrong), list[SweepMetric]()
    try:
        whole_number("steps", steps, 1, MOST_STEPS)
    except DfaLabError as error:
        errors.append(str(error))
    if on_error not in ("keep", "raise"):
        errors.append(f"on_error was given as {shown(on_error)}; expected 'keep' or 'raise'.")
    try:
        if group_size is not None:
            whole_number("group_size", group_size, 1, MOST_REPLICAS, instead="None")
    except DfaLabError as error:
        errors.append(str(error))
    try:
        wanted = sweep_metrics(metrics)
    except DfaLabError as error:
        errors.append(str(error))
    return Grid.of(grid, seeds, fields, wrong=errors), wanted
