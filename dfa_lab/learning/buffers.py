"""Buffers: the feedback of a converted network, drawn onto its layers and feedback points.

A layer's buffer is ``<store>_<parameter>``, in the parameter's layout; a feedback point's is ``direct_output``,
(n_out, n), see ``delivery.py``; the root's ``feedback_steps`` counts the optimizer steps that changed feedback.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.learning.blocks import downstream_product
from dfa_lab.learning.delivery import Sharing, feedback_shape
from dfa_lab.learning.drawing import check_drawing, draw_magnitude, draw_matrix, mirror_noise
from dfa_lab.learning.feedback import Site
from dfa_lab.learning.layers import as_matrix, as_weight
from dfa_lab.learning.matrices import STORES
from dfa_lab.learning.places import Weight, largest_of, pair, weights_of
from dfa_lab.learning.rule import Route, Rule
from dfa_lab.registry import Choice

DIRECT, STEPS = "direct_output", "feedback_steps"


class Buffers:
    """How feedback is drawn (``init``, ``scale``, ``seed``, ``weight_init`` for magnitudes), and where it lies.

    ``carrying`` are the layers' names and which of their parameters carry δ; ``stale`` says that a step was counted
    since magnitudes were drawn that each step draws anew.
    """

    def __init__(
        self,
        carrying: Mapping[str, tuple[str, ...]],
        points: Sequence[str],
        *,
        init: Choice,
        scale: float,
        seed: int,
        weight_init: str,
        sharing: Sharing,
        maps: bool,
    ) -> None:
        check_drawing(init, scale, seed)
        self.init, self.scale, self.seed = init, float(scale), seed
        self.weight_init, self.sharing, self.maps = weight_init, sharing, maps
        self.carrying, self.points = dict(carrying), tuple(points)
        self.stale = False

    def weights(self, root: nn.Module) -> list[Weight]:
        """Every weight of every layer, in order; tied ones with the same place."""
        return weights_of(root, self.carrying)

    def need(self, root: nn.Module, rules: Mapping[str, Rule]) -> None:
        """Draw what the layerwise ones of ``rules`` (layer -> rule) need and no rule has used before.

        What a direct one needs is drawn with the first pass; an init that could not is an error here already.
        """
        for name in self.points:
            if rules[name].route is Route.DIRECT and downstream_product(root, name) is None:
                draw_matrix(self.init, Site(1, Route.DIRECT, (2, 3), (2, 3)), self.seed)
        fresh: dict[tuple[int, str], Tensor] = {}
        missing = []
        for weight in self.weights(root):
            rule = rules[weight.layer_name]
            if rule.route is not Route.LAYERWISE or not rule.needs_feedback:
                continue
            buffer = f"{rule.store}_{weight.parameter}"
            if buffer in weight.layer._buffers:
                continue
            if (weight.place, rule.store) not in fresh:
                drawn = self._partners(root, weight, rule.store)
                fresh[weight.place, rule.store] = drawn[0] if drawn else self._draw(root, weight, rule.store)
            missing.append((weight, buffer, rule.store))
        for weight, buffer, store in missing:
            weight.layer.register_buffer(buffer, fresh[weight.place, store])

    def _partners(self, root: nn.Module, weight: Weight, store: str) -> list[Tensor]:
        """The matrices that layers tied to ``weight`` hold, its own among them."""
        found = [
            one.layer._buffers.get(f"{store}_{one.parameter}")
            for one in self.weights(root)
            if one.place == weight.place
        ]
        return [one for one in found if one is not None]

    def tie(self, root: nn.Module) -> None:
        """Let tied weights share one matrix again: ``.to()`` and loading give each layer a copy."""
        weights = self.weights(root)
        if len({weight.place for weight in weights}) == len(weights):
            return
        for weight in weights:
            for store in STORES:
                partners = self._partners(root, weight, store)
                name = f"{store}_{weight.parameter}"
                if partners and name in weight.layer._buffers:
                    weight.layer._buffers[name] = partners[0]

    def _draw(self, root: nn.Module, weight: Weight, store: str) -> Tensor:
        own = weight.tensor.detach()
        if store == Route.LAYERWISE.value:
            matrix = as_matrix(weight.layer, own.to("cpu", torch.float64))
            shapes = [as_matrix(one.layer, one.tensor.detach()).shape for one in self.weights(root)]
            site = Site(weight.place, Route.LAYERWISE, pair(matrix.shape), largest_of(shapes), transported=matrix)
            drawn = as_weight(weight.layer, draw_matrix(self.init, site, self.seed), own)
        else:
            shape = own.shape[0], own[0].numel()
            drawn = draw_magnitude(self.weight_init, shape, store, weight.place, self.seed, self.steps(root))
            drawn = drawn if store == "constant_magnitude" else drawn.reshape(own.shape)
        return (drawn * self.scale).to(own).contiguous()

    def direct(
        self,
        root: nn.Module,
        names: Sequence[str],
        modules: Sequence[nn.Module],
        output: Sequence[int],
        hiddens: Sequence[Sequence[int]],
    ) -> list[Tensor]:
        """B of each feedback point that was reached, drawn now where it is the first time."""
        shapes = [self._shape(name, output, hidden) for name, hidden in zip(names, hiddens, strict=True)]
        for name, module, shape, hidden in zip(names, modules, shapes, hiddens, strict=True):
            if DIRECT not in module._buffers:
                self._draw_point(root, name, module, shape, shapes)
            own = tuple(module.get_buffer(DIRECT).shape)
            if own != shape:
                raise DfaLabError(
                    f"feedback point {shown(name)} has a matrix of shape {own}, and for a hidden tensor "
                    f"{tuple(hidden)} and an output {tuple(output)} it would be {shape}. A point has "
                    "one matrix: choose points that are not used at several sizes, or sharing='shared' where the "
                    "positions vary."
                )
        return [module.get_buffer(DIRECT) for module in modules]

    def _shape(self, name: str, output: Sequence[int], hidden: Sequence[int]) -> tuple[int, int]:
        try:
            return feedback_shape(output, hidden, self.maps, self.sharing)
        except DfaLabError as reason:
            raise DfaLabError(f"feedback point {shown(name)} cannot be delivered to: {reason}") from None

    def _draw_point(
        self, root: nn.Module, name: str, module: nn.Module, shape: tuple[int, int], shapes: Sequence[tuple[int, int]]
    ) -> None:
        if torch.compiler.is_compiling():
            raise DfaLabError(
                "direct feedback is drawn in the first forward pass, which was compiled; run one batch before "
                "torch.compile, or give convert(…, example=inputs)."
            )
        like = next(root.parameters())
        module.register_buffer(DIRECT, self._drawn_point(root, name, shape, largest_of(shapes)).to(like))

    def _drawn_point(self, root: nn.Module, name: str, shape: tuple[int, int], largest: tuple[int, int]) -> Tensor:
        product = downstream_product(root, name)
        fits = product is not None and tuple(product.shape) == shape
        transported = product.to("cpu", torch.float64) if fits and product is not None else None
        site = Site(self.points.index(name) + 1, Route.DIRECT, shape, largest, transported=transported)
        return draw_matrix(self.init, site, self.seed) * self.scale

    def redraw(
        self, root: nn.Module, init: Choice | None, scale: float | None, seed: int | None, used: Sequence[str]
    ) -> None:
        """Draw all feedback anew, in place; what is not given stays as it was. An error changes none of it.

        ``used`` are the feedback points in use; another's matrix that the init cannot draw is dropped.
        """
        before = self.init, self.scale, self.seed
        self.tie(root)
        try:
            self.init = self.init if init is None else init
            self.scale = self.scale if scale is None else scale
            self.seed = self.seed if seed is None else seed
            check_drawing(self.init, self.scale, self.seed)
            fresh, dropped = self._all_anew(root, used)
        except BaseException:  # Ctrl-C too
            self.init, self.scale, self.seed = before
            raise
        for own, drawn in fresh:
            own.copy_(drawn)
        for name in dropped:
            del root.get_submodule(name)._buffers[DIRECT]
        if STEPS in root._buffers:
            root.get_buffer(STEPS).zero_()

    def _all_anew(self, root: nn.Module, used: Sequence[str]) -> tuple[list[tuple[Tensor, Tensor]], list[str]]:
        """(buffer, what it is to hold) for all feedback there is, and the points whose matrix cannot be drawn."""
        fresh = [
            (weight.layer.get_buffer(f"{store}_{weight.parameter}"), self._draw(root, weight, store))
            for weight in self.weights(root)
            for store in STORES
            if f"{store}_{weight.parameter}" in weight.layer._buffers
        ]
        dropped = []
        points = {name: root.get_submodule(name)._buffers.get(DIRECT) for name in self.points}
        drawn = {name: buffer for name, buffer in points.items() if buffer is not None}
        largest = largest_of([buffer.shape for buffer in drawn.values()])
        for name, buffer in drawn.items():
            try:
                fresh.append((buffer, self._drawn_point(root, name, pair(buffer.shape), largest)))
            except DfaLabError:
                if name in used:
                    raise
                dropped.append(name)
        return fresh, dropped

    def steps(self, root: nn.Module) -> int:
        """How many optimizer steps have changed feedback."""
        return int(root.get_buffer(STEPS)) if STEPS in root._buffers else 0

    def count_step(self, root: nn.Module) -> None:
        """Note one more."""
        if STEPS not in root._buffers:
            root.register_buffer(STEPS, torch.zeros((), dtype=torch.int64, device=next(root.parameters()).device))
        root.get_buffer(STEPS).add_(1)
        self.stale = True

    def freshen(self, root: nn.Module) -> None:
        """Draw anew what each step draws anew; it follows from the seed and the number of steps alone."""
        self.stale = False
        self.tie(root)
        for weight in self.weights(root):
            buffer = weight.layer._buffers.get(f"redrawn_magnitude_{weight.parameter}")
            if buffer is not None:
                buffer.copy_(self._draw(root, weight, "redrawn_magnitude"))

    def noise(self, root: nn.Module, weight: Weight, samples: int) -> Tensor:
        """N(0, 1), (samples, entries of a row of the weight), for the step that was counted last."""
        own = weight.tensor
        return mirror_noise(self.seed, weight.place, self.steps(root), (samples, own[0].numel())).to(own)

    def names(self, root: nn.Module) -> set[str]:
        """The ``state_dict`` keys that are feedback."""
        return {name for name, _ in root.named_buffers(remove_duplicate=False) if self._is_feedback(root, name)}

    def make_room(self, root: nn.Module, state: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Before a state is loaded: a buffer for all feedback it holds and no rule has used here yet."""
        self.stale = True
        like = next(root.parameters())
        for key, value in state.items():
            name = str(key).removeprefix(prefix)
            if not str(key).startswith(prefix) or not self._is_feedback(root, name):
                continue
            owner, _, buffer = name.rpartition(".")
            module = root.get_submodule(owner)
            if buffer not in module._buffers:
                empty = torch.zeros_like(value, device=like.device)
                module.register_buffer(buffer, empty if buffer == STEPS else empty.to(like.dtype))

    def _is_feedback(self, root: nn.Module, name: str) -> bool:
        """Whether a ``state_dict`` key is feedback; a module may have several names there."""
        owner, _, buffer = name.rpartition(".")
        if name == STEPS:
            return True
        try:
            module = root.get_submodule(owner)
        except AttributeError:
            return False
        if buffer == DIRECT:
            return any(root.get_submodule(point) is module for point in self.points)
        known = [parameters for layer, parameters in self.carrying.items() if root.get_submodule(layer) is module]
        return any(buffer == f"{store}_{one}" for store in STORES for parameters in known for one in parameters)
