"""What a step does with one layer's δ and its input h. Plain descent and momentum are done in place.

With replicas every tensor has a leading K, and a learning rate may be one for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

#: Rows that start a multiple of this apart share lines of a CPU's cache: a product of two or three samples waits there.
_PAGE_BYTES = 4096
Rate = float | Tensor  #: η; for replicas of their own (K,)


class Update(Protocol):
    """Called once a layer, with number l − 1, δ_lᵀ (…, n_l, N), h_{l-1} (…, N, n_{l-1}), and N ones.

    ``scale``, if there is one, multiplies every δ on its way: learning rates of replicas' own, (K, 1, 1).
    """

    scale: Tensor | None

    def __call__(self, number: int, transposed: Tensor, h: Tensor, ones: Tensor) -> None:
        """Learn from δᵀ h, the gradient of the weight, and from the sum of δ, that of the bias."""


class Descent:
    """W_l ← (1 − ηλ) W_l − η δ_lᵀ h_{l-1}, and so for b_l, in place: no gradient is ever stored."""

    def __init__(self, weights: Sequence[Tensor], biases: Sequence[Tensor], lr: Rate, decay: float) -> None:
        self._weights, self._biases = weights, biases
        self.scale = lr.reshape(-1, 1, 1) if isinstance(lr, Tensor) else None
        self._lr = 1.0 if isinstance(lr, Tensor) else lr
        # Decay at rates of replicas' own is a product of its own; else it goes with the update.
        self._keep = 1.0 if isinstance(lr, Tensor) else 1 - lr * decay
        self._aliased = [_aliased(weight) for weight in weights]
        self._own_keep = 1 - self.scale * decay if self.scale is not None and decay else None

    def __call__(self, number: int, transposed: Tensor, h: Tensor, ones: Tensor) -> None:
        """As in ``Update``."""
        weight, bias = self._weights[number], self._biases[number]
        if self._own_keep is not None:
            weight.mul_(self._own_keep)
            bias.mul_(self._own_keep[..., 0])
        _accumulate(weight, bias, transposed, h, ones, self._keep, -self._lr, aliased=self._aliased[number])


class Momentum:
    """v_l ← μ v_l + δ_lᵀ h_{l-1} + λ W_l; W_l ← W_l − η v_l, and so for b_l: torch's heavy ball, in place.

    ``velocities`` are v, (of the weight, of the bias) a layer; at first 0.
    """

    scale: Tensor | None = None

    def __init__(
        self,
        weights: Sequence[Tensor],
        biases: Sequence[Tensor],
        velocities: Sequence[tuple[Tensor, Tensor]],
        lr: Rate,
        momentum: float,
        decay: float,
    ) -> None:
        self._tensors = list(zip(weights, biases, strict=True))
        self._velocities = velocities
        self._aliased = [_aliased(weight) for weight in weights]
        self._lr, self._momentum, self._decay = lr, momentum, decay

    def __call__(self, number: int, transposed: Tensor, h: Tensor, ones: Tensor) -> None:
        """As in ``Update``."""
        velocity = self._velocities[number]
        _accumulate(*velocity, transposed, h, ones, self._momentum, 1.0, aliased=self._aliased[number])
        for tensor, v in zip(self._tensors[number], velocity, strict=True):
            if self._decay:
                v.add_(tensor, alpha=self._decay)
            if isinstance(self._lr, Tensor):
                tensor.addcmul_(v, self._lr.reshape(-1, *[1] * (v.dim() - 1)), value=-1)
            else:
                tensor.sub_(v, alpha=self._lr)


class Gradients:
    """∂W_l and ∂b_l written to ``found``, a pair a layer: what an optimizer of torch's then takes."""

    scale: Tensor | None = None

    def __init__(self, found: Sequence[tuple[Tensor, Tensor]]) -> None:
        self._found = found

    def __call__(self, number: int, transposed: Tensor, h: Tensor, ones: Tensor) -> None:
        """As in ``Update``."""
        weight, bias = self._found[number]
        torch.matmul(transposed, h, out=weight)
        torch.sum(transposed, -1, out=bias)


def _aliased(weight: Tensor) -> bool:
    return weight.is_cpu and weight.shape[-1] * weight.element_size() % _PAGE_BYTES == 0


def _accumulate(
    weight: Tensor,
    bias: Tensor,
    transposed: Tensor,
    h: Tensor,
    ones: Tensor,
    beta: float,
    alpha: float,
    *,
    aliased: bool,
) -> None:
    """β weight + α δᵀ h and β bias + α Σ δ, in place; rows of an ``aliased`` weight share lines of the cache."""
    if weight.dim() == 2:
        if aliased and 1 < len(ones) < 4:
            for number, (delta, activity) in enumerate(zip(transposed.unbind(1), h, strict=True)):
                weight.addr_(delta, activity, beta=1 if number else beta, alpha=alpha)
        else:
            weight.addmm_(transposed, h, beta=beta, alpha=alpha)
        bias.addmv_(transposed, ones, beta=beta, alpha=alpha)
        return
    # δ was just made, and is still in the cache: the sum over it comes first.
    if beta != 1:
        bias.mul_(beta)
    bias.add_(transposed.sum(-1), alpha=alpha)
    h = h if h.dim() == 3 else h.expand(len(weight), *h.shape)
    if weight.is_contiguous():
        weight.baddbmm_(transposed, h, beta=beta, alpha=alpha)
    else:  # by columns: its transpose is in rows, which is what a product writes without a copy
        weight.mT.baddbmm_(h.mT, transposed.mT, beta=beta, alpha=alpha)
