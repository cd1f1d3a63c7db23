"""IndexStream: which samples come next. One endless stream of permutations, taken in batches of any size."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class StreamState:
    """Where a stream stands: its generator's state, the permutation it is in, and the place there."""

    generator: Tensor
    permutation: Tensor
    place: int


class IndexStream:
    """Permutations of 0 … ``size``−1 one after another, from ``generator`` alone.

    ``take(n)`` gives the next n indices, across the ends of epochs: any batch size fits any data set, and a change of
    it in mid-epoch neither skips nor repeats a sample.
    """

    def __init__(self, size: int, generator: torch.Generator) -> None:
        self._size = size
        self._generator = generator
        self._permutation = torch.randperm(size, generator=generator)
        self._place = 0

    def take(self, count: int) -> Tensor:
        """The next ``count`` indices, int64."""
        end = self._place + count
        if end <= self._size:
            taken = self._permutation[self._place : end]
            self._place = end
            return taken
        parts = []
        while count:
            if self._place == self._size:
                self._permutation = torch.randperm(self._size, generator=self._generator)
                self._place = 0
            part = self._permutation[self._place : self._place + count]
            self._place += len(part)
            count -= len(part)
            parts.append(part)
        return torch.cat(parts)

    def state(self) -> StreamState:
        """Where the stream stands, to go on from later."""
        return StreamState(self._generator.get_state(), self._permutation, self._place)

    def restore(self, state: StreamState) -> None:
        """Go on from ``state``."""
        self._generator.set_state(state.generator)
        self._permutation, self._place = state.permutation, state.place
