"""Feedback: the matrices of one network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from dfa_lab.learning.feedback.inits import Site
from dfa_lab.learning.feedback.sampling import check_drawing, draw_magnitude, draw_matrix, mirror_noise
from dfa_lab.learning.ops import each, each_seed
from dfa_lab.learning.rules import Route
from dfa_lab.registry import Choice

Transported = Callable[[Site], Tensor]

#: The kinds of matrices a network can hold for its rules: see ``Rule.store``.
STORES = ("layerwise", "direct", "drawn_magnitude", "redrawn_magnitude", "constant_magnitude")


class Feedback(nn.Module):
    """The feedback matrices of one network: buffers, never trained, drawn from a generator of their own.

    Each store is kept apart and drawn when a rule first needs it, so a rule that is switched away and back finds its
    matrices again. The ``state_dict`` keys are ``layerwise_l`` and ``direct_l`` for matrices of the feedback init, and
    ``drawn_magnitude_l``, ``redrawn_magnitude_l`` and ``constant_magnitude_l``, (1, 1), for magnitudes of the weight
    init's family; l is the hidden layer that hears them, from 1. With replicas a leading K comes first, replica k drawn
    with ``seed + k``, or with its own of a sequence of seeds, scales or inits.
    """

    def __init__(
        self,
        sites: Mapping[Route, Sequence[Site]],
        *,
        init: Choice | Sequence[Choice],
        scale: float | Sequence[float],
        seed: int | Sequence[int],
        weight_init: str,
        replicas: int | None,
        like: Tensor,
    ) -> None:
        super().__init__()
        direct, layerwise = tuple(sites[Route.DIRECT]), tuple(sites[Route.LAYERWISE])
        self._sites = {store: direct if store == Route.DIRECT.value else layerwise for store in STORES}
        self._weight_init = weight_init
        self._replicas = replicas
        self._stale = False
        self.register_buffer("_like", torch.empty(0, dtype=like.dtype, device=like.device), persistent=False)
        self._choose(init, scale, seed)

    def _choose(
        self, init: Choice | Sequence[Choice], scale: float | Sequence[float], seed: int | Sequence[int]
    ) -> None:
        inits = each("feedback_init", init, self._replicas)
        scales = each("feedback_scale", scale, self._replicas)
        seeds = each_seed("feedback_seed", seed, self._replicas)
        drawings = list(zip(inits, scales, seeds, strict=True))
        for drawing in drawings:
            check_drawing(*drawing)
        self.init, self.scale, self.seed, self._drawings = init, scale, seed, drawings

    def matrices(self, store: str, transported: Transported) -> list[Tensor]:
        """The matrices of a store, hidden layer 1 first; drawn now if no rule has used it before.

        ``transported(site)`` gives what BP carries the signal with there, for inits that look at the weights.
        """
        matrices = []
        for site in self._sites[store]:
            name = f"{store}_{site.layer}"
            if name not in self._buffers:
                self.register_buffer(name, self._draw(store, site, transported))
            matrices.append(self.get_buffer(name))
        return matrices

    def redraw(
        self,
        transported: Transported,
        init: Choice | Sequence[Choice] | None = None,
        scale: float | Sequence[float] | None = None,
        seed: int | Sequence[int] | None = None,
    ) -> None:
        """Draw all matrices anew, in place; what is not given stays as it was. An error changes none of them."""
        before = self.init, self.scale, self.seed, self._drawings
        known = [(store, site, f"{store}_{site.layer}") for store, sites in self._sites.items() for site in sites]
        try:
            self._choose(
                self.init if init is None else init,
                self.scale if scale is None else scale,
                self.seed if seed is None else seed,
            )
            fresh = {name: self._draw(store, site, transported) for store, site, name in known if name in self._buffers}
        except BaseException:  # Ctrl-C too
            self.init, self.scale, self.seed, self._drawings = before
            raise
        for name, matrix in fresh.items():
            self.get_buffer(name).copy_(matrix)
        if "steps" in self._buffers:
            self.get_buffer("steps").zero_()

    def _draw(self, store: str, site: Site, transported: Transported) -> Tensor:
        own = transported(site).detach().to("cpu", torch.float64)
        draws = []
        for replica, (init, scale, seed) in enumerate(self._drawings):
            beside = own if self._replicas is None else own[replica]
            if store in (Route.LAYERWISE.value, Route.DIRECT.value):
                draw = draw_matrix(init, replace(site, transported=beside), seed)
            else:
                draw = draw_magnitude(self._weight_init, site.shape, store, site.layer, seed, self._steps())
            draws.append(draw * scale)
        matrix = draws[0] if self._replicas is None else torch.stack(draws)
        like: Tensor = self.get_buffer("_like")
        return matrix.to(like)

    def _steps(self) -> int:
        return int(self.get_buffer("steps")) if "steps" in self._buffers else 0

    def freshen(self, transported: Transported) -> None:
        """Draw what is drawn anew for every step, if a step was counted since: called when the next one begins.

        What it draws follows from the seed and the number of steps alone, so that a resumed run draws the same.
        """
        if not self._stale:
            return
        self._stale = False
        for site in self._sites["redrawn_magnitude"]:
            name = f"redrawn_magnitude_{site.layer}"
            if name in self._buffers:
                self.get_buffer(name).copy_(self._draw("redrawn_magnitude", site, transported))

    def noise(self, layer: int, shape: tuple[int, int]) -> Tensor:
        """N(0, 1) of ``shape``, with replicas (K, …), for the step ``count_step`` began; the same if asked again."""
        steps = self._steps()
        draws = [mirror_noise(seed, layer, steps, shape) for _, _, seed in self._drawings]
        return (draws[0] if self._replicas is None else torch.stack(draws)).to(self.get_buffer("_like"))

    def count_step(self) -> None:
        """Note that feedback changes once more: ``state_dict`` has the number as ``steps`` from the first time on."""
        self._stale = True
        if "steps" not in self._buffers:
            self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.get_buffer("steps").add_(1)

    def keep(self, names: Collection[str]) -> None:
        """Forget all but the buffers in ``names``: a rule that needs the others has them drawn, as the first time."""
        stored = {f"{store}_{site.layer}" for store, sites in self._sites.items() for site in sites} | {"steps"}
        for name in stored & set(self._buffers) - set(names):
            del self._buffers[name]

    def make_room(self, state_dict: Mapping[str, Any], prefix: str, transported: Transported) -> None:
        """Draw what ``state_dict`` holds under ``prefix`` and no rule has used here yet, so that it can be loaded."""
        self._stale = True
        if f"{prefix}steps" in state_dict and "steps" not in self._buffers:
            self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        for store, sites in self._sites.items():
            if any(f"{prefix}{store}_{site.layer}" in state_dict for site in sites):
                self.matrices(store, transported)
