"""The name of a run: its settings, "DFA", "B at 180°", and what they became, "DFA, then FA"."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from dfa_lab.experiment.history.history import Event, History
from dfa_lab.learning.rules import RULES
from dfa_lab.registry import per_layer

NAME_LENGTH = 40
#: How the papers write the registered rules; one that is not here goes by its own name.
WRITTEN = {"bp": "BP", "fa": "FA", "dfa": "DFA", "usf": "uSF", "brsf": "brSF", "frsf": "frSF", "kp": "KP", "wm": "WM"}
WRITTEN |= {"sdfa": "sDFA", "drtp": "DRTP", "dkp": "DKP"}
THEN = ", then "


def words_of(field: str, value: Any) -> str:
    """A setting in words: "DFA", "B at 180°", "g = step", "batch size 256"."""
    if field == "rule":
        return "+".join(WRITTEN.get(name, name) for name in RULES.label(value).split("+"))
    if field == "feedback_init":
        match value:
            case {"name": "aligned", "angle": int() | float() as angle}:
                return f"B at {angle:.6g}°"
        return f"B {_word(value)}"
    if field == "activation_derivative":
        return "g = f′" if value == "exact" else f"g = {_word(value)}"
    return f"{field.replace('_', ' ')} {_word(value)}"


def name_of(fields: Mapping[str, Any]) -> str:
    """The name of a run by ``fields``, its rule first: "BP", "BP, lr 0.05", "batch size 256"; "" for none."""
    ordered = sorted(fields, key=lambda field: field != "rule")
    return shortened(", ".join(words_of(field, fields[field]) for field in ordered))


def name_with_changes(
    name: str,
    events: Sequence[Event],
    *,
    start: int | None = 0,
    settings: Mapping[str, Any] | None = None,
    say: Callable[[Mapping[str, Any]], str] = name_of,
) -> str:
    """``name`` followed by the settings in ``events``, as ``say`` names them: "DFA, then FA, batch size 64".

    ``name`` describes ``settings`` at step ``start``; ``events`` are those since. A change at that step makes a new
    name, unless ``start`` is None. Values under which no step was done are left out. A long name has the first
    settings and the present value of all that changed: "DFA, …, then KP".
    """
    parts = [name]
    for step, changed in _changes_by_step(events):
        if step == start:
            parts = [say({**(settings or {}), **changed})]
        else:
            parts.append(say(changed))
        if len(parts) > 2 and len(THEN.join(parts)) > NAME_LENGTH:
            break  # of 10,000 changes the first few and the last are enough
    text = THEN.join(parts)
    if len(parts) == 1 or len(text) <= NAME_LENGTH:
        return shortened(text)
    between = THEN if len(parts) == 2 else f", …{THEN}"
    room = NAME_LENGTH - len(between)
    now = shortened(say({event.field: event.new for event in events}), room - min(len(parts[0]), room // 3))
    return f"{shortened(parts[0], room - len(now))}{between}{now}"


def name_of_record(history: History) -> str:
    """A run's name in a figure or report; where it is its rule's name, the rules that followed are added."""
    first, events = history.settings.get("rule"), [event for event in history.events if event.field == "rule"]
    named = [place for place, event in enumerate(events, 1) if RULES.label(event.new) == history.name]  # a fork by rule
    if first is not None and history.name == RULES.label(first):
        named = [0]
    if not named:
        return history.name
    start = events[named[-1] - 1].step if named[-1] else 0
    return name_with_changes(history.name, events[named[-1] :], start=start, say=lambda now: RULES.label(now["rule"]))


def _changes_by_step(events: Iterable[Event]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The steps at which settings changed, and their values when the next step was done."""
    for step, together in itertools.groupby(events, key=lambda event: event.step):
        values: dict[str, tuple[Any, Any]] = {}
        for event in together:
            before, _ = values.get(event.field, (event.old, None))
            values[event.field] = before, event.new
        changed = {field: new for field, (old, new) in values.items() if words_of(field, old) != words_of(field, new)}
        if changed:
            yield step, changed


def unused(name: str, taken: Collection[str]) -> str:
    """``name``, or with the first number from 2 that is not ``taken``."""
    numbered = (name if number == 1 else f"{name} {number}" for number in range(1, len(taken) + 2))
    return next(one for one in numbered if one not in taken)


def shortened(text: str, length: int = NAME_LENGTH) -> str:
    """``text`` in at most ``length`` characters; an ellipsis stands for what was cut off."""
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def _word(value: Any) -> str:
    if per_layer(value):
        return f"{{{', '.join(f'{layer}: {_word(one)}' for layer, one in value.items())}}}"
    if isinstance(value, Mapping) and "name" in value:
        if value["name"] == "points":
            return "drawn"
        rest = ", ".join(f"{key}={_word(one)}" for key, one in value.items() if key != "name")
        return f"{value['name']}({rest})" if rest else str(value["name"])
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_word, value))}]"
    if callable(value):
        return str(getattr(value, "__name__", type(value).__name__))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
