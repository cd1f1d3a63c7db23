"""Attention that learns by a rule: products with weights have another pullback, the rest is torch's own."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dfa_lab.learning.modules.layers import RuledLayer
from dfa_lab.learning.ops import functional


class FeedbackMultiheadAttention(RuledLayer, nn.MultiheadAttention):
    """``nn.MultiheadAttention`` with another pullback of its input projections; ``out_proj`` is a layer of its own.

    The scores, masks, softmax and dropout are torch's: it is given the projected inputs, and projects them with the
    identity, which changes no bit of them and costs four E × E products more a token.
    """

    @staticmethod
    def carried(layer: Any) -> tuple[str, ...]:
        """The input projections: one packed weight (3 E, E), or three where key or value have other widths."""
        packed = layer._qkv_same_embed_dim
        return ("in_proj_weight",) if packed else ("q_proj_weight", "k_proj_weight", "v_proj_weight")

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """As ``nn.MultiheadAttention``."""
        matrices = [
            self.backward_weight(name, x) for name, x in zip(self.carried(self), (query, key, value), strict=False)
        ]
        out_rule: Any = self.out_proj
        plain = all(matrix is None for matrix in matrices) and out_rule.backward_weight("weight") is None
        if plain or not torch.is_grad_enabled():
            return super().forward(
                query, key, value, key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal
            )
        swap = self.batch_first and query.dim() == 3
        q, k, v = (one.transpose(0, 1) if swap else one for one in self._project(query, key, value, matrices))
        identity = torch.eye(self.embed_dim, dtype=q.dtype, device=q.device)
        attended, weights = F.multi_head_attention_forward(
            q,
            k,
            v,
            self.embed_dim,
            self.num_heads,
            None,
            None,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            identity,
            None,
            training=self.training,
            key_padding_mask=F._canonical_mask(
                key_padding_mask, "key_padding_mask", F._none_or_dtype(attn_mask), "attn_mask", query.dtype
            ),
            need_weights=need_weights,
            attn_mask=F._canonical_mask(attn_mask, "attn_mask", None, "", query.dtype, False),
            use_separate_proj_weight=True,
            q_proj_weight=identity,
            k_proj_weight=identity,
            v_proj_weight=identity,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        output = self.out_proj(attended)  # before the transpose, so that dropout behind it meets the same layout
        return output.transpose(0, 1) if swap else output, weights

    def _project(self, query: Tensor, key: Tensor, value: Tensor, matrices: list[Tensor | None]) -> list[Tensor]:
        size = self.embed_dim
        biases = [None] * 3 if self.in_proj_bias is None else list(self.in_proj_bias.split(size))
        if not self._qkv_same_embed_dim:
            weights = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        elif query is key is value:
            return list(_linear(query, self.in_proj_weight, self.in_proj_bias, matrices[0]).split(size, -1))
        else:
            weights = list(self.in_proj_weight.split(size))
            matrices = [None] * 3 if matrices[0] is None else list(matrices[0].split(size))
        inputs = (query, key, value)
        return [_linear(*parts) for parts in zip(inputs, weights, biases, matrices, strict=True)]


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None, matrix: Tensor | None) -> Tensor:
    return F.linear(x, weight, bias) if matrix is None else functional.feedback_linear(x, weight, bias, matrix)
