"""What passes from any thread to the one that trains: a command, and the checks of what it names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dfa_lab.errors import DfaLabError, shown, whole_number
from dfa_lab.experiment.runner.rate_limit import FASTEST, SLOWEST, is_speed
from dfa_lab.experiment.runner.training import Training

#: The most steps that a command may name.
MOST_STEPS = 10**15


@dataclass(frozen=True)
class Command:
    """One thing to do at a step boundary: ``apply`` does it, whole or not at all, and raises what goes wrong.

    After it the former error is off the status line, unless it ``keeps_error``. Where it ``turns_curves`` the runs may
    be measured first, so that the curves go on to its step and turn there.
    """

    name: str
    apply: Callable[[Training], None]
    turns_curves: bool = False
    keeps_error: bool = False


def check_steps(name: str, given: Any) -> None:
    """Raise ``DfaLabError`` for anything but a number of steps or None."""
    if given is not None:
        whole_number(name, given, 1, MOST_STEPS, instead="None")


def check_lane(given: Any, *, every: bool = False) -> None:
    """Raise ``DfaLabError`` for anything but a lane's own number, or None for all lanes where ``every`` one may be."""
    if given is not None or not every:
        whole_number("lane", given, 0, instead="None for all" if every else "")


def check_speed(given: Any) -> None:
    """Raise ``DfaLabError`` for anything but steps a second within bounds, or None for no limit."""
    if given is not None and not is_speed(given):
        raise DfaLabError(
            f"the speed limit was given as {shown(given)}; expected steps a second from {SLOWEST} to "
            f"{FASTEST:,.0f}, or None for no limit."
        )
