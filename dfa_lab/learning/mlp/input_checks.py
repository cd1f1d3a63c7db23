"""Checks of the widths and the inputs of an MLP."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError, shown

#: The most units of a layer that torch has a size for.
WIDEST = 2**31 - 1


def check_inputs(inputs: Tensor, width: int, replicas: int | None, own: torch.dtype) -> None:
    """Raise ``DfaLabError`` for what is no finite float tensor (N, ``width``) or (K, N, ``width``) of dtype ``own``."""
    wanted = f"a float tensor of shape (N, {width})"
    if replicas is not None:
        wanted += f" or ({replicas}, N, {width})"
    if not isinstance(inputs, Tensor) or not inputs.is_floating_point():
        given = f"{inputs.dtype} tensor" if isinstance(inputs, Tensor) else type(inputs).__name__
        raise DfaLabError(f"inputs were given as a {given}; expected {wanted}.")
    fits = inputs.dim() == 2 or (inputs.dim() == 3 and replicas == inputs.shape[0])
    if not fits or inputs.shape[-1] != width:
        raise DfaLabError(f"inputs have shape {tuple(inputs.shape)}; expected {wanted}.")
    if inputs.dtype != own and not torch.is_autocast_enabled(inputs.device.type):
        raise DfaLabError(f"inputs are {inputs.dtype}, the network {own}; use inputs.to({own}) or net.to(…).")
    # The sum of finite numbers is finite, or nearly always: one pass, and the second look only where it is not.
    hidden = torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()
    watched = not hidden and inputs.device.type == "cpu"
    if watched and not math.isfinite(inputs.detach().sum()) and not bool(torch.isfinite(inputs).all()):
        raise DfaLabError("inputs hold NaN or infinity; expected finite numbers: look where they come from.")


def checked_widths(widths: Sequence[int]) -> tuple[int, ...]:
    """The widths as whole numbers; ``DfaLabError`` for those that make no network."""
    try:
        whole = tuple(int(width) for width in widths if int(width) == width and 0 < width <= WIDEST)
    except (TypeError, ValueError, OverflowError):
        whole = ()
    if len(whole) < 2 or len(whole) != len(widths):
        raise DfaLabError(
            f"widths were given as {shown(widths)}; expected at least two whole numbers from 1: [in, …, out]."
        )
    return whole
