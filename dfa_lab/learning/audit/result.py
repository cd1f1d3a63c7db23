"""The rows of an audit, and the relative error of a gradient against what each rule gives."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dfa_lab.html_table import plain_table, table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class AuditRow:
    """One parameter: the ``expected`` rule, every rule that ``explained`` its gradient, the relative ``error``.

    ``error`` is the distance to the expected rule's equation, of the gradient and of the signal its layer sent,
    whichever is larger, infinite where what the layer sent is not its own. ``clean`` says that the error is what
    rounding makes, or that the row was not ``checked``. A row that was not, and one whose error is infinite, has a
    ``reason``.
    """

    parameter: str
    layer: str
    expected: str
    explained: tuple[str, ...]
    error: float
    clean: bool
    checked: bool = True
    reason: str = ""

    def cells(self) -> list[str]:
        """What a table shows of the row."""
        if not self.checked:
            return [self.parameter, self.expected, "–", f"not checked: {self.reason}", "–"]
        error = "rounding" if self.clean else "–" if math.isinf(self.error) else f"{self.error:.0e}"
        clean = "yes" if self.clean else "NO"
        return [self.parameter, self.expected, ", ".join(self.explained) or "none", error, clean]


#: The columns that a page and a console show.
_HEAD = ("parameter", "expected rule", "explained by", "relative error", "clean")


class Audit(list[AuditRow]):
    """The rows of one audit, a parameter each, and one for each activation layer.

    Shown, it is a table with a line that says how many rows are clean, which are not, and how many were not checked.
    """

    def __repr__(self) -> str:
        return f"{plain_table(_HEAD, [row.cells() for row in self])}\n{self._summary()}"

    def _repr_html_(self) -> str:
        return table(_HEAD, [row.cells() for row in self], self._summary())

    def _summary(self) -> str:
        bad, open_ = len(self.failures()), len(self.unchecked())
        said = f"{len(self) - bad - open_} of {len(self)} rows clean"
        said += f", {bad} NOT clean" if bad else ""
        for reason, count in Counter(row.reason for row in self.failures() if row.reason).items():
            said += f"; {count} of these: {reason}"
        for reason, count in Counter(row.reason for row in self.unchecked()).items():
            said += f"; {count} not checked: {reason}"
        verdict = {True: "yes", False: "NO", None: "cannot be said, most rows are unchecked"}[self.clean]
        return f"{said}. Clean: {verdict if self else 'cannot be said, nothing learns'}."

    @property
    def clean(self) -> bool | None:
        """True where every checked gradient is explained by its expected rule, and at least half of them are checked.

        False where one is not explained; None where too few could be checked to say so.
        """
        if self.failures():
            return False
        return True if self and 2 * len(self.unchecked()) <= len(self) else None

    def unchecked(self) -> list[AuditRow]:
        """The rows that could not be checked; each has its ``reason``."""
        return [row for row in self if not row.checked]

    def failures(self) -> list[AuditRow]:
        """The rows that are not clean."""
        return [row for row in self if not row.clean]

    def to_frame(self) -> pd.DataFrame:
        """The rows as a table; ``explained`` as text, "none" where no rule explains the gradient."""
        import pandas as pd

        rows = [{**asdict(row), "explained": ", ".join(row.explained) or "none"} for row in self]
        return pd.DataFrame(rows, columns=list(AuditRow.__dataclass_fields__))


class RuleErrors(dict[str, float]):
    """The largest relative error against each rule, over calls."""

    def note(self, name: str, error: float) -> None:
        """Add one more comparison with the rule called ``name``."""
        self[name] = max(error, self.get(name, 0.0))

    def of(self, name: str) -> float:
        """The largest error against a rule; infinite for one that was not tried."""
        return self.get(name, math.inf)


def relative_error(found: Tensor, wanted: Tensor, noise: float = 0.0) -> float:
    """‖found − wanted‖ over the larger of the two norms: 0 for equal tensors, and for what ``noise`` explains."""
    found, wanted = (one.to_dense() if one.is_sparse else one for one in (found, wanted))
    size = max(float(found.detach().double().norm()), float(wanted.detach().double().norm()))
    gap = float((found.detach().double() - wanted.detach().double()).norm())
    return gap / size if size and gap > noise else 0.0


def rounding(terms: Tensor | None) -> float:
    """How far two sums may be apart for rounding alone, where ``terms`` are the sums of what they add up in size.

    A bias before a softmax or a normalisation has the gradient 0: what is found there is rounding.
    """
    return 0.0 if terms is None else 32 * torch.finfo(terms.dtype).eps * float(terms.double().norm())


def tolerance(dtype: torch.dtype) -> float:
    """The relative error that rounding may make: a recomputation sums in another order.

    In half precision and bfloat16 3 %, where right networks have up to 0.1 % and 0.6 %; another rule's is of order 1.
    """
    return {torch.float64: 1e-9, torch.float32: 1e-3}.get(dtype, 3e-2)
