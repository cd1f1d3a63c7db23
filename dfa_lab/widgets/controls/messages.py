"""The check of a message's form: a verb of ``VERBS`` with what belongs to it. It is refused before anybody sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dfa_lab.errors import DfaLabError, nearest, shown
from dfa_lab.widgets.controls.verbs import VERBS


def checked(content: Any) -> dict[str, Any]:
    """``content`` as {"do": verb, …} with the verb's arguments and nothing else; ``DfaLabError`` where it is not."""
    if not isinstance(content, Mapping) or not isinstance(content.get("do"), str):
        known = ", ".join(VERBS)
        raise DfaLabError(f'an act was given as {_short(content)}; expected {{"do": …}} with one of {known}.')
    do = content["do"]
    if do not in VERBS:
        guess = nearest(do, VERBS) if len(do) < 30 else None
        hint = f" Did you mean {guess!r}?" if guess else ""
        raise DfaLabError(f"an act was given as {_short(do)}; expected one of {', '.join(VERBS)}.{hint}")
    message = {"do": do}
    for one in VERBS[do].takes:
        if one.name not in content and one.optional:
            continue
        if one.name not in content or not one.check(content[one.name]):
            raise DfaLabError(f"{do} was given {one.name}={_short(content.get(one.name))}; expected {one.expected}.")
        message[one.name] = content[one.name]
    return message


def _short(value: Any) -> str:
    text = shown(value, 81) if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"
    return text if len(text) <= 80 else text[:79] + "…"
