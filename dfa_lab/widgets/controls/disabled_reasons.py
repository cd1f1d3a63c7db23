"""Refusals: what cannot be done as things stand, each with the reason, so that the page offers nothing in vain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.runner import LANES
from dfa_lab.experiment.sessions import PRESETS
from dfa_lab.experiment.settings import Settings
from dfa_lab.widgets.controls.restrictions import Classroom


def refusals(classroom: Classroom, run: Experiment, lanes: int) -> dict[str, str]:
    """The reason by the name of the act, for a chosen ``run`` beside which there are ``lanes`` in all.

    What ``Classroom.lock`` names itself is not among them: the page is told of that.
    """
    found = {}
    if lanes >= LANES:
        found["fork"] = f"there are {LANES} lanes already, which is the most; drop one first (\N{MULTIPLICATION X})"
    if run.module is not None:
        found["preset"] = found["load"] = "it trains a network of your own, which no preset or text describes"
    if fixed := [name for name in ("seed", "feedback_seed") if name in classroom.lock]:
        found["new_seed"] = f"{fixed[0]} is locked here"
    if run.undoable and (why := _said(classroom.check, run.undoable[-1], run.settings)):
        found["undo"] = why
    return found


def presets(classroom: Classroom, now: Settings) -> list[dict[str, Any]]:
    """Every preset as the page offers it: its name, title, what it is about, and why it is ``refused``, "" if not."""
    return [
        {
            "name": name,
            "title": preset.title,
            "about": preset.about,
            "refused": _said(classroom.check_session, preset, now),
        }
        for name, preset in PRESETS.items()
    ]


def _said(check: Callable[..., None], *arguments: Any) -> str:
    try:
        check(*arguments)
    except DfaLabError as reason:
        return str(reason)
    return ""
