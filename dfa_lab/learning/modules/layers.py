"""Layers of torch that learn by a rule: each is a subclass of torch's own with another pullback.

A converted layer holds its ``rule`` and, as buffers, the matrices its rules have used: ``<store>_<parameter>``, such as
``layerwise_weight``, in the parameter's own layout. Forward is torch's own; backward carries δ down with
``rule.matrix(W, B)`` where the rule is layerwise, and is torch's own otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError
from dfa_lab.learning.layers import LAYERS, LayerKind, effective_weight
from dfa_lab.learning.ops import functional
from dfa_lab.learning.rules import BP, Layerwise, Rule


class Paths(Protocol):
    """What a pass is recorded by, so that backward passes over it may take other paths than the rule's."""

    def matrix(self, layer: nn.Module, matrix: Tensor, weight: Tensor, independent: bool) -> Tensor:
        """What a layer uses for its ``matrix``, which may be ``independent`` of its ``weight``."""

    def gate(self, tensor: Tensor) -> Tensor:
        """What a feedback point uses for ``tensor.detach()``."""

    def signals(self, own: functional.Signals) -> functional.Signals:
        """What the join uses for its ``own`` signals."""


class RuledLayer(nn.Module):
    """What all converted layers share: a rule, and the backward weight that takes each parameter's place."""

    rule: Rule
    #: The parameters below which there is a layer that learns: their feedback is used.
    sends_through: frozenset[str]
    backward_paths: Paths | None = None
    #: What is known of the layer's own class, and that class.
    layer_kind: ClassVar[LayerKind] = LayerKind()
    plain_class: ClassVar[type[nn.Module]] = nn.Module
    true_gradients = False  # inside dfa.true_gradients: torch's own way

    def is_plain(self) -> bool:
        """Whether torch's own way back is the right one."""
        return self.true_gradients or self.rule is BP or not isinstance(self.rule, Layerwise)

    def backward_weight(
        self, parameter: str, input: Tensor | None = None, weight: Tensor | None = None
    ) -> Tensor | None:
        """The matrix in the parameter's layout that carries δ down now; None where torch's own way is right.

        Given the layer's ``input``, it notes whether a layer below learns; if none does, the feedback stays as it is.
        ``weight`` is what the pass computes with, where that is known already.
        """
        if self.true_gradients:
            return None
        if input is not None and input.requires_grad and parameter not in self.sends_through:
            self.sends_through = self.sends_through | {parameter}
        rule = self.rule
        if rule is BP or not isinstance(rule, Layerwise):
            return None
        feedback = self._buffers[f"{rule.store}_{parameter}"] if rule.needs_feedback else None
        weight = effective_weight(self, parameter) if weight is None else weight
        matrix = rule.matrix(weight.detach(), feedback)
        if self.backward_paths is None:
            return matrix
        return self.backward_paths.matrix(self, matrix, weight.detach(), rule.needs_feedback and not rule.magnitudes)

    @contextmanager
    def recorded_by(self, paths: Paths) -> Iterator[None]:
        """Inside, ``paths`` may replace the layer's backward weights, now and in later backward passes."""
        rule, self.backward_paths = self.rule, paths
        if rule is BP or not isinstance(rule, Layerwise):
            # Another object than BP itself: a layer that sees BP may leave its parts to one call of torch's, out of
            # sight. Under a direct rule, too, autograd carries δ with W between the cuts.
            self.rule = replace(BP)
        try:
            yield
        finally:
            self.rule = rule
            del self.backward_paths

    def __getstate__(self) -> dict[str, Any]:
        """A copy learns by its rule."""
        state: dict[str, Any] = super().__getstate__()
        return {**state, "true_gradients": False}

    def extra_repr(self) -> str:
        """What print shows of the layer: torch's own text, and the rule."""
        own = super().extra_repr()
        return f"{own}, rule={self.rule.choice!r}" if own else f"rule={self.rule.choice!r}"


class FeedbackLinear(RuledLayer, nn.Linear):
    """``nn.Linear`` with another pullback; inputs of any leading shape."""

    def forward(self, input: Tensor) -> Tensor:
        """As ``nn.Linear``."""
        weight = None if self.is_plain() else self.weight  # once: a parametrization makes it anew each time
        matrix = self.backward_weight("weight", input, weight)
        if weight is None or matrix is None:
            return super().forward(input)
        return functional.feedback_linear(input, weight, self.bias, matrix)


class _RuledConv(RuledLayer, nn.modules.conv._ConvNd):
    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        matrix = self.backward_weight("weight", input, weight)
        if matrix is None:
            plain: Tensor = super()._conv_forward(input, weight, bias)
            return plain
        padding: Sequence[int] = [0] * len(self.stride)
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
        elif isinstance(self.padding, str):  # "same" may pad one side more than the other, "valid" not at all
            input = F.pad(input, self._reversed_padding_repeated_twice)
        else:
            padding = self.padding
        return functional.feedback_conv(
            input, weight, bias, matrix, stride=self.stride, padding=padding, dilation=self.dilation, groups=self.groups
        )


