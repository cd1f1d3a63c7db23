"""The weights of a network that carry δ, each with its number among all, and the sizes of their matrices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True)
class Weight:
    """One weight that δ is carried through: its number among all (from 0), its layer's name, the layer, its name there.

    Tied weights have one number and share their feedback.
    """

    number: int
    layer_name: str
    layer: Any
    parameter: str

    @property
    def tensor(self) -> Tensor:
        """The weight itself."""
        weight: Tensor = self.layer.get_parameter(self.parameter)
        return weight


def weights_of(root: nn.Module, carrying: Mapping[str, tuple[str, ...]]) -> list[Weight]:
    """The weights of ``carrying`` (layer -> parameters), in order; tied ones with the same number."""
    numbers: dict[int, int] = {}
    found = []
    for name, parameters in carrying.items():
        layer = root.get_submodule(name)
        for parameter in parameters:
            number = numbers.setdefault(id(layer.get_parameter(parameter)), len(numbers))
            found.append(Weight(number, name, layer, parameter))
    return found


def pair(shape: Sequence[int]) -> tuple[int, int]:
    """A matrix's shape as (rows, columns)."""
    rows, columns = shape
    return rows, columns


def largest_of(shapes: Iterable[Sequence[int]]) -> tuple[int, int]:
    """The most rows and the most columns among shapes."""
    pairs = list(shapes)
    return max((pair[0] for pair in pairs), default=0), max((pair[1] for pair in pairs), default=0)
