"""How much of its sweep a table holds: the runs that its ``attrs`` count and that are not trained yet."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dfa_lab.experiment.settings import label_of
from dfa_lab.views.sweep.column_labels import words_of
from dfa_lab.views.sweep.sweep_groups import SEEDS, identity

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TrainedPart:
    """Of a sweep of ``runs`` runs ``missing`` are not trained yet.

    ``grids`` are the settings of the whole sweep with all their values, and ``values`` those that the table has. Both
    are empty where nothing is missing, and where runs of the table were selected: nothing is said of the others then.
    """

    runs: int
    missing: int
    grids: tuple[Mapping[str, Sequence[Any]], ...] = ()
    values: Mapping[str, Mapping[Hashable, Any]] | None = None

    @classmethod
    def of(cls, frame: pd.DataFrame) -> TrainedPart:
        """By the ``attrs`` of a table; of one that has lost them, by its rows without a time."""
        attrs = frame.attrs
        runs, done = attrs.get("runs"), attrs.get("done")
        if not isinstance(runs, int) or not isinstance(done, int):
            runs, done = len(frame), int(trained(frame).sum())
        if done >= runs or len(frame) < done:
            return cls(runs, max(0, runs - done))
        calls = attrs.get("sweeps") or [attrs]
        grids = tuple(part for call in calls for part in call.get("grid") or ())
        there = {name for part in grids for name in part if name in frame.columns and name not in SEEDS}
        values = {name: {identity(value): value for value in frame[name].tolist()} for name in there}
        return cls(runs, runs - done, grids, values)

    def hidden(self, named: Sequence[str]) -> list[str]:
        """The settings, seeds apart, in which runs of the whole sweep differ that agree in the columns ``named``.

        Those alone of whose values the table has two. Of a column that is not in the grid nobody knows what it is for
        the runs that are missing.
        """
        if not set(named) <= {name for part in self.grids for name in part}:
            return []
        found = {
            name: None
            for part in self.grids
            for name, there in (self.values or {}).items()
            if name not in named and sum(identity(value) in there for value in part.get(name, ())) > 1
        }
        return list(found)

    def words(self, named: Sequence[str] = ()) -> str:
        """What is missing; beside it the settings, not ``named``, that have one value so far. Empty where all is there.

        >>> import pandas as pd
        >>> from dfa_lab.views.sweep.trained_part import TrainedPart
        >>> frame = pd.DataFrame({"lr": [0.1, 0.1], "seed": [0, 1]})
        >>> frame.attrs = {"grid": [{"lr": [0.1, 0.3]}], "runs": 4, "done": 2}
        >>> TrainedPart.of(frame).words()
        "2 of the sweep's 4 runs not trained yet; so far learning rate 0.1 alone"
        """
        if not self.missing:
            return ""
        several = {name for part in self.grids for name, values in part.items() if len(values) > 1}
        alone = [
            f"{label_of(name)} {words_of(next(iter(there.values())))} alone"
            for name, there in sorted((self.values or {}).items())
            if len(there) == 1 and name in several and name not in named
        ]
        more = f"; so far {', '.join(alone)}" if alone else ""
        return f"{self.missing:,} of the sweep's {self.runs:,} runs not trained yet{more}"


def trained(frame: pd.DataFrame) -> np.ndarray:
    """Which rows (rows,) are of runs that were trained, whether or not they failed: the others have no time."""
    if "seconds" not in frame.columns:
        return np.ones(len(frame), dtype=bool)
    return frame["seconds"].notna().to_numpy(dtype=bool)
