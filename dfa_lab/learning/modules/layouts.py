"""Layouts: whether a tensor of a network has its features before its positions, by the layers that it comes from.

Two dimensions are (N, n), four and more a map (N, C, positions …). Three are a sequence (N, T, C), but in a network
that holds a 1-d convolution they may be a map (N, C, L) as well, and one network may have both. There each tensor is
read by itself: the layers that are held up to the end of the module that gave it, the last first, say how many features
they give and on which axis. The first whose number is the tensor's size on that axis decides. Where that is so on the
other axis alone, or no layer fits, the layer that comes next decides, by what it takes. Where that does not fit either,
there was a transpose in the first case, and the tensor is a map in the second.

That is known without a pass, and depends on the layers and the tensor's shape alone. A tensor behind a transpose with
as many positions as features cannot be read: give ``maps``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import nn

from dfa_lab.learning.layers import LAYERS

#: Classes of layers, the attributes that say how many features they take and give, and whether these come first.
_KINDS: tuple[tuple[tuple[type[nn.Module], ...], str, str, bool], ...] = (
    ((nn.Conv1d, nn.ConvTranspose1d), "in_channels", "out_channels", True),
    ((nn.modules.conv._ConvNd,), "in_channels", "out_channels", False),  # three dimensions behind it: patches mostly
    ((nn.modules.batchnorm._NormBase,), "num_features", "num_features", True),
    ((nn.GroupNorm,), "num_channels", "num_channels", True),
    ((nn.Linear,), "in_features", "out_features", False),
    ((nn.Embedding,), "", "embedding_dim", False),
    ((nn.MultiheadAttention,), "embed_dim", "embed_dim", False),
    ((nn.RNNCellBase,), "input_size", "hidden_size", False),
)


class FeaturesFirst(NamedTuple):
    """Whether the network's output, and a hidden tensor of it, have their features before their positions."""

    output: bool
    hidden: bool


class _Layer(NamedTuple):
    """How many features a layer takes and gives, ``first`` before the positions or last."""

    name: str
    takes: int
    gives: int
    first: bool

    @property
    def axes(self) -> tuple[int, int]:
        """Its own axis of the features among three, and the other."""
        return (1, 2) if self.first else (2, 1)


class Layouts:
    """How the tensors of ``net`` are read: its output, by the name "", and what its ``points`` give.

    ``maps`` is as in ``convert``; None once more where each tensor is read by itself.
    """

    def __init__(self, net: nn.Module, points: Sequence[str], maps: bool | None) -> None:
        one_dimensional = any(isinstance(one, nn.Conv1d | nn.ConvTranspose1d) for one in net.modules())
        self.given = maps is not None
        self.maps = maps if maps is not None or one_dimensional else False
        self._layers: tuple[_Layer, ...] = ()
        self._ends: dict[str, int] = {}  # how many of them are held up to the end of a module
        if self.maps is None:
            held = [(name, _layer(name, one)) for name, one in net.named_modules(remove_duplicate=False)]
            self._layers = tuple(layer for _, layer in held if layer is not None)
            for point in ("", *points):
                inside = f"{point}." if point else ""
                last = max(n for n, (name, _) in enumerate(held) if name == point or name.startswith(inside))
                self._ends[point] = sum(layer is not None for _, layer in held[: last + 1])

    def features_first(self, name: str, shape: Sequence[int]) -> bool:
        """Whether what the module of that ``name`` gives, in this ``shape``, has its features before its positions."""
        if len(shape) != 3:
            return len(shape) > 3
        return self._read(name, shape)[1]

    def of(self, name: str, output: Sequence[int], hidden: Sequence[int]) -> FeaturesFirst:
        """The layouts of an ``output`` and of what the point of that ``name`` gives, by their shapes."""
        return FeaturesFirst(self.features_first("", output), self.features_first(name, hidden))

    def _read(self, name: str, shape: Sequence[int]) -> tuple[str, bool]:
        """The layer that decides over three dimensions, "" where none does, and whether the features come first."""
        if self.maps is not None:
            return "", self.maps
        end, found = self._ends[name], ("", True)
        for layer in reversed(self._layers[:end]):
            own, other = layer.axes
            if shape[own] == layer.gives:
                return layer.name, layer.first
            if shape[other] == layer.gives:
                found = layer.name, not layer.first
                break
        for reader in self._layers[end : end + 1]:
            if shape[reader.axes[0]] == reader.takes:
                return reader.name, reader.first
        return found

    def note(self, name: str, shape: Sequence[int], what: str, give: str = "convert(…, maps={})") -> str:
        """For an error: how ``what`` was read, by which layer, and what to ``give`` for the other reading.

        "" where ``maps`` was given, or there is no other.
        """
        if len(shape) != 3 or self.given:
            return ""
        layer, first = self._read(name, shape)
        read, other = ("(N, C, L)", "(N, T, C)") if first else ("(N, T, C)", "(N, C, L)")
        by = f", by {layer!r}" if layer else ""
        return f" {what} is read as {read}{by}; {give.format(not first)} reads three dimensions as {other}."


def _layer(name: str, module: Any) -> _Layer | None:
    """What a layer tells; None for a module of an unknown kind."""
    for kinds, takes, gives, first in _KINDS:
        if isinstance(module, kinds):
            return _Layer(name, int(getattr(module, takes, 0)), int(getattr(module, gives)), first)
    if isinstance(module, nn.LayerNorm | nn.RMSNorm):  # over several dimensions it may hold the positions as well
        size = module.normalized_shape
        return _Layer(name, int(size[0]), int(size[0]), False) if len(size) == 1 else None
    if isinstance(module, nn.RNNBase):
        width = (module.proj_size or module.hidden_size) * (1 + module.bidirectional)
        return _Layer(name, module.input_size, width, False)
    found, weight = LAYERS.find(type(module)), getattr(module, "weight", None)
    if found is None or weight is None or weight.ndim != 2:
        return None
    inputs, outputs = weight.shape if found[0].transposed else reversed(weight.shape)
    return _Layer(name, int(inputs), int(outputs), False)
