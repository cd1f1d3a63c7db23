"""The rows of an audit, and the relative error of a gradient against what each rule gives."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dfa_lab.html_table import table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class AuditRow:
    """One parameter: the ``expected`` rule, every rule that ``explained`` its gradient, the relative ``error``.

    ``error`` is the distance to the expected rule's equation, of the gradient and of the signal its layer sent,
    whichever is larger; ``clean`` says that the error is what rounding makes, or that the row was not ``checked``.
    """

    parameter: str
    layer: str
    expected: str
    explained: tuple[str, ...]
    error: float
    clean: bool
    checked: bool = True


class Audit(list[AuditRow]):
    """The rows of one audit, a parameter each, and one for each activation layer."""

    def _repr_html_(self) -> str:
        def error(row: AuditRow) -> str:
            return ("rounding" if row.clean else f"{row.error:.0e}") if row.checked else "not checked"

        rows = [
            [row.parameter, row.expected, ", ".join(row.explained) or "none", error(row), "yes" if row.clean else "NO"]
            for row in self
        ]
        return table(["parameter", "expected rule", "explained by", "relative error", "clean"], rows)

    @property
    def clean(self) -> bool:
        """Whether every gradient is explained by its expected rule."""
        return all(row.clean for row in self)

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


def relative_error(found: Tensor, wanted: Tensor) -> float:
    """‖found − wanted‖ over the larger of the two norms: 0 for equal tensors, zeros included."""
    found, wanted = (one.to_dense() if one.is_sparse else one for one in (found, wanted))
    size = max(float(found.detach().double().norm()), float(wanted.detach().double().norm()))
    return float((found.detach().double() - wanted.detach().double()).norm()) / size if size else 0.0


def tolerance(dtype: torch.dtype) -> float:
    """The relative error that rounding may make: a recomputation sums in another order."""
    return {torch.float64: 1e-9, torch.float32: 1e-3}.get(dtype, 3e-2)
