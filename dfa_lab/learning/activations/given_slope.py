"""GivenSlope: a g that the user gave, as the slope of a layer, and what is said where it is no finite number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError, shown

#: Preactivations of any network, none of them 0: a pole there, as of 1 / x, is met by few.
ORDINARY = (-2.1, -1.1, -0.6, -0.1, 0.1, 0.6, 1.1, 2.1)
#: Where else a derivative may fail.
UNUSUAL = (0.0, -4.0, 4.0, -8.0, 8.0, -16.0, 16.0, -64.0, 64.0)
#: So many of the first slopes are looked through.
LOOKS = 32


class GivenSlope:
    """``g`` as a function of a and h; ``choice`` is what it was chosen by, for messages.

    Calling it raises ``DfaLabError`` where g changes the shape.
    """

    def __init__(self, g: Callable[[Tensor], Tensor], choice: Any) -> None:
        self.g, self.choice, self._unseen = g, choice, LOOKS

    def __call__(self, a: Tensor, h: Tensor) -> Tensor:
        """g(a)."""
        slope = self.g(a)
        if not isinstance(slope, Tensor) or slope.shape != a.shape:
            given = f"shape {tuple(slope.shape)}" if isinstance(slope, Tensor) else type(slope).__name__
            raise DfaLabError(
                f"activation derivative {shown(self.g)} gave {given}; expected a tensor of a's shape {tuple(a.shape)}."
            )
        return slope.to(a.dtype)

    def check_ordinary(self) -> None:
        """Raise ``DfaLabError`` where g is not finite at preactivations that every network has."""
        a = torch.tensor(ORDINARY)
        self.check(a, self(a.clone(), a))

    def look(self, a: Tensor, slope: Tensor) -> None:
        """``check`` a network's first slopes, in a backward pass on a CPU."""
        if self._unseen and slope.device.type == "cpu" and not torch._C._are_functorch_transforms_active():
            self._unseen -= 1
            if not bool(slope.sum().isfinite()):  # one pass, and the second look only where it is not
                self.check(a, slope)

    def check(self, a: Tensor, slope: Tensor) -> None:
        """Raise ``DfaLabError`` where an entry of ``slope`` = g(``a``) is not finite."""
        lost = ~slope.isfinite()
        if bool(lost.any()):
            raise DfaLabError(
                f"activation derivative {shown(self.choice)} gives {float(slope[lost][0]):g} at x = "
                f"{float(a[lost][0]):.3g}; expected finite numbers for every x: where(x > 0, …, 0) and abs help."
            )

    def weak_point(self) -> str:
        """Where else g is not finite, as a text that names it; "" where no such place is known."""
        a = torch.tensor(UNUSUAL)
        try:
            self.check(a, self(a.clone(), a))
        except Exception as error:
            return str(error) if isinstance(error, DfaLabError) else ""
        return ""
