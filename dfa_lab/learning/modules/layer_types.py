"""LAYERS with torch's own classes and those of a few packages, and the classes of ours that take their place.

Every module is of one of four kinds: it carries δ through a weight or is an activation, and has an entry in LAYERS; it
is left as it is, since it carries δ through no matrix (normalisation, embeddings, PReLU); it cannot take a layerwise
rule; or it holds parameters of its own, and the first forward pass shows whether δ goes through one of them.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from dfa_lab.learning.layers import LAYERS, LayerKind, is_made
from dfa_lab.learning.modules.activation_layers import ACTIVATION_LAYERS, RuledActivation
from dfa_lab.learning.modules.attention import FeedbackMultiheadAttention
from dfa_lab.learning.modules.feedback_points import NORMS
from dfa_lab.learning.modules.layers import CONVOLUTIONS, FeedbackLinear, RuledLayer, TaughtLayer
from dfa_lab.learning.modules.recurrent_cells import FeedbackGRUCell, FeedbackLSTMCell, FeedbackRNNCell


def _linear(layer: Any, x: Tensor, weight: Tensor) -> Tensor:
    return F.linear(x, weight)


def _hugging_face(layer: Any, x: Tensor, weight: Tensor) -> Tensor:
    return x @ weight


def _masked(layer: Any, x: Tensor, weight: Tensor) -> Tensor:
    return F.linear(x, weight * layer.mask)


def _standardised(layer: Any, x: Tensor, weight: Tensor) -> Tensor:
    """timm's: rows of mean 0 and variance 1, times a gain where there is one; padded as TensorFlow does, if "same"."""
    scale = None if getattr(layer, "gain", None) is None else (layer.gain.detach() * layer.scale).view(-1)
    rows = weight.reshape(1, len(weight), -1)
    rows = F.batch_norm(rows, None, None, weight=scale, training=True, momentum=0.0, eps=layer.eps)
    if getattr(layer, "same_pad", False):
        return _padded_as_needed(layer, x, rows.reshape_as(weight))
    return F.conv2d(x, rows.reshape_as(weight), None, layer.stride, layer.padding, layer.dilation, layer.groups)


