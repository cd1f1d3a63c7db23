"""Another g in each layer: a mapping of layers, by name or pattern, to choices of DERIVATIVES."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Any

import torch

from dfa_lab.errors import DfaLabError, layers_in_words, shown
from dfa_lab.learning.activations.activations import DERIVATIVES, Activation, Slope, exact, slope_of
from dfa_lab.learning.activations.given_slope import GivenSlope
from dfa_lab.learning.activations.per_replica import replica_slopes
from dfa_lab.learning.ops import each, is_same, is_sequence
from dfa_lab.registry import per_layer


def derivative_of(choice: Any, layer: str) -> Any:
    """The choice for ``layer``: of a mapping that of its name, else of the first pattern that matches, else "exact"."""
    if not per_layer(choice):
        return choice
    named = {str(pattern): one for pattern, one in choice.items()}
    if layer in named:
        return named[layer]
    return next((one for pattern, one in named.items() if fnmatchcase(layer, pattern)), "exact")


def check_layers(choice: Any, layers: Collection[str], kind: str) -> None:
    """Raise one ``DfaLabError`` for all names and patterns of ``choice`` that match none of ``layers``, and list them.

    ``kind`` is what the layers are called: "hidden layer".
    """
    patterns = map(str, choice) if per_layer(choice) else ()
    odd = [one for one in patterns if one not in layers and not any(fnmatchcase(layer, one) for layer in layers)]
    if odd:
        known, question = layers_in_words(odd, layers)
        raise DfaLabError(
            f"activation_derivative was given for {', '.join(map(shown, odd))}, which match{'es' * (len(odd) == 1)} no "
            f"{kind}; {kind}s: {known or 'none'}.{question} A derivative with parameters is written "
            "{'name': 'triangle', 'width': 2.0}."
        )


def kept(choice: Any) -> Any:
    """A choice, or a sequence of them, whose mappings nobody else holds."""
    if is_sequence(choice):
        return type(choice)(map(kept, choice)) if isinstance(choice, list | tuple) else choice
    return {key: kept(one) for key, one in choice.items()} if isinstance(choice, Mapping) else choice


def layer_slopes(activation: Activation, derivative: Any, replicas: int | None, hidden: int) -> tuple[Slope, ...]:
    """The g of each of ``hidden`` layers of an MLP, numbered from 1; a sequence has a choice for each replica.

    Layers with one choice share one function. Raises ``DfaLabError`` as ``slope_of`` does, and for other layers.
    """
    several = each("activation_derivative", derivative, replicas) if is_sequence(derivative) else [derivative]
    if not any(map(per_layer, several)):
        return (replica_slopes(activation, derivative, replicas),) * hidden
    names = [str(number + 1) for number in range(hidden)]
    for one in several:
        if per_layer(one):
            DERIVATIVES.check(one)
        check_layers(one, names, "hidden layer")
    found: list[tuple[Any, Slope]] = []
    for name in names:
        own: Any = [derivative_of(one, name) for one in several]
        slope = next((slope for before, slope in found if _alike(before, own)), None)
        if slope is None:
            slope = replica_slopes(activation, own if is_sequence(derivative) else own[0], replicas)
        found.append((own, slope))
    return tuple(slope for _, slope in found)


def _alike(some: list[Any], others: list[Any]) -> bool:
    return all(is_same(one, other) for one, other in zip(some, others, strict=True))


def are_torchs_own(activation: Activation, derivative: Any, hidden: int) -> tuple[bool, ...]:
    """Of each hidden layer whether its g is the f′ that autograd has."""
    own = [derivative_of(derivative, str(number + 1)) for number in range(hidden)]
    return tuple(not activation.surrogate and (one is exact or is_same(one, "exact")) for one in own)


def weak_point_of(choices: Any) -> str:
    """Where a derivative, or one of several, is no finite number, which may be why a run diverged; "" if unknown."""
    several = choices if is_sequence(choices) else [choices]
    for choice in [part for one in several for part in (one.values() if per_layer(one) else [one])]:
        with suppress(DfaLabError):
            slope = slope_of(Activation(torch.tanh), choice)
            if isinstance(slope, GivenSlope) and (found := slope.weak_point()):
                return found
    return ""
