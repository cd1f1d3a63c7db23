"""Difference: where two records of a session are not the same, in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

#: The most places that are named of one part, and the longest value shown.
PLACES, SHOWN = 3, 60
#: What ``record`` writes of tensors and rows: kind and size, and a digest.
DIGEST = re.compile(r"(.*?)#[0-9a-f]{16}$", re.DOTALL)

Record = dict[str, Any]


def differences(before: Record, now: Record) -> list[str]:
    """A text for each part of a record that is not the same; none where the records are."""
    sides = {"before": before, "now": now}
    if failed := [f"fails {when}: {one['error']}" for when, one in sides.items() if "error" in one]:
        return failed if before != now else []
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
    places = list(_messages(before, now) if part.endswith("messages") else _places(before, now, ""))
    alike: dict[str, list[str]] = {}
    for place in places:  # the same at another number is the same kind
        alike.setdefault(re.sub(r"\d+", "", place), []).append(place)
    kinds = [same[0] + (f" (and {len(same) - 1} like it)" if len(same) > 1 else "") for same in alike.values()]
    return ", ".join(kinds[:PLACES]) + (f", and {len(kinds) - PLACES} others" if len(kinds) > PLACES else "")


def _messages(before: list[Any], now: list[Any]) -> Iterator[str]:
    """Places in messages that belong together; messages that only one side has."""
    kinds = [[_kind(one) for one in side] for side in (before, now)]
    for what, i, j, k, m in SequenceMatcher(None, *kinds, autojunk=False).get_opcodes():
        if what == "equal":
            for number, (one, other) in enumerate(zip(before[i:j], now[k:m], strict=True), k):
                if one != other:
                    yield from (f"message {number} ({_kind(other)}) {said}" for said in _places(one[2:], other[2:], ""))
        else:
            yield from (f"a message only before ({_kind(one)})" for one in before[i:j])
            yield from (f"a message only now ({_kind(one)})" for one in now[k:m])


def _kind(message: list[Any]) -> str:
    """Whose it is and what kind: "explorer.0 message state"."""
    place, kind, content = message[:3]
    of = content.get("do") or content.get("type") if isinstance(content, dict) else ""
    return " ".join(filter(None, (place, kind, of if isinstance(of, str) else "")))


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
        yield f"{path} {_values(before, now)}".strip()


def _values(before: Any, now: Any) -> str:
    """Both values; of digests only what stands before them, where that differs."""
    texts = [one if isinstance(one, str) else "" for one in (before, now)]
    found = [DIGEST.match(one) for one in texts]
    if found[0] and found[1]:
        shapes = [one.group(1).strip() for one in found if one]
        return "" if shapes[0] == shapes[1] else f"{shapes[0]} → {shapes[1]}"
    return f"{_short(before, now)} → {_short(now, before)}"


def _short(value: Any, other: Any) -> str:
    """``value`` from a little before where it leaves ``other``."""
    text, beside = (json.dumps(one, ensure_ascii=False) for one in (value, other))
    if len(text) <= SHOWN:
        return text
    same = next((n for n, (a, b) in enumerate(zip(text, beside, strict=False)) if a != b), len(beside))
    start = max(0, min(same - SHOWN // 3, len(text) - SHOWN))
    return ("…" if start else "") + text[start : start + SHOWN] + ("…" if start + SHOWN < len(text) else "")
