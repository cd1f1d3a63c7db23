"""Why a button or a preset cannot be used as things stand, so that the page offers nothing in vain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.sessions import STORIES, offered
from dfa_lab.experiment.settings import Settings
from dfa_lab.widgets.controls.restrictions import Restrictions
from dfa_lab.widgets.controls.verb_table import VERBS, Situation


def disabled_reasons(restrictions: Restrictions, run: Experiment, lanes: int) -> dict[str, str]:
    """The reason by verb, for a chosen ``run`` where there are ``lanes`` in all.

    Verbs that ``lock`` names itself are not among them: the page is sent ``lock``.
    """
    now = Situation(run, lanes, lambda fields: _refusal(restrictions.check_change, fields, run.settings))
    locked = {name: by for name in VERBS if (by := restrictions.locked_by(name)) not in ("", name)}
    found = {name: f"{by} is locked here" for name, by in locked.items()}
    return {name: why for name, verb in VERBS.items() if (why := found.get(name) or verb.disabled(now))}


def presets(restrictions: Restrictions, now: Settings) -> list[dict[str, Any]]:
    """Every preset as the page offers it: name, title, its story's question, what it is about, why ``refused``."""
    return [
        {
            "name": name,
            "title": preset.title,
            "question": STORIES[name].question if name in STORIES else "",
            "about": preset.about,
            "refused": _refusal(restrictions.check_session, preset, now),
        }
        for name, preset in offered().items()
    ]


def _refusal(check: Callable[..., None], *arguments: Any) -> str:
    try:
        check(*arguments)
    except DfaLabError as reason:
        return str(reason)
    return ""
