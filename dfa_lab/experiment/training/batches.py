"""Batches: which samples come next, from one endless stream of permutations a replica, in batches of any size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dfa_lab.experiment.data import Task, network_inputs
from dfa_lab.experiment.settings import Settings
from dfa_lab.learning.interface import on_device
from dfa_lab.learning.ops import each_seed, generator, mapped


class StreamState(NamedTuple):
    """Where the streams stand: their generators' states, the permutations they are in, and the place there."""

    generators: tuple[Tensor, ...]
    permutations: Tensor
    place: int


class IndexStreams:
    """Permutations of 0 … ``size``−1 one after another, a stream for each of ``generators`` and from it alone.

    ``take(n)`` gives each stream's next n indices, across the ends of epochs: any batch size fits any data set, and a
    change of it in mid-epoch neither skips nor repeats a sample. The streams go in step, so their permutations are the
    rows of one tensor.
    """

    def __init__(self, size: int, generators: Sequence[torch.Generator]) -> None:
        self.size = size
        self._generators = generators
        self._shuffle()

    def _shuffle(self) -> None:
        self.permutations = torch.stack([torch.randperm(self.size, generator=one) for one in self._generators])
        self.place = 0

    def take(self, count: int) -> Tensor:
        """The next ``count`` indices of each, (streams, count), int64."""
        end = self.place + count
        if end <= self.size:
            taken = self.permutations[:, self.place : end]
            self.place = end
            return taken
        parts = []
        while count:
            if self.place == self.size:
                self._shuffle()
            part = self.permutations[:, self.place : self.place + count]
            self.place += part.shape[1]
            count -= part.shape[1]
            parts.append(part)
        return torch.cat(parts, 1)

    def state(self) -> StreamState:
        """Where the streams stand, to go on from later."""
        return StreamState(tuple(one.get_state() for one in self._generators), self.permutations, self.place)

    def restore(self, state: StreamState) -> None:
        """Go on from ``state``."""
        for own, saved in zip(self._generators, state.generators, strict=True):
            own.set_state(saved)
        self.permutations, self.place = state.permutations, state.place


#: Numbers that are gathered from the data ahead of their steps: what stays in a core's own cache.
AHEAD = 65536


class Block(NamedTuple):
    """Samples gathered ahead: the ones at ``start`` … ``end`` of the permutations that ``source`` is."""

    source: Tensor
    start: int
    end: int
    inputs: Any
    targets: Tensor


class Batches:
    """A task's training samples on the run's device, in the order that ``seed`` draws; each replica has its own.

    Samples are gathered ``ahead`` for a learner that only reads them: a batch is then part of a larger tensor.
    """

    def __init__(self, task: Task, settings: Settings, *, ahead: bool = True) -> None:
        self._inputs: Any = on_device(task.stored_inputs("train"), settings.device)
        self._targets = task.train_targets.to(settings.device)
        seeds = each_seed("seed", settings.seed, settings.replicas)
        self._streams = IndexStreams(len(self._targets), [generator(seed, "batches") for seed in seeds])
        self._single = settings.replicas is None
        numbers = task.inputs
        # A product's last bit can depend on how its rows lie in memory, so only rows of whole cache lines are shared.
        self._ahead = AHEAD // (numbers * len(seeds)) if ahead and numbers % 16 == 0 else 0
        self._block: Block | None = None

    def take(self, size: int) -> tuple[Any, Tensor]:
        """The next ``size`` inputs (size, …) and targets; with replicas (K, size, …)."""
        streams, block = self._streams, self._block
        start, end = streams.place, streams.place + size
        if self._ahead < 2 * size or end > streams.size:
            return self._gather(streams.take(size))
        if block is None or block.source is not streams.permutations or not block.start <= start or end > block.end:
            until = min(start + self._ahead, streams.size)
            block = Block(streams.permutations, start, until, *self._gather(streams.permutations[:, start:until]))
            self._block = block
        streams.place = end
        start, end = start - block.start, end - block.start
        if self._single:
            return block.inputs[start:end], block.targets[start:end]
        return block.inputs[:, start:end], block.targets[:, start:end]

    def peek(self, size: int) -> tuple[Any, Tensor]:
        """What ``take`` gives next, without taking it."""
        before = self.state()
        try:
            return self.take(size)
        finally:
            self.restore(before)

    def _gather(self, index: Tensor) -> tuple[Any, Tensor]:
        """The samples at ``index`` (streams, n)."""
        rows = index.reshape(-1).to(self._targets.device)
        inputs = network_inputs(mapped(self._inputs, lambda one: one.index_select(0, rows)))
        targets = self._targets.index_select(0, rows)
        if self._single:
            return inputs, targets
        return inputs.view(*index.shape, *inputs.shape[1:]), targets.view(*index.shape, *targets.shape[1:])

    def state(self) -> StreamState:
        """Where the streams stand."""
        return self._streams.state()

    def restore(self, state: StreamState) -> None:
        """Go on from ``state``."""
        self._streams.restore(state)
