"""Names: what a run is called by what it is, "DFA", "B at 180°", and what it turned into, "DFA, then FA"."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from dfa_lab.experiment.history import Event, History
from dfa_lab.learning.rules import RULES

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
        if (
            isinstance(value, Mapping)
            and value.get("name") == "aligned"
            and isinstance(value.get("angle"), int | float)
        ):
            return f"B at {value['angle']:.6g}°"
        return f"B {_word(value)}"
    if field == "activation_derivative":
        return "g = f′" if value == "exact" else f"g = {_word(value)}"
    return f"{field.replace('_', ' ')} {_word(value)}"


def name_of(fields: Mapping[str, Any]) -> str:
    """What tells a run by ``fields``, its rule first: "BP", "BP, lr 0.05", "batch size 256"; "" for none."""
    ordered = sorted(fields, key=lambda field: field != "rule")
    return cut(", ".join(words_of(field, fields[field]) for field in ordered))


def turned(
    name: str,
    events: Iterable[Event],
    fields: Collection[str],
    *,
    start: int = 0,
    say: Callable[[str, Any], str] = words_of,
) -> str:
    """``name``, and what became of ``fields`` after it, as ``say`` says it: "DFA, then FA".

    ``events`` are those since the name was right, at step ``start``. What no step was done under is left out.
    """
    spans = [(start, name)]
    for event in events:
        if event.field not in fields:
            continue
        words = say(event.field, event.new)
        if event.step == spans[-1][0]:
            spans.pop()
        if not spans or spans[-1][1] != words:
            spans.append((event.step, words))
    return cut(THEN.join(words for _, words in spans))


def called(history: History) -> str:
    """What a run is called in a figure or report: its name, and where that is its rule's, the rules that followed."""
    first, events = history.settings.get("rule"), list(history.events)
    named = [place + 1 for place, event in enumerate(events) if _rule_of(event) == history.name]  # a fork by its rule
    if first is not None and history.name == RULES.label(first):
        named = [0]
    if not named:
        return history.name
    start = events[named[-1] - 1].step if named[-1] else 0
    return turned(history.name, events[named[-1] :], ("rule",), start=start, say=lambda _, value: RULES.label(value))


def _rule_of(event: Event) -> str | None:
    return RULES.label(event.new) if event.field == "rule" else None


def unused(name: str, taken: Collection[str]) -> str:
    """``name``, or with the first number from 2 that makes it another than those ``taken``."""
    numbered = (name if number == 1 else f"{name} {number}" for number in range(1, len(taken) + 2))
    return next(one for one in numbered if one not in taken)


def cut(text: str) -> str:
    """In at most ``NAME_LENGTH`` characters."""
    return text if len(text) <= NAME_LENGTH else f"{text[: NAME_LENGTH - 1].rstrip()}…"


def _word(value: Any) -> str:
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
