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
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch._C._profiler import _EventType
from torch.profiler import ProfilerActivity, profile, record_function


class Change(NamedTuple):
    """At ``time``, ``size`` bytes at the address ``place`` were handed out or, if negative, released."""

    time: int
    place: int
    size: int


#: An Experiment takes its first snapshots at steps 0, 1, 2, 4 and 8: the sixth step is one like most.
WARM_UP = 5
MARK = "the step that is measured"


@dataclass(frozen=True)
class Memory:
    """Bytes beyond the weights and biases: ``held`` when the step begins, ``peak`` at its worst moment."""

    held: int
    peak: int


def measure(make: Callable[[], Callable[[], object]], parameter_bytes: int) -> Memory:
    """The memory of one step of what ``make()`` makes, whose weights and biases have ``parameter_bytes``."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler tells of every start and stop
    make()()  # what torch and the data set load once and keep
    gc.collect()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as seen:
        step = make()
        for _ in range(WARM_UP):
            step()
        gc.collect()
        with record_function(MARK):
            step()
    nodes = list(_descendants(seen.profiler.kineto_results.experimental_event_tree()))  # type: ignore[union-attr]
    marked = next(node for node in nodes if node.name == MARK)
    changes = [
        Change(node.start_time_ns, node.extra_fields.ptr, node.extra_fields.alloc_size)
        for node in nodes
        if node.tag == _EventType.Allocation
    ]
    found = replay(changes, marked.start_time_ns, marked.end_time_ns)
    return Memory(found.held - parameter_bytes, found.peak - parameter_bytes)


def _descendants(roots: Iterable[Any]) -> Iterator[Any]:
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.children


def replay(changes: Iterable[Change], began: int, ended: int) -> Memory:
    """Held and peak of the time from ``began`` to ``ended``. What was handed out before the record is no matter."""
    total = held = peak = 0
    known: set[int] = set()
    for change in sorted(changes, key=lambda change: change.time):
        if change.time > ended:
            break
        if change.size < 0 and change.place not in known:
            continue
        (known.add if change.size > 0 else known.discard)(change.place)
        total += change.size
        if change.time < began:
            held = peak = total
        else:
            peak = max(peak, total)
    return Memory(held, peak)


def parameter_bytes(module: torch.nn.Module) -> int:
    """Bytes of a module's weights and biases."""
    return sum(parameter.numel() * parameter.element_size() for parameter in module.parameters())
