"""The activities of a network's hidden layers on given inputs. The network is left as it was."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError
from dfa_lab.learning.interface import all_tensors, as_floating, called, cloned, on_device
from dfa_lab.learning.layers import eval_mode
from dfa_lab.learning.mlp import MLP, forward
from dfa_lab.learning.modules import Converted
from dfa_lab.learning.networks import network_of
from dfa_lab.learning.ops import tensors_of
from dfa_lab.learning.recording import full_precision, side_effect_free


def hidden_activities(net: nn.Module, inputs: Any, *, checked: bool = True) -> dict[str, Tensor]:
    """Name of each hidden layer -> its activities (N, n), or (K, N, n) with replicas; float64, on the CPU.

    An MLP's layers are "layer 1" …, after the activation. A converted network's are its feedback points, by the names
    of these modules: after an activation, or after a block where no activation layer follows. Maps and sequences are
    flat, calls of one point stand side by side. It is in eval mode meanwhile. ``inputs`` have samples first, several
    tensors in a tuple; of an MLP what is not flat is made so. Raises ``DfaLabError`` for inputs that do not fit and,
    where it is ``checked``, for a network that has no hidden layer and for activities that are not finite.
    """
    network = network_of(net)
    parameter = next((one for one in network.root.parameters() if one.is_floating_point()), torch.zeros(()))
    given = as_floating(on_device(inputs, parameter.device), parameter.dtype)
    with full_precision(), torch.no_grad():
        found = _of_mlp(network, given) if isinstance(network, MLP) else _of_points(network, given)
    if not checked:
        return found
    if not found:
        raise DfaLabError(
            f"this {type(network.root).__name__} has no hidden layer to compare; give an MLP with hidden layers, or a "
            "network from dfa.convert with feedback points (points=[…], names of modules)."
        )
    for name, activities in found.items():
        if not bool(torch.isfinite(activities).all()):
            raise DfaLabError(
                f"the activities of {name} are not all finite numbers; expected a network that has not diverged, and "
                "finite inputs. Lower lr, or go back to an earlier step."
            )
    return found


def _of_mlp(net: MLP, inputs: Any) -> dict[str, Tensor]:
    own_inputs = net.replicas is not None and isinstance(inputs, Tensor) and inputs.dim() == 3
    flat = inputs.flatten(1) if isinstance(inputs, Tensor) and inputs.dim() > 2 and not own_inputs else inputs
    net.check_inputs(flat)
    hidden = forward(net.layers(), flat).activities[1:-1]
    return {f"layer {number}": _copied(one) for number, one in enumerate(hidden, 1)}


def _of_points(converted: Converted, inputs: Any) -> dict[str, Tensor]:
    calls: dict[str, list[Tensor]] = {name: [] for name in converted.points}

    def note(name: str) -> Any:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            calls[name] += [_copied(one).flatten(1) for one in tensors_of(output)[:1] if one.dim() > 1]

        return hook

    handles = [converted.root.get_submodule(name).register_forward_hook(note(name)) for name in calls]
    try:
        with side_effect_free(converted), eval_mode(converted.root), torch.no_grad():
            called(converted.root, cloned(inputs))
    finally:
        for handle in handles:
            handle.remove()
    samples = len(all_tensors(inputs)[0]) if all_tensors(inputs) else 0
    fitting = {name: [one for one in found if len(one) == samples] for name, found in calls.items()}
    return {name: torch.cat(found, 1) for name, found in fitting.items() if found}


def _copied(activities: Tensor) -> Tensor:
    return activities.detach().to("cpu", torch.float64, copy=True)
