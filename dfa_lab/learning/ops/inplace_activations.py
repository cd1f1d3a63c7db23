"""Kernels: an activation on plain tensors, in place, for a step that keeps h = f(a) and forgets a.

They are faster than what they stand for and equal to it but for the last bits. NumPy's tanh is several times as fast
as torch's on a CPU, and as exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

_NUMPY_HAS = (torch.float32, torch.float64)
_aten = torch.ops.aten


@dataclass(frozen=True)
class InplaceActivation:
    """``into(a, out)`` makes a function of nothing that writes f(a) to ``out``, which may be a itself.

    ``back(signal, h)`` makes one that turns the signal into signal ⊙ f′ where it lies, from h = f(a) alone. They are
    made once and called at every step; none records a graph. ``pullback(signal, h)`` is signal ⊙ f′ as autograd has it;
    ``fused`` is what ``onednn.linear`` calls f.
    """

    into: Callable[[Tensor, Tensor], Callable[[], object]]
    back: Callable[[Tensor, Tensor], Callable[[], object]]
    pullback: Callable[[Tensor, Tensor], Tensor]
    fused: str


def _tanh_into(a: Tensor, out: Tensor) -> Callable[[], object]:
    if a.device.type == "cpu" and a.dtype in _NUMPY_HAS:
        return partial(np.tanh, a.numpy(), out=out.numpy())
    return partial(torch.tanh, a, out=out)


def _tanh_back(signal: Tensor, h: Tensor) -> Callable[[], object]:
    return partial(_aten.tanh_backward.grad_input, signal, h, grad_input=signal)


def _sigmoid_into(a: Tensor, out: Tensor) -> Callable[[], object]:
    return partial(torch.sigmoid, a, out=out)


def _sigmoid_back(signal: Tensor, h: Tensor) -> Callable[[], object]:
    return partial(_aten.sigmoid_backward.grad_input, signal, h, grad_input=signal)


def _relu_into(a: Tensor, out: Tensor) -> Callable[[], object]:
    return partial(torch.clamp_min, a, 0, out=out)


def _relu_back(signal: Tensor, h: Tensor) -> Callable[[], object]:
    return partial(_aten.threshold_backward.grad_input, signal, h, 0, grad_input=signal)


# Functions of a module's own, and not torch's operators themselves, so that what holds a kernel can be pickled.
def _tanh_pullback(signal: Tensor, h: Tensor) -> Tensor:
    pulled: Tensor = _aten.tanh_backward(signal, h)
    return pulled


def _sigmoid_pullback(signal: Tensor, h: Tensor) -> Tensor:
    pulled: Tensor = _aten.sigmoid_backward(signal, h)
    return pulled


def _relu_pullback(signal: Tensor, h: Tensor) -> Tensor:
    pulled: Tensor = _aten.threshold_backward(signal, h, 0)
    return pulled


TANH = InplaceActivation(_tanh_into, _tanh_back, _tanh_pullback, "tanh")
SIGMOID = InplaceActivation(_sigmoid_into, _sigmoid_back, _sigmoid_pullback, "sigmoid")
RELU = InplaceActivation(_relu_into, _relu_back, _relu_pullback, "relu")
