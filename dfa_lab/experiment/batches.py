"""Batches: which samples come next. One endless stream of permutations a replica, taken in batches of any size."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.task import Task
from dfa_lab.learning.generators import generator


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


class Batches:
    """A task's training samples on the run's device, in the order that ``seed`` draws; each replica has its own."""

    def __init__(self, task: Task, settings: Settings) -> None:
        self._inputs, self._targets = task.train_inputs.to(settings.device), task.train_targets.to(settings.device)
        seeds = [settings.seed + replica for replica in range(settings.replicas or 1)]
        self._streams = [IndexStream(len(self._inputs), generator(seed, "batches")) for seed in seeds]
        self._single = settings.replicas is None

    def take(self, size: int) -> tuple[Tensor, Tensor]:
        """The next ``size`` inputs (size, …) and targets; with replicas (K, size, …)."""
        indices = [stream.take(size) for stream in self._streams]
        index = (indices[0] if self._single else torch.stack(indices)).to(self._inputs.device)
        return self._inputs[index], self._targets[index]

    def state(self) -> list[StreamState]:
        """Where each stream stands."""
        return [stream.state() for stream in self._streams]

    def restore(self, states: list[StreamState]) -> None:
        """Go on from ``states``."""
        for stream, state in zip(self._streams, states, strict=True):
            stream.restore(state)
