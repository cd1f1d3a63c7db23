"""Rule: a learning rule as a frozen value of one of three kinds, and RULES, the registry of them.

A rule says which *signal* a hidden layer receives in place of BP's ∂L/∂h_l. Its kind says where the signal comes from:

- ``Layerwise``: from the layer above, signal_l = δ_{l+1} @ carrier(W_{l+1}, B_{l+1});
- ``Direct``: from the output, signal_l = broadcast(e) @ B_l;
- ``Frozen``: from nowhere. Hidden layers stay as they were drawn.

Layouts are torch's, rows are samples: W and a layerwise B are (out, in), a direct B is (n_out, n_l). The papers write
the transposes, B_{l+1} δ_{l+1} and B_l e. The output layer always learns from the true error e = ∂L/∂a_L.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, final

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError, shown, whole_number
from dfa_lab.learning.rules.error_channels import ERROR_CHANNELS, ErrorChannel
from dfa_lab.learning.rules.feedback_updates import Move
from dfa_lab.learning.rules.lesson import Lesson
from dfa_lab.learning.rules.low_rank import of_rank
from dfa_lab.registry import Choice, Registry, misspelt_name, per_layer


class Route(enum.Enum):
    """The way a signal reaches a hidden layer; each is a kind of rule.

    >>> import dfa_lab as dfa
    >>> dfa.RULES["dfa"].route
    <Route.DIRECT: 'direct'>
    """

    NONE = "none"
    LAYERWISE = "layerwise"
    DIRECT = "direct"


@dataclass(frozen=True, repr=False)
class Rule:
    """One learning rule: its name, its paper, its equation as the paper writes it, and what makes it different.

    ``Rule(…)`` makes a ``Layerwise``, ``Direct`` or ``Frozen`` rule, as ``route`` says. ``carrier(weight, feedback)``
    belongs to a layerwise rule: the matrix, in the layout of W, that carries δ down; ``feedback`` is None where
    ``needs_feedback`` is false. ``broadcast(error, lesson)`` belongs to a direct rule: what every hidden layer receives
    through its own B; ``error`` is ∂L/∂a_L, (N, n_out), the loss's reduction included, and ``lesson`` is None unless
    ``needs_lesson``. ``magnitudes`` says that ``feedback`` holds magnitudes of the weight init's family, "drawn",
    "redrawn" (anew for every optimizer step) or "constant", in place of a matrix of the feedback init. ``move`` changes
    the feedback after each optimizer step with decay λ = ``decay``, 0–1, which a choice can set:
    ``{"name": "kp", "decay": 0.01}``; with ``listens`` it is given eᵀ h_l of the batch. ``symbol`` is what a picture
    calls the matrix that carries the signal: by default "B" where there is feedback, else "f(W)ᵀ"; ``sends`` is what
    goes through it from the output: "e", "sign(e)", "t" for the targets.

    A direct rule that is ``normalised`` sends through B with rows of length 1 (a row is an output's way to all units),
    and brings each sample's signal to the length of what it broadcasts. Its ``channel`` is what the broadcast goes
    through before B, of ERROR_CHANNELS, which a choice sets: ``{"name": "dfa", "error_channel": "sign"}``. One with a
    ``rank`` uses B's part of that rank, and a choice can set it: ``{"name": "ldfa", "rank": 2}``. A layer's rank is at
    most the smaller of its units and the outputs: with a ``rank`` above that it uses all of B.

    Raises ``DfaLabError`` where the route and the functions given do not fit, for a decay that is no share, and for
    subclasses of one's own.

    >>> import dfa_lab as dfa
    >>> half = lambda weight, feedback: weight / 2
    >>> dfa.Rule("half", "BP at half strength", "none", "δ_l = ½ Wᵀ δ", dfa.Route.LAYERWISE, carrier=half).store
    'layerwise'
    """

    name: str
    title: str
    paper: str
    equation: str
    route: Route
    needs_feedback: bool = False
    carrier: Callable[[Tensor, Tensor | None], Tensor] | None = None
    broadcast: Callable[[Tensor, Lesson | None], Tensor] | None = None
    needs_lesson: bool = False
    magnitudes: Literal["", "drawn", "redrawn", "constant"] = ""
    move: Move | None = None
    decay: float = 0.0
    listens: bool = False
    symbol: str = ""
    sends: str = "e"
    normalised: bool = False
    channel: ErrorChannel = ERROR_CHANNELS["exact"]
    rank: int = 0

    #: Whether autograd stops between the layers, so that hidden layers learn from what the rule sends alone.
    cuts_graph: ClassVar[bool] = True

    def __new__(cls, *given: Any, **named: Any) -> Rule:
        """An instance of the kind that ``route`` names."""
        route = named.get("route", given[4] if len(given) > 4 else None)
        return object.__new__(KINDS.get(route, Rule) if cls is Rule else cls)

    def __post_init__(self) -> None:
        if type(self) not in (Rule, *KINDS.values()):
            raise DfaLabError(
                f"rule {shown(self.name)} is of a class of its own, {type(self).__name__}; make it with "
                "dfa.Rule(…, route=…), and give what makes it different as carrier= or broadcast=."
            )
        wanted = (self.route is Route.LAYERWISE, self.route is Route.DIRECT)
        fits = wanted == (self.carrier is not None, self.broadcast is not None)
        if not fits or type(self) is not KINDS.get(self.route):
            route = self.route.value if isinstance(self.route, Route) else self.route
            raise DfaLabError(
                f"rule {shown(self.name)} has route {shown(route)}; a layerwise rule needs carrier=, "
                "a direct rule broadcast=, and no rule both."
            )
        number = isinstance(self.decay, int | float) and not isinstance(self.decay, bool)
        if not number or not 0 <= self.decay <= 1:
            raise DfaLabError(
                f"decay was given as {shown(self.decay)} to rule {shown(self.name)}; expected a number from 0 to 1."
            )
        whole_number(f"the rank of rule {shown(self.name)}", self.rank, 0)
        if not self.symbol and self.route is not Route.NONE:
            object.__setattr__(self, "symbol", "B" if self.needs_feedback else "f(W)ᵀ")

    def received(self, error: Tensor, lesson: Lesson | None) -> Tensor | None:
        """What all hidden layers receive from the output, (…, N, n_out); None unless the rule is direct."""
        return None

    def matrix(self, weight: Tensor, feedback: Tensor | None) -> Tensor | None:
        """The matrix that makes a layer's signal, from W_{l+1} and its B (None where not needed); None: no signal."""
        return None

    def signal(self, delta: Tensor, received: Tensor | None, weight: Tensor, feedback: Tensor | None) -> Tensor | None:
        """signal_l from δ_{l+1}, what was ``received``, W_{l+1} and B; None where there is none."""
        return None

    def resized(self, signal: Tensor, received: Tensor) -> Tensor:
        """``signal``, rows are samples, brought in place to the length that the rule wants it to have."""
        return signal

    def correlated(self, received: Tensor, hidden: Tensor) -> Tensor:
        """What feedback that listens learns from: eᵀ h_l, (n_out, n_l), and of a rule with a ``rank`` eᵀe beside it."""
        return received.mT @ (torch.cat([hidden, received], -1) if self.rank else hidden)

    @property
    def store(self) -> str:
        """Which matrices of a network the rule uses: "layerwise", "direct", or "drawn_magnitude" and its like."""
        return f"{self.magnitudes}_magnitude" if self.magnitudes else self.route.value

    @property
    def changes_feedback(self) -> bool:
        """Whether the feedback is another after an optimizer step: it learns, or is drawn anew."""
        return self.move is not None or self.magnitudes == "redrawn"

    @property
    def choice(self) -> Choice:
        """The choice that this rule is: its name, or a mapping with the parameters that are not the name's own.

        >>> import dfa_lab as dfa
        >>> dfa.RULES.resolve({"name": "ldfa", "rank": 5, "error_channel": "exact"}).choice
        {'name': 'ldfa', 'rank': 5}
        """
        own = RULES.get(self.name, Rule)
        given = {name: getattr(self, name) for name in ("decay", "rank") if getattr(self, name) != getattr(own, name)}
        if self.channel != own.channel:
            given["error_channel"] = self.channel.choice
        return {"name": self.name, **given} if given else self.name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.choice!r})"

    def __reduce__(self) -> str | tuple[Any, ...]:
        """A registered rule is pickled by its name, so that its functions need no name of their own."""
        given = self.name, self.decay, self.channel, self.rank
        if self.name in RULES and _registered(*given) == self:
            return _registered, given
        return super().__reduce__()


