"""Angles between vectors and between weight gradients, in degrees as float64, as exact near 0° and 180° as elsewhere.

Vectors are compared in their own precision, at least float32; an angle between float32 vectors is right to about 1e-5°.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.linalg import vecdot, vector_norm

#: Entries that are turned into float64 at once, few enough for the nearest caches.
BLOCK = 2**16


def angle(left: Tensor, right: Tensor) -> Tensor:
    """Degrees between vectors along the last dimension, 0–180 and never folded; NaN with a zero vector."""
    left, right = comparable(left), comparable(right)
    return _apart(left, right) if torch.float64 in (left.dtype, right.dtype) else Dots.of(left, right).angle


def comparable(values: Tensor) -> Tensor:
    """``values`` at least in float32."""
    return values if values.dtype is torch.float64 else values.float()


def _apart(left: Tensor, right: Tensor) -> Tensor:
    """Kahan's formula: 2 atan2(‖u − v‖, ‖u + v‖) of the unit vectors, where acos would lose half the digits."""
    u, v = left / vector_norm(left, dim=-1, keepdim=True), right / vector_norm(right, dim=-1, keepdim=True)
    return _degrees(vector_norm(u - v, dim=-1), vector_norm(u + v, dim=-1))


def _degrees(apart: Tensor, together: Tensor) -> Tensor:
    return torch.atan2(apart.double(), together.double()).mul_(360 / math.pi).clamp_(max=180.0)


@dataclass(frozen=True)
class Dots:
    """The products of pairs of float32 vectors, ‖u‖², ‖v‖² and u·v, (…), in float64.

    acos loses half of float64's digits, which leaves 1e-6°; no number of float32 is too small or large to be squared.
    """

    left: Tensor
    right: Tensor
    cross: Tensor

    @classmethod
    def of(cls, left: Tensor, right: Tensor) -> Dots:
        """Along the last dimension; ``left`` and ``right`` have one shape."""
        if left.shape[-1] > BLOCK:
            parts = [cls.of(*part) for part in zip(left.split(BLOCK, -1), right.split(BLOCK, -1), strict=True)]
            return cls._joined(parts, lambda dots: torch.stack(dots, -1)).together()
        if left.numel() > BLOCK:
            rows = BLOCK // left.shape[-1]
            pieces = zip(left.flatten(0, -2).split(rows), right.flatten(0, -2).split(rows), strict=True)
            return cls._joined([cls.of(*piece) for piece in pieces], lambda dots: torch.cat(dots).view(left.shape[:-1]))
        left, right = left.double(), right.double()
        return cls(vecdot(left, left), vecdot(right, right), vecdot(left, right))

    @classmethod
    def _joined(cls, parts: Sequence[Dots], join: Callable[[list[Tensor]], Tensor]) -> Dots:
        return cls(*(join([getattr(part, side) for part in parts]) for side in ("left", "right", "cross")))

    def together(self) -> Dots:
        """Those of all vectors along the last dimension as one."""
        return Dots(self.left.sum(-1), self.right.sum(-1), self.cross.sum(-1))

    @property
    def angle(self) -> Tensor:
        """Degrees."""
        cosine = self.cross / (self.left * self.right).sqrt_()
        return cosine.clamp_(-1.0, 1.0).acos_().mul_(180 / math.pi)


def spread(samples: Tensor) -> Tensor:
    """The sample standard deviation along the last dimension, NaN left out; NaN where fewer than two are left."""
    apart = samples - samples.nanmean(-1, keepdim=True)
    count = samples.shape[-1] - samples.isnan().sum(-1)
    return (apart.square().nansum(-1) / (count - 1).clamp(min=0)).sqrt()


@dataclass(frozen=True)
class GradientPair:
    """Two gradients of one weight, the rule's and BP's: their Frobenius norms and the angle between them."""

    rule_norm: Tensor
    bp_norm: Tensor
    angle: Tensor

    @classmethod
    def of_vectors(cls, ours: Tensor, theirs: Tensor) -> GradientPair:
        """From the gradients themselves, (…, entries)."""
        ours, theirs = comparable(ours), comparable(theirs)
        if torch.float64 in (ours.dtype, theirs.dtype):
            own, bp = (vector_norm(one, dim=-1, dtype=torch.float64) for one in (ours, theirs))
            return cls(own, bp, _apart(ours, theirs))
        dots = Dots.of(ours, theirs)
        return cls(dots.left.sqrt(), dots.right.sqrt(), dots.angle)

    @classmethod
    def of_products(cls, ours: Tensor, theirs: Tensor, h: Tensor) -> GradientPair:
        """Of δᵀ h, from ``comparable`` deltas (…, N, n) and the layer's input h (…, N, m).

        ‖δᵀ h‖² = Σ (δ δᵀ) ⊙ (h hᵀ) where that is less work than the product: for wide layers and few samples.
        """
        dtype = torch.promote_types(ours.dtype, theirs.dtype)
        ours, theirs, h = ours.to(dtype), theirs.to(dtype), h.to(dtype)
        samples, wide, deep = *ours.shape[-2:], h.shape[-1]
        if samples * (4 * wide + deep) >= 2 * wide * deep:
            return cls.of_vectors((ours.mT @ h).flatten(-2), (theirs.mT @ h).flatten(-2))
        # Deltas can be so small that a Gram matrix of them is lost: they are brought to size first.
        sizes = [vector_norm(one, dim=(-2, -1), keepdim=True, dtype=torch.float64) for one in (ours, theirs)]
        u, v = (one / size.to(dtype) for one, size in zip((ours, theirs), sizes, strict=True))
        gram = h @ h.mT

        def norm(delta: Tensor) -> Tensor:  # rounding can leave a zero below zero
            return ((delta @ delta.mT) * gram).sum((-2, -1), keepdim=True).clamp(min=0).sqrt()

        own, bp = norm(u), norm(v)
        found = _degrees(norm(u / own - v / bp), norm(u / own + v / bp))
        # A zero delta has no direction, and no gradient either.
        norms = [torch.where(size > 0, size * one, 0.0) for size, one in zip(sizes, (own, bp), strict=True)]
        return cls(*(one.double()[..., 0, 0] for one in (*norms, found)))

    @classmethod
    def stacked(cls, layers: Sequence[GradientPair]) -> GradientPair:
        """Those of several layers together, in a leading dimension."""
        return cls(*(torch.stack([getattr(one, name) for one in layers]) for name in ("rule_norm", "bp_norm", "angle")))
