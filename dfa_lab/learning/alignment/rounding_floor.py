"""The rounding floor: where BP's own gradient is made of rounding errors, so that an angle to it means nothing.

The rounding error of BP's δ_l relative to δ_l is added up from the output down (ε the precision of the dtype, rms over
samples and units):

- e is a difference of numbers of the output's size, or of probabilities, over N: ε · max(1, rms a_L) / N / rms e;
- at each layer the slope f′ has an absolute error of about ε: ε · rms signal_l / rms δ_l, large where f saturates;
- below the smallest normal number of the dtype digits are lost.

BP is at the floor where the sum exceeds a tenth, which can turn an angle by 6°. In a converted network, whose paths may
part, only e and a layer's own activation are counted.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

#: The relative rounding error of BP's delta above which an angle to it is not trusted.
LIMIT = 0.1


class Rounding:
    """The relative rounding error of BP's e, and with ``through`` of each delta made from it: () or (K,), float64.

    ``scale`` is e's batch factor, 1/N under a mean. With ``replicas`` the tensors have a leading K.
    """

    def __init__(self, output: Tensor, error: Tensor, scale: float, *, replicas: bool = False) -> None:
        self._info = torch.finfo(error.dtype)
        kept = 1 if replicas else 0
        size, strength = (rms(one.flatten(kept)) for one in (output, error))
        self.found = self._info.eps * scale * size.clamp(min=1) / strength

    def through(self, signal: Tensor, delta: Tensor) -> Tensor:
        """Add the error of a layer's slope, from the ``rms`` of BP's signal and delta there; the error of its delta."""
        self.found = self.found + self._info.eps * (signal + self._info.tiny) / delta
        return self.found


def rms(values: Tensor) -> Tensor:
    """Root mean square along the last dimension, float64."""
    return torch.linalg.vector_norm(values, dim=-1, dtype=torch.float64) / math.sqrt(values.shape[-1])
