"""Harness: whole training steps of several contenders, timed side by side in one process.

Timings come in rounds. In each round every contender has its turn, and the order moves on by one from round to round,
so that nobody always follows the same other. A turn is as many steps as take at least 20 ms. What is compared is the
ratio of a contender's seconds a step to those of its reference in the same round: on a shared machine both have
the same weather, and the median and quartiles of the ratios say how far that held.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Contender:
    """``step()`` does one whole training step on ``samples`` samples; ``against`` names its reference, if it has one.

    ``prepare()``, where it is given, comes before every turn and is not timed; a turn is then a single step.
    """

    name: str
    step: Callable[[], object]
    samples: int
    against: str | None = None
    prepare: Callable[[], object] | None = None


@dataclass(frozen=True)
class Quartiles:
    """The lower quartile, the median and the upper quartile."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Quartiles:
        """Of at least one number, by linear interpolation between the sorted ones."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))


@dataclass(frozen=True)
class Timing:
    """Seconds a step and samples a second, and the ratio of the seconds to the reference's of the same round."""

    seconds: Quartiles
    samples_per_s: float
    ratio: Quartiles | None


def compare(contenders: Sequence[Contender], *, rounds: int, at_least: float = 0.02) -> dict[str, Timing]:
    """Name -> timing, of ``rounds`` interleaved rounds with turns of ``at_least`` seconds."""
    return timings(contenders, interleaved(contenders, rounds=rounds, at_least=at_least))


def interleaved(contenders: Sequence[Contender], *, rounds: int, at_least: float = 0.02) -> dict[str, list[float]]:
    """Name -> seconds a step, round by round."""
    counts = {contender.name: _steps_a_turn(contender, at_least) for contender in contenders}
    taken: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number in range(rounds):
        first = number % len(contenders)
        for contender in (*contenders[first:], *contenders[:first]):
            taken[contender.name].append(_turn(contender, counts[contender.name]))
    return taken


def timings(contenders: Sequence[Contender], taken: Mapping[str, Sequence[float]]) -> dict[str, Timing]:
    """Name -> timing, from the seconds a step that each contender took round by round."""
    found = {}
    for contender in contenders:
        seconds = Quartiles.of(taken[contender.name])
        ratio = None
        if contender.against is not None:
            pairs = zip(taken[contender.name], taken[contender.against], strict=True)
            ratio = Quartiles.of([own / reference for own, reference in pairs])
        found[contender.name] = Timing(seconds, contender.samples / seconds.median, ratio)
    return found


def _steps_a_turn(contender: Contender, at_least: float) -> int:
    """How many steps take ``at_least``; finding out is the warm-up too."""
    if contender.prepare is not None:
        return 1
    began = time.perf_counter()
    for _ in range(3):
        contender.step()
        if time.perf_counter() - began > 0.5:
            break
    count = 1
    while (seconds := _turn(contender, count) * count) < at_least:
        count = max(count + 1, min(10 * count, math.ceil(1.1 * count * at_least / max(seconds, 1e-9))))
    return count


def _turn(contender: Contender, count: int) -> float:
    """Seconds a step of ``count`` steps in a row."""
    if contender.prepare is not None:
        contender.prepare()
    step = contender.step
    began = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - began) / count


@contextmanager
def torch_uses(threads: int) -> Iterator[None]:
    """Let torch use so many threads in the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
