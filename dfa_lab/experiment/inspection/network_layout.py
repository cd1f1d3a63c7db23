"""The layers of a network in a row, as a picture has them, and how the error comes to each; no numbers yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from dfa_lab.learning.activations import DERIVATIVES, exact
from dfa_lab.learning.layers import effective_weight
from dfa_lab.learning.mlp import Layers
from dfa_lab.learning.modules import Converted, RuledActivation, as_matrix
from dfa_lab.learning.rules import BP, Route, Rule

#: How the error comes to a layer: BP's way through Wᵀ, layer by layer through feedback, straight from the output, not
#: at all; the output has it to begin with.
Way = Literal["bp", "layerwise", "direct", "none", "output"]

#: What torch's layers call the number of their outputs.
_SIZES = ("out_features", "out_channels", "hidden_size", "embed_dim")


@dataclass(frozen=True)
class LayerPlace:
    """A layer's place in the row: its ``size`` in units (channels of a convolution), and the ``route`` of its error.

    ``rule`` is the one that brings the error here, for the output the rule in force there. ``point`` is the feedback
    point of a converted network at which a direct signal comes in, "" where there is none.
    """

    name: str
    size: int
    route: Way
    rule: Rule
    point: str = ""

    @property
    def carrier(self) -> str:
        """The symbol of the matrix that carries the error here, "" where none does."""
        return "" if self.route in ("none", "output") else self.rule.symbol

    @property
    def feedback_learns(self) -> bool:
        """Whether that matrix learns."""
        return self.route in ("layerwise", "direct") and self.rule.move is not None


def way_of(rule: Rule) -> Way:
    """The way that a rule's signal takes to a hidden layer."""
    if rule is BP:
        return "bp"
    return {Route.LAYERWISE: "layerwise", Route.DIRECT: "direct", Route.NONE: "none"}[rule.route]  # type: ignore[return-value]


def mlp_places(layers: Layers) -> list[LayerPlace]:
    """The hidden layers of an MLP and its output, which comes last."""
    sizes, rule = [weight.shape[-2] for weight in layers.weights], layers.rule
    hidden = [LayerPlace(f"layer {n}", size, way_of(rule), rule) for n, size in enumerate(sizes[:-1], 1)]
    return [*hidden, LayerPlace("output", sizes[-1], "output", rule)]


def converted_places(converted: Converted) -> list[LayerPlace]:
    """The layers of a converted network that carry δ, in the order in which it holds them; the last is the output.

    A layer right before a feedback point where the graph is cut receives what the point's rule sends. Any other
    receives what the layer after it sends down: through feedback where that one's rule is layerwise, else through Wᵀ,
    and nothing from a layer that itself receives nothing. Where a network branches, the row is a simplification.
    """
    names, cut = list(converted.carrying), _cuts(converted)
    places: list[LayerPlace] = []
    for number in reversed(range(len(names))):
        name = names[number]
        point, above = cut.get(name, ""), places[-1] if places else None
        if above is None:
            rule, route = converted.rules[name], "output"
        elif point:
            rule = converted.rules[point]
            route = way_of(rule)
        else:
            own = converted.rules[names[number + 1]]
            rule = BP if own.cuts_graph else own
            route = way_of(rule)
            if above.route == "none":
                rule, route = above.rule, "none"
        layer = converted.root.get_submodule(name)
        places.append(LayerPlace(name or "the module", _size(layer, converted.carrying[name]), route, rule, point))  # type: ignore[arg-type]
    return places[::-1]


@contextmanager
def noted_slopes(converted: Converted) -> Iterator[set[str]]:
    """The layers behind which the next forward pass meets an activation with a g in place of f′; empty before it.

    An activation belongs to the layer that was called last before it: one that is used in several places to each.
    """
    found, last = set[str](), [""]

    def called(name: str) -> Callable[..., None]:
        return lambda *_: last.__setitem__(0, name)

    with ExitStack() as stack:
        activations = [one for one in converted.root.modules() if isinstance(one, RuledActivation)]
        if replaced := [one for one in activations if DERIVATIVES.resolve(one.derivative) is not exact]:
            for name in converted.carrying:
                layer = converted.root.get_submodule(name)
                stack.callback(layer.register_forward_hook(called(name)).remove)
            for one in replaced:
                stack.callback(one.register_forward_hook(lambda *_: found.add(last[0])).remove)
        yield found


def _cuts(converted: Converted) -> dict[str, str]:
    """Layer -> the point right behind it at which the graph is cut."""
    order = {name: place for place, (name, _) in enumerate(converted.root.named_modules())}
    found = {}
    for point in converted.conversion.active_points():
        inside = [name for name in converted.carrying if name == point or name.startswith(f"{point}.")]
        before = [name for name in converted.carrying if order[name] < order[point]]
        for name in (inside or before)[-1:]:
            found[name] = point
    return found


def _size(layer: nn.Module, parameters: tuple[str, ...]) -> int:
    named: list[Any] = [getattr(layer, name) for name in _SIZES if hasattr(layer, name)]
    return int(named[0]) if named else len(as_matrix(layer, effective_weight(layer, parameters[0])))
