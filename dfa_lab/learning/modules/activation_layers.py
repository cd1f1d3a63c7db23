"""Activation layers with another derivative: torch's own forward, and g on the way back where one is set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from torch import Tensor, nn

from dfa_lab.learning.activations import Activation, Derivative, Slope, resolve_activation, slope_of
from dfa_lab.learning.ops import functional
from dfa_lab.registry import Choice

#: torch's elementwise activations without parameters.
ELEMENTWISE: tuple[type[nn.Module], ...] = (
    nn.Tanh,
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.ELU,
    nn.SELU,
    nn.CELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Sigmoid,
    nn.LogSigmoid,
    nn.Softplus,
    nn.Softsign,
    nn.Hardtanh,
    nn.Hardsigmoid,
    nn.Hardswish,
    nn.Tanhshrink,
    nn.Softshrink,
    nn.Hardshrink,
)


class RuledActivation(nn.Module):
    """What all converted activations share: ``derivative``, the choice of g, and ``slope``, g itself.

    With "exact", f′ itself, there is no ``slope`` where torch's own pullback will do.
    """

    derivative: Choice | Derivative
    slope: Slope | None
    true_gradients = False  # inside dfa.true_gradients: f′ itself
    plain_class: ClassVar[type[nn.Module]]
    differentiable = True  #: Whether what is set by "exact" is f′ in closed form, which has a derivative of its own.

    def set_derivative(self, derivative: Choice | Derivative) -> None:
        """Multiply signals with ``derivative`` from now on; raises ``DfaLabError`` as ``slope_of`` does."""
        slope = None if derivative == "exact" else slope_of(Activation(self.plain), derivative)
        self.__dict__.update(derivative=derivative, slope=slope)  # a module among them is not to be a part of this one

    @contextmanager
    def swapped_slope(self, swap: Callable[[Slope, Slope], Slope]) -> Iterator[None]:
        """Inside, ``swap(g, f′)`` multiplies signals where there is a ``slope``."""
        own = self.slope
        if own is not None:
            self.__dict__["slope"] = swap(own, self.exact_slope)
        try:
            yield
        finally:
            self.__dict__["slope"] = own

    def exact_slope(self, a: Tensor, h: Tensor) -> Tensor:
        """f′(a), whatever g is set."""
        return slope_of(Activation(self.plain))(a, h)

    def plain(self, a: Tensor) -> Tensor:
        """f(a) as torch has it, never in place."""
        h: Tensor = super().forward(a.clone() if getattr(self, "inplace", False) else a)
        return h

    def forward(self, a: Tensor) -> Tensor:
        """f(a)."""
        if self.slope is None:
            h: Tensor = super().forward(a)
            return h
        if self.true_gradients:
            return self.plain_pass(a)
        exact = self.derivative == "exact"
        options = {"keep_output": exact, "exact": exact and self.differentiable}
        if not getattr(self, "inplace", False):
            return functional.activate(a, self.plain, self.slope, **options)
        # What holds the input may rely on its change.
        return a.copy_(functional.activate(a.clone(), self.plain, self.slope, **options))

    def plain_pass(self, a: Tensor) -> Tensor:
        """f(a) with the pullback that it had before it was converted."""
        h: Tensor = super().forward(a)
        return h

    def extra_repr(self) -> str:
        """What print shows: torch's own text, and g where it is not f′."""
        own = super().extra_repr()
        return own if self.derivative == "exact" else ", ".join(filter(None, [own, f"derivative={self.derivative!r}"]))

    def __getstate__(self) -> dict[str, Any]:
        """Without the slope, whose functions have no name of their own: it is made again from the choice."""
        return {name: value for name, value in self.__dict__.items() if name not in ("slope", "true_gradients")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.set_derivative(self.derivative)


class ActivationLayer(RuledActivation):
    """An entry of ACTIVATIONS, or any elementwise function of a tensor, as a layer for a module of one's own.

    Its derivative is the activation's own, or its surrogate where f is not differentiable, converted or not.

    >>> import torch, dfa_lab as dfa
    >>> dfa.ActivationLayer("sign")(torch.tensor([-2.0, 3.0]))
    tensor([-1.,  1.])
    """

    def __init__(self, activation: str | Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        known = resolve_activation(activation)
        self.activation = activation
        self.differentiable = known.derivative is not None and not known.surrogate
        self.set_derivative("exact")

    def set_derivative(self, derivative: Choice | Derivative) -> None:
        """As in every converted activation; "exact" is the activation's own derivative."""
        self.__dict__.update(derivative=derivative, slope=slope_of(resolve_activation(self.activation), derivative))

    def exact_slope(self, a: Tensor, h: Tensor) -> Tensor:
        """The activation's own derivative, or its surrogate."""
        return slope_of(resolve_activation(self.activation))(a, self.plain(a))

    def plain(self, a: Tensor) -> Tensor:
        """f(a)."""
        return resolve_activation(self.activation).function(a)

    def plain_pass(self, a: Tensor) -> Tensor:
        """f(a) with the activation's own derivative, or its surrogate."""
        activation = resolve_activation(self.activation)
        return (
            functional.activate(a, activation.function, slope_of(activation)) if activation.surrogate else self.plain(a)
        )

    def extra_repr(self) -> str:
        """What print shows."""
        return ", ".join(filter(None, [repr(self.activation), super().extra_repr()]))


#: torch's class -> ours. Made here by name, so that a converted network can be pickled.
ACTIVATION_LAYERS: dict[type[nn.Module], type[RuledActivation]] = {}
for _base in ELEMENTWISE:
    _name = f"Feedback{_base.__name__}"
    _words = {"__doc__": f"``nn.{_base.__name__}`` with another derivative on the way back.", "__module__": __name__}
    ACTIVATION_LAYERS[_base] = globals()[_name] = type(_name, (RuledActivation, _base), _words)
