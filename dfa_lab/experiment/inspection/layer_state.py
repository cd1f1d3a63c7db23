"""LayerState: one layer as a picture of the network shows it: place, angles, matrices, the numbers of one sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.linalg import vector_norm

from dfa_lab.experiment.history import CHANCE, History
from dfa_lab.experiment.inspection.network_layout import LayerPlace
from dfa_lab.experiment.inspection.sample_pass import SamplePass


@dataclass(frozen=True)
class Chance:
    """What chance would make of an angle, in degrees: its mean and its standard deviation."""

    mean: float
    sd: float


@dataclass(frozen=True)
class Angles:
    """What the history last recorded of one layer and replica; None where nothing is defined.

    Angles are in degrees, 0–180. ``gradient`` is the history's ``gradient_alignment``: for each sample of the probe
    batch the angle between δ by the rule, which is what the layer receives times g(a), and δ by BP at the same weights,
    BP's signal times f′(a); then the mean. It is neither the angle of the weight gradients nor that of the signals
    before the slope. ``weight`` is between the matrix that carries the signal to this layer and BP's own.
    ``gradient_norm`` and ``bp_gradient_norm`` are ‖∂W‖ by the rule and by BP over the probe batch.
    """

    gradient: float | None = None
    gradient_chance: Chance | None = None
    weight: float | None = None
    weight_chance: Chance | None = None
    gradient_norm: float | None = None
    bp_gradient_norm: float | None = None


@dataclass(frozen=True, eq=False)
class LayerSample:
    """One sample's numbers at the drawn units, (units,) each, float64: a, h, g(a), the signal received, δ, BP's δ.

    ``slope`` is None at the output, ``received`` and ``delta`` where nothing is received. ``delta_norm`` and
    ``bp_delta_norm`` are ‖δ‖ over all units of the layer.
    """

    preactivation: np.ndarray
    activity: np.ndarray
    slope: np.ndarray | None
    received: np.ndarray | None
    delta: np.ndarray | None
    bp_delta: np.ndarray
    delta_norm: float
    bp_delta_norm: float


@dataclass(frozen=True, eq=False)
class LayerState:
    """One layer: its ``place``, its ``number`` from 1 as in the history, the drawn ``units``, its ``angles``.

    Matrices are cut to the drawn units, rows are units here: ``weights`` (here, below) lead to this layer from the
    layer below, of the first from the drawn inputs; ``feedback`` (here, where the error comes from) is what carries
    the error to this layer now, and ``partner`` BP's own in its place, both from the layer above or, for a direct rule,
    from the output. None where not defined: in a converted network, at the output, where nothing is sent. With
    ``own_slope`` the signal is multiplied by f′ of the activation, else by a g in its place.
    """

    place: LayerPlace
    number: int
    units: np.ndarray
    angles: Angles
    own_slope: bool = True
    sample: LayerSample | None = None
    weights: np.ndarray | None = None
    feedback: np.ndarray | None = None
    partner: np.ndarray | None = None


def spread(size: int, most: int) -> np.ndarray:
    """The indexes of ``size`` units, or where these are more than ``most`` of so many, evenly spread."""
    count = min(size, most)
    return (2 * np.arange(count) + 1) * size // (2 * count)


def angles_of(history: History, layer: int, replica: int, *, chance: bool) -> Angles:
    """The newest rows of one layer and replica; with ``chance`` the bands too."""

    def newest(metric: str) -> float | None:
        found = history.newest(metric, layer, replica)
        return None if found is None or not math.isfinite(found[1]) else found[1]

    def band(metric: str) -> Chance | None:
        sd = newest(f"{metric}{CHANCE}") if chance else None
        if sd is None:
            return None
        # The weights' band lies about a right angle, and no mean of it is recorded.
        mean = newest(f"{metric}{CHANCE}_mean") if metric == "gradient_alignment" else 90.0
        return None if mean is None else Chance(mean, sd)

    bp, ratio = newest("bp_gradient_norm"), newest("gradient_norm_ratio")
    return Angles(
        gradient=newest("gradient_alignment"),
        gradient_chance=band("gradient_alignment"),
        weight=newest("weight_alignment"),
        weight_chance=band("weight_alignment"),
        gradient_norm=None if bp is None or ratio is None else bp * ratio,
        bp_gradient_norm=bp,
    )


def mlp_layer(
    found: SamplePass, place: LayerPlace, number: int, drawn: Sequence[np.ndarray], angles: Angles, own_slope: bool
) -> LayerState:
    """Layer ``number`` of an MLP from the pass of one sample; ``drawn`` are the units of inputs, layers and output."""
    units = drawn[number]
    feedback = partner = None
    if number <= found.hidden:
        source = drawn[-1] if place.route == "direct" else drawn[number + 1]
        carried = found.carried(number)
        if carried is not None:
            feedback, partner = _cut(carried.mT, units, source), _cut(found.partner(number).mT, units, source)
    return LayerState(
        place=place,
        number=number,
        units=units,
        angles=angles,
        own_slope=own_slope,
        sample=_sample(found, number, units),
        weights=_cut(found.layers.weights[number - 1], units, drawn[number - 1]),
        feedback=feedback,
        partner=partner,
    )


def _sample(found: SamplePass, number: int, units: np.ndarray) -> LayerSample:
    place = number - 1
    hidden = place < found.hidden
    delta, bp_delta = found.deltas[place], found.bp_deltas[place]
    assert bp_delta is not None  # BP reaches every layer

    def own(tensor: Tensor | None) -> np.ndarray | None:
        return None if tensor is None else numbers(tensor[0])[units]

    return LayerSample(
        preactivation=numbers(found.seen.preactivations[place][0])[units],
        activity=numbers(found.seen.activities[number][0])[units],
        slope=own(found.slopes[place]) if hidden else None,
        received=own(found.received[place] if hidden else found.error),
        delta=own(delta),
        bp_delta=numbers(bp_delta[0])[units],
        delta_norm=0.0 if delta is None else float(vector_norm(delta)),
        bp_delta_norm=float(vector_norm(bp_delta)),
    )


def _cut(matrix: Tensor, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    places = [torch.from_numpy(one).to(matrix.device) for one in (rows, columns)]
    return numbers(matrix[places[0]][:, places[1]])


def numbers(tensor: Tensor) -> np.ndarray:
    """A copy as float64."""
    return tensor.detach().cpu().double().numpy().copy()
