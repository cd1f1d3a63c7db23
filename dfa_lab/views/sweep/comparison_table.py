"""Two sweeps, or two runs, side by side: the settings in which they differ, and what both reached where they agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dfa_lab.errors import DfaLabError, unknown_name
from dfa_lab.experiment.history import History
from dfa_lab.experiment.settings import label_of
from dfa_lab.html_table import plain_table
from dfa_lab.views.sweep.column_labels import column_label, words_of
from dfa_lab.views.sweep.compared_side import NO_METRICS, Side, same
from dfa_lab.views.sweep.group_statistics import NOTHING, Statistics, decimals_for, written
from dfa_lab.views.sweep.sweep_groups import numbers

if TYPE_CHECKING:
    import pandas as pd

#: Metrics that are shown where none is named, as far as both have them.
FIRST = ("test_accuracy", "test_loss")


@dataclass(frozen=True)
class Comparison:
    """What two sweeps or runs have in common and in what they differ. It prints as tables.

    ``differing`` are settings that neither varies and that are not the same, with the value of each side; ``frame``
    has a row for each combination of the settings in ``varied`` and each metric: for each side the mean, the sample
    standard deviation (NaN of one run) and the number of runs with a finite value, and ``difference``, the second mean
    minus the first. ``missing`` says of each sweep which of its runs are not trained yet. ``measured_at`` has, of a run
    for each side, the metrics whose last value is of a step before its last, with that step.
    """

    names: tuple[str, str]
    runs: tuple[int, int]
    failed: tuple[int, int]
    differing: Mapping[str, tuple[Any, Any]]
    varied: tuple[str, ...]
    frame: pd.DataFrame
    unmatched: tuple[int, int] = field(default=(0, 0))
    missing: tuple[str, str] = ("", "")
    measured_at: tuple[Mapping[str, int], Mapping[str, int]] = field(default=({}, {}))

    def __str__(self) -> str:
        """The tables as a console shows them: first the settings, then one for each metric."""
        head = ["", "A", "B"]
        rows = [["name", *self.names], ["runs", *map(_count, self.runs, self.failed)]]
        rows += [[label_of(name), *map(words_of, values)] for name, values in self.differing.items()]
        parts = [plain_table(head, rows)]
        for metric in dict.fromkeys(self.frame["metric"]):
            own = self.frame[self.frame["metric"] == metric]
            head = [*map(label_of, self.varied), "A", "B", "B − A"]
            lines = [[*(words_of(row[name]) for name in self.varied), *_cells(row)] for _, row in own.iterrows()]
            steps = "".join(
                f", {s} at step {at[metric]:,}" for s, at in zip("AB", self.measured_at, strict=True) if metric in at
            )
            label = column_label(metric).replace("\n", " ")
            parts.append(f"{label}, mean ± sd (runs){steps}\n{plain_table(head, lines)}")
        for side, number in zip("AB", self.unmatched, strict=True):
            if number:
                parts.append(f"{number:,} combinations of settings are in {side} alone.")
        parts += [f"{side}: {words}." for side, words in zip("AB", self.missing, strict=True) if words]
        return "\n\n".join(parts)


def comparison(
    one: pd.DataFrame | History,
    other: pd.DataFrame | History,
    *,
    names: tuple[str, str] = ("A", "B"),
    metrics: Sequence[str] | None = None,
) -> Comparison:
    """Two sweeps or two runs side by side: in what settings they differ, and means ± sd where the settings agree.

    Each is the table of a sweep, or the history of a run: of each replica the values that were recorded last. A setting
    that either of them varies makes rows; the two are matched by it. One that both keep, at different values, is what
    differs. Without ``metrics``, test accuracy and test loss are shown, or all that both have. Raises ``DfaLabError``
    where they have no metric in common, and for a metric that either has not.

    >>> import pandas as pd
    >>> from dfa_lab.views.sweep import comparison
    >>> rows = {"lr": [0.1, 0.1], "seed": [0, 1], "test_loss": [0.25, 0.75]}
    >>> one, other = pd.DataFrame(rows), pd.DataFrame({**rows, "test_loss": [0.0, 0.5]})
    >>> comparison(one, other).frame["difference"].tolist()
    [-0.25]
    """
    import pandas as pd

    place = "comparison()"
    a, b = Side.of(names[0], one, place), Side.of(names[1], other, place)
    wanted = _metrics(a, b, metrics)
    known = dict.fromkeys([*a.settings, *b.settings, *a.shared, *b.shared])
    varied = [name for name in known if name not in NO_METRICS and (a.varies(name) or b.varies(name))]
    constant = {name: (a.values(name)[0], b.values(name)[0]) for name in known if name not in (*varied, *NO_METRICS)}
    differing = {name: both for name, both in constant.items() if same(both[0]) != same(both[1])}
    in_a, in_b = a.groups(varied), b.groups(varied)
    both = [key for key in in_a if key in in_b]
    alone = (len(in_a) - len(both), len(in_b) - len(both))
    shown = both or [*in_a, *in_b]  # nothing agrees: each combination by itself
    rows = []
    for metric in wanted:
        numbers_a, numbers_b = numbers(a.frame, metric), numbers(b.frame, metric)
        for key in shown:
            values = (in_a.get(key) or in_b[key])[0]
            found = [_statistics(column, where.get(key)) for column, where in ((numbers_a, in_a), (numbers_b, in_b))]
            sides = {
                f"{part}_{s}": one for s, each in zip("ab", found, strict=True) for part, one in vars(each).items()
            }
            difference = found[1].mean - found[0].mean
            rows.append({"metric": metric, **dict(zip(varied, values, strict=True)), **sides, "difference": difference})
    missing = (a.missing, b.missing)
    sizes, failed = (len(a.frame), len(b.frame)), (_failed(a.frame), _failed(b.frame))
    at = (a.measured_at, b.measured_at)
    return Comparison(names, sizes, failed, differing, tuple(varied), pd.DataFrame(rows), alone, missing, at)


def _metrics(a: Side, b: Side, given: Sequence[str] | None) -> list[str]:
    common = [name for name in a.metrics if name in b.metrics]
    if given:
        for name in given:
            if name not in common:
                raise unknown_name("metric in both", name, common)
        return list(given)
    if not common:
        raise DfaLabError(
            f"{a.name} and {b.name} have no metric in common; the first has {', '.join(a.metrics) or 'none'}, the "
            f"second {', '.join(b.metrics) or 'none'}."
        )
    return [name for name in FIRST if name in common] or common


def _statistics(column: np.ndarray, group: tuple[tuple[Any, ...], list[int]] | None) -> Statistics:
    return Statistics.of(column[group[1]] if group else np.empty(0))


def _failed(frame: pd.DataFrame) -> int:
    return int(frame["error"].notna().sum()) if "error" in frame.columns else 0


def _count(runs: int, failed: int) -> str:
    return f"{runs:,}, {failed:,} of them failed" if failed else f"{runs:,}"


def _cells(row: Any) -> list[str]:
    """The means of both sides and their difference, all with the decimals that the smaller spread asks for."""
    difference = row["difference"]
    apart = abs(difference) if np.isfinite(difference) else 0.0
    decimals = decimals_for([row["sd_a"], row["sd_b"]], fallback=apart or 0.001)
    sides = [Statistics(row[f"mean_{side}"], row[f"sd_{side}"], int(row[f"runs_{side}"])) for side in "ab"]
    cells = [f"{one.text(decimals)} ({one.runs})" if one.runs else NOTHING for one in sides]
    return [*cells, written(difference, decimals, "+") if np.isfinite(difference) else NOTHING]
