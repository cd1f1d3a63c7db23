"""Feedback: the matrices of one network."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError
from dfa_lab.learning.feedback import FEEDBACK_INITS, Site
from dfa_lab.learning.generators import generator
from dfa_lab.learning.rules import Route
from dfa_lab.registry import Choice

Transported = Callable[[Site], Tensor]


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

    def matrices(self, route: Route, transported: Transported) -> list[Tensor]:
        """The matrices of a route, hidden layer 1 first; drawn now if no rule has used the route before.

        ``transported(site)`` gives what BP carries the signal with there, for inits that look at the weights.
        """
        matrices = []
        for site in self._sites[route]:
            name = f"{route.value}_{site.layer}"
            if name not in self._buffers:
                self.register_buffer(name, self._draw(site, transported))
            matrices.append(self.get_buffer(name))
        return matrices

    def redraw(
        self,
        transported: Transported,
        init: Choice | None = None,
        scale: float | None = None,
        seed: int | None = None,
    ) -> None:
        """Draw all matrices anew, in place; what is not given stays as it was. An error changes none of them."""
        before = self.init, self.scale, self.seed
        drawn = [(site, f"{route.value}_{site.layer}") for route, sites in self._sites.items() for site in sites]
        try:
            self._choose(
                self.init if init is None else init,
                self.scale if scale is None else scale,
                self.seed if seed is None else seed,
            )
            fresh = {name: self._draw(site, transported) for site, name in drawn if name in self._buffers}
        except Exception:
            self.init, self.scale, self.seed = before
            raise
        for name, matrix in fresh.items():
            self.get_buffer(name).copy_(matrix)

    def _draw(self, site: Site, transported: Transported) -> Tensor:
        name, _ = FEEDBACK_INITS.split(self.init)
        own = transported(site).detach().to("cpu", torch.float64)
        draws = []
        for replica in range(self._replicas or 1):
            # The name is part of the stream: one seed under two inits must give independent matrices.
            purpose = "feedback", name, site.route.value
            stream = generator(self.seed + replica, *purpose, site.layer)
            here = replace(
                site,
                transported=own if self._replicas is None else own[replica],
                network=generator(self.seed + replica, *purpose),
            )
            draw = FEEDBACK_INITS.call(self.init, here, stream)
            if tuple(draw.shape) != site.shape:
                raise DfaLabError(f"feedback init {name!r} gave shape {tuple(draw.shape)}, expected {site.shape}.")
            draws.append(draw * self.scale)
        matrix = draws[0] if self._replicas is None else torch.stack(draws)
        like: Tensor = self.get_buffer("_like")
        return matrix.to(like)

    def make_room(self, state_dict: Mapping[str, Any], prefix: str, transported: Transported) -> None:
        """Draw what ``state_dict`` holds under ``prefix`` and no rule has used here yet, so that it can be loaded."""
        for route, sites in self._sites.items():
            if any(f"{prefix}{route.value}_{site.layer}" in state_dict for site in sites):
                self.matrices(route, transported)
