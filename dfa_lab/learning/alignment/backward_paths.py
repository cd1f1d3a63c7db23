"""BackwardPaths: one recorded forward pass of a converted network, and the paths a backward pass over it may take.

While a forward pass is recorded, every layer notes the matrix that carries δ beside its own weight, every feedback
point stays joined to what follows, and activations with another g keep f′ at hand. Backward passes over the same graph
then go *by the rule* (as training does: the backward weights, the cuts, g), *by BP* (the weights, no cuts, f′), or *by
chance* (by the rule, with redrawn feedback). A backward weight is replaced when a pass unpacks the saved tensor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from dfa_lab.learning.activations import Slope
from dfa_lab.learning.feedback import shuffled
from dfa_lab.learning.modules import Converted, RuledActivation, RuledLayer, as_matrix, as_weight
from dfa_lab.learning.ops import Signals, generator


class _Noted(NamedTuple):
    layer: nn.Module
    matrix: Tensor
    weight: Tensor
    independent: bool


class BackwardPaths:
    """The path that the next backward pass takes, "rule" at first."""

    def __init__(self) -> None:
        self.path: Literal["rule", "bp", "chance"] = "rule"
        self._noted: dict[int, _Noted] = {}  # by the matrix's storage
        self._numbers: dict[int, int] = {}  # by storage: each matrix has its own random stream, in any order of calls
        self._redrawn: dict[int, Tensor] = {}
        self._draw = 0

    def by_backpropagation(self) -> None:
        """Take BP's path from now on."""
        self.path = "bp"

    def by_chance(self, draw: int) -> None:
        """Take the rule's path from now on, with all feedback drawn anew for the ``draw``-th time by ``shuffled``."""
        self.path, self._draw = "chance", draw
        self._redrawn.clear()

    def matrix(self, layer: nn.Module, matrix: Tensor, weight: Tensor, independent: bool) -> Tensor:
        """The matrix to use now for a layer's ``matrix``; one ``independent`` of the weight is redrawn by chance."""
        matrix = matrix.contiguous()
        if self.path == "bp":  # a part of the network that runs again in the backward pass, as checkpoints do
            return weight
        if self.path == "chance":
            return self._drawn_anew(matrix, layer) if independent else matrix
        self._noted[matrix.untyped_storage().data_ptr()] = _Noted(layer, matrix, weight, independent)
        if independent:
            self._number_of(matrix)
        return matrix

    def _number_of(self, matrix: Tensor) -> int:
        return self._numbers.setdefault(matrix.untyped_storage().data_ptr(), len(self._numbers))

    @contextmanager
    def installed(self, converted: Converted) -> Iterator[None]:
        """Inside, forward passes of ``converted`` keep every path open."""
        with ExitStack() as stack:
            converted.conversion.backward_paths = self
            stack.callback(setattr, converted.conversion, "backward_paths", None)
            for module in converted.root.modules():
                if isinstance(module, RuledLayer):
                    stack.enter_context(module.recorded_by(self))
                elif isinstance(module, RuledActivation):
                    stack.enter_context(module.swapped_slope(self.slope))
            yield

    def recording(self) -> torch.autograd.graph.saved_tensors_hooks:
        """The context of the forward pass: tensors that the graph saves go through ``_unpacked`` when they are used."""
        return torch.autograd.graph.saved_tensors_hooks(lambda saved: (saved, saved._version), self._unpacked)

    def _unpacked(self, packed: tuple[Tensor, int]) -> Tensor:
        saved, version = packed
        if saved._version != version:  # torch checks this itself only where there are no hooks
            raise RuntimeError("a tensor needed for the gradient has been modified by an inplace operation")
        if self.path == "rule" or saved.layout is not torch.strided:
            return saved
        noted = self._noted.get(saved.untyped_storage().data_ptr())
        if noted is None or (self.path == "chance" and not noted.independent):
            return saved
        other = noted.weight.contiguous() if self.path == "bp" else self._drawn_anew(noted.matrix, noted.layer)
        # The layer may have saved a part of its matrix: the same part of the replacement then.
        start = saved.storage_offset() - noted.matrix.storage_offset() + other.storage_offset()
        return other.as_strided(saved.shape, saved.stride(), start)

    def _drawn_anew(self, matrix: Tensor, layer: nn.Module | None = None) -> Tensor:
        storage = matrix.untyped_storage().data_ptr()
        if storage not in self._redrawn:
            own = matrix if layer is None else as_matrix(layer, matrix)
            drawn = shuffled(own, generator(0, "chance", self._draw, self._number_of(matrix)))
            self._redrawn[storage] = (drawn if layer is None else as_weight(layer, drawn, matrix)).contiguous()
        return self._redrawn[storage]

    def slope(self, own: Slope, exact: Slope) -> Slope:
        """g by the rule, f′ by BP."""
        return lambda a, h: (exact if self.path == "bp" else own)(a, h)

    def gate(self, tensor: Tensor) -> Tensor:
        """A copy of ``tensor`` that passes a gradient on BP's path alone: here the rule cuts the graph."""
        result: Tensor = _Gate.apply(tensor, self)
        return result

    def signals(self, own: Signals) -> Signals:
        """What a direct rule sends; nothing by BP, and through redrawn feedback by chance."""

        def sent(error: Tensor, matrices: Sequence[Tensor], needed: Sequence[bool]) -> Sequence[Tensor | None]:
            if self.path == "bp":
                return [None] * len(matrices)
            for matrix in matrices:
                self._number_of(matrix)
            if self.path == "chance":
                matrices = [self._drawn_anew(matrix) for matrix in matrices]
            return own(error, matrices, needed)

        return sent


class _Gate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor, paths: BackwardPaths) -> Tensor:
        ctx.paths = paths
        return tensor.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, None]:
        return (grads[0] if ctx.paths.path == "bp" else None), None
