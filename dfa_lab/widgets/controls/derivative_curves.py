"""The curves of the derivative editor: the activation f, its derivative f′, and the g that stands in for it."""

from __future__ import annotations

import math
from itertools import groupby
from typing import Any

import torch

from dfa_lab.learning.activations import DERIVATIVES, exact, resolve_activation, slope_of
from dfa_lab.learning.ops import is_sequence
from dfa_lab.registry import per_layer

SPAN = 4.0
"""The curves reach from −4 to 4."""
COUNT = 161
"""How many points a curve has: every 0.05, and 0 itself."""


def curves(activation: Any, derivative: Any = "exact") -> dict[str, Any]:
    """``x`` and, at each x, the activation's ``f``, its own derivative ``exact``, and ``g``, what stands for it.

    Of a sequence of derivatives, one for each replica, the first; of a mapping of layers the first that is another than
    f′. None stands where there is no finite number, and all over ``g`` where the derivative cannot be computed: the
    run's own error says why. ``undefined`` says in words where ``g`` has no finite number, "" where it has one
    everywhere.
    """
    places = [round(i * 2 * SPAN / (COUNT - 1) - SPAN, 6) for i in range(COUNT)]
    x = torch.tensor(places, device="cpu")  # not linspace, which misses 0
    f = resolve_activation(activation)
    h = f.apply(x)
    first = derivative[0] if is_sequence(derivative) else derivative
    if per_layer(first):
        first = next((one for one in first.values() if one != "exact"), "exact")
    try:  # by g itself: what a network refuses for its gaps is drawn with them
        given = DERIVATIVES.resolve(first)
        g = _numbers(slope_of(f)(x, h) if given is exact else given(x))
    except Exception:  # the user's own code
        g = [None] * COUNT
    return {
        "x": list(places),
        "f": _numbers(h),
        "exact": _numbers(slope_of(f)(x, h)),
        "g": g,
        "undefined": _gaps(places, g),
    }


def _gaps(places: list[float], values: list[float | None]) -> str:
    """Where a curve has no value: "at x = 0", "for x from −4 to −0.05 and at x = 1"."""
    words = []
    for missing, run in groupby(zip(places, values, strict=True), key=lambda pair: pair[1] is None):
        inside = [f"{x:g}".replace("-", "\N{MINUS SIGN}") for x, _ in run]
        if missing:
            words.append(f"at x = {inside[0]}" if len(inside) == 1 else f"for x from {inside[0]} to {inside[-1]}")
    return " and ".join(words)


def _numbers(values: torch.Tensor) -> list[float | None]:
    return [round(value, 5) if math.isfinite(value) else None for value in values.detach().tolist()]
