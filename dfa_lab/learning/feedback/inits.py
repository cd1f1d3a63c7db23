"""FEEDBACK_INITS: how a feedback matrix is drawn.

An init is ``init(site, generator, *, own parameters) -> Tensor`` of shape ``site.shape``. A feedback matrix stands in
the layout of the forward matrix it replaces, (out, in): for a layerwise rule that is W_{l+1}, (n_{l+1}, n_l); for a
direct rule the downstream product W_L … W_{l+1}, (n_out, n_l). ``feedback_scale`` multiplies what an init gives.

>>> import dfa_lab as dfa
>>> net = dfa.MLP([4, 8, 2], rule="dfa", feedback_init={"name": "low_rank", "rank": 1})
>>> int(torch.linalg.matrix_rank(net.feedback_matrices()[0]))
1
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError, shown, whole_number
from dfa_lab.learning.rules import Route
from dfa_lab.registry import Registry


@dataclass(frozen=True)
class Site:
    """Where one feedback matrix stands, and what it replaces.

    Hidden ``layer`` (from 1) receives its signal through it; ``shape`` is (senders, n_l), ``largest`` the largest such
    shape in the network.
    ``transported`` is the forward matrix BP would use here, float64, of the same shape; ``network`` a generator that
    every layer of the network gets alike. Both are there when a matrix is drawn.
    """

    layer: int
    route: Route
    shape: tuple[int, int]
    largest: tuple[int, int]
    transported: Tensor | None = None
    network: torch.Generator | None = None


def largest_of(shapes: Iterable[Sequence[int]]) -> tuple[int, int]:
    """The most rows and the most columns among shapes of matrices."""
    pairs = [(rows, columns) for rows, columns in shapes]
    return max((rows for rows, _ in pairs), default=0), max((columns for _, columns in pairs), default=0)


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


def _given(matrix: Tensor | None) -> Tensor:
    if matrix is None:
        raise DfaLabError(
            "this feedback init looks at what BP would carry the signal with, W or for a direct rule the downstream "
            "product W_L … W_{l+1}; here the network is no chain of linear layers and has none. Use another init."
        )
    return matrix


@FEEDBACK_INITS.register("sparse")
def sparse(site: Site, generator: torch.Generator, *, density: Annotated[float, Gt(0), Le(1)] = 0.1) -> Tensor:
    """A share ``density`` of the entries, chosen at random, from N(0, 1/(density · rows)); the rest 0."""
    _check_number("density", density, 0, 1, "above")
    kept = torch.rand(site.shape, dtype=torch.float64, generator=generator) < density
    return normal(site, generator) * kept / math.sqrt(density)


@FEEDBACK_INITS.register("low_rank")
def low_rank(site: Site, generator: torch.Generator, *, rank: Annotated[int, Ge(1)] = 1) -> Tensor:
    """U V with ``rank`` Gaussian columns in U: entries of variance 1/rows; no rank beyond the smaller side."""
    rank = min(whole_number("rank", rank, 1), *site.shape)
    left = torch.randn(site.shape[0], rank, dtype=torch.float64, generator=generator)
    right = torch.randn(rank, site.shape[1], dtype=torch.float64, generator=generator)
    return left @ right / math.sqrt(rank * site.shape[0])


@FEEDBACK_INITS.register("repeated")
def repeated(site: Site, generator: torch.Generator, *, period: Annotated[int, Ge(1)] = 10) -> Tensor:
    """``period`` columns from N(0, 1/rows), repeated along the layer: units that far apart receive the same."""
    rows, columns = site.shape
    period = min(whole_number("period", period, 1), columns)
    drawn = torch.randn(rows, period, dtype=torch.float64, generator=generator) / math.sqrt(rows)
    return drawn[:, torch.arange(columns) % period]


@FEEDBACK_INITS.register("shared")
def shared(site: Site, generator: torch.Generator) -> Tensor:
    """One matrix for the whole network, from N(0, 1/rows), of which each layer takes the corner that fits it."""
    drawn = torch.randn(site.largest, dtype=torch.float64, generator=site.network or generator)
    return drawn[: site.shape[0], : site.shape[1]] / math.sqrt(site.shape[0])


@FEEDBACK_INITS.register("transpose")
def transpose(site: Site, generator: torch.Generator) -> Tensor:
    """What BP carries the signal with at this moment, W_{l+1} or the downstream product: B starts at 0° and stays."""
    return _given(site.transported).clone()


@FEEDBACK_INITS.register("sign_concordant")
def sign_concordant(site: Site, generator: torch.Generator) -> Tensor:
    """|N(0, 1/rows)| with the signs that BP's matrix has at this moment."""
    return normal(site, generator).abs() * _given(site.transported).sign()


@FEEDBACK_INITS.register("aligned")
def aligned(site: Site, generator: torch.Generator, *, angle: Annotated[float, Ge(0), Le(180)] = 45.0) -> Tensor:
    """A matrix at exactly ``angle`` degrees, 0–180, from what BP uses at this moment, and of the same Frobenius norm.

    ‖W‖ (cos θ · W/‖W‖ + sin θ · R/‖R‖), R Gaussian with its part along W taken out. Where W is all zero there is no
    direction to stand at an angle to: an error.
    """
    _check_number("angle", angle, 0, 180)
    own = _given(site.transported)
    norm = own.norm()
    if float(norm) == 0:
        raise DfaLabError("feedback init 'aligned' has no angle to weights that are all zero; use another weight init.")
    direction = own / norm
    across = torch.randn(site.shape, dtype=torch.float64, generator=generator)
    if across.numel() == 1:
        return own * math.copysign(1, math.cos(math.radians(angle)))  # one entry: only 0° and 180° exist
    for _ in range(2):  # the second pass takes out what rounding left
        across = across - (across * direction).sum() * direction
    turn = math.radians(angle)
    return norm * (math.cos(turn) * direction + math.sin(turn) * across / across.norm())


def _check_number(name: str, value: object, low: float, high: float, above: str = "from") -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high or (above != "from" and value == low):  # type: ignore[operator]
        raise DfaLabError(f"{name} was given as {shown(value)}; expected a number {above} {low} to {high}.")
