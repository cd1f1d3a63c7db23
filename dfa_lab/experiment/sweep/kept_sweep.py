"""load_sweep: the table of what lies in a sweep's folder, of one sweep or of several that share it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.jobs import STEPS, SWEEP
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.sweep.grid import Grid
from dfa_lab.experiment.sweep.run_folder import RunFolder
from dfa_lab.experiment.sweep.sweep_frame import Results

if TYPE_CHECKING:
    import pandas as pd


def load_sweep(folder: str | os.PathLike[str]) -> pd.DataFrame:
    """The table of a sweep's folder: the runs that are done or failed by now, while others may still be trained.

    Where several sweeps share the folder, one table of all of them, in the order in which they were begun. It has a
    column for each setting in which any of their runs differ, one for ``steps`` where these differ, and ``sweep``, a
    number from 1, where a run is there more than once: with other metrics, or by another version. Sweeps that ask for
    the same metrics and steps have one number, so that the rows of a number hold all the runs that they asked for.
    Raises ``DfaLabError`` where the folder is none of a sweep, or a file in it is damaged.

    >>> import tempfile, dfa_lab as dfa
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = dfa.sweep({"lr": [0.1]}, steps=5, task="moons", widths=(8,), folder=folder, progress=False)
    ...     len(dfa.load_sweep(folder))
    1
    """
    place = RunFolder(folder, make=False)
    done, failed = place.names()
    calls = place.calls()
    grids = [Grid.of_attributes(call) for call, _ in calls]
    columns = _settings_that_differ(grids)
    frames, rows, taken, asked_for = [], [], set[str](), 0
    for (call, names), grid in zip(calls, grids, strict=True):
        if len(grid) != len(names):
            raise DfaLabError(f"{shown(str(place.path))} has a file sweep-….json whose grid does not fit its runs.")
        results = Results(len(grid), call["metrics"])
        for number, name in enumerate(names):
            if name not in taken and (name in done or name in failed):
                results.put(number, place.read(name, failed=name not in done))
        asked_for += sum(name not in taken for name in names)  # as it has rows: one that a grid names twice has two
        taken.update(names)
        frame = results.frame(grid, call, columns)
        looks = frame[[*columns, "seed"]].itertuples(index=False, name=None)
        rows.append(dict(zip(looks, names, strict=True)))
        frames.append(frame[[results.has(number) for number in range(len(grid))]].reset_index(drop=True))
    return frames[0] if len(frames) == 1 else _in_one(frames, rows, columns, asked_for)


def _settings_that_differ(grids: Sequence[Grid]) -> list[str]:
    """The settings that are in one of the grids, and those that the grids fix at different values."""
    columns = dict.fromkeys(name for grid in grids for name in grid.columns)
    for name, field in Settings.model_fields.items():
        fixed = {json.dumps(grid.fixed.get(name, field.default), sort_keys=True) for grid in grids}
        if len(fixed) > 1:
            columns[name] = None
    return list(columns)


def _in_one(
    frames: Sequence[pd.DataFrame], rows: Sequence[dict[Any, str]], columns: Sequence[str], runs: int
) -> pd.DataFrame:
    """One table of several sweeps, of ``runs`` runs in all, in which no two rows that differ look the same.

    ``rows`` are the names of each sweep's runs, all that it asked for, by what its rows look like.
    """
    import pandas as pd

    calls: list[dict[Any, Any]] = [dict(frame.attrs) for frame in frames]
    names = [*columns, "seed"]
    if len({call["steps"] for call in calls}) > 1:
        names.append(STEPS)
        for frame, call in zip(frames, calls, strict=True):
            frame.insert(len(columns), STEPS, call["steps"])
    filled = [number for number, frame in enumerate(frames) if len(frame)] or [0]
    if pd.concat([frames[number][names].drop_duplicates() for number in filled]).duplicated().any():
        for number, frame in zip(_numbers(calls, rows), frames, strict=True):
            frame.insert(len(columns), SWEEP, number)
    whole = pd.concat([frames[number] for number in filled], ignore_index=True)
    failed = int(whole["error"].notna().sum())
    whole.attrs = {"sweeps": calls, "runs": runs, "done": len(whole), "failed": failed}
    return whole


def _numbers(calls: Sequence[dict[Any, Any]], rows: Sequence[dict[Any, str]]) -> list[int]:
    """The number of each sweep, from 1: one for all of the same steps, metrics and version.

    Where a run of one has the look of another's and is none, as after a change of a function's code, they have two.
    """
    numbered: list[tuple[Any, dict[Any, str]]] = []
    numbers = []
    for call, own in zip(calls, rows, strict=True):
        kind = call["steps"], call["metrics"], call.get("versions", {}).get("dfa_lab")
        for place in reversed(range(len(numbered))):
            there = numbered[place][1]
            if numbered[place][0] == kind and all(there.get(look, name) == name for look, name in own.items()):
                there.update(own)
                numbers.append(place + 1)
                break
        else:
            numbered.append((kind, dict(own)))
            numbers.append(len(numbered))
    return numbers
