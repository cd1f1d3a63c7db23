"""Feedback: the matrices of an MLP, as buffers of a module beside its weights."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from torch import Tensor, nn

from dfa_lab.learning.feedback import STORES, FeedbackStore, Place, Site, Slot, largest_of
from dfa_lab.learning.mlp.equations import downstream
from dfa_lab.learning.rules import Route


class Feedback(nn.Module, FeedbackStore):
    """The feedback matrices of an MLP with these ``widths``; ``net`` in its methods is that MLP.

    The ``state_dict`` keys are ``layerwise_l`` and ``direct_l`` for matrices of the feedback init,
    ``drawn_magnitude_l``, ``redrawn_magnitude_l`` and ``constant_magnitude_l``, (1, 1), for magnitudes of the weight
    init's family, and ``steps``; l is the hidden layer that receives its signal through them, from 1.
    """

    def __init__(
        self, widths: tuple[int, ...], init: Any, scale: Any, seed: Any, weight_init: str, replicas: int | None
    ) -> None:
        nn.Module.__init__(self)
        FeedbackStore.__init__(self, init, scale, seed, weight_init, replicas)
        hidden = range(1, len(widths) - 1)
        layerwise = self._sites(Route.LAYERWISE, [(widths[n + 1], widths[n]) for n in hidden])
        direct = self._sites(Route.DIRECT, [(widths[-1], widths[n]) for n in hidden])
        self.sites = {store: direct if store == Route.DIRECT.value else layerwise for store in STORES}

    @staticmethod
    def _sites(route: Route, shapes: list[tuple[int, int]]) -> list[Site]:
        return [Site(layer, route, shape, largest_of(shapes)) for layer, shape in enumerate(shapes, 1)]

    def matrices(self, net: Any, store: str) -> list[Tensor]:
        """The matrices of a store, hidden layer 1 first; drawn now if no rule has used it before."""
        found = [self._buffers.get(f"{store}_{site.layer}") for site in self.sites[store]]
        if all(matrix is not None for matrix in found):
            return found  # type: ignore[return-value]
        for slot in self.slots(net, (store,)):
            if slot.matrix is None:
                self.register_buffer(slot.name, slot.draw())
        return self.matrices(net, store)

    def slots(self, net: Any, stores: Collection[str] = STORES) -> list[Slot]:
        """One for each store and hidden layer."""
        found = []
        for store in stores:
            for site in self.sites[store]:
                shape = (1, 1) if store == "constant_magnitude" else site.shape
                lead = () if self.replicas is None else (self.replicas,)
                name, draw = f"{store}_{site.layer}", partial(self._draw, net, store, site)
                title = str(site.layer) if store == Route.DIRECT.value else f"weights.{site.layer}"
                found.append(Slot(self, name, store, site.layer, "", net.weights[0], (*lead, *shape), draw, title))
        return found

    def places(self, net: Any) -> list[Place]:
        """The places of ``dfa.feedback``: the layerwise ones in the store that the rule uses, and the direct ones."""
        rule, stores = net.rule, [store for store in STORES if store != Route.DIRECT.value]
        store = rule.store if rule.needs_feedback and rule.store in stores else Route.LAYERWISE.value
        slots = self.slots(net, (store, Route.DIRECT.value))
        return [Place((slot.title,), (slot,), rule.needs_feedback and rule.store == slot.store) for slot in slots]

    def counter(self, net: Any) -> tuple[nn.Module, str]:
        """``steps``, beside the matrices."""
        return self, "steps"

    @staticmethod
    def transported(net: Any, site: Site) -> Tensor:
        """W_{l+1} for a layerwise site, the downstream product for a direct one, of every replica."""
        return downstream([weight.detach() for weight in net.weights], site.layer, site.route)

    def _draw(self, net: Any, store: str, site: Site) -> Tensor:
        return self.drawn(net, store, site, self.transported(net, site)).to(net.weights[0])