class _RuledConvTranspose(RuledLayer, nn.modules.conv._ConvTransposeNd):
    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        weight = None if self.is_plain() else self.weight
        matrix = self.backward_weight("weight", input, weight)
        if weight is None or matrix is None:
            plain: Tensor = super().forward(input, output_size)
            return plain
        given: Any = self  # torch's own signature says lists, its own layers give tuples
        extra = self._output_padding(
            input, output_size, given.stride, given.padding, given.kernel_size, len(self.stride), given.dilation
        )
        return functional.feedback_conv(
            input,
            weight,
            self.bias,
            matrix,
            stride=self.stride,
            padding=given.padding,
            dilation=self.dilation,
            groups=self.groups,
            transposed=True,
            output_padding=extra,
        )


class TaughtLayer(RuledLayer):
    """A layer whose class was taught: its own forward, and its ``product`` with other matrices on the way back."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """As the layer's own class."""
        x = next((one for one in (*args, *kwargs.values()) if isinstance(one, Tensor)), None)
        kind = self.layer_kind
        found = [self.backward_weight(name, x) for name in kind.names(self)]
        matrices = [one for one in found if one is not None]
        if x is None or len(matrices) < len(found) or not torch.is_grad_enabled():
            return super().forward(*args, **kwargs)
        if kind.product is None and torch.compiler.is_compiling():
            raise DfaLabError(
                f"{self.plain_class.__name__} was taught to dfa.LAYERS without product=, which torch.compile needs: "
                "give dfa.LayerKind(product=lambda layer, x, weight: …)."
            )
        own = x.detach()
        args = tuple(own if one is x else one for one in args)
        y = super().forward(*args, **{name: own if one is x else one for name, one in kwargs.items()})
        if not isinstance(y, Tensor):
            raise DfaLabError(
                f"{self.plain_class.__name__} gave a {type(y).__name__}; a class in dfa.LAYERS gives one tensor."
            )
        return functional.carried_by(y, x, self._product, matrices)

    def _product(self, x: Tensor, *matrices: Tensor) -> Tensor:
        return plain_product(self, x, *matrices)


def plain_product(layer: RuledLayer, x: Tensor, *weights: Tensor) -> Tensor:
    """What the class of ``layer``, as it was before the conversion, makes of ``x`` with other ``weights``."""
    kind, plain_class = type(layer).layer_kind, type(layer).plain_class
    if kind.product is not None:
        return kind.product(layer, x, *weights)
    other: Any = plain_class.__new__(plain_class)
    own = {name: None if one is None else one.detach() for name, one in layer._parameters.items()}
    names = kind.names(layer)
    other.__dict__.update(layer.__dict__, _parameters={name: one for name, one in own.items() if name not in names})
    other.__dict__.update(zip(names, weights, strict=True))
    result: Tensor = plain_class.forward(other, x)
    return result


#: torch's convolution -> ours. Made here by name, so that a converted network can be pickled.
CONVOLUTIONS: dict[type[nn.Module], type[RuledLayer]] = {}
for _ruled, _base in (
    *((_RuledConv, one) for one in (nn.Conv1d, nn.Conv2d, nn.Conv3d)),
    *((_RuledConvTranspose, one) for one in (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)),
):
    _name = f"Feedback{_base.__name__}"
    _words = {"__doc__": f"``nn.{_base.__name__}`` with another pullback.", "__module__": __name__}
    CONVOLUTIONS[_base] = globals()[_name] = type(_name, (_ruled, _base), _words)


def as_matrix(layer: nn.Module, weight: Tensor) -> Tensor:
    """A weight as the matrix a feedback init draws: rows are the terms summed in one signal, columns what receives it.

    (out, in) stays; a convolution's is (C_out / groups · kernel, C_in).
    """
    if _is_transposed(layer):
        return weight.flatten(1).mT
    if weight.dim() < 3 or not hasattr(layer, "groups"):
        return weight if weight.dim() == 2 else weight.reshape(len(weight), -1)
    groups = int(layer.groups)  # type: ignore[arg-type]
    split = weight.reshape(groups, weight.shape[0] // groups, weight.shape[1], -1)
    return split.permute(1, 3, 0, 2).reshape(split.shape[1] * split.shape[3], groups * split.shape[2])


def as_weight(layer: nn.Module, matrix: Tensor, like: Tensor) -> Tensor:
    """The inverse of ``as_matrix``: the same entries in the layout of the weight ``like``."""
    if _is_transposed(layer):
        return matrix.mT.reshape(like.shape)
    if like.dim() < 3 or not hasattr(layer, "groups"):
        return matrix.reshape(like.shape)
    groups = int(layer.groups)  # type: ignore[arg-type]
    out, inputs = like.shape[0] // groups, like.shape[1]
    return matrix.reshape(out, -1, groups, inputs).permute(2, 0, 3, 1).reshape(like.shape)


def kind_of(layer: nn.Module) -> LayerKind:
    """What is known of a layer that carries δ, converted or not yet."""
    if isinstance(layer, RuledLayer):
        return layer.layer_kind
    found = LAYERS.find(type(layer))
    return LayerKind() if found is None else found[0]


def _is_transposed(layer: nn.Module) -> bool:
    return isinstance(layer, nn.modules.conv._ConvTransposeNd) or kind_of(layer).transposed
