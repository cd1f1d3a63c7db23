"""A sweep's table in short: a line for each combination of settings, means ± sd over its seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dfa_lab.experiment.settings import label_of
from dfa_lab.html_table import plain_table
from dfa_lab.views.sweep.column_labels import words_of
from dfa_lab.views.sweep.compared_side import Side
from dfa_lab.views.sweep.group_statistics import Statistics, decimals_for
from dfa_lab.views.sweep.sweep_groups import numbers

if TYPE_CHECKING:
    import pandas as pd

#: The most lines of a summary.
LINES = 60


def summary(frame: pd.DataFrame) -> str:
    """Means ± sd of each combination of settings, as a console shows them, then what failed and what is missing.

    ``runs`` are those without an error; beside a metric that another number of runs has stands how many.

    >>> import pandas as pd
    >>> from dfa_lab.views.sweep import summary
    >>> print(summary(pd.DataFrame({"lr": [0.1, 0.1], "seed": [0, 1], "test_loss": [0.25, 0.75]})))
    learning rate  runs  test loss
    0.1            2     0.50 ± 0.35
    """
    side = Side.of("the sweep", frame, "summary()")
    frame = side.frame
    columns = {name: numbers(frame, name) for name in side.metrics}
    groups = list(side.groups(side.settings).values())
    found = [{name: Statistics.of(column[rows]) for name, column in columns.items()} for _, rows in groups]
    decimals = {name: decimals_for(one[name].sd for one in found) for name in columns}
    finished = frame["error"].isna().to_numpy() if "error" in frame.columns else np.ones(len(frame), dtype=bool)
    lines = []
    for (values, rows), one in list(zip(groups, found, strict=True))[:LINES]:
        runs = int(finished[rows].sum())
        counted = f"{runs}" if runs == len(rows) else f"{runs} of {len(rows)}"
        texts = {name: each.text(decimals[name]) for name, each in one.items()}
        # A metric that not every finished run has: the angles of an untrained layer, what a failed run still reached.
        own = [
            f"{text} ({one[name].runs})" if one[name].runs not in (0, runs) else text for name, text in texts.items()
        ]
        lines.append([*map(words_of, values), counted, *own])
    head = [*map(label_of, side.settings), "runs", *(name.replace("_", " ") for name in columns)]
    parts = [plain_table(head, lines)]
    if len(groups) > LINES:
        parts.append(f"… and {len(groups) - LINES:,} combinations more")
    errors = frame["error"].dropna().tolist() if "error" in frame.columns else []
    if errors:
        parts.append(f"{len(errors):,} of {len(frame):,} runs failed; the first: {errors[0]}")
    if side.missing:
        parts.append(f"{side.missing}.")
    return "\n".join(parts)