@final
@dataclass(frozen=True, repr=False)
class Layerwise(Rule):
    """A rule that carries δ from layer to layer, each time with ``carrier(W, B)`` where BP has W."""

    route: Route = Route.LAYERWISE
    carrier: Callable[[Tensor, Tensor | None], Tensor] = None  # type: ignore[assignment]  # refused when made
    cuts_graph: ClassVar[bool] = False

    def matrix(self, weight: Tensor, feedback: Tensor | None) -> Tensor:
        """carrier(W_{l+1}, B_{l+1}), in the layout of W."""
        return self.carrier(weight, feedback)

    def signal(self, delta: Tensor, received: Tensor | None, weight: Tensor, feedback: Tensor | None) -> Tensor:
        """δ_{l+1} @ carrier(W_{l+1}, B_{l+1})."""
        return delta @ self.carrier(weight, feedback)


@final
@dataclass(frozen=True, repr=False)
class Direct(Rule):
    """A rule that sends ``broadcast(e)`` from the output to every hidden layer at once, each through its own B."""

    route: Route = Route.DIRECT
    needs_feedback: bool = True
    broadcast: Callable[[Tensor, Lesson | None], Tensor] = None  # type: ignore[assignment]  # refused when made

    def received(self, error: Tensor, lesson: Lesson | None) -> Tensor:
        """broadcast(e), through the channel."""
        return self.channel(self.broadcast(error, lesson), lesson, error)

    def matrix(self, weight: Tensor | None, feedback: Any) -> Tensor:
        """B_l, (n_out, n_l); with rows of length 1 where the rule is ``normalised``, or its part of a ``rank``."""
        used = of_rank(feedback, self.rank) if self.rank else feedback
        return torch.nn.functional.normalize(used, dim=-1) if self.normalised else used

    def signal(self, delta: Tensor, received: Any, weight: Tensor, feedback: Any) -> Tensor:
        """broadcast(e) @ B_l."""
        return self.resized(received @ self.matrix(weight, feedback), received)

    def resized(self, signal: Tensor, received: Tensor) -> Tensor:
        """``signal``, rows are samples; of a ``normalised`` rule each, in place, as long as what was ``received``."""
        if not self.normalised:
            return signal
        length = torch.linalg.vector_norm(signal, dim=-1, keepdim=True)
        shortest = torch.finfo(length.dtype).tiny  # a signal shorter than this is none, and stays as it is
        return signal.mul_(torch.linalg.vector_norm(received, dim=-1, keepdim=True) / length.clamp_min(shortest))


