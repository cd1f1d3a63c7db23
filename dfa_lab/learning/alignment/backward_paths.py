"""Detour: one recorded forward pass of a converted network, gone back through in several ways.

While a forward pass is made under a detour, every layer notes the matrix that carries δ beside its own weight, every
feedback point stays joined to what follows, and activations with another g keep f′ at hand. Backward passes over the
same graph then go *by the rule* (as training does: the carriers, the cuts, g), *by BP* (the weights, no cuts, f′), or
*by chance* (by the rule, with redrawn feedback). What stands in for a carrier is put in where a pass takes it up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from dfa_lab.learning.activations import Slope
from dfa_lab.learning.feedback import shuffled
from dfa_lab.learning.modules import as_matrix, as_weight
from dfa_lab.learning.ops import Signals, generator


class _Noted(NamedTuple):
    layer: nn.Module
    carrier: Tensor
    weight: Tensor
    independent: bool


class Detour:
    """Which way the next backward pass goes."""

    def __init__(self) -> None:
        self.way: Literal["rule", "bp", "chance"] = "rule"
        self._noted: dict[int, _Noted] = {}  # by the carrier's storage
        self._places: dict[int, int] = {}  # by storage: the number of the matrix, so that no order of calls matters
        self._redrawn: dict[int, Tensor] = {}
        self._draw = 0

    def by_backpropagation(self) -> None:
        """From now on."""
        self.way = "bp"

    def by_chance(self, draw: int) -> None:
        """From now on, with all feedback drawn anew for the ``draw``-th time: see ``drawing.shuffled``."""
        self.way, self._draw = "chance", draw
        self._redrawn.clear()

    def carrier(self, layer: nn.Module, matrix: Tensor, weight: Tensor, independent: bool) -> Tensor:
        """A layer's ``matrix`` as it is to be used now. ``independent`` of the weight: by chance it is redrawn."""
        matrix = matrix.contiguous()
        if self.way == "bp":  # a part of the network that runs again in the backward pass, as checkpoints do
            return weight
        if self.way == "chance":
            return self._drawn_anew(matrix, layer) if independent else matrix
        self._noted[matrix.untyped_storage().data_ptr()] = _Noted(layer, matrix, weight, independent)
        if independent:
            self._place_of(matrix)
        return matrix

    def _place_of(self, matrix: Tensor) -> int:
        return self._places.setdefault(matrix.untyped_storage().data_ptr(), len(self._places))

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Around the forward pass: what the graph saves is looked at again when it is taken up."""
        with torch.autograd.graph.saved_tensors_hooks(lambda saved: (saved, saved._version), self._taken_up):
            yield

    def _taken_up(self, packed: tuple[Tensor, int]) -> Tensor:
        saved, version = packed
        if saved._version != version:  # what torch itself looks at where nobody takes the tensors up
            raise RuntimeError("a tensor needed for the gradient has been modified by an inplace operation")
        if self.way == "rule" or saved.layout is not torch.strided:
            return saved
        noted = self._noted.get(saved.untyped_storage().data_ptr())
        if noted is None or (self.way == "chance" and not noted.independent):
            return saved
        other = noted.weight.contiguous() if self.way == "bp" else self._drawn_anew(noted.carrier, noted.layer)
        # The layer may have saved a part of its matrix: then the same part of what stands in for it.
        start = saved.storage_offset() - noted.carrier.storage_offset() + other.storage_offset()
        return other.as_strided(saved.shape, saved.stride(), start)

    def _drawn_anew(self, matrix: Tensor, layer: nn.Module | None = None) -> Tensor:
        place = matrix.untyped_storage().data_ptr()
        if place not in self._redrawn:
            own = matrix if layer is None else as_matrix(layer, matrix)
            drawn = shuffled(own, generator(0, "chance", self._draw, self._place_of(matrix)))
            self._redrawn[place] = (drawn if layer is None else as_weight(layer, drawn, matrix)).contiguous()
        return self._redrawn[place]

    def slope(self, own: Slope, exact: Slope) -> Slope:
        """g by the rule, f′ by BP."""
        return lambda a, h: (exact if self.way == "bp" else own)(a, h)

    def gate(self, tensor: Tensor) -> Tensor:
        """A copy of ``tensor`` that lets a gradient through by BP alone: the place where the rule cuts the graph."""
        result: Tensor = _Gate.apply(tensor, self)
        return result

    def signals(self, own: Signals) -> Signals:
        """What a direct rule sends; nothing by BP, and through redrawn feedback by chance."""

        def sent(error: Tensor, matrices: Sequence[Tensor], needed: Sequence[bool]) -> Sequence[Tensor | None]:
            if self.way == "bp":
                return [None] * len(matrices)
            for matrix in matrices:
                self._place_of(matrix)
            if self.way == "chance":
                matrices = [self._drawn_anew(matrix) for matrix in matrices]
            return own(error, matrices, needed)

        return sent


class _Gate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor, detour: Detour) -> Tensor:
        ctx.detour = detour
        return tensor.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, None]:
        return (grads[0] if ctx.detour.way == "bp" else None), None
