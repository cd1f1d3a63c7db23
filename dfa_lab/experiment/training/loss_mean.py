"""LossMean: batch losses added up until a row of the history takes their mean."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor


@dataclass
class LossMean:
    """The ``total`` of ``count`` batch losses for each replica; plain numbers, for they are added to at every step."""

    total: list[float]
    count: int = 0

    def add(self, loss: Tensor) -> None:
        """One batch's loss, () or (K,)."""
        if loss.dim():
            self.total = [total + value for total, value in zip(self.total, loss.tolist(), strict=True)]
        else:
            self.total[0] += loss.item()
        self.count += 1

    @property
    def finite(self) -> bool:
        """Whether every loss was."""
        return all(map(math.isfinite, self.total))

    @property
    def diverged(self) -> list[int]:
        """The replicas whose losses were not all finite, from 0."""
        return [replica for replica, total in enumerate(self.total) if not math.isfinite(total)]

    def take(self) -> list[float]:
        """The mean for each replica; from here on it is empty again."""
        found = [total / self.count for total in self.total]
        self.total, self.count = [0.0] * len(self.total), 0
        return found

    def copy(self) -> LossMean:
        """An independent copy."""
        return LossMean(list(self.total), self.count)


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether every entry is a finite number."""
    return all(bool(tensor.isfinite().all()) for tensor in tensors)


def lost_replicas(tensors: Iterable[Tensor], replicas: int) -> list[int]:
    """The replicas, from 0, with entries in ``tensors`` (K, …) that are not finite; of 0 replicas none."""
    lost = {k for tensor in tensors for k in range(replicas) if not all_finite([tensor[k]])}
    return sorted(lost)
