"""Mean: batch losses added up until a row of the history takes their mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor


@dataclass
class Mean:
    """The ``total`` of so many losses, one a replica, in float64 (K,), and whether each was a ``finite`` number."""

    total: np.ndarray
    count: int = 0
    finite: bool = True

    @classmethod
    def of_nothing(cls, replicas: int) -> Mean:
        """To begin with."""
        return cls(np.zeros(replicas))

    def add(self, loss: Tensor) -> None:
        """One batch's loss, () or (K,)."""
        if loss.dim():
            values = loss.detach().cpu().numpy()
            self.total += values
            self.finite = self.finite and bool(np.isfinite(values).all())
        else:
            value = loss.item()
            self.total += value
            self.finite = self.finite and math.isfinite(value)
        self.count += 1

    @property
    def diverged(self) -> list[int]:
        """The replicas whose losses were not all finite, from 0."""
        return np.flatnonzero(~np.isfinite(self.total)).tolist()

    def take(self) -> list[float]:
        """The mean of what was added, one a replica; from here on it is empty again."""
        found: list[float] = (self.total / self.count).tolist()
        self.total, self.count = np.zeros_like(self.total), 0
        return found

    def copy(self) -> Mean:
        """Another that goes on by itself."""
        return Mean(self.total.copy(), self.count, self.finite)
