"""Readings: what the snapshot views read from a Snapshot, in numbers and in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.measurement import LayerSnapshot, Snapshot
from dfa_lab.learning.alignment import angle
from dfa_lab.learning.rules import RULES, Route

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class Moment(Protocol):
    """What every record of one step of a run says of where it comes from."""

    @property
    def name(self) -> str:
        """The run's name."""

    @property
    def rule(self) -> str:
        """The rule's label."""

    @property
    def step(self) -> int:
        """Updates done."""

    @property
    def replica(self) -> int:
        """Which replica, from 0."""


def carried_by(snapshot: Snapshot, layer: LayerSnapshot, place: str) -> np.ndarray:
    """The matrix that carries the signal to ``layer``, as stored. Raises ``DfaLabError`` where none can be drawn."""
    if layer.carried is None:
        raise DfaLabError(
            f"{place} needs the matrix that carries the signal to {layer.name}, and under the rule {snapshot.rule} "
            "there is none; choose another layer, or a rule that sends a signal."
        )
    for matrix in (layer.carried, layer.partner):
        if matrix is not None and not (matrix.ndim == 2 and matrix.size and np.isfinite(matrix).all()):
            raise DfaLabError(
                f"{place} needs matrices of finite numbers; one of {layer.name}, of shape {matrix.shape}, is none."
            )
    return layer.carried


def angle_between(left: np.ndarray, right: np.ndarray) -> float:
    """Degrees between two arrays of one shape, each taken as one vector; NaN where either is all zero."""
    return float(angle(torch.from_numpy(left.reshape(-1).copy()), torch.from_numpy(right.reshape(-1).copy())))


def scaled(values: np.ndarray) -> np.ndarray:
    """``values`` over their own root mean square, over all entries; as they are where that is zero."""
    rms = float(np.sqrt(np.mean(np.square(values)))) if values.size else 0.0
    return values / rms if rms > 0 else values


def degrees(value: float) -> str:
    """An angle as it is written on a picture."""
    return f"{value:.1f}°"


def source(snapshot: Moment) -> str:
    """Where a picture comes from: the run, its rule where the name does not say it, the step, a later replica."""
    parts = [snapshot.name]
    if snapshot.rule.lower() not in re.findall(r"[\w+]+", snapshot.name.lower()):
        parts.append(f"rule {snapshot.rule}")
    parts.append(f"step {snapshot.step:,}")
    if snapshot.replica:
        parts.append(f"replica {snapshot.replica}")
    return ", ".join(parts)


@dataclass(frozen=True)
class MatrixWords:
    """What rows and columns of a carrying matrix are in the papers' orientation, and what BP's own is called there."""

    rows: str
    columns: str
    partner: str


def matrix_words(snapshot: Snapshot, layer: LayerSnapshot) -> MatrixWords:
    """The words for the matrix of ``layer``: in an MLP by its place, in a converted network by the module's name."""
    rule = RULES.get(snapshot.rule)
    route = rule.route if rule is not None else None
    last = len(snapshot.layers)
    if layer.name == f"layer {layer.number}" and route in (Route.LAYERWISE, Route.DIRECT):
        below, top = layer.number + 1, last + 1
        to_output = route is Route.DIRECT or layer.number == last
        factors = [top, below] if route is Route.DIRECT and below < top else [below]
        names = [f"W{number}".translate(SUBSCRIPTS) for number in factors]
        product = (" " if factors[0] == factors[-1] + 1 else " … ").join(names)
        return MatrixWords(
            f"hidden unit of {layer.name}",
            "output unit" if to_output else f"hidden unit of layer {below}",
            f"({product})ᵀ" if len(factors) > 1 else f"{product}ᵀ",
        )
    if route is Route.DIRECT:
        return MatrixWords(f"unit of {layer.name}", "output unit", "the downstream weights")
    if route is Route.LAYERWISE:
        return MatrixWords(f"input of {layer.name}", f"output of {layer.name}", f"the weight of {layer.name}")
    return MatrixWords(f"row at {layer.name}", f"column at {layer.name}", "the weight")
