"""One torch.Generator for each purpose, so that drawing for one changes nothing of another."""

from __future__ import annotations

import zlib

import numpy as np
import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError, shown


def generator(seed: int, *purpose: str | int) -> torch.Generator:
    """A CPU generator for one purpose: ``generator(7, "weights", 2)`` always gives the same stream, and no other does.

    ``seed`` is a whole number from 0; the words and numbers of ``purpose`` are mixed in with NumPy's SeedSequence.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise DfaLabError(f"a seed was given as {shown(seed)}; expected a whole number from 0.")
    words = [zlib.crc32(word.encode()) if isinstance(word, str) else int(word) for word in purpose]
    state = np.random.SeedSequence([int(seed), *words]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) & (2**63 - 1))


def torch_state() -> list[Tensor]:
    """The state of torch's own random streams, on the CPU and on every GPU."""
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [])]


def restore_torch_state(state: list[Tensor]) -> None:
    """Set torch's own random streams back to ``state``."""
    torch.set_rng_state(state[0])
    if len(state) > 1 and torch.cuda.is_available():  # a file may bring more than there are here
        torch.cuda.set_rng_state_all(state[1 : 1 + torch.cuda.device_count()])


def hashed_shares(values: Tensor) -> Tensor:
    """A number from 0 up to 1 for each entry, a hash of its bits in float32: noise that moves no generator.

    Equal entries give equal numbers, so a probe, a replay and a recomputation see what training saw.
    """
    bits = values.detach().float().contiguous().view(torch.int32)
    for shift, factor in ((16, 0x45D9F3B), (15, 0x2C1B3C6D), (16, 0x297A2D39)):
        bits = (bits ^ (bits >> shift)) * factor
    return (bits & 0xFFFFFF).float() / 0x1000000
