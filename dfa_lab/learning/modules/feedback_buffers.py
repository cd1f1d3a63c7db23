"""ModuleFeedback: the feedback of a converted network, as buffers of its layers and feedback points.

A layer's buffer is ``<store>_<parameter>``, in the parameter's layout; a feedback point's is ``direct_output``,
(n_out, n), see ``error_projection.py``; the root's ``feedback_steps`` counts the optimizer steps that changed feedback.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.learning.feedback import STORES, FeedbackStore, Place, Site, Slot, draw_matrix, largest_of
from dfa_lab.learning.layers import effective_weight, sources
from dfa_lab.learning.modules.error_projection import Sharing, check_positions, feedback_shape
from dfa_lab.learning.modules.feedback_points import downstream_product
from dfa_lab.learning.modules.layers import as_matrix, as_weight, kind_of
from dfa_lab.learning.modules.layouts import Layouts
from dfa_lab.learning.rules import Direct, Layerwise, Route, Rule

DIRECT, STEPS = "direct_output", "feedback_steps"


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
        """The weight itself; where it is made from other parameters, a tensor that is made now."""
        return effective_weight(self.layer, self.parameter)

    @property
    def sources(self) -> list[Tensor]:
        """The parameters that it is made from: itself where it is one."""
        return [self.layer.get_parameter(name) for name in sources(self.layer, self.parameter)]

    @property
    def key(self) -> Any:
        """What tied weights have in common."""
        own = self.layer._parameters.get(self.parameter)
        return (id(self.layer), self.parameter) if own is None else id(own)


class ModuleFeedback(FeedbackStore):
    """The feedback of a converted network; ``net`` in its methods is the network's root.

    ``carrying`` are the layers' names and which of their parameters carry δ, ``points`` the names of the feedback
    points; ``sharing`` as in ``convert``; ``layouts`` say how their tensors are read.
    """

    def __init__(
        self,
        carrying: Mapping[str, tuple[str, ...]],
        points: Sequence[str],
        *,
        sharing: Sharing,
        layouts: Layouts,
        **drawing: Any,
    ) -> None:
        super().__init__(**drawing)
        self.carrying, self.points = dict(carrying), tuple(points)
        self.sharing, self.layouts = sharing, layouts

    def weights(self, net: nn.Module) -> list[Weight]:
        """Every weight that δ is carried through, in order; tied ones with the same number."""
        numbers: dict[Any, int] = {}
        found = []
        for name, parameters in self.carrying.items():
            layer = net.get_submodule(name)
            for parameter in parameters:
                key = Weight(0, name, layer, parameter).key
                found.append(Weight(numbers.setdefault(key, len(numbers)), name, layer, parameter))
        return found

    def slots(self, net: nn.Module, stores: Collection[str] = STORES) -> list[Slot]:
        """One for each store and weight, and one for each feedback point."""
        found = []
        weights = self.weights(net)
        for weight in weights:
            own = weight.tensor.detach()
            for store in stores:
                if store != "direct":
                    shape = (1, 1) if store == "constant_magnitude" else tuple(own.shape)
                    name, draw = f"{store}_{weight.parameter}", partial(self._draw, net, weights, weight, store)
                    title = f"{weight.layer_name}.{weight.parameter}".lstrip(".")
                    place = weight.layer, name, store, weight.number, weight.layer_name
                    found.append(Slot(*place, own, shape, draw, title))
        like = next(net.parameters()).detach()
        for number, point in enumerate(self.points if "direct" in stores else (), 1):
            draw = partial(self._draw_point_again, net, point)
            found.append(Slot(net.get_submodule(point), DIRECT, "direct", number, point, like, None, draw, point))
        return found

    def places(self, net: nn.Module, rules: Mapping[str, Rule]) -> list[Place]:
        """The places of ``dfa.feedback`` under ``rules``: each weight's in the store of its rule, and each point's."""
        found: dict[tuple[str, int], list[Slot]] = {}
        needed = set()
        for slot in self.slots(net):
            rule = rules[slot.label]
            if slot.store == Route.DIRECT.value:
                uses = isinstance(rule, Direct)
            else:
                uses = isinstance(rule, Layerwise) and rule.needs_feedback
                if slot.store != (rule.store if uses else Route.LAYERWISE.value):
                    continue
            key = slot.store, slot.number
            found.setdefault(key, []).append(slot)
            if uses:
                needed.add(key)
        return [Place(tuple(slot.title for slot in own), tuple(own), key in needed) for key, own in found.items()]

    def tie(self, net: nn.Module) -> None:
        """Let tied weights share one matrix again: ``.to()`` and loading give each layer a copy."""
        weights = self.weights(net)
        if len({weight.number for weight in weights}) < len(weights):
            super().tie(net)

    def counter(self, net: nn.Module) -> tuple[nn.Module, str]:
        """``feedback_steps``, at the root."""
        return net, STEPS

    def need(self, net: nn.Module, rules: Mapping[str, Rule]) -> None:
        """Draw what the layerwise ones of ``rules`` (layer -> rule) need and no rule has used before.

        Direct feedback is drawn in the first pass; an init that could not draw it is an error here already.
        """
        for name in self.points:
            drawn = DIRECT in net.get_submodule(name)._buffers
            if not drawn and isinstance(rules[name], Direct) and downstream_product(net, name) is None:
                draw_matrix(self.init, Site(1, Route.DIRECT, (2, 3), (2, 3)), self.seed)  # type: ignore[arg-type]
        known: dict[tuple[str, int], Tensor] = {}
        missing = []
        for slot in sorted(self.slots(net), key=lambda slot: slot.matrix is None):  # what tied layers hold comes first
            key, rule = (slot.store, slot.number), rules[slot.label]
            if slot.matrix is not None:
                known.setdefault(key, slot.matrix)
            elif isinstance(rule, Layerwise) and rule.needs_feedback and rule.store == slot.store:
                if key not in known:
                    known[key] = slot.draw()
                missing.append((slot, known[key]))
        for slot, matrix in missing:
            slot.owner.register_buffer(slot.name, matrix)

    def _draw(self, net: nn.Module, weights: Sequence[Weight], weight: Weight, store: str) -> Tensor:
        own = weight.tensor.detach()
        if store == Route.LAYERWISE.value:
            matrix = as_matrix(weight.layer, own)
            largest = largest_of([as_matrix(one.layer, one.tensor.detach()).shape for one in weights])
            site = Site(weight.number, Route.LAYERWISE, (len(matrix), matrix.shape[1]), largest)
            drawn = as_weight(weight.layer, self.drawn(net, store, site, matrix), own)
        else:
            transposed = kind_of(weight.layer).transposed
            shape = (own[0].numel(), len(own)) if transposed else (len(own), own[0].numel())
            drawn = self.drawn(net, store, Site(weight.number, Route.LAYERWISE, shape, shape))
            if store != "constant_magnitude":
                drawn = (drawn.mT if transposed else drawn).reshape(own.shape)
        return drawn.to(own).contiguous()

    def direct(
        self, net: nn.Module, reached: Sequence[tuple[str, nn.Module, Tensor]], output: Sequence[int]
    ) -> list[Tensor]:
        """B of each feedback point that was ``reached`` (name, module, hidden tensor), drawn now for the first time.

        ``output`` is the shape of the network's output.
        """
        shapes = [self._shape(name, output, hidden) for name, _, hidden in reached]
        for (name, module, hidden), shape in zip(reached, shapes, strict=True):
            if DIRECT not in module._buffers:
                if torch.compiler.is_compiling():
                    raise DfaLabError(
                        "direct feedback is drawn in the first forward pass, which was compiled; run one batch before "
                        "torch.compile, or give convert(…, example=inputs)."
                    )
                module.register_buffer(DIRECT, self._draw_point(net, name, shape, largest_of(shapes)))
            own = tuple(module.get_buffer(DIRECT).shape)
            if own != shape:
                raise DfaLabError(
                    f"feedback point {shown(name)} has a matrix of shape {own}, and for a hidden tensor "
                    f"{tuple(hidden.shape)} and an output {tuple(output)} it would be {shape}. A point has one matrix: "
                    "give dfa.set_feedback one of that shape; where nobody did, choose points that are not used at "
                    "several sizes, or sharing='shared' where the positions vary."
                    f"{self.layouts.note(name, hidden.shape, 'The hidden tensor')}"
                    f"{self.layouts.note('', output, 'The output')}{_similarities(output)}"
                )
        return [module.get_buffer(DIRECT) for _, module, _ in reached]

    def left_out(
        self,
        reached: Sequence[tuple[str, nn.Module, Tensor]],
        output: Sequence[int],
        points: Sequence[str],
        allowed: bool,
    ) -> set[str]:
        """Those of the ``points`` that e of an ``output`` of this shape cannot be delivered to, with a warning.

        It looks in the pass that draws B. ``DfaLabError`` where leaving out is not ``allowed``, or none is left.
        """
        if all(DIRECT in module._buffers for _, module, _ in reached):
            return set()
        reasons: dict[str, DfaLabError] = {}
        for name, _, hidden in reached:
            try:
                self._shape(name, output, hidden)
            except DfaLabError as reason:
                reasons.setdefault(name, reason)
        if not reasons:
            return set()
        first, rest = next(iter(reasons.values())), [name for name, *_ in reached if name in set(points) - set(reasons)]
        more = f" It can be to the others: points={rest} in convert(…), for an Experiment in that of its module."
        said = f"{first}{more if rest else ''}"
        if not rest or not allowed:
            raise DfaLabError(said)
        warnings.warn(
            f"of the feedback points that were found {', '.join(reasons)} are left out, so that what feeds them learns "
            f"from the next point on the way: {said}",
            stacklevel=2,
        )
        return set(reasons)

    def _shape(self, name: str, output: Sequence[int], hidden: Tensor) -> tuple[int, int]:
        try:
            found = feedback_shape(output, hidden.shape, self.layouts.of(name, output, hidden.shape), self.sharing)
            if hidden.requires_grad:  # else nothing is due there
                check_positions(output, hidden.shape)
            return found
        except DfaLabError as reason:
            raise DfaLabError(f"feedback point {shown(name)} cannot be delivered to: {reason}") from None

    def _draw_point(self, net: nn.Module, name: str, shape: tuple[int, int], largest: tuple[int, int]) -> Tensor:
        product = downstream_product(net, name)
        transported = product if product is not None and tuple(product.shape) == shape else None
        site = Site(self.points.index(name) + 1, Route.DIRECT, shape, largest)
        return self.drawn(net, "direct", site, transported).to(next(net.parameters()))

    def _draw_point_again(self, net: nn.Module, name: str) -> Tensor:
        """A matrix of the shape that the point's has now."""
        held = [net.get_submodule(point)._buffers.get(DIRECT) for point in self.points]
        largest = largest_of([matrix.shape for matrix in held if matrix is not None])
        rows, columns = net.get_submodule(name).get_buffer(DIRECT).shape
        return self._draw_point(net, name, (rows, columns), largest)


def _similarities(output: Sequence[int]) -> str:
    """What an error says of an output with as many columns as samples."""
    if len(output) != 2 or output[0] != output[1]:
        return ""
    return (
        " This output has as many columns as samples: where it holds the similarities of the samples of a batch, no "
        "fixed B belongs to them, and a layerwise rule is what fits."
    )
