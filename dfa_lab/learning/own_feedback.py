"""The feedback matrices of a network by name: read them, and set one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.learning.feedback import Place, numbers_of
from dfa_lab.learning.networks import Network, network_of

#: At most so many names are listed in an error.
MOST_LISTED = 200


def feedback(net: nn.Module) -> dict[str, Tensor]:
    """Copies of the matrices that the rules of ``net`` work with, by name.

    - Layerwise rules: the name of the weight in whose place B stands, in the weight's own shape (out, in, …):
      "2.weight" of a converted network, "weights.1" of an MLP. Of sign-concordant rules these are the magnitudes, of
      ``usf`` a single one, (1, 1). The first layer's is used only where the network's input needs a gradient.
    - Direct rules: the name of the feedback point, "1" or "layer1.relu"; of an MLP the hidden layer's number from 1.
      B is (n_out, n): row i is what unit i of the output sends.

    With replicas every matrix has a leading K. Tied weights have one matrix, under the first name. Rules without
    feedback (``bp``, ``shallow``) give an empty mapping. Points that no forward pass has reached are left out; raises
    ``DfaLabError`` where all are.

    >>> import dfa_lab as dfa
    >>> {name: tuple(matrix.shape) for name, matrix in dfa.feedback(dfa.MLP([4, 8, 2], rule="fa")).items()}
    {'weights.1': (2, 8)}
    """
    places = [place for place in _places(net) if place.needed]
    found = {place.names[0]: place.slots[0].matrix for place in places}
    drawn = {name: matrix.detach().clone() for name, matrix in found.items() if matrix is not None}
    if found and not drawn:
        raise DfaLabError(
            f"no feedback is drawn yet ({_listed(places)}): its shapes are known from the first forward pass on. Run "
            "one batch, or give convert(…, example=inputs)."
        )
    return drawn


def set_feedback(net: nn.Module, matrices: Mapping[str, Any]) -> None:
    """Use ``matrices``, tensors or arrays by the names and in the shapes of ``feedback``, from the next pass on.

    What is not named stays. They are copied, to the network's dtype and device, not multiplied by ``feedback_scale``,
    and in ``state_dict``. Feedback that learns (``kp``, ``wm``, ``dkp``, ``ldfa``) starts from them and moves on;
    brSF's are no longer drawn for each step. ``redraw_feedback`` keeps them as they are by then, until ``own=True``
    asks for them too; so does a copy of the network, but a ``state_dict`` does not say that they are yours.

    A rule that is not in use finds its matrices later: a weight's name is then that of the layerwise rules' B. The
    matrix of a point before the first forward pass may have any shape (n_out, n), which that pass checks.

    Raises ``DfaLabError``, with all that does not fit and all names with their shapes, and changes nothing then.

    >>> import dfa_lab as dfa
    >>> net = dfa.MLP([4, 8, 2], rule="dfa")
    >>> dfa.set_feedback(net, {"1": torch.ones(2, 8)})
    >>> dfa.redraw_feedback(net, seed=5)
    >>> float(dfa.feedback(net)["1"].mean())
    1.0
    """
    places = _places(net)
    if not isinstance(matrices, Mapping):
        raise DfaLabError(
            f"set_feedback was given a {type(matrices).__name__}; expected a mapping of names to matrices: "
            f"{_listed(places)}."
        )
    known = {name: place for place in places for name in place.names}
    fitting: dict[Any, Tensor] = {}
    wrong = []
    with torch.inference_mode(False), torch.no_grad():
        for name, given in matrices.items():
            place = known.get(name) if isinstance(name, str) else None
            try:
                if place is None:
                    raise DfaLabError("is no name of a matrix")
                if place.slots in fitting:
                    raise DfaLabError(f"is tied with {' and '.join(place.names)}: give one of them")
                fitting[place.slots] = _fitted(given, place)
            except DfaLabError as reason:
                wrong.append(f"{shown(name, 100)} {reason}")
        if wrong:
            raise DfaLabError(
                f"set_feedback was given {len(wrong)} matri{'x that does' if len(wrong) == 1 else 'ces that do'} not "
                f"fit: {'; '.join(wrong[:MOST_LISTED])}. The names are: {_listed(places)}."
            )
        network: Network = network_of(net)
        network.feedback.put(fitting)


def _places(net: nn.Module) -> list[Place]:
    network: Network = network_of(net)
    return network.feedback_places()


def _fitted(given: Any, place: Place) -> Tensor:
    """What was ``given``, in the dtype and on the device of the place; ``DfaLabError``, to follow a name, else."""
    slot = place.slots[0]
    if not isinstance(given, Tensor | np.ndarray | list | tuple):
        raise DfaLabError(f"is a {type(given).__name__}, expected a tensor or an array")
    found, shape = numbers_of(given), slot.known_shape
    if found.shape != shape if shape is not None else found.dim() != 2 or not found.numel():
        raise DfaLabError(f"has shape {tuple(found.shape)}, expected {shape or '(n_out, n)'}")
    found = found.to(slot.like, copy=True)
    if not bool(torch.isfinite(found).all()):
        raise DfaLabError(f"has entries that {found.dtype} cannot hold")
    return found.contiguous()


def _listed(places: list[Place]) -> str:
    several = [f"{name} {_shape(place)}" for place in places for name in place.names]
    more = f" and {len(several) - MOST_LISTED} more" if len(several) > MOST_LISTED else ""
    return (", ".join(several[:MOST_LISTED]) or "none, for no layer here is known to carry δ") + more


def _shape(place: Place) -> str:
    return str(place.slots[0].known_shape or "(n_out, n), known after a forward pass")
