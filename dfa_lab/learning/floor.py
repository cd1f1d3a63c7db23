"""Floor: where BP's own gradient is made of rounding errors, so that no angle to it means anything.

What rounding does to BP's δ_l, relative to δ_l itself, is added up from the output down (ε the precision of the dtype,
rms over samples and units):

- e is a difference of numbers of the output's size, or of probabilities, over N: ε · max(1, rms a_L) / N / rms e;
- at each layer the slope f′ has an absolute error of about ε: ε · rms signal_l / rms δ_l, large where f saturates;
- below the smallest normal number of the dtype digits are lost.

The reference is at the floor where the sum exceeds a tenth, which can turn an angle by 6°.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

#: Relative rounding error of BP's delta from which on an angle to it is not trusted.
LIMIT = 0.1


def rounding(
    output: Tensor, error: Tensor, scale: float, heard: Sequence[tuple[Tensor, Tensor]], replicas: bool
) -> Tensor:
    """The relative rounding error of BP's delta of one layer: () or, with ``replicas``, (K,), float64.

    ``scale`` is e's batch factor, 1/N under a mean; ``heard`` are BP's (signal, delta) of this layer and of those
    above it through which its signal came.
    """
    info = torch.finfo(error.dtype)
    size = _rms(output, replicas).clamp(min=1) * scale
    found = info.eps * size / _rms(error, replicas)
    for signal, delta in heard:
        strength = _rms(delta, replicas)
        found = found + info.eps * _rms(signal, replicas) / strength + info.tiny * info.eps / strength
    return found


def _rms(values: Tensor, replicas: bool) -> Tensor:
    return values.double().square().flatten(1 if replicas else 0).mean(-1).sqrt()
