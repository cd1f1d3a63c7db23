"""The angle between two vectors, as exact near 0° and 180° as elsewhere."""

from __future__ import annotations

import torch
from torch import Tensor


def angle(left: Tensor, right: Tensor) -> Tensor:
    """Degrees between vectors along the last dimension, in float64 and exact near 0° and 180°; NaN with a zero vector.

    Kahan's formula: 2 atan2(‖u − v‖, ‖u + v‖) of the unit vectors u and v, where acos would lose half the digits.
    """
    u = left.double() / torch.linalg.vector_norm(left.double(), dim=-1, keepdim=True)
    v = right.double() / torch.linalg.vector_norm(right.double(), dim=-1, keepdim=True)
    apart, together = torch.linalg.vector_norm(u - v, dim=-1), torch.linalg.vector_norm(u + v, dim=-1)
    return torch.rad2deg(2 * torch.atan2(apart, together))
