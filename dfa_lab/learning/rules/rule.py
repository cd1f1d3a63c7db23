"""Rule: what a learning rule is, as a frozen value, and RULES, the registry of them.

A rule says which *signal* a hidden layer hears in place of BP's ∂L/∂h_l. Its route says how the signal travels:

- ``NONE``       no signal at all: hidden layers stay as they were drawn;
- ``LAYERWISE``  from the layer above: signal_l = δ_{l+1} @ carrier(W_{l+1}, B_{l+1});
- ``DIRECT``     from the output: signal_l = broadcast(e) @ B_l.

Layouts are torch's, rows are samples: W and a layerwise B are (out, in); a direct B is (n_out, n_l). The papers write
the transposes, B_{l+1} δ_{l+1} and B_l e. The output layer always hears the true error e = ∂L/∂a_L.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.learning.rules.feedback_updates import Move
from dfa_lab.registry import Choice, Registry


class Route(enum.Enum):
    """The way a signal reaches a hidden layer."""

    NONE = "none"
    LAYERWISE = "layerwise"
    DIRECT = "direct"


@dataclass(frozen=True)
class Lesson:
    """What e alone does not tell: ``targets`` shaped as the output, one-hot for classes; e's batch factor ``scale``.

    ``scale`` is 1/N under a mean and 1 under a sum: what stands in for e is scaled as e is. ``given`` are the targets
    as the loss takes them, for an ``output`` (…, N, n_out).
    """

    given: Tensor
    output: Tensor
    scale: float

    @classmethod
    def of(cls, targets: Tensor, output: Tensor, reduction: str) -> Lesson:
        """The lesson of one batch: ``targets`` are class numbers (…, N) or values (…, N, n_out)."""
        if reduction not in ("mean", "sum"):
            raise DfaLabError(f"reduction was given as {shown(reduction)}; expected 'mean' or 'sum'.")
        check_targets(targets, output)
        return cls.checked(targets, output, reduction)

    @classmethod
    def checked(cls, targets: Tensor, output: Tensor, reduction: str) -> Lesson:
        """As ``of``, for targets that a task or a loss has looked at."""
        return cls(targets, output, 1 / output.shape[-2] if reduction == "mean" else 1.0)

    @property
    def targets(self) -> Tensor:
        """What the output should be, (…, N, n_out)."""
        return self._times(1.0)

    @property
    def scaled(self) -> Tensor:
        """``targets`` times ``scale``: they in e's place."""
        return self._times(self.scale)

    def _times(self, factor: float) -> Tensor:
        targets, outputs = self.given, self.output.shape[-1]
        if not targets.is_floating_point() and outputs > 1:
            # Not one_hot, which looks at the numbers and so cannot be used under torch.func.vmap.
            blank = self.output.new_zeros((*targets.shape, outputs))
            return blank.scatter(-1, targets.unsqueeze(-1), factor)
        if not targets.is_floating_point():
            targets = targets.unsqueeze(-1)  # one output: 0 or 1 is the target itself
        return targets.to(self.output) * factor


def check_targets(targets: Any, output: Tensor) -> None:
    """Raise ``DfaLabError`` for what is no lesson for ``output`` (…, N, n_out): shape, kind, classes beyond n_out."""
    highest, rows = max(output.shape[-1] - 1, 1), output.shape[:-1]
    wanted = f"class numbers {tuple(rows)} from 0 to {highest} or values {tuple(output.shape)}"
    if not isinstance(targets, Tensor):
        raise DfaLabError(f"the lesson's targets were given as a {type(targets).__name__}; expected {wanted}.")
    valued = targets.is_floating_point()
    shape = tuple(output.shape if valued else rows)
    shared = shape[1:] if len(shape) > (2 if valued else 1) else shape  # by all replicas
    if targets.dtype is torch.bool or tuple(targets.shape) not in (shape, shared):
        raise DfaLabError(
            f"the lesson's targets have shape {tuple(targets.shape)}, {targets.dtype}, for an output "
            f"{tuple(output.shape)}; expected {wanted}."
        )
    hidden = torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()
    if not hidden and not valued and targets.numel() and targets.device.type == "cpu":
        low, high = int(targets.min()), int(targets.max())
        if low < 0 or high > highest:
            raise DfaLabError(f"the lesson's targets run from {low} to {high}; expected {wanted}.")


