"""What one does to a network that learns by a rule: switch, redraw, teach, attach."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError
from dfa_lab.learning.activations import Derivative
from dfa_lab.learning.mlp import MLP
from dfa_lab.registry import Choice


def set_rule(net: MLP, rule: Choice) -> None:
    """Let ``net`` learn by ``rule`` from the next forward pass on; feedback drawn before is found again."""
    net.set_rule(rule)


def set_derivative(net: MLP, derivative: Choice | Derivative) -> None:
    """Let ``net`` multiply every signal with ``derivative`` from the next forward pass on."""
    net.set_derivative(derivative)


def redraw_feedback(net: MLP, init: Choice | None = None, scale: float | None = None, seed: int | None = None) -> None:
    """Draw all of ``net``'s feedback anew; what is not given stays as it was. Moves no other random stream."""
    net.redraw_feedback(init, scale, seed)


@contextmanager
def lesson(net: MLP, targets: Tensor, reduction: str = "mean") -> Iterator[None]:
    """Inside, ``net`` knows what e alone does not tell: DRTP hears ``targets``, sDFA e's batch factor.

    ``targets`` are class numbers (…, N) or values (…, N, n_out); ``reduction``, "mean" or "sum", is the loss's own. Run
    the forward pass inside. Rules that need only e take no notice. Raises ``DfaLabError`` for another reduction.
    """
    if reduction not in ("mean", "sum"):
        raise DfaLabError(f"reduction was given as {reduction!r}; expected 'mean' or 'sum', as the loss has it.")
    before, net.lesson = net.lesson, (targets, reduction)
    try:
        yield
    finally:
        net.lesson = before


def attach(net: MLP, optimizer: torch.optim.Optimizer) -> Callable[[], None]:
    """Let feedback change with every step of ``optimizer`` (kp, wm, dkp learn, brsf is drawn anew).

    The function returned ends that.

    Rules whose feedback stays as it is take no notice, so a network may be attached once and switched at will.
    """
    before: list[Tensor] = []

    def note(*_: Any) -> None:
        before[:] = [weight.detach().clone() for weight in net.weights] if net.rule.move else []

    def move(*_: Any) -> None:
        net.move_feedback(before)

    hooks = optimizer.register_step_pre_hook(note), optimizer.register_step_post_hook(move)

    def detach() -> None:
        for hook in hooks:
            hook.remove()

    return detach
