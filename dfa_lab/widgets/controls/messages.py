"""Acts: what a page, or code in its place, may ask for. What is none of these is refused before anybody sees it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from dfa_lab.errors import DfaLabError, nearest, shown
from dfa_lab.experiment.runner import FASTEST, SLOWEST, is_speed
from dfa_lab.experiment.settings import MESSAGE_FIELDS as FIELDS
from dfa_lab.experiment.settings import MESSAGE_FIELDS_TEXT as FIELDS_TEXT
from dfa_lab.experiment.settings import MESSAGE_STEPS as STEPS
from dfa_lab.experiment.settings import MESSAGE_TEXT as TEXT
from dfa_lab.widgets.controls.exports import DOWNLOADS

Check = Callable[[Any], bool]


def _whole(low: int, high: int) -> Check:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _text(most: int) -> Check:
    return lambda value: isinstance(value, str) and 0 < len(value) <= most


def _fields(value: Any) -> bool:
    """Settings by name, of which Settings itself says whether they can be used: here only their size is bounded."""
    if not isinstance(value, Mapping) or len(value) > FIELDS or not all(isinstance(key, str) for key in value):
        return False
    try:
        return len(json.dumps(value, allow_nan=False)) <= FIELDS_TEXT
    except (TypeError, ValueError, RecursionError):
        return False


def _saved(value: Any) -> bool:
    return isinstance(value, str) and value in DOWNLOADS


#: Each act, and what goes with it: (name, whether it may be left out, check, in words).
ACTS: dict[str, tuple[tuple[str, bool, Check, str], ...]] = {
    **dict.fromkeys(("play", "pause", "measure", "reset", "new_seed", "undo", "pin", "slow", "share", "watching"), ()),
    "change": (("fields", False, _fields, "settings by name"),),
    "new_run": (("fields", False, _fields, "settings by name"),),
    "fork": (("fields", True, _fields, "settings by name"),),
    "step": (("steps", False, _whole(1, STEPS), f"a whole number from 1 to {STEPS:,}"),),
    "drop": (("lane", False, _whole(0, STEPS), "a lane's number"),),
    "select": (("lane", False, _whole(0, STEPS), "a lane's number"),),
    "unpin": (("name", True, _text(500), "a pinned run's name"),),
    "load": (("text", False, _text(TEXT), f"a text of at most {TEXT:,} characters"),),
    "preset": (("name", False, _text(500), "a preset's name"),),
    "limit": (("steps_per_s", False, _or_none(is_speed), f"a number from {SLOWEST} to {FASTEST:,.0f}, or null"),),
    "stop_at": (("step", False, _or_none(_whole(1, STEPS)), f"a whole number from 1 to {STEPS:,}, or null"),),
    "focus": (("step", False, _whole(0, STEPS), f"a whole number from 0 to {STEPS:,}"),),
    "save": (("kind", False, _saved, "a kind of file: csv, png, html …"),),
    "tab": (("name", False, _text(500), "a tab's name"),),
}


def checked(content: Any) -> dict[str, Any]:
    """``content`` as an act that has what belongs to it and nothing else; ``DfaLabError`` where it is none."""
    if not isinstance(content, Mapping) or not isinstance(content.get("do"), str):
        raise DfaLabError(f'an act was given as {_short(content)}; expected {{"do": …}} with one of {", ".join(ACTS)}.')
    do = content["do"]
    if do not in ACTS:
        guess = nearest(do, ACTS) if len(do) < 30 else None
        hint = f" Did you mean {guess!r}?" if guess else ""
        raise DfaLabError(f"an act was given as {_short(do)}; expected one of {', '.join(ACTS)}.{hint}")
    act = {"do": do}
    for name, optional, check, words in ACTS[do]:
        if name not in content and optional:
            continue
        if name not in content or not check(content[name]):
            raise DfaLabError(f"{do} was given {name}={_short(content.get(name))}; expected {words}.")
        act[name] = content[name]
    return act


def _short(value: Any) -> str:
    text = shown(value, 81) if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"
    return text if len(text) <= 80 else text[:79] + "…"
