"""Reproduced: what a reproduction gave, beside what the paper printed, as a table and as JSON."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dfa_lab.atomic_file import write_atomically
from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.reproductions.reproduction import REPRODUCTIONS
from dfa_lab.html_table import table

if TYPE_CHECKING:
    import pandas as pd

VERSION = 1


@dataclass(frozen=True)
class Reproduced:
    """The values of one reproduction: ``values`` is case -> one for each seed.

    ``command`` makes it again; ``made_with`` holds processor, versions and seconds. A ``quick`` one is compared with
    nothing. Printed, it is a table, and under it what the source claims and whether that holds here.

    >>> from dfa_lab.experiment.reproductions import Reproduced
    >>> print(Reproduced("ccl", "fashion_mnist", {"bp": [89.1, 89.3]}, quick=False))
    Plain networks of six hidden layers (accuracy, %), fashion_mnist
    case  published  here, mean ± sd   seeds  within 1?
    bp    89.58      89.20 ± 0.14      2      yes
    """

    name: str
    task: str
    values: Mapping[str, Sequence[float]]
    quick: bool
    command: str = ""
    made_with: Mapping[str, Any] | None = None

    @property
    def frame(self) -> pd.DataFrame:
        """A row a case: published, mean, sd, seeds, and whether the mean is within the tolerance (None: not judged)."""
        import pandas as pd

        about = REPRODUCTIONS[self.name]
        there = about.published.get(self.task, {})
        rows = [self._row(case, values, there.get(case), about.tolerance) for case, values in self.values.items()]
        return pd.DataFrame(rows).astype({"within": object})

    def _row(self, case: str, values: Sequence[float], published: float | None, tolerance: float) -> dict[str, Any]:
        mean = float(np.mean(values))
        return {
            "case": case,
            "published": math.nan if published is None else published,
            "mean": mean,
            "sd": float(np.std(values, ddof=1)) if len(values) > 1 else math.nan,
            "seeds": len(values),
            "within": abs(mean - published) <= tolerance if published is not None and not self.quick else None,
        }

    @property
    def within(self) -> bool:
        """Whether every number that is compared is within the tolerance."""
        return all(one is not False for one in self.frame["within"])

    @property
    def claims(self) -> dict[str, bool]:
        """What the source says in words or curves, and whether it holds here; none of a quick one, or a part of it."""
        about = REPRODUCTIONS[self.name]
        means = {case: float(np.mean(values)) for case, values in self.values.items()}
        found = {}
        for claim, holds in about.claims.items():
            with contextlib.suppress(KeyError):  # a case that it is about was not measured
                found[claim] = bool(holds(means))
        return {} if self.quick else found

    def lines(self) -> list[list[str]]:
        """The table as texts, its head first; where no number was published it has no column for one."""
        rows = self.frame.to_dict("records")
        words = {True: "yes", False: "no", None: "quick: not compared" if self.quick else "–"}
        found = [["case", "published", "here, mean ± sd", "seeds", f"within {REPRODUCTIONS[self.name].tolerance:g}?"]]
        for row in rows:
            spread = "" if math.isnan(row["sd"]) else f" ± {row['sd']:.2f}"
            there = "–" if math.isnan(row["published"]) else f"{row['published']:g}"
            found.append([row["case"], there, f"{row['mean']:.2f}{spread}", str(row["seeds"]), words[row["within"]]])
        if all(math.isnan(row["published"]) for row in rows):
            return [[case, here, seeds] for case, _, here, seeds, _ in found]
        return found

    @property
    def title(self) -> str:
        """What stands over the table."""
        about = REPRODUCTIONS[self.name]
        quick = ", quick: a fiftieth of the steps" if self.quick else ""
        return f"{about.title} ({about.unit}), {self.task}{quick}"

    def __str__(self) -> str:
        rows = self.lines()
        widths = [max(len(row[column]) for row in rows) + 1 for column in range(len(rows[0]))]
        drawn = ["  ".join(cell.ljust(width - 1) for cell, width in zip(row, widths, strict=True)) for row in rows]
        claims = [f"The source: {claim}. Here: {'yes' if holds else 'no'}." for claim, holds in self.claims.items()]
        return "\n".join([self.title, *(line.rstrip() for line in drawn), *claims])

    def _repr_html_(self) -> str:
        (head, *rows), *claims = self._tables()
        return table(head, rows, self.title) + "".join(table(top, said) for top, *said in claims)

    def to_markdown(self) -> str:
        """The table for a page, and the claims as a second one."""
        return "\n\n".join(map(_markdown, self._tables()))

    def _tables(self) -> list[list[list[str]]]:
        """The table as texts and, where there are claims, a second one of them."""
        said = [[claim, "yes" if holds else "no"] for claim, holds in self.claims.items()]
        return [self.lines(), *([[["the source says", "here?"], *said]] if said else [])]

    def to_json(self, path: str | Path) -> None:
        """Write all of it to a file."""
        text = json.dumps({"version": VERSION, **asdict(self)}, indent=1, ensure_ascii=False)
        write_atomically(Path(path), text + "\n", what="a reproduction")

    @classmethod
    def from_json(cls, path: str | Path) -> Reproduced:
        """What ``to_json`` wrote; ``DfaLabError`` for another file."""
        try:
            document = json.loads(Path(path).read_text(encoding="utf-8"))
            if document.pop("version") != VERSION:
                raise ValueError("another version")
            return cls(**document)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise DfaLabError(
                f"{shown(str(path))} cannot be read as a reproduction: {error}; give a file of dfa-lab reproduce."
            ) from None


def _markdown(table: list[list[str]]) -> str:
    head, *rows = ["| " + " | ".join(row) + " |" for row in table]
    return "\n".join([head, "|---" * len(table[0]) + "|", *rows])
