"""Denormal numbers, below 1.2e-38 in float32: a CPU takes many times longer with each of them.

Softmax gives e^-90 to a class that the network rules out, and that error goes down through the layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def denormals_as_zero() -> Iterator[None]:
    """Within the block, denormal numbers count as 0 in this thread; after it, as before."""
    before = are_zero()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def are_zero() -> bool:
    """Whether denormal numbers count as 0 in this thread."""
    smallest = torch.full((1,), 2.0**-126, dtype=torch.float32, device="cpu")
    return not bool((smallest / 4).item())
