"""Snapshot: the tensors that a picture needs, copied out of a run at one step.

A History has the angles; a Snapshot has the matrices and deltas that they were measured between, as NumPy arrays that
training does not change. ``Experiment.snapshot`` takes one, ``dfa.VIEWS`` draw it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from dfa_lab.errors import DfaLabError, nearest, shown
from dfa_lab.learning.alignment import LayerTensors


@dataclass(frozen=True, eq=False)
class LayerSnapshot:
    """One layer of one replica at one step; every array is float64, every angle in degrees, 0–180, never folded.

    ``number`` is the layer's place as in History and AlignmentRow, from 1; ``name`` is "layer 1" for an MLP, the
    module's own name in a converted network, where the matrices of several layers that read this one stand below one
    another. ``carried`` is the matrix that really carries the signal to the layer at
    this moment, in torch's layout: (out, in) for a layerwise rule, (n_out, n_l) for a direct one; W itself under bp,
    None where nothing carries any. ``partner`` is BP's own in the same layout, W_{l+1} or the downstream product
    W_L … W_{l+1}; None where that is not defined. ``weight_alignment`` is the angle between the two, NaN where not
    defined. ``deltas`` is δ by the rule and ``bp_deltas`` δ by BP at the same weights, both (N, n), a row a sample.
    ``sample_angles`` (N,) are the angles between their rows, NaN where a sample's BP delta is zero.
    """

    number: int
    name: str
    carried: np.ndarray | None
    partner: np.ndarray | None
    weight_alignment: float
    deltas: np.ndarray
    bp_deltas: np.ndarray
    sample_angles: np.ndarray

    @classmethod
    def of(cls, layer: LayerTensors) -> LayerSnapshot:
        """Copied out of the tensors of a layer."""
        carried, partner = (None if one is None else _copied(one) for one in (layer.carried, layer.partner))
        deltas, bp_deltas, angles = map(_copied, (layer.deltas, layer.bp_deltas, layer.sample_angles))
        return cls(layer.number, layer.name, carried, partner, layer.weight_alignment, deltas, bp_deltas, angles)


def _copied(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().double().numpy().copy()


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One replica of a run after ``step`` updates with ``samples`` training samples seen, on its probe batch.

    ``rule`` is the rule's label, ``name`` the run's name, ``replica`` counts from 0; ``layers`` are in the order of the
    network, from the input.

    >>> import dfa_lab as dfa
    >>> run = dfa.Experiment(task="moons", widths=(8, 8))
    >>> run.snapshot()
    Snapshot('dfa', rule='dfa', step=0, replica=0, layers: layer 1, layer 2)
    """

    step: int
    samples: int
    rule: str
    name: str
    replica: int
    layers: tuple[LayerSnapshot, ...]

    def __repr__(self) -> str:
        where = f"rule={self.rule!r}, step={self.step}, replica={self.replica}"
        return f"Snapshot({self.name!r}, {where}, layers: {', '.join(layer.name for layer in self.layers)})"

    def layer(self, number_or_name: int | str) -> LayerSnapshot:
        """A layer by its number, from 1, or by its name. Raises ``DfaLabError`` that lists the layers there are."""
        for layer in self.layers:
            wanted = layer.name if isinstance(number_or_name, str) else layer.number
            if wanted == number_or_name and not isinstance(number_or_name, bool):
                return layer
        known = ", ".join(f"{layer.number} ({layer.name!r})" for layer in self.layers) or "none"
        names = [layer.name for layer in self.layers]
        guess = nearest(number_or_name, names) if isinstance(number_or_name, str) else None
        hint = f" Did you mean {guess!r}?" if guess else ""
        raise DfaLabError(f"this snapshot has no layer {shown(number_or_name)}; known layers: {known}.{hint}")
