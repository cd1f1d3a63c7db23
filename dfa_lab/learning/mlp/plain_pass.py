"""One layer of an MLP, and the forward pass by torch's own operations, through which autograd goes twice too."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from dfa_lab.learning.activations import Activation, slope_of
from dfa_lab.learning.ops import functional


def affine(h: Tensor, weight: Tensor, bias: Tensor, matrix: Tensor | None = None) -> Tensor:
    """a = h Wᵀ + b; δ goes down through ``matrix`` where there is one, else through W."""
    if matrix is not None:
        return functional.feedback_linear(h, weight, bias, matrix)
    if weight.dim() == 2:
        return nn.functional.linear(h, weight, bias)
    return torch.matmul(h, weight.mT) + bias.unsqueeze(-2)


def plain_pass(activation: Activation, weights: Iterable[Tensor], biases: Iterable[Tensor], inputs: Tensor) -> Tensor:
    """The output (…, N, n_out) for ``inputs`` (…, N, n_in). f that is not differentiable has its surrogate for f′."""
    h, layers = inputs, list(zip(weights, biases, strict=True))
    for number, (weight, bias) in enumerate(layers, 1):
        a = affine(h, weight, bias)
        if number == len(layers):
            break
        if activation.surrogate:
            h = functional.activate(a, activation.function, slope_of(activation))
        else:
            h = activation.function(a)
    return a
