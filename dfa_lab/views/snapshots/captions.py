"""What the pictures of one step share: checks, units, titles and the words for a matrix."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.history import words_of
from dfa_lab.experiment.inspection import Mistakes, Surface
from dfa_lab.experiment.measurement import LayerSnapshot, Snapshot
from dfa_lab.learning.alignment import angle
from dfa_lab.learning.rules import RULES, Route

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


#: What a picture of one step shows. Each names its run, rule, step and replica.
Record = Snapshot | Surface | Mistakes


def layer_with(snapshot: Snapshot, layer: int | str | None, has: Callable[[LayerSnapshot], bool]) -> LayerSnapshot:
    """The layer asked for; without one the first that ``has`` what a picture draws, or the first where none has."""
    found = None if layer is not None else next((one for one in snapshot.layers if has(one)), None)
    return found or snapshot.layer(1 if layer is None else layer)


def is_carried_to(layer: LayerSnapshot) -> bool:
    """Whether there is a matrix that carries the signal to ``layer``, and it can be drawn."""
    return layer.carried is not None and all(
        one is None or (one.ndim == 2 and one.size > 0 and bool(np.isfinite(one).all()))
        for one in (layer.carried, layer.partner)
    )


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


def spread(angles: np.ndarray) -> str:
    """Mean ± sample standard deviation of the angles that are finite; empty where none is."""
    finite = angles[np.isfinite(angles)]
    sd = f" ± {degrees(float(finite.std(ddof=1)))}" if len(finite) > 1 else ""
    return degrees(float(finite.mean())) + sd if len(finite) else ""


def source(record: Record) -> str:
    """Where a picture comes from: the run, its rule where the name does not say it, the step, a later replica.

    A run that is called by its first rule is "FA", and later "FA, then uSF".
    """
    name, rule = record.name, words_of("rule", record.rule)
    if set(name.split("+")) <= set(RULES):
        name = words_of("rule", name)
        parts = [name, "" if name == rule else f"then {rule}"]
    else:
        named = record.rule.lower() in re.findall(r"[\w+]+", name.lower())
        parts = [name, "" if named else f"rule {rule}"]
    parts += [f"step {record.step:,}", f"replica {record.replica}" if record.replica else ""]
    return ", ".join(filter(None, parts))


def put_title(axes: Axes, headline: str, record: Record | None) -> None:
    """The title of a picture, with where it comes from on the next line; no frame at the top and right."""
    axes.set_title(f"{headline}\n{source(record)}" if record is not None else headline, fontsize="medium")
    axes.spines[["top", "right"]].set_visible(False)


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
