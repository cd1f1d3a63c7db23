"""ACTIVATIONS, the f of hidden layers, and DERIVATIVES, the g that stands for f′ in the backward pass.

Legend: a = preactivation, h = f(a). A derivative is ``g(a)``, elementwise; ``exact`` is f′ itself. Training with
another g is called augmented DFA (Nakajima et al. 2022); a hidden delta is then δ = signal ⊙ g(a).

>>> import torch, dfa_lab as dfa
>>> dfa.ACTIVATIONS["relu"].function(torch.tensor([-1.0, 2.0]))
tensor([0., 2.])
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dfa_lab.errors import DfaLabError, UnknownNameError, nearest, shown, unknown_name
from dfa_lab.learning.activations.expression import Expression
from dfa_lab.learning.activations.functions import CONSTANTS
from dfa_lab.learning.activations.given_slope import GivenSlope
from dfa_lab.learning.activations.parser import LENGTH
from dfa_lab.learning.activations.piecewise_linear import Points
from dfa_lab.learning.ops import InplaceActivation, hashed_shares
from dfa_lab.learning.ops import inplace_activations as kernels
from dfa_lab.registry import Choice, Registry, per_layer


@dataclass(frozen=True)
class Activation:
    """An elementwise f and its derivative in closed form, given a and h = f(a); without one, autograd computes it.

    ``surrogate`` says that f′ is zero or undefined and the derivative stands for it, under BP too. A ``kernel``
    computes both in place on tensors that need no graph.
    """

    function: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor, Tensor], Tensor] | None = None
    surrogate: bool = False
    kernel: InplaceActivation | None = None

    def apply(self, a: Tensor) -> Tensor:
        """f(a), by the kernel where a needs no graph."""
        if self.kernel is None or a.requires_grad or torch._C._are_functorch_transforms_active():
            return self.function(a)
        h = torch.empty_like(a)
        self.kernel.into(a, h)()
        return h


Derivative = Callable[..., Tensor]
Slope = Callable[[Tensor, Tensor], Tensor]


class Derivatives(Registry[Derivative]):
    """A registry of g whose choices may also be text in x, such as "1 - tanh(x)**2".

    A registered name is that entry; any other word but ``x``, ``pi`` and ``e`` is an unknown name; the rest is text.

    >>> import torch, dfa_lab as dfa
    >>> dfa.DERIVATIVES.resolve("max(0, 1 - abs(x))")(torch.tensor([0.0, 0.25, 2.0]))
    tensor([1.0000, 0.7500, 0.0000])
    >>> dfa.DERIVATIVES.resolve({"name": "triangle", "width": 2.0})(torch.tensor([1.0]))
    tensor([0.5000])
    """

    def resolve(self, choice: Choice | Derivative) -> Derivative:
        """g as a function of a alone: ``exact`` itself, what a text says, an entry with its parameters, a callable.

        Hand the result on in place of the choice: a text is parsed here, and its ``Expression`` keeps it as ``text``.
        Raises ``DfaLabError`` for an unknown name or parameter, a text that cannot be read, and points that make no
        curve; what else an entry cannot do with its parameters it says when it is called.
        """
        if callable(choice):
            return choice
        if isinstance(choice, str) and choice not in self._entries:
            return self._from_text(choice)
        name, parameters = super().split(choice)
        if self[name] is points:
            return Points(**parameters) if parameters else points
        return exact if self[name] is exact else functools.partial(self.call, choice)

    def check(self, choice: Any) -> None:
        """As in any registry; a mapping of layers to choices is taken too (what it matches, the network knows)."""
        if not per_layer(choice):
            self.split(choice)
            return
        for layer, one in choice.items():
            try:
                self.resolve(one)
            except DfaLabError as reason:
                raise DfaLabError(f"activation_derivative for {shown(layer)}: {reason}") from None

    def split(self, choice: Choice) -> tuple[str, dict[str, Any]]:
        """As in any registry; a text in x that can be read is its own name."""
        self.resolve(choice)
        is_text = isinstance(choice, str) and choice not in self._entries
        return (choice, {}) if is_text else super().split(choice)  # type: ignore[return-value]

    def _from_text(self, text: str) -> Expression:
        if text.isidentifier() and text not in ("x", *CONSTANTS) and len(text) <= LENGTH:
            unknown = unknown_name(self.kind, text, self._entries)
            raise UnknownNameError(f"{unknown} A text in x is taken too, such as '1 - tanh(x)**2'.")
        try:
            return Expression(text)
        except DfaLabError as reason:
            name = nearest(text, self) if len(text) < 30 else None
            if name is None:
                raise
            raise DfaLabError(f"{reason} Or did you mean the registered {shown(name)}?") from None


DERIVATIVES = Derivatives("activation derivative")


@DERIVATIVES.register("exact")
def exact(a: Tensor) -> Tensor:
    """f′ itself, whatever the activation. A marker: which f′ that is, only the network knows."""
    raise DfaLabError("'exact' stands for the activation's own derivative; name it, do not call it.")


# Each takes h too, so that it can be an Activation's own derivative.
@DERIVATIVES.register("identity")
def identity(a: Tensor, h: Tensor | None = None) -> Tensor:
    """g(a) = 1, the derivative of the identity: the signal passes as it is."""
    return torch.ones_like(a)


@DERIVATIVES.register("step")
def step(a: Tensor, h: Tensor | None = None) -> Tensor:
    """g(a) = 1 where a > 0, else 0."""
    return (a > 0).to(a.dtype)


@DERIVATIVES.register("hard_tanh")
def hard_tanh(a: Tensor, h: Tensor | None = None, *, limit: float = 1.0) -> Tensor:
    """g(a) = 1 where |a| ≤ limit, else 0: the derivative of tanh's straight-line stand-in."""
    return (a.abs() <= limit).to(a.dtype)


