"""Mean: batch losses added up until a row of the history takes their mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Mean:
    """The ``total`` of so many losses, one a replica, in float64 (K,)."""

    total: Tensor
    count: int = 0

    @classmethod
    def of_nothing(cls, replicas: int) -> Mean:
        """To begin with."""
        return cls(torch.zeros(replicas, dtype=torch.float64))

    def add(self, loss: Tensor) -> None:
        """One batch's loss, () or (K,)."""
        self.total += loss.detach().cpu()
        self.count += 1

    @property
    def finite(self) -> bool:
        """Whether every loss so far was a finite number."""
        return math.isfinite(float(self.total.sum()))

    def take(self) -> list[float]:
        """The mean of what was added, one a replica; from here on it is empty again."""
        found: list[float] = (self.total / self.count).tolist()
        self.total, self.count = torch.zeros_like(self.total), 0
        return found

    def copy(self) -> Mean:
        """Another that goes on by itself."""
        return Mean(self.total.clone(), self.count)
