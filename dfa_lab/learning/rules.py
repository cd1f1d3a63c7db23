"""RULES: the learning rules, each a frozen value that both forms of a network read.

A rule says which *signal* a hidden layer hears in place of BP's ∂L/∂h_l. Its route says how the signal travels:

- ``NONE``       no signal at all: hidden layers stay as they were drawn;
- ``LAYERWISE``  from the layer above: signal_l = δ_{l+1} @ carrier(W_{l+1}, B_{l+1});
- ``DIRECT``     from the output: signal_l = broadcast(e) @ B_l.

Layouts are torch's, rows are samples: W and a layerwise B are (out, in); a direct B is (n_out, n_l). The papers write
the transposes, B_{l+1} δ_{l+1} and B_l e. The output layer always hears the true error e = ∂L/∂a_L.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from dfa_lab.errors import DfaLabError
from dfa_lab.registry import Registry


class Route(enum.Enum):
    """The way a signal reaches a hidden layer."""

    NONE = "none"
    LAYERWISE = "layerwise"
    DIRECT = "direct"


@dataclass(frozen=True)
class Rule:
    """One learning rule: its name, its paper, its equation as the paper writes it, and what makes it different.

    ``carrier(weight, feedback)`` belongs to a layerwise rule: the matrix, in the layout of W, that carries δ down;
    ``feedback`` is None where ``needs_feedback`` is false. ``broadcast(error)`` belongs to a direct rule: what every
    hidden layer hears through its own B; ``error`` is ∂L/∂a_L, (N, n_out), the loss's reduction included.
    """

    name: str
    title: str
    paper: str
    equation: str
    route: Route
    needs_feedback: bool = False
    carrier: Callable[[Tensor, Tensor | None], Tensor] | None = None
    broadcast: Callable[[Tensor], Tensor] | None = None

    def __post_init__(self) -> None:
        wanted = (self.route is Route.LAYERWISE, self.route is Route.DIRECT)
        if wanted != (self.carrier is not None, self.broadcast is not None):
            raise DfaLabError(
                f"rule {self.name!r} has route {self.route.value!r}; a layerwise rule needs carrier=, "
                "a direct rule broadcast=, and no rule both."
            )


def _own_weight(weight: Tensor, feedback: Tensor | None) -> Tensor:
    return weight


def _fixed_feedback(weight: Tensor, feedback: Tensor | None) -> Tensor:
    assert feedback is not None
    return feedback


def _error_itself(error: Tensor) -> Tensor:
    return error


RULES: Registry[Rule] = Registry("learning rule")

BP = Rule(
    name="bp",
    title="backpropagation",
    paper="Rumelhart, Hinton & Williams 1986, Nature 323",
    equation="δ_l = W_{l+1}ᵀ δ_{l+1} ⊙ f'(a_l)",
    route=Route.LAYERWISE,
    carrier=_own_weight,
)
FA = Rule(
    name="fa",
    title="feedback alignment",
    paper="Lillicrap, Cownden, Tweed & Akerman 2016, Nature Communications 7",
    equation="δ_l = B_{l+1} δ_{l+1} ⊙ f'(a_l)",
    route=Route.LAYERWISE,
    needs_feedback=True,
    carrier=_fixed_feedback,
)
DFA = Rule(
    name="dfa",
    title="direct feedback alignment",
    paper="Nøkland 2016, NeurIPS",
    equation="δ_l = B_l e ⊙ f'(a_l)",
    route=Route.DIRECT,
    needs_feedback=True,
    broadcast=_error_itself,
)
SHALLOW = Rule(
    name="shallow",
    title="hidden layers frozen, the baseline every result needs",
    paper="the control in Nøkland 2016 and Launay et al. 2020",
    equation="δ_l = 0",
    route=Route.NONE,
)
for _rule in (BP, FA, DFA, SHALLOW):
    RULES.register(_rule.name, _rule)
