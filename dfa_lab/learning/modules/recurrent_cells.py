"""Recurrent cells that learn by a rule: the products with weights have another pullback, the gates are torch's.

Legend: x input, h state, c cell; i_* = W_ih x + b_ih and h_* = W_hh h + b_hh, one part a gate.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dfa_lab.learning.modules.layers import RuledLayer
from dfa_lab.learning.ops import functional


class _RuledCell(RuledLayer, nn.RNNCellBase):
    @staticmethod
    def carried(layer: Any) -> tuple[str, ...]:
        """Both products: with the input and with the state."""
        return "weight_ih", "weight_hh"

    def _is_plain(self) -> bool:
        return all(self.backward_weight(name) is None for name in self.carried(self))

    def _part(self, side: str, input: Tensor) -> Tensor:
        """W x + b of one ``side``, "ih" or "hh"."""
        weight, bias = getattr(self, f"weight_{side}"), getattr(self, f"bias_{side}")
        matrix = self.backward_weight(f"weight_{side}", input)
        if matrix is None:
            return F.linear(input, weight, bias)
        return functional.feedback_linear(input, weight, bias, matrix)

    def _state(self, input: Tensor, hx: Tensor | None) -> Tensor:
        return input.new_zeros(*input.shape[:-1], self.hidden_size) if hx is None else hx


class FeedbackRNNCell(_RuledCell, nn.RNNCell):
    """``nn.RNNCell`` with another pullback: h′ = f(i + h), f tanh or relu."""

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """As ``nn.RNNCell``."""
        if self._is_plain():
            return super().forward(input, hx)
        total = self._part("ih", input) + self._part("hh", self._state(input, hx))
        return torch.tanh(total) if self.nonlinearity == "tanh" else torch.relu(total)


class FeedbackGRUCell(_RuledCell, nn.GRUCell):
    """``nn.GRUCell`` with another pullback: h′ = n + z ⊙ (h − n), n = tanh(i_n + r ⊙ h_n)."""

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """As ``nn.GRUCell``."""
        if self._is_plain():
            return super().forward(input, hx)
        hx = self._state(input, hx)
        (i_r, i_z, i_n), (h_r, h_z, h_n) = (
            part.chunk(3, -1) for part in (self._part("ih", input), self._part("hh", hx))
        )
        new = torch.tanh(i_n + torch.sigmoid(i_r + h_r) * h_n)
        return new + torch.sigmoid(i_z + h_z) * (hx - new)


class FeedbackLSTMCell(_RuledCell, nn.LSTMCell):
    """``nn.LSTMCell`` with another pullback: c′ = f ⊙ c + i ⊙ g, h′ = o ⊙ tanh(c′)."""

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """As ``nn.LSTMCell``."""
        if self._is_plain():
            return super().forward(input, hx)
        state, cell = (self._state(input, None),) * 2 if hx is None else hx
        i, f, g, o = (self._part("ih", input) + self._part("hh", state)).chunk(4, -1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(cell), cell
