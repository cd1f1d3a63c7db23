"""A derivative g drawn by hand: straight lines through points (x, g)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError, shown

MOST = 1000
LARGEST = 1e30  # differences and float32 stay finite


class Points:
    """g(a) through every point, straight between neighbours, constant beyond the first and the last.

    ``points`` are pairs (x, g) in any order, as tuples, lists or an array (n, 2). Raises ``DfaLabError`` for fewer than
    two or more than 1,000 points, for two at the same x, and for what is no pair of finite numbers up to 1e30 in size.

    >>> Points([(-1, 0), (0, 1), (1, 0)])(torch.tensor([-2.0, 0.0, 0.25]))
    tensor([0.0000, 1.0000, 0.7500])
    """

    def __init__(self, points: Iterable[Sequence[float]]) -> None:
        self.points = tuple(sorted(_pairs(points)))
        for (x, _), (following, _) in zip(self.points, self.points[1:], strict=False):
            if x == following:
                raise DfaLabError(f"points hold two at x = {x:g}; expected a different x for each: drop or move one.")
        self._x, self._g = torch.tensor(self.points, dtype=torch.float64, device="cpu").T.contiguous()

    def __repr__(self) -> str:
        (first, _), (last, _) = self.points[0], self.points[-1]
        return f"<{len(self.points)} points from x = {first:g} to {last:g}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Points) and self.points == other.points

    def __hash__(self) -> int:
        return hash(self.points)

    def __reduce__(self) -> tuple[Any, ...]:
        return Points, (self.points,)

    def __call__(self, a: Tensor) -> Tensor:
        """The curve's height at every entry of ``a``, in its shape and dtype; exact at the points."""
        x, g = self._x.to(a), self._g.to(a)
        flat = a.reshape(-1)
        left = torch.searchsorted(x, flat, right=True).sub(1).clamp(0, len(self.points) - 2)
        # index_select is several times as fast as x[left].
        (start, end), (low, high) = ((t.index_select(0, left), t.index_select(0, left + 1)) for t in (x, g))
        # Two x that float32 cannot tell apart are a jump: a width that is not zero keeps 0 / 0 out.
        share = (flat - start) / (end - start).clamp_min(torch.finfo(a.dtype).tiny)
        return torch.lerp(low, high, share.clamp(0, 1)).reshape(a.shape)


def _pairs(points: Any) -> list[tuple[float, float]]:
    points = points.tolist() if hasattr(points, "tolist") else points
    try:
        rows = list(points)
    except TypeError:
        raise DfaLabError(f"points were given as {shown(points)}; expected pairs: [(-1, 0), (0, 1), (1, 0)].") from None
    if not 2 <= len(rows) <= MOST:
        raise DfaLabError(f"{len(rows)} points were given; expected 2 to {MOST}, such as [(-1, 0), (0, 1), (1, 0)].")
    return [_pair(row) for row in rows]


def _pair(row: Any) -> tuple[float, float]:
    try:
        x, g = (math.nan if isinstance(value, str | bool) else float(value) for value in row)
    except (TypeError, ValueError, OverflowError):
        x = g = math.nan
    if not (abs(x) <= LARGEST and abs(g) <= LARGEST):
        raise DfaLabError(
            f"points hold {shown(row, 80)}; expected a pair (x, g) of finite numbers up to {LARGEST:g} in size."
        )
    return x, g