@dataclass(frozen=True)
class Rule:
    """One learning rule: its name, its paper, its equation as the paper writes it, and what makes it different.

    ``carrier(weight, feedback)`` belongs to a layerwise rule: the matrix, in the layout of W, that carries δ down;
    ``feedback`` is None where ``needs_feedback`` is false. ``broadcast(error, lesson)`` belongs to a direct rule: what
    every hidden layer hears through its own B; ``error`` is ∂L/∂a_L, (N, n_out), the loss's reduction included, and
    ``lesson`` is None unless ``needs_lesson``. ``magnitudes`` says that ``feedback`` holds magnitudes of the weight
    init's family, "drawn", "redrawn" (anew for every optimizer step) or "constant", in place of a matrix of the
    feedback init. ``move`` changes the feedback after each optimizer step with decay λ = ``decay``, 0–1, which a choice
    can set: ``{"name": "kp", "decay": 0.01}``; with ``listens`` it is told eᵀ h_l of the batch.
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

    @property
    def store(self) -> str:
        """Which matrices of a network the rule uses: layerwise, direct, or drawn_, redrawn_, constant_magnitude."""
        return f"{self.magnitudes}_magnitude" if self.magnitudes else self.route.value

    @property
    def changes_feedback(self) -> bool:
        """Whether the feedback is another after an optimizer step: it moves, or is drawn anew."""
        return self.move is not None or self.magnitudes == "redrawn"

    def __post_init__(self) -> None:
        wanted = (self.route is Route.LAYERWISE, self.route is Route.DIRECT)
        if wanted != (self.carrier is not None, self.broadcast is not None):
            raise DfaLabError(
                f"rule {shown(self.name)} has route {self.route.value!r}; a layerwise rule needs carrier=, "
                "a direct rule broadcast=, and no rule both."
            )
        number = isinstance(self.decay, int | float) and not isinstance(self.decay, bool)
        if not number or not 0 <= self.decay <= 1:
            raise DfaLabError(
                f"decay was given as {shown(self.decay)} to rule {shown(self.name)}; expected a number from 0 to 1."
            )

    def __reduce__(self) -> str | tuple[Any, ...]:
        """A registered rule is pickled by its name, so that its functions need no name of their own."""
        if self.name in RULES and replace(RULES[self.name], decay=self.decay) == self:
            return _registered, (self.name, self.decay)
        return super().__reduce__()


def _registered(name: str, decay: float) -> Rule:
    rule = RULES[name]
    return rule if rule.decay == decay else replace(rule, decay=decay)


def per_layer(choice: Any) -> bool:
    """Whether a choice gives each layer a rule of its own: a mapping of names or patterns, without "name"."""
    return isinstance(choice, Mapping) and "name" not in choice and len(choice) > 0


class Rules(Registry[Rule]):
    """The registry of learning rules. A rule whose feedback moves takes its decay λ as a parameter."""

    def resolve(self, choice: Choice) -> Rule:
        """The rule a choice names, with the choice's parameters; ``DfaLabError`` where it names none."""
        name, parameters = self.split(choice)
        return replace(self[name], **parameters) if parameters else self[name]

    def check(self, choice: Any) -> None:
        """As in any registry; a mapping of layers to choices is taken too (what it matches, the network knows)."""
        for one in choice.values() if per_layer(choice) else [choice]:
            self.split(one)

    def label(self, choice: Any) -> str:
        """A short text for a choice: its name, without parameters; for a mapping of layers all names."""
        if per_layer(choice):
            return "+".join(dict.fromkeys(self.label(one) for one in choice.values()))
        return choice if isinstance(choice, str) else str(choice["name"])

    def parameters(self, name: str) -> list[str]:
        """What a choice of this rule may set."""
        return ["decay"] if self[name].move else []


RULES = Rules("learning rule")
