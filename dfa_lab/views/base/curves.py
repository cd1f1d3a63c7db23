"""A series of a History made ready to draw: mean and spread over replicas, and the chance band of an angle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dfa_lab.experiment.history import CHANCE, METRICS, History
from dfa_lab.views.base.thinning import thin

#: The angle between independent directions, in degrees.
RIGHT_ANGLE = 90.0
#: What a chance band reaches to on either side, in standard deviations.
CHANCE_SDS = 2.0
#: A line has at most so many points, which nobody tells from more.
POINTS = 4000
CHANCE_LABEL = f"chance ± {CHANCE_SDS:g} sd (widest)"


@dataclass(frozen=True)
class Band:
    """A filled region: at each step (n,) from ``lower`` (n,) to ``upper`` (n,); NaN where there is none."""

    steps: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def outline(self) -> tuple[np.ndarray, np.ndarray]:
        """The region as closed polygons, x and y, with a NaN between them: one for each stretch without a gap."""
        there = np.isfinite(self.lower) & np.isfinite(self.upper)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]]).astype(np.int8)))
        xs: list[np.ndarray] = []
        ys: list[np.ndarray] = []
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            steps = self.steps[start:end]
            xs += [steps, steps[::-1], np.array([np.nan])]
            ys += [self.upper[start:end], self.lower[start:end][::-1], np.array([np.nan])]
        return (np.concatenate(xs), np.concatenate(ys)) if xs else (np.empty(0), np.empty(0))


@dataclass(frozen=True)
class Curve:
    """A line to draw: steps, mean, standard deviation and count, each (n,), over the replicas that have a finite value.

    ``mean`` is NaN (a gap in the line) where no replica has one; ``sd`` is the sample standard deviation (divisor
    count - 1), NaN where fewer than two have one.
    """

    steps: np.ndarray
    mean: np.ndarray
    sd: np.ndarray
    count: np.ndarray
    replicas: int

    def __len__(self) -> int:
        return len(self.steps)

    def thinned(self, points: int = POINTS) -> Curve:
        """The same line in at most so many points, with the least and the greatest value of each stretch."""
        keep = thin(self.steps, self.mean, points)
        columns = {name: getattr(self, name)[keep] for name in ("steps", "mean", "sd", "count")}
        return self if len(keep) == len(self) else replace(self, **columns)

    @property
    def spread(self) -> Band:
        """The mean ± one standard deviation."""
        return Band(self.steps, self.mean - self.sd, self.mean + self.sd)


def curve(history: History, metric: str, layer: int | None = None) -> Curve:
    """One metric of one layer as a ``Curve``; of length 0 where nothing was recorded."""
    steps, values = history.values(metric, layer)
    finite = np.ma.masked_invalid(values)
    mean, sd = finite.mean(axis=1).filled(np.nan), finite.std(axis=1, ddof=1).filled(np.nan)
    return Curve(steps.astype(np.float64), mean, sd, finite.count(axis=1), history.replicas)


def chance_band(histories: Iterable[History], metric: str, layers: Sequence[int] | None = None) -> Band | None:
    """Where the angle ``metric`` would lie by chance: mean ± 2 sd of ``<metric>_chance_mean`` and ``<metric>_chance``.

    The mean is 90° where none was recorded. A recorded row holds until the next one of the same layer, or until its run
    ends: the band is a step function. Where layers or runs differ it reaches from the lowest to the highest, so that an
    angle outside it is outside its own band too. A replicated run counts with the mean of its replicas. None where
    nothing was recorded, or where no such metric is registered.
    """
    name = f"{metric}{CHANCE}"
    if name not in METRICS:
        return None
    held = [
        (recorded, _chance_mean(history, name, layer), float(history.last_step))
        for history in histories
        for layer in history.layers(name)
        if layers is None or layer in layers
        if len(recorded := curve(history, name, layer))
    ]
    grid = np.unique(np.concatenate([[], *(np.append(recorded.steps, end) for recorded, _, end in held)]))
    if len(grid) < 2:
        return None
    lower, upper = np.full(len(grid), np.nan), np.full(len(grid), np.nan)
    for recorded, mean, end in held:
        # The last one recorded at or before each step; a second row at one step replaces the first.
        place = np.searchsorted(recorded.steps, grid, side="right") - 1
        reach = np.where((place >= 0) & (grid < end), CHANCE_SDS * recorded.mean[place], np.nan)
        lower, upper = np.fmin(lower, mean[place] - reach), np.fmax(upper, mean[place] + reach)
    if not np.isfinite(lower).any():
        return None
    # Where a rule without feedback was in use there is no band: one without height, which nothing shows.
    low, high = (np.nan_to_num(np.repeat(side[:-1], 2), nan=RIGHT_ANGLE) for side in (lower, upper))
    return Band(np.repeat(grid, 2)[1:-1], np.maximum(low, 0.0), np.minimum(high, 180.0))


def _chance_mean(history: History, name: str, layer: int) -> np.ndarray:
    """The mean recorded beside each row of ``name``; 90° where there is none."""
    rows = len(history.values(name, layer)[0])
    found = curve(history, f"{name}_mean", layer).mean if f"{name}_mean" in METRICS else np.empty(0)
    return np.nan_to_num(found, nan=RIGHT_ANGLE) if len(found) == rows else np.full(rows, RIGHT_ANGLE)


def angle_range(values: Iterable[np.ndarray]) -> tuple[float, float, float]:
    """Lowest and highest degree to show and the distance of the ticks: within 0–180, 90 always a tick."""
    everything = np.concatenate([*values, [RIGHT_ANGLE]])
    everything = everything[np.isfinite(everything)]
    low, high = max(float(everything.min()), 0.0), min(float(everything.max()), 180.0)
    for tick in (5.0, 10.0, 15.0, 30.0):
        bottom = np.floor(low / tick) * tick
        top = np.ceil(high / tick) * tick
        if bottom == top:
            bottom, top = bottom - tick, top + tick
        if (top - bottom) / tick <= 6:
            break
    return float(bottom), float(top), tick


def reference_metric(history: History, metrics: Iterable[str]) -> str | None:
    """The metric a reference run is drawn by in a panel of ``metrics``: the last that it has, so the test's if any."""
    return next((metric for metric in reversed([*metrics]) if len(history.values(metric)[0])), None)
