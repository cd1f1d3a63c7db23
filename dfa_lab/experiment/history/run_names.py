"""The name of a run: its settings, "DFA", "B at 180°", and what they became, "DFA, then FA"."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from typing import Any

from dfa_lab.experiment.history.history import Event, History
from dfa_lab.learning.rules import RULES
from dfa_lab.registry import per_layer

NAME_LENGTH = 40
#: How the papers write the registered rules; one that is not here goes by its own name.
WRITTEN = {"bp": "BP", "fa": "FA", "dfa": "DFA", "usf": "uSF", "brsf": "brSF", "frsf": "frSF", "kp": "KP", "wm": "WM"}
WRITTEN |= {"sdfa": "sDFA", "drtp": "DRTP", "dkp": "DKP", "ldfa": "LDFA"}
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


class ChangedName:
    """``name`` followed by the settings in the events given, as ``say`` names them: "DFA, then FA, batch size 64".

    ``name`` describes ``settings`` at step ``start``; the events are those since. A change at that step makes a new
    name, unless ``start`` is None. Values under which no step was done are left out. A long name has the first
    settings and the present value of all that changed: "DFA, …, then KP". It is never changed itself: ``after`` makes
    another, at a cost of the new events alone.
    """

    def __init__(
        self,
        name: str,
        *,
        start: int | None = 0,
        settings: Mapping[str, Any] | None = None,
        say: Callable[[Mapping[str, Any]], str] = name_of,
    ) -> None:
        self._parts, self._start, self._settings, self._say = [name], start, dict(settings or {}), say
        self.now: dict[str, Any] = {}  # the newest value of all that changed
        self._step: int | None = None  # of the newest changes, with the values before and after them
        self._values: dict[str, tuple[Any, Any]] = {}

    def after(self, events: Iterable[Event]) -> ChangedName:
        """The name with these ``events`` too."""
        other = copy.copy(self)
        other.now, other._values = dict(self.now), dict(self._values)
        for event in events:
            other.now[event.field] = event.new
            if event.step != other._step:
                other._parts, other._step, other._values = other._with_newest(), event.step, {}
            before, _ = other._values.get(event.field, (event.old, None))
            other._values[event.field] = before, event.new
        return other

    def _with_newest(self) -> list[str]:
        """The name's parts with what changed at the newest step, unless they are too many already."""
        parts = self._parts
        if len(parts) > 2 and len(THEN.join(parts)) > NAME_LENGTH:
            return parts  # of 10,000 changes the first few and the last are enough
        pairs = self._values.items()
        changed = {field: new for field, (old, new) in pairs if words_of(field, old) != words_of(field, new)}
        if not changed:
            return parts
        if self._step == self._start:
            return [self._say({**self._settings, **changed})]
        return [*parts, self._say(changed)]

    def __str__(self) -> str:
        parts = self._with_newest()
        text = THEN.join(parts)
        if len(parts) == 1 or len(text) <= NAME_LENGTH:
            return shortened(text)
        between = THEN if len(parts) == 2 else f", …{THEN}"
        room = NAME_LENGTH - len(between)
        now = shortened(self._say(self.now), room - min(len(parts[0]), room // 3))
        return f"{shortened(parts[0], room - len(now))}{between}{now}"


class NameReader:
    """Reads a run's name off its history; asked again for the same, it reads only the changes that are new."""

    def __init__(self) -> None:
        self._last: tuple[object, int, ChangedName] = (None, 0, ChangedName(""))  # what of, the events read, the name

    def read(
        self, history: History, name: str, fields: Set[str], first: int, start: int | None, settings: Mapping[str, Any]
    ) -> ChangedName:
        """``name`` after the changes of ``fields`` from event number ``first`` on; the rest as ``ChangedName`` has it.

        From any thread.
        """
        key = (history.run_id, history.revision, name, fields, first, start, settings)
        known, place, found = self._last
        if key != known:
            place, found = first, ChangedName(name, start=start, settings=settings)
        events = history.events[place:]
        found = found.after(event for event in events if event.field in fields)
        self._last = key, place + len(events), found
        return found


def name_of_record(history: History) -> str:
    """A run's name in a figure or report; where it is its rule's name, the rules that followed are added."""
    first, events = history.settings.get("rule"), [event for event in history.events if event.field == "rule"]
    named = [place for place, event in enumerate(events, 1) if RULES.label(event.new) == history.name]  # a fork by rule
    if first is not None and history.name == RULES.label(first):
        named = [0]
    if not named:
        return history.name
    start = events[named[-1] - 1].step if named[-1] else 0
    name = ChangedName(history.name, start=start, say=lambda now: RULES.label(now["rule"]))
    return str(name.after(events[named[-1] :]))


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
