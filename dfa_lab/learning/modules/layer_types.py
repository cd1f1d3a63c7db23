"""LAYERS: torch's classes and ours that take their place, and which layers cannot learn by a layerwise rule.

Every layer is of one of four kinds: it carries δ through a weight and has a class of ours; it is an activation; it is
left as it is, since it carries δ through no matrix (normalisation, embeddings, PReLU); or it holds parameters of its
own and how it uses them is not known.
"""

from __future__ import annotations

from torch import nn
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear

from dfa_lab.learning.modules.activation_layers import ACTIVATION_LAYERS
from dfa_lab.learning.modules.attention import FeedbackMultiheadAttention
from dfa_lab.learning.modules.feedback_points import NORMS
from dfa_lab.learning.modules.layers import CONVOLUTIONS, FeedbackLinear, RuledLayer
from dfa_lab.learning.modules.recurrent_cells import FeedbackGRUCell, FeedbackLSTMCell, FeedbackRNNCell

LAYERS: dict[type[nn.Module], type[RuledLayer]] = {
    nn.Linear: FeedbackLinear,
    NonDynamicallyQuantizableLinear: FeedbackLinear,
    **CONVOLUTIONS,
    nn.RNNCell: FeedbackRNNCell,
    nn.GRUCell: FeedbackGRUCell,
    nn.LSTMCell: FeedbackLSTMCell,
    nn.MultiheadAttention: FeedbackMultiheadAttention,
}
#: Left as they are: no matrix of theirs carries δ to a layer below.
UNCHANGED: tuple[type[nn.Module], ...] = (*NORMS, nn.Embedding, nn.EmbeddingBag, nn.PReLU)


def converted_class(module: nn.Module) -> type[nn.Module] | None:
    """The class that takes the place of ``module``'s, None where none does."""
    return LAYERS[type(module)] if carries(module) else ACTIVATION_LAYERS.get(type(module))


def carries(module: nn.Module) -> bool:
    """Whether a layer's class is known and its weights are parameters of its own."""
    kind = LAYERS.get(type(module))
    return kind is not None and all(name in module._parameters for name in kind.carried(module))


def obstacle(module: nn.Module) -> str | None:
    """Why a layerwise rule cannot be used in ``module`` itself (not in what it holds); None where it can."""
    own = [name for name, _ in module.named_parameters(recurse=False)]
    kind = type(module).__name__
    if type(module) in LAYERS and not carries(module):
        return f"{kind} has a weight that is made anew in each pass (weight_norm, spectral_norm, prune)"
    if not own or type(module) in LAYERS or isinstance(module, (*UNCHANGED, RuledLayer)):
        return None
    if isinstance(module, nn.modules.lazy.LazyModuleMixin):
        return f"{kind} has no weights yet; run one batch through the network first"
    if isinstance(module, nn.RNNBase):
        return f"{kind} runs in one fused kernel; write its loop with nn.{_cell(module)}"
    known = next((base.__name__ for base in type(module).__mro__ if base in LAYERS), None)
    if known is not None:
        return f"{kind} is a {known} of another class, which may use its weight in another way; use nn.{known} itself"
    return f"{kind} holds {', '.join(own)}, and how it uses them is not known"


def _cell(module: nn.RNNBase) -> str:
    return {"RNN_TANH": "RNNCell", "RNN_RELU": "RNNCell"}.get(module.mode, f"{module.mode}Cell")
