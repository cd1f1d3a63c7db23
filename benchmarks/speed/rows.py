"""Rows: one measured figure each, with what it was measured on and, where one was promised, the bound it is held to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from timing.harness import Quartiles, Timing

#: What a figure is: the ratio of seconds a step, of samples a second, of peak bytes; a relative difference.
TIME, SPEED, BYTES, DIFFERENCE = "time", "speed", "bytes", "difference"


@dataclass(frozen=True)
class Bound:
    """``sense`` is ≤ or ≥."""

    sense: str
    value: float

    def holds(self, figure: float) -> bool:
        """Whether ``figure`` keeps to it, unrounded."""
        return figure <= self.value if self.sense == "≤" else figure >= self.value

    def text(self, figure: float) -> str:
        """The bound, and a mark that says whether it holds: ≤ 0.50 ✓."""
        value = f"{self.value:.2f}" if self.value >= 0.01 else f"{self.value:g}"
        return f"{self.sense} {value} {'✓' if self.holds(figure) else '✗'}"


@dataclass(frozen=True)
class Row:
    """``figure`` compares ``contender`` with ``against``; ``kind`` says in what. ``limit`` is the FLOP limit."""

    section: str
    network: str
    batch: int
    optimizer: str
    rule: str
    contender: str
    against: str
    threads: int
    kind: str
    figure: Quartiles
    limit: float | None = None
    bound: Bound | None = None
    details: dict[str, float] = field(default_factory=dict)

    @property
    def place(self) -> tuple[object, ...]:
        """What makes two rows the same but for the number of threads."""
        return (self.section, self.network, self.batch, self.optimizer, self.rule, self.contender, self.against)

    def values(self) -> dict[str, Any]:
        """The row as JSON takes it, with ``holds`` where there is a bound."""
        holds = None if self.bound is None else self.bound.holds(self.figure.median)
        return {**asdict(self), "holds": holds}


def timed(
    place: Mapping[str, Any],
    timing: Timing,
    *,
    bound: Bound | None = None,
    limit: float | None = None,
    **details: float,
) -> Row:
    """The row of a ratio of seconds; ``place`` are the fields that say what was measured."""
    assert timing.ratio is not None
    return Row(**place, kind=TIME, figure=timing.ratio, limit=limit, bound=bound, details=_speed(timing) | details)


def faster(
    place: Mapping[str, Any],
    timing: Timing,
    *,
    times: float = 1,
    bound: Bound | None = None,
    limit: float | None = None,
) -> Row:
    """The row of a ratio of samples a second: ``times`` the samples a step, over the ratio of seconds."""
    assert timing.ratio is not None
    low, middle, high = timing.ratio.low, timing.ratio.median, timing.ratio.high
    figure = Quartiles(times / high, times / middle, times / low)
    return Row(**place, kind=SPEED, figure=figure, limit=limit, bound=bound, details=_speed(timing))


def _speed(timing: Timing) -> dict[str, float]:
    return {"µs a step": timing.seconds.median * 1e6, "samples/s": timing.samples_per_s}


_SMALL, _DEEP, _WIDE, _DEEPER = "64-128-128-10", "784-240⁷-10", "784-1024³-10", "784-512¹⁰-10"
#: (section, network, batch, contender, against, rule) -> the bound; at one thread, by plain SGD and with tanh.
BOUNDS: dict[tuple[str, str, int, str, str, str], Bound] = {
    **{
        ("step", _SMALL, 32, "experiment", "plain by index", rule): Bound("≤", 0.50)
        for rule in ("bp", "fa", "dfa", "usf", "sdfa", "drtp", "shallow")
    },
    **{
        ("step", network, 256, "experiment", "plain by index", rule): Bound("≤", value)
        for network in (_WIDE, _DEEPER)
        for rule, value in {"dfa": 0.66, "fa": 0.86, "bp": 0.86}.items()
    },
    ("step", _DEEP, 64, "experiment", "plain by index", "dfa"): Bound("≤", 0.60),
    ("autograd", _WIDE, 256, "autograd", "plain", "dfa"): Bound("≤", 0.78),
    ("autograd", _DEEPER, 256, "autograd", "plain", "dfa"): Bound("≤", 0.75),
    **{("autograd", network, 256, "autograd", "plain", "fa"): Bound("≤", 1.05) for network in (_WIDE, _DEEPER)},
    **{("autograd", network, 256, "autograd", "biotorch", "dfa"): Bound("≥", 1.3) for network in (_WIDE, _DEEPER)},
}
REPLICAS, AGREEMENT, BATCHES, TRAIN = Bound("≥", 10), Bound("≤", 1e-5), Bound("≥", 0.8), Bound("≥", 0.9)


def promised(
    section: str, network: str, batch: int, contender: str, against: str, rule: str, *, ordinary: bool
) -> Bound | None:
    """The bound of a figure; only what is ``ordinary``, one thread, plain SGD and tanh, has one."""
    return BOUNDS.get((section, network, batch, contender, against, rule)) if ordinary else None