@final
@dataclass(frozen=True, repr=False)
class Frozen(Rule):
    """A rule that sends hidden layers nothing: only the output layer learns."""

    route: Route = Route.NONE
    sends: str = ""


KINDS: dict[Any, type[Rule]] = {kind.route: kind for kind in (Layerwise, Direct, Frozen)}


def _registered(name: str, decay: float, channel: ErrorChannel = ERROR_CHANNELS["exact"], rank: int = 0) -> Rule:
    rule = RULES[name]
    if (rule.decay, rule.rank) != (decay, rank):
        rule = replace(rule, decay=decay, rank=rank)
    return rule if rule.channel == channel else _through(rule, channel)


def _through(rule: Rule, channel: ErrorChannel) -> Rule:
    """``rule`` with another channel."""
    return replace(rule, channel=channel, needs_lesson=rule.needs_lesson or channel.needs_lesson)


class Rules(Registry[Rule]):
    """The registry of learning rules. A rule takes as parameters the decay λ where its feedback learns, and its rank.

    >>> import dfa_lab as dfa
    >>> dfa.RULES.resolve({"name": "kp", "decay": 0.01}).decay
    0.01
    """

    def add(self, rule: Rule) -> Rule:
        """Register ``rule`` under its own name, and give it back."""
        return self.register(rule.name, rule)

    def resolve(self, choice: Choice) -> Rule:
        """The rule a choice names, with the choice's parameters; ``DfaLabError`` where it names none."""
        name, parameters = self.split(choice)
        channel = parameters.pop("error_channel", None)
        if "rank" in parameters:
            whole_number("rank", parameters["rank"], 1)
        rule = replace(self[name], **parameters) if parameters else self[name]
        return rule if channel is None else _through(rule, ERROR_CHANNELS.resolve(channel))

    def check(self, choice: Any) -> None:
        """As in any registry; a mapping of layers to choices is taken too (what it matches, the network knows)."""
        try:
            for one in choice.values() if per_layer(choice) else [choice]:
                self.split(one)
        except DfaLabError as reason:
            if per_layer(choice) and (question := misspelt_name(choice)):
                raise DfaLabError(f"rule was given as {shown(choice)}: {reason}{question}") from None
            raise

    def label(self, choice: Any) -> str:
        """A short text for a choice: its name, without parameters; for a mapping of layers all names."""
        if per_layer(choice):
            return "+".join(dict.fromkeys(self.label(one) for one in choice.values()))
        return choice if isinstance(choice, str) else str(choice["name"])

    def parameters(self, name: str) -> list[str]:
        """What a choice of this rule may set."""
        rule = self[name]
        own = ["decay"] * bool(rule.move) + ["rank"] * bool(rule.rank)
        return own + ["error_channel"] * (rule.route is Route.DIRECT)


RULES = Rules("learning rule")