def _padded_as_needed(layer: Any, x: Tensor, weight: Tensor) -> Tensor:
    """TensorFlow's "same": a position for each stride, padded with zeros as far as its size needs."""
    sides: list[int] = []
    for size, kernel, step, apart in zip(x.shape[-2:], layer.kernel_size, layer.stride, layer.dilation, strict=True):
        missing = max((-(-size // step) - 1) * step + (kernel - 1) * apart + 1 - size, 0)
        sides = [missing // 2, missing - missing // 2, *sides]
    return F.conv2d(F.pad(x, sides), weight, None, layer.stride, 0, layer.dilation, layer.groups)


_OURS: dict[type[nn.Module], Any] = {
    nn.Linear: FeedbackLinear,
    **CONVOLUTIONS,
    nn.RNNCell: FeedbackRNNCell,
    nn.GRUCell: FeedbackGRUCell,
    nn.LSTMCell: FeedbackLSTMCell,
    nn.MultiheadAttention: FeedbackMultiheadAttention,
}
for _class, _ruled in _OURS.items():
    _carried = getattr(_ruled, "carried", ("weight",))
    _ruled.layer_kind, _ruled.plain_class = LayerKind(carries=_carried, ruled=_ruled, about="torch's own"), _class
    LAYERS.register(_class, _ruled.layer_kind)
for _class, _ruled_activation in ACTIVATION_LAYERS.items():
    _ruled_activation.plain_class = _class
    LAYERS.register(_class, LayerKind(elementwise=True, ruled=_ruled_activation, about="an activation of torch"))
for _name, _product, _transposed, _about in (
    ("transformers.pytorch_utils.Conv1D", _hugging_face, True, "linear, weight (in, out)"),
    ("torch_geometric.nn.dense.linear.Linear", _linear, False, "linear"),
    ("nflows.transforms.made.MaskedLinear", _masked, False, "linear, its weight times a mask; so is B"),
    ("timm.layers.linear.Linear", _linear, False, "linear"),
    ("timm.layers.conv2d_same.Conv2dSame", _padded_as_needed, False, "convolution, padded as TensorFlow does"),
    ("timm.layers.std_conv.StdConv2d", _standardised, False, "convolution, its weight standardised; so is B"),
    ("timm.layers.std_conv.StdConv2dSame", _standardised, False, "convolution, its weight standardised; so is B"),
    ("timm.layers.std_conv.ScaledStdConv2d", _standardised, False, "convolution, its weight standardised; so is B"),
    ("timm.layers.std_conv.ScaledStdConv2dSame", _standardised, False, "convolution, its weight standardised; so is B"),
):
    LAYERS.register(_name, LayerKind(_product, transposed=_transposed, about=_about))
for _name in (
    *(f"transformers.activations.{one}Activation" for one in ("NewGELU", "GELU", "SiLU", "FastGELU", "QuickGELU")),
    *(f"transformers.activations.{one}Activation" for one in ("ClippedGELU", "AccurateGELU", "Mish", "Laplace")),
    *(f"transformers.activations.{one}" for one in ("GELUTanh", "ReLUSquaredActivation")),
    *(f"timm.layers.activations.{one}" for one in ("Swish", "Mish", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid")),
    *(f"timm.layers.activations.{one}" for one in ("HardMish", "GELU", "GELUTanh", "QuickGELU")),
):
    LAYERS.register(_name, LayerKind(elementwise=True, about="an activation"))

#: Left as they are: no matrix of theirs carries δ to a layer below.
UNCHANGED: tuple[type[nn.Module], ...] = (*NORMS, nn.Embedding, nn.EmbeddingBag, nn.PReLU)


def converted_class(module: nn.Module) -> type[nn.Module] | None:
    """The class that takes the place of ``module``'s, None where none does."""
    found = None if isinstance(module, RuledLayer | RuledActivation) else LAYERS.find(type(module))
    if found is None or not (found[0].elementwise or carries(module)):
        return None
    kind: Any = type(module)
    if not parametrize.is_parametrized(module):
        return _ruled_class(found[0], found[1], kind)
    # As torch's own: a class for this module alone, whose base is the one to go back to.
    ruled = _ruled_class(found[0], found[1], kind.__bases__[0])
    own = {name: one for name, one in vars(kind).items() if name not in ("__dict__", "__weakref__")}
    return type(f"Parametrized{ruled.__name__}", (ruled,), {**own, "plain_class": kind})


@functools.cache
def _ruled_class(entry: LayerKind, known: Any, kind: Any) -> type[nn.Module]:
    """The class that takes the place of ``kind``, which computes as the class that is ``known`` by the entry."""
    base = entry.ruled or (RuledActivation if entry.elementwise else TaughtLayer)
    if entry.ruled is not None and kind is known:
        return base
    words = {
        "__doc__": f"``{kind.__name__}`` with another pullback.",
        "__module__": __name__,
        "__reduce_ex__": _reduced,
        "layer_kind": entry,
        "plain_class": kind,
    }
    return type(f"Feedback{kind.__name__}", (base, kind), words)


def _reduced(layer: Any, protocol: Any) -> tuple[Any, ...]:
    """A layer whose class has no name that it could be found by is pickled by the class that it was made from."""
    state = layer.__getstate__()
    return _made_again, (type(layer).plain_class,), state


def _made_again(kind: type[nn.Module]) -> nn.Module:
    found = LAYERS.find(kind)
    assert found is not None, f"{kind.__name__} is not in dfa.LAYERS"
    plain: Any = kind
    ruled = _ruled_class(found[0], found[1], plain)
    made: nn.Module = ruled.__new__(ruled)
    return made


def carried_parameters(module: nn.Module) -> tuple[str, ...]:
    """The parameters of ``module`` that δ is carried through by a way that is known; none where there are none."""
    if isinstance(module, RuledLayer):
        return ()
    found = LAYERS.find(type(module))
    names = () if found is None else found[0].names(module)
    return names if all(name in module._parameters or is_made(module, name) for name in names) else ()


def carries(module: nn.Module) -> bool:
    """Whether ``module`` is a layer that carries δ, not converted yet."""
    return bool(carried_parameters(module))


def is_known(module: nn.Module) -> bool:
    """Whether it is certain by its class what a module does with its own parameters."""
    return isinstance(module, (*UNCHANGED, RuledLayer, RuledActivation)) or carries(module)


def readable_tables(modules: Mapping[str, nn.Module]) -> dict[str, str]:
    """Embeddings' weights, which a network may use in a product as well, by name, with the embedding's.

    Without those that are tied with a layer's weight.
    """
    layers = [one for one in modules.values() if isinstance(one, RuledLayer) or carries(one)]
    tied = {id(weight) for one in layers for weight in one.parameters(recurse=False)}
    tables = {name: one for name, one in modules.items() if isinstance(one, nn.Embedding | nn.EmbeddingBag)}
    return {
        f"{name}.weight".lstrip("."): name
        for name, one in tables.items()
        if "weight" in one._parameters and id(one.weight) not in tied
    }


def own_parameters(modules: Mapping[str, nn.Module], carrying: Collection[str]) -> Iterator[tuple[str, str]]:
    """Parameters of modules whose way of using them is not known, by their name, with the module's.

    Without those from which the weights of layers that are ``carrying`` δ are made.
    """
    made = tuple(f"{name}.parametrizations." if name else "parametrizations." for name in carrying)
    for owner, module in modules.items():
        if not is_known(module) and not owner.startswith(made):
            for name, _ in module.named_parameters(recurse=False):
                yield f"{owner}.{name}" if owner else name, owner


def obstacle(module: nn.Module) -> str | None:
    """Why a layerwise rule cannot be used in ``module`` itself (not in what it holds); None where it can, or may."""
    kind = type(module).__name__
    if isinstance(module, nn.RNNBase):
        return f"{kind} runs in one fused kernel; write its loop with nn.{_cell(module)}"
    if isinstance(module, nn.Bilinear):
        return f"{kind} multiplies two signals with each other"
    return None


def _cell(module: nn.RNNBase) -> str:
    return {"RNN_TANH": "RNNCell", "RNN_RELU": "RNNCell"}.get(module.mode, f"{module.mode}Cell")
