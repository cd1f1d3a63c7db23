"""FEEDBACK_INITS: how a feedback matrix is drawn; and Feedback, the matrices of one network.

An init is ``init(site, generator, *, own parameters) -> Tensor`` of shape ``site.shape``. A feedback matrix stands in
the layout of the forward matrix it replaces, (out, in): for a layerwise rule that is W_{l+1}, (n_{l+1}, n_l); for a
direct rule the downstream product W_L … W_{l+1}, (n_out, n_l). ``feedback_scale`` multiplies what an init gives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError
from dfa_lab.learning.generators import generator
from dfa_lab.learning.rules import Route
from dfa_lab.registry import Choice, Registry


@dataclass(frozen=True)
class Site:
    """Where a feedback matrix stands: hidden ``layer`` (from 1) hears it; ``shape`` is (senders, n_l)."""

    layer: int
    route: Route
    shape: tuple[int, int]


FeedbackInit = Callable[..., Tensor]
FEEDBACK_INITS: Registry[FeedbackInit] = Registry("feedback init")


@FEEDBACK_INITS.register("uniform")
def uniform(site: Site, generator: torch.Generator) -> Tensor:
    """Entries from U(−1/√rows, 1/√rows), rows = terms summed in a signal: it keeps a third of δ's variance."""
    bound = 1 / math.sqrt(site.shape[0])
    return torch.empty(site.shape, dtype=torch.float64).uniform_(-bound, bound, generator=generator)


@FEEDBACK_INITS.register("normal")
def normal(site: Site, generator: torch.Generator) -> Tensor:
    """Entries from N(0, 1/rows): a signal has the variance of the δ it comes from."""
    return torch.empty(site.shape, dtype=torch.float64).normal_(0.0, 1 / math.sqrt(site.shape[0]), generator=generator)


@FEEDBACK_INITS.register("xavier")
def xavier(site: Site, generator: torch.Generator) -> Tensor:
    """Entries from U(−b, b), b = √(6 / (rows + columns)) (Glorot & Bengio 2010, eq. 16)."""
    return nn.init.xavier_uniform_(torch.empty(site.shape, dtype=torch.float64), generator=generator)


@FEEDBACK_INITS.register("kaiming")
def kaiming(site: Site, generator: torch.Generator) -> Tensor:
    """Entries from U(−b, b), b = √(6 / columns), columns = n_l: He et al. 2015, eq. 10, as for a forward matrix."""
    return nn.init.kaiming_uniform_(torch.empty(site.shape, dtype=torch.float64), generator=generator)


@FEEDBACK_INITS.register("orthogonal")
def orthogonal(site: Site, generator: torch.Generator) -> Tensor:
    """Orthonormal rows or columns, whichever are fewer (Saxe et al. 2014), by QR of a Gaussian matrix."""
    return nn.init.orthogonal_(torch.empty(site.shape, dtype=torch.float64), generator=generator)


class Feedback(nn.Module):
    """The feedback matrices of one network: buffers, never trained, drawn from a generator of their own.

    Layerwise and direct matrices are kept apart and drawn when a rule first needs them, so a rule that is switched
    away and back finds its B again. Their ``state_dict`` keys are ``layerwise_l`` and ``direct_l``, l the hidden layer
    that hears them, from 1. With replicas a matrix is (K, rows, n_l), replica k drawn with ``seed + k``.
    """

    def __init__(
        self,
        sites: Mapping[Route, Sequence[Site]],
        *,
        init: Choice,
        scale: float,
        seed: int,
        replicas: int | None,
        like: Tensor,
    ) -> None:
        super().__init__()
        self._sites = {route: tuple(places) for route, places in sites.items()}
        self._replicas = replicas
        self.register_buffer("_like", torch.empty(0, dtype=like.dtype, device=like.device), persistent=False)
        self._choose(init, scale, seed)

    def _choose(self, init: Choice, scale: float, seed: int) -> None:
        FEEDBACK_INITS.split(init)
        if isinstance(scale, bool) or not isinstance(scale, int | float) or not math.isfinite(scale):
            raise DfaLabError(
                f"feedback_scale was given as {scale!r}; expected a finite number, 1.0 for the init's own."
            )
        generator(seed)
        self.init, self.scale, self.seed = init, float(scale), seed

    def matrices(self, route: Route) -> list[Tensor]:
        """The matrices of a route, hidden layer 1 first; drawn now if no rule has used the route before."""
        matrices = []
        for site in self._sites[route]:
            name = f"{route.value}_{site.layer}"
            if name not in self._buffers:
                self.register_buffer(name, self._draw(site))
            matrices.append(self.get_buffer(name))
        return matrices

    def redraw(self, init: Choice | None = None, scale: float | None = None, seed: int | None = None) -> None:
        """Draw all matrices anew, in place; what is not given stays as it was. An error changes none of them."""
        before = self.init, self.scale, self.seed
        drawn = [(site, f"{route.value}_{site.layer}") for route, sites in self._sites.items() for site in sites]
        try:
            self._choose(
                self.init if init is None else init,
                self.scale if scale is None else scale,
                self.seed if seed is None else seed,
            )
            fresh = {name: self._draw(site) for site, name in drawn if name in self._buffers}
        except Exception:
            self.init, self.scale, self.seed = before
            raise
        for name, matrix in fresh.items():
            self.get_buffer(name).copy_(matrix)

    def _draw(self, site: Site) -> Tensor:
        name, _ = FEEDBACK_INITS.split(self.init)
        draws = []
        for replica in range(self._replicas or 1):
            # The name is part of the stream: one seed under two inits must give independent matrices.
            stream = generator(self.seed + replica, "feedback", name, site.route.value, site.layer)
            draw = FEEDBACK_INITS.call(self.init, site, stream)
            if tuple(draw.shape) != site.shape:
                raise DfaLabError(f"feedback init {name!r} gave shape {tuple(draw.shape)}, expected {site.shape}.")
            draws.append(draw * self.scale)
        matrix = draws[0] if self._replicas is None else torch.stack(draws)
        like: Tensor = self.get_buffer("_like")
        return matrix.to(like)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        # A saved network may hold matrices of a route that this one has not drawn yet: make room for them.
        for route, sites in self._sites.items():
            if any(f"{prefix}{route.value}_{site.layer}" in state_dict for site in sites):
                self.matrices(route)
        super()._load_from_state_dict(state_dict, prefix, *args)
