"""WEIGHT_INITS: how forward weights are drawn. Biases start at zero.

An init is ``init(shape, generator) -> Tensor``, shape (n_out, n_in) as torch stores W.

>>> import dfa_lab as dfa
>>> dfa.WEIGHT_INITS["zeros"]((1, 2), torch.Generator())
tensor([[0., 0.]], dtype=torch.float64)
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from dfa_lab.registry import Registry

WeightInit = Callable[[tuple[int, int], torch.Generator], Tensor]
WEIGHT_INITS: Registry[WeightInit] = Registry("weight init")


@WEIGHT_INITS.register("xavier")
def xavier(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """U(−b, b), b = √(6 / (n_in + n_out)) (Glorot & Bengio 2010, eq. 16)."""
    return nn.init.xavier_uniform_(torch.empty(shape, dtype=torch.float64), generator=generator)


@WEIGHT_INITS.register("kaiming")
def kaiming(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """U(−b, b), b = √(6 / n_in) (He et al. 2015, eq. 10): keeps variance through ReLUs."""
    return nn.init.kaiming_uniform_(torch.empty(shape, dtype=torch.float64), generator=generator)


@WEIGHT_INITS.register("lecun")
def lecun(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """N(0, 1/n_in) (LeCun et al. 1998, eq. 16)."""
    return torch.empty(shape, dtype=torch.float64).normal_(0.0, 1 / math.sqrt(shape[1]), generator=generator)


@WEIGHT_INITS.register("torch")
def torch_default(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """U(−1/√n_in, 1/√n_in): what ``torch.nn.Linear`` draws."""
    bound = 1 / math.sqrt(shape[1])
    return torch.empty(shape, dtype=torch.float64).uniform_(-bound, bound, generator=generator)


@WEIGHT_INITS.register("orthogonal")
def orthogonal(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """Orthonormal rows or columns, whichever are fewer (Saxe et al. 2014)."""
    return nn.init.orthogonal_(torch.empty(shape, dtype=torch.float64), generator=generator)


@WEIGHT_INITS.register("zeros")
def zeros(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """All zero: Nøkland 2016 for tanh nets. FA and DFA learn from it, BP cannot start."""
    return torch.zeros(shape, dtype=torch.float64)


@WEIGHT_INITS.register("small")
def small(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    """U(−0.01, 0.01) at any shape: Lillicrap et al. 2016 for linear nets, whose first steps then hardly depend on W."""
    return torch.empty(shape, dtype=torch.float64).uniform_(-0.01, 0.01, generator=generator)
