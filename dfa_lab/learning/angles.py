"""Angles between vectors and between weight gradients, as exact near 0° and 180° as elsewhere; degrees, in float64.

Vectors are compared in their own precision, at least float32: an angle between float32 vectors is right to about 1e-5°.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.linalg import vector_norm


def angle(left: Tensor, right: Tensor) -> Tensor:
    """Degrees between vectors along the last dimension, 0–180 and never folded; NaN with a zero vector.

    Kahan's formula: 2 atan2(‖u − v‖, ‖u + v‖) of the unit vectors u and v, where acos would lose half the digits.
    """
    return between(comparable(left), comparable(right))


def between(left: Tensor, right: Tensor) -> Tensor:
    """``angle`` of vectors that are ``comparable`` already."""
    u, v = left / vector_norm(left, dim=-1, keepdim=True), right / vector_norm(right, dim=-1, keepdim=True)
    return _degrees(vector_norm(u - v, dim=-1), vector_norm(u + v, dim=-1))


def _degrees(apart: Tensor, together: Tensor) -> Tensor:
    return torch.atan2(apart.double(), together.double()).mul_(360 / math.pi).clamp_(max=180.0)


def comparable(values: Tensor) -> Tensor:
    """``values`` at least in float32; in float64 where squares of float32 would be lost at either end.

    Leading dimensions before the last two are matrices by themselves: the smallest of them decides.
    """
    if values.dtype is torch.float64:
        return values
    values = values.float()
    if values.dim() < 3:
        return values if 1e-12 < float(vector_norm(values)) < 1e12 else values.double()
    low, high = vector_norm(values, dim=(-2, -1)).aminmax()
    return values if float(low) > 1e-12 and float(high) < 1e12 else values.double()


def spread(samples: Tensor) -> Tensor:
    """The sample standard deviation along the last dimension over what is not NaN; NaN where that is fewer than two."""
    apart = samples - samples.nanmean(-1, keepdim=True)
    count = samples.shape[-1] - samples.isnan().sum(-1)
    return (apart.square().nansum(-1) / (count - 1).clamp(min=0)).sqrt()


@dataclass(frozen=True)
class Gradients:
    """Two gradients of one weight, the rule's and BP's: their Frobenius norms and the angle between them."""

    rule_norm: Tensor
    bp_norm: Tensor
    angle: Tensor

    @classmethod
    def of_vectors(cls, ours: Tensor, theirs: Tensor) -> Gradients:
        """From the gradients themselves, (…, entries)."""
        return cls._of_comparable(comparable(ours), comparable(theirs))

    @classmethod
    def _of_comparable(cls, ours: Tensor, theirs: Tensor) -> Gradients:
        own, bp = (vector_norm(one, dim=-1, keepdim=True) for one in (ours, theirs))
        u, v = ours / own, theirs / bp
        found = _degrees(vector_norm(u - v, dim=-1), vector_norm(u + v, dim=-1))
        return cls(own.squeeze(-1).double(), bp.squeeze(-1).double(), found)

    @classmethod
    def of_products(cls, ours: Tensor, theirs: Tensor, h: Tensor) -> Gradients:
        """Of δᵀ h, from ``comparable`` deltas (…, N, n) and the layer's input h (…, N, m).

        ‖δᵀ h‖² = Σ (δ δᵀ) ⊙ (h hᵀ) where that is less work than the product: for wide layers and few samples.
        """
        dtype = torch.promote_types(ours.dtype, theirs.dtype)
        ours, theirs, h = ours.to(dtype), theirs.to(dtype), h.to(dtype)
        samples, wide, deep = *ours.shape[-2:], h.shape[-1]
        if samples * (4 * wide + deep) >= 2 * wide * deep:
            # Of deltas that are large enough and inputs of order 1; what cancels in the sum leaves enough of it.
            return cls._of_comparable((ours.mT @ h).flatten(-2), (theirs.mT @ h).flatten(-2))
        # Deltas can be so small that a Gram matrix of them is lost: they are brought to size first.
        sizes = [vector_norm(one, dim=(-2, -1), keepdim=True) for one in (ours, theirs)]
        u, v = (one / size for one, size in zip((ours, theirs), sizes, strict=True))
        gram = h @ h.mT

        def norm(delta: Tensor) -> Tensor:  # rounding can leave a zero below zero
            return ((delta @ delta.mT) * gram).sum((-2, -1), keepdim=True).clamp(min=0).sqrt()

        own, bp = norm(u), norm(v)
        found = _degrees(norm(u / own - v / bp), norm(u / own + v / bp))
        # A zero delta has no direction, and no gradient either.
        norms = [torch.where(size > 0, size * one, 0.0) for size, one in zip(sizes, (own, bp), strict=True)]
        return cls(*(one.double()[..., 0, 0] for one in (*norms, found)))

    @classmethod
    def stacked(cls, layers: Sequence[Gradients]) -> Gradients:
        """Those of several layers together, in a leading dimension."""
        if len(layers) == 1:
            return cls(*(one.unsqueeze(0) for one in (layers[0].rule_norm, layers[0].bp_norm, layers[0].angle)))
        return cls(
            torch.stack([one.rule_norm for one in layers]),
            torch.stack([one.bp_norm for one in layers]),
            torch.stack([one.angle for one in layers]),
        )
