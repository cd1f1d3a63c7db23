"""Difference: where two records of a session are not the same, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

#: The most places that are named of one part, and the longest value shown.
PLACES, SHOWN = 2, 60

Record = dict[str, Any]


def differences(before: Record, now: Record) -> list[str]:
    """A text for each part of a record that is not the same; none where the records are."""
    found = []
    for part in dict.fromkeys((*before, *now)):
        if part not in before or part not in now:
            found.append(f"{part}: only {'now' if part in now else 'before'}")
        elif before[part] != now[part]:
            found.append(f"{part}: {_said(before[part], now[part], part)}")
    return found


def _said(before: Any, now: Any, part: str) -> str:
    if part.endswith("digest"):
        return "another"
    if part.endswith("keys"):
        return _keys(before, now)
    places = list(_places(before, now, ""))
    more = f" and {len(places) - PLACES} more" if len(places) > PLACES else ""
    return ", ".join(places[:PLACES]) + more


def _keys(before: list[str], now: list[str]) -> str:
    gone, new = [one for one in before if one not in now], [one for one in now if one not in before]
    said = [f"{words} {', '.join(keys)}" for words, keys in (("only before:", gone), ("only now:", new)) if keys]
    return "; ".join(said) or "another order"


def _places(before: Any, now: Any, path: str) -> Iterator[str]:
    """Each place where the two differ, with both values."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*before, *now)):
            here = f"{path}.{key}" if path else str(key)
            if key not in before or key not in now:
                yield f"{here} only {'now' if key in now else 'before'}"
            elif before[key] != now[key]:
                yield from _places(before[key], now[key], here)
    elif isinstance(before, list) and isinstance(now, list):
        for number, (one, other) in enumerate(zip(before, now, strict=False)):
            if one != other:
                yield from _places(one, other, f"{path}[{number}]")
        if len(before) != len(now):
            yield f"{path or 'it'} has {len(now)} entries, {len(before)} before"
    else:
        yield f"{path or 'it'} {_short(before, now)} → {_short(now, before)}"


def _short(value: Any, other: Any) -> str:
    """``value`` from a little before where it leaves ``other``."""
    text, beside = (json.dumps(one, ensure_ascii=False) for one in (value, other))
    if len(text) <= SHOWN:
        return text
    same = next((n for n, (a, b) in enumerate(zip(text, beside, strict=False)) if a != b), len(beside))
    start = max(0, min(same - SHOWN // 3, len(text) - SHOWN))
    return ("…" if start else "") + text[start : start + SHOWN] + ("…" if start + SHOWN < len(text) else "")
