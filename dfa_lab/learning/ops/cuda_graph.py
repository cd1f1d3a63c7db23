"""A step on a GPU captured in a CUDA graph, so that one call starts all its kernels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Step = Callable[[Tensor, Tensor], Tensor]

#: Steps done one by one before one is captured: in them libraries choose their kernels and allocate their memory.
WARM_UP_STEPS = 3


class CudaGraphStep:
    """``step(inputs, targets)``, captured and replayed: it makes the same calls on the same memory for every batch.

    The first steps of a batch's shape are done as they are, then one is captured; another shape begins anew. A step
    that cannot be captured, such as one with a g that looks at its numbers, stays as it is. The loss is a new tensor.
    """

    def __init__(self, step: Step) -> None:
        self._step = step
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs = self._targets = self._loss = torch.empty(0)
        self._shapes: tuple[torch.Size, torch.Size] | None = None
        self._done = 0
        self._able = True

    def __call__(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """One step; the loss before it."""
        shapes = inputs.shape, targets.shape
        if shapes != self._shapes:
            self._shapes, self._graph, self._done = shapes, None, 0
        if not self._able or self._done < WARM_UP_STEPS:
            self._done += 1
            return self._step(inputs, targets)
        if self._graph is None and not self._capture(inputs, targets):
            return self._step(inputs, targets)
        assert self._graph is not None
        self._inputs.copy_(inputs)
        self._targets.copy_(targets)
        self._graph.replay()
        return self._loss.clone()

    def _capture(self, inputs: Tensor, targets: Tensor) -> bool:
        self._inputs, self._targets = inputs.clone(), targets.clone()
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        try:
            # What other threads do meanwhile is no part of it, and no reason for it to fail.
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self._loss = self._step(self._inputs, self._targets)
        except RuntimeError:  # something that waits for the GPU: then every step is done as it is
            torch.cuda.set_stream(stream)  # a capture that failed does not give it back
            torch.cuda.synchronize()
            self._able = False
            return False
        self._graph = graph
        return True
