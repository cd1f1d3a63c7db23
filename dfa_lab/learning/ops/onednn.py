"""oneDNN's linear layer: product, bias and activation in one call, for operands so large that it beats torch's BLAS.

torch has it as an operator its compiler uses, with no public name. So it is asked for once whether it is there and
right; where it is not, and for everything that is not a large product in float32 on a CPU, torch's own are used
(docs/decisions/0011).
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

#: Multiplications in a product from which oneDNN's linear layer is the faster one (docs/performance.md).
LARGE = 2**24
#: No side of it may be shorter: a product with ten outputs is bound by memory.
NARROW = 64


@functools.cache
def available() -> bool:
    """Whether this torch has the operator, and it does what torch's own do."""
    if not torch.backends.mkldnn.is_available():
        return False
    x, weight, bias = torch.linspace(-1, 1, 12).view(3, 4), torch.linspace(0, 2, 8).view(2, 4), torch.ones(2)
    try:
        found = linear(x, weight, bias, "tanh")
    except (AttributeError, RuntimeError, TypeError):  # an operator without a public name may be gone or changed
        return False
    return torch.allclose(found, torch.tanh(torch.addmm(bias, x, weight.mT)), rtol=1e-5, atol=1e-6)


def pays(like: Tensor, samples: int, inputs: int, outputs: int) -> bool:
    """Whether a product of ``samples`` rows, ``inputs`` summed, is best left to ``linear``, for tensors as ``like``."""
    large = samples * inputs * outputs >= LARGE and min(samples, inputs, outputs) >= NARROW
    plain = like.dim() == 2 and like.dtype is torch.float32 and like.device.type == "cpu" and like.is_contiguous()
    return large and plain and available()


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, then: str = "none") -> Tensor:
    """f(x weightᵀ + bias), a new tensor, for ``x`` (N, n_in), ``weight`` (n_out, n_in).

    ``weight`` is contiguous or a contiguous one's transpose: rows with gaps between them take a hundred times as long.
    ``then`` is f: "none", "tanh", "relu" or "sigmoid". It records no graph.
    """
    result: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, then, [], "")
    return result
