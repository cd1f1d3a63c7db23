"""Angles between vectors and between weight gradients, as exact near 0° and 180° as elsewhere. In float64, degrees."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


def angle(left: Tensor, right: Tensor) -> Tensor:
    """Degrees between vectors along the last dimension, 0–180 and never folded; NaN with a zero vector.

    Kahan's formula: 2 atan2(‖u − v‖, ‖u + v‖) of the unit vectors u and v, where acos would lose half the digits.
    """
    u, v = unit(left), unit(right)
    return _kahan(torch.linalg.vector_norm(u - v, dim=-1), torch.linalg.vector_norm(u + v, dim=-1))


def unit(vectors: Tensor) -> Tensor:
    """``vectors`` along the last dimension at length 1, in float64; NaN where they are zero."""
    wide = vectors.double()
    return wide / torch.linalg.vector_norm(wide, dim=-1, keepdim=True)


def _kahan(apart: Tensor, together: Tensor) -> Tensor:
    return torch.rad2deg(2 * torch.atan2(apart, together))


def spread(samples: Tensor) -> Tensor:
    """The sample standard deviation along the last dimension over what is not NaN; NaN where that is fewer than two."""
    there = samples.isfinite()
    apart = torch.where(there, samples - samples.nanmean(-1, keepdim=True), 0.0)
    count = there.sum(-1)
    return torch.where(count > 1, (apart.square().sum(-1) / (count - 1).clamp(min=1)).sqrt(), torch.nan)


@dataclass(frozen=True)
class Gradients:
    """Two gradients of one weight, the rule's and BP's: their Frobenius norms and the angle between them."""

    rule_norm: Tensor
    bp_norm: Tensor
    angle: Tensor

    @classmethod
    def of_vectors(cls, ours: Tensor, theirs: Tensor) -> Gradients:
        """From the gradients themselves, (…, entries)."""
        norms = [torch.linalg.vector_norm(one.double(), dim=-1) for one in (ours, theirs)]
        return cls(norms[0], norms[1], angle(ours, theirs))

    @classmethod
    def of_products(cls, ours: Tensor, theirs: Tensor, h: Tensor) -> Gradients:
        """Of δᵀ h, from the deltas (…, N, n) and the layer's input h (…, N, m).

        ‖δᵀ h‖² = Σ (δ δᵀ) ⊙ (h hᵀ) where that is less work than the product: for wide layers and few samples.
        """
        ours, theirs, h = ours.double(), theirs.double(), h.double()
        samples, wide, deep = *ours.shape[-2:], h.shape[-1]
        small = samples * (4 * wide + deep) < 2 * wide * deep
        gram = h @ h.mT if small else h

        def norm(delta: Tensor) -> Tensor:
            if small:  # rounding can leave a zero below zero
                return ((delta @ delta.mT) * gram).sum((-2, -1)).clamp(min=0).sqrt()
            return torch.linalg.matrix_norm(delta.mT @ h)

        own, bp = norm(ours), norm(theirs)
        u, v = ours / own[..., None, None], theirs / bp[..., None, None]
        return cls(own, bp, _kahan(norm(u - v), norm(u + v)))
