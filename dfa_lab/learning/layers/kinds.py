"""LayerKind, what ``convert`` has to know of a class of layers, and Layers, the registry of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, overload

from torch import Tensor, nn

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.registry import Registry


@dataclass(frozen=True)
class LayerKind:
    """A class of layers: the parameters that carry δ, and how the layer computes its output from them.

    - ``product``: ``product(layer, x, *weights) -> y``, differentiable in x, with one weight for each of ``carries``.
      It is used for the way back only, with a rule's matrices as the weights, so that constants such as a bias may be
      left out; forward stays the class's own. By default the class's own forward with the matrices in the weights'
      places, which is right for layers whose output is linear in x, up to a constant.
    - ``carries``: the names of the parameters, or a function of the layer that gives them. Each has feedback of its
      own, in its own layout.
    - ``transposed``: weights are (in, out, …) and not (out, in, …); feedback inits need to know.
    - ``elementwise``: an activation without weights, whose derivative ``activation_derivative`` may replace.
    - ``ruled``: the class that takes the place of the layer's own; by default one is made.

    Raises ``DfaLabError`` for names that are no identifiers.

    >>> import torch, dfa_lab as dfa
    >>> dfa.LayerKind(transposed=True).names(torch.nn.Linear(2, 3))
    ('weight',)
    """

    product: Callable[..., Tensor] | None = None
    carries: tuple[str, ...] | Callable[[Any], tuple[str, ...]] = ("weight",)
    transposed: bool = False
    elementwise: bool = False
    ruled: type[nn.Module] | None = None
    about: str = ""

    def __post_init__(self) -> None:
        if not callable(self.carries):
            names: Any = self.carries
            if not isinstance(names, tuple) or not all(isinstance(one, str) and one.isidentifier() for one in names):
                raise DfaLabError(
                    f"carries was given as {shown(names)}; expected names of parameters in a tuple: ('weight',)."
                )

    def names(self, layer: nn.Module) -> tuple[str, ...]:
        """The parameters of ``layer`` that δ is carried through; none where it is ``elementwise``."""
        if self.elementwise:
            return ()
        return tuple(self.carries(layer)) if callable(self.carries) else self.carries


class Layers(Registry[LayerKind]):
    """The registry of layer classes. A key is a class, or its full dotted name, so that no package is imported for it.

    A subclass that keeps the forward pass of a known class is of its kind, too.

    >>> import torch, dfa_lab as dfa
    >>> "torch.nn.modules.linear.Linear" in dfa.LAYERS, torch.nn.Linear in dfa.LAYERS
    (True, True)
    """

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self._classes: dict[str, type] = {}  # of those that were given as classes

    @overload
    def register(self, name: str | type) -> Callable[[LayerKind], LayerKind]: ...
    @overload
    def register(self, name: str | type, entry: LayerKind) -> LayerKind: ...
    def register(
        self, name: str | type, entry: LayerKind | None = None
    ) -> LayerKind | Callable[[LayerKind], LayerKind]:
        """Teach a class: ``LAYERS.register(Own, dfa.LayerKind(…))``; ``Own`` may be its full dotted name.

        A name that is taken is an error; a class of the same name that was defined anew takes the place of the former.
        """
        is_module = isinstance(name, type) and issubclass(name, nn.Module)
        if not is_module and not (isinstance(name, str) and "." in name and all(name.split("."))):
            raise DfaLabError(
                f"{shown(name)} was given as a {self.kind}; expected a class of torch modules, or its full dotted "
                "name such as 'package.file.Class'."
            )
        key = dotted_name(name)
        again = isinstance(name, type) and key in self._classes and self._classes[key] is not name
        if key in self._entries and not again:
            raise DfaLabError(f"there is a {self.kind} called {shown(key)} already.")

        def add(entry: LayerKind) -> LayerKind:
            if not isinstance(entry, LayerKind):
                raise DfaLabError(f"{shown(entry)} was given for {key}; expected a dfa.LayerKind(…).")
            self._entries[key] = entry
            if isinstance(name, type):
                self._classes[key] = name
            return entry

        return add if entry is None else add(entry)

    def __getitem__(self, name: str | type) -> LayerKind:
        return super().__getitem__(dotted_name(name))

    def __contains__(self, name: object) -> bool:
        return (isinstance(name, str | type)) and dotted_name(name) in self._entries

    def find(self, kind: type) -> tuple[LayerKind, type] | None:
        """The entry of a class and the class that it was registered for: its own, or that of a base it computes as."""
        for base in kind.__mro__:
            entry = self._entries.get(dotted_name(base))
            if entry is not None:
                return (entry, base) if all(_same(kind, base, one) for one in _FORWARD) else None
        return None


#: Filled in ``modules/layer_types.py``.
LAYERS = Layers("layer class")
#: A class that has one of these of its own computes in a way of its own.
_FORWARD = ("forward", "_conv_forward")


def _same(kind: type, base: type, name: str) -> bool:
    return getattr(kind, name, None) is getattr(base, name, None)


def dotted_name(kind: str | type) -> str:
    """The full name of a class: that of its module, and its own."""
    return kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