@DERIVATIVES.register("triangle")
def triangle(a: Tensor, h: Tensor | None = None, *, width: float = 1.0) -> Tensor:
    """g(a) = max(0, 1 − |a| / width): the surrogate that spiking networks use."""
    return (1 - a.abs() / width).clamp_min(0)


_TRIANGLE = Points([(-1, 0), (0, 1), (1, 0)])


@DERIVATIVES.register("points")
def points(a: Tensor, *, points: Sequence[Sequence[float]] = _TRIANGLE.points) -> Tensor:
    """g(a) through ``points``, pairs (x, g) joined linearly and constant beyond the ends: a curve drawn by hand."""
    curve = _TRIANGLE if points is _TRIANGLE.points else Points(points)
    return curve(a)


def _tanh_slope(a: Tensor, h: Tensor) -> Tensor:
    return 1 - h * h


def _sigmoid_slope(a: Tensor, h: Tensor) -> Tensor:
    return h * (1 - h)


def _leaky_relu_slope(a: Tensor, h: Tensor) -> Tensor:
    return torch.full_like(a, 0.01).masked_fill_(a > 0, 1.0)


def _softplus_slope(a: Tensor, h: Tensor) -> Tensor:
    return torch.sigmoid(a)


def _itself(a: Tensor) -> Tensor:
    return a


def _stochastic_sign(a: Tensor) -> Tensor:
    """±1, +1 with probability (1 + a) / 2 for |a| ≤ 1. The noise is a hash of a's bits in float32.

    Equal a give equal signs, so a probe, a replay and a recomputation see what training saw, and no generator moves.
    """
    return torch.where(2 * hashed_shares(a) - 1 < a, torch.ones_like(a), -torch.ones_like(a))


ACTIVATIONS: Registry[Activation] = Registry("activation")
ACTIVATIONS.register("tanh", Activation(torch.tanh, _tanh_slope, kernel=kernels.TANH))
ACTIVATIONS.register("relu", Activation(torch.relu, step, kernel=kernels.RELU))
ACTIVATIONS.register("sigmoid", Activation(torch.sigmoid, _sigmoid_slope, kernel=kernels.SIGMOID))
ACTIVATIONS.register("leaky_relu", Activation(F.leaky_relu, _leaky_relu_slope))
ACTIVATIONS.register("softplus", Activation(F.softplus, _softplus_slope))
ACTIVATIONS.register("identity", Activation(_itself, identity))
#: sign(a), and 1 where |a| ≤ 1 for its derivative: the straight-through estimator (Hubara et al. 2016, eq. 4).
ACTIVATIONS.register("sign", Activation(torch.sign, hard_tanh, surrogate=True))
#: 1 where a > 0, else 0, and max(0, 1 − |a|) for its derivative (Bellec et al. 2018).
ACTIVATIONS.register("heaviside", Activation(step, triangle, surrogate=True))
#: ±1 at random with mean hard_tanh(a), and that mean's derivative (Hubara et al. 2016, eq. 2).
ACTIVATIONS.register("stochastic_sign", Activation(_stochastic_sign, hard_tanh, surrogate=True))


def slope_of(activation: Activation, derivative: Choice | Derivative = "exact") -> Slope:
    """The g of a layer as an elementwise function of a and h = f(a), which multiplies the signal.

    ``derivative`` is any choice that ``DERIVATIVES.resolve`` takes, or what it gave: a name, a name with parameters,
    text in x, or a callable ``g(a)``. Raises ``DfaLabError`` where g fails on a small tensor, changes its shape,
    or gives NaN or infinity.
    """
    g = DERIVATIVES.resolve(derivative)
    if g is exact:
        return activation.derivative or functools.partial(_slope_by_autograd, activation.function)
    slope = GivenSlope(g, derivative)
    try:
        slope.check_ordinary()
    except DfaLabError:
        raise
    except (Exception, SystemExit, GeneratorExit) as reason:  # the user's own code: whatever it raises, it has no use
        raise DfaLabError(
            f"activation derivative {shown(g)} failed on a tensor of numbers: "
            f"{type(reason).__name__}: {reason}. "
            "Expected an elementwise g(a)."
        ) from reason
    return slope


def _slope_by_autograd(function: Callable[[Tensor], Tensor], a: Tensor, h: Tensor) -> Tensor:
    with torch.enable_grad():
        leaf = a.detach().requires_grad_()
        (slope,) = torch.autograd.grad(function(leaf).sum(), leaf)
    return slope


def resolve_activation(choice: str | Activation | Callable[[Tensor], Tensor]) -> Activation:
    """An Activation from its registered name, from an Activation, or from any elementwise torch function."""
    if isinstance(choice, Activation):
        return choice
    if isinstance(choice, type):
        raise DfaLabError(
            f"the activation was given as the class {choice.__name__}; expected a name such as 'tanh', or a "
            f"function of one tensor: {choice.__name__}() if it is a module."
        )
    return Activation(choice) if callable(choice) else ACTIVATIONS[choice]
