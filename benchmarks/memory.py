"""Memory: how many bytes a training step needs beyond what the network itself is.

Definition, the same for every contender: the most bytes that torch's allocator has handed out at any moment of one
step, counted from before the contender was made, less the bytes of its weights and biases. So it holds activations,
signals, gradients and temporaries, and also what lies between steps: ``.grad``, an optimizer's state, feedback
matrices, snapshots and buffers kept for reuse. Nobody is better off by keeping a buffer instead of allocating
it anew. Not in it: the given batch and the data set, which are there before; what a library takes past torch's
allocator, such as packed panels within one matrix product.

How: torch's profiler notes every allocation and release (``profile_memory``). They are added up from the contender's
making, over some warm-up steps, to the end of one marked step.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch.profiler import ProfilerActivity, profile, record_function

WARM_UP = 3
MARK = "the step that is measured"


@dataclass(frozen=True)
class Memory:
    """Bytes beyond the weights and biases: ``held`` when the step begins, ``peak`` at its worst moment."""

    held: int
    peak: int


def measure(make: Callable[[], Callable[[], object]], parameter_bytes: int) -> Memory:
    """The memory of one step of what ``make()`` makes, whose weights and biases have ``parameter_bytes``."""
    make()()  # what torch and the data set load once and keep
    gc.collect()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as seen:
        step = make()
        for _ in range(WARM_UP):
            step()
        gc.collect()
        with record_function(MARK):
            step()
    recorded = seen.profiler.kineto_results.events()  # type: ignore[union-attr]
    began, ended = next(
        (event.start_ns(), event.start_ns() + event.duration_ns()) for event in recorded if event.name() == MARK
    )
    changes = sorted((event.start_ns(), event.nbytes()) for event in recorded if event.name() == "[memory]")
    found = replay(changes, began, ended)
    return Memory(found.held - parameter_bytes, found.peak - parameter_bytes)


def replay(changes: Sequence[tuple[int, int]], began: int, ended: int) -> Memory:
    """Held and peak from (time, bytes handed out or, negative, released) in order of time."""
    total = held = peak = 0
    for time, change in changes:
        if time > ended:
            break
        total += change
        if time < began:
            held = peak = total
        else:
            peak = max(peak, total)
    return Memory(held, peak)


def parameter_bytes(module: torch.nn.Module) -> int:
    """Bytes of a module's weights and biases."""
    return sum(parameter.numel() * parameter.element_size() for parameter in module.parameters())
