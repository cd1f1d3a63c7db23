"""The changes of runs in words, and places for their labels where none overlaps another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dfa_lab.experiment.history import Event, History, shortened
from dfa_lab.experiment.settings import label_of
from dfa_lab.registry import per_layer

LABEL_LENGTH = 34
ROWS = 4
LISTED = 8
#: So many changes are marked in a figure.
MARKED = 500


@dataclass(frozen=True)
class Change:
    """What was changed at one step: a short text, the lines of the full text, and the runs it happened in."""

    step: int
    text: str
    lines: tuple[str, ...]
    runs: tuple[int, ...]


def changes(histories: Sequence[History]) -> list[Change]:
    """The events of all runs in the order of their steps: those of one run at one step together, equal ones once.

    Of many the last are there, ``MARKED`` at most.
    """
    found: dict[tuple[int, tuple[str, ...]], Change] = {}
    for run, history in enumerate(histories):
        at_step: dict[int, list[Event]] = {}
        for event in history.events[-MARKED * LISTED :]:
            at_step.setdefault(event.step, []).append(event)
        for step, events in at_step.items():
            lines = tuple(map(event_line, events))
            before = found[step, lines].runs if (step, lines) in found else ()
            found[step, lines] = Change(step, _short(events), lines, (*before, run))
    return sorted(found.values(), key=lambda change: (change.step, change.runs))[-MARKED:]


def value_text(value: Any) -> str:
    """A setting's value as one writes it on a label: names bare, parameters in brackets, numbers and lists short."""
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    if per_layer(value):
        return f"{{{', '.join(f'{layer}: {value_text(one)}' for layer, one in value.items())}}}"
    if isinstance(value, Mapping):
        parameters = ", ".join(f"{key}={value_text(one)}" for key, one in value.items() if key != "name")
        return f"{value.get('name', '')}({parameters})"
    if isinstance(value, list | tuple):
        shown = [value_text(one) for one in value[:LISTED]]
        more = f", … {len(value)} in all" if len(value) > LISTED else ""
        return f"[{', '.join(shown)}{more}]"
    if callable(value):
        return str(getattr(value, "__name__", type(value).__name__))
    return str(value)


def value_words(value: Any) -> str:
    """A setting's value as one says it: "aligned, angle 45", "hard tanh", "drawn by hand"; else as ``value_text``.

    >>> from dfa_lab.views.base import value_words
    >>> value_words({"name": "aligned", "angle": 45})
    'aligned, angle 45'
    """
    if per_layer(value):
        return "; ".join(f"{layer or 'the module itself'}: {value_words(one)}" for layer, one in value.items())
    if isinstance(value, Mapping):
        if value.get("name") == "points":
            return "drawn by hand"
        own = [f"{key.replace('_', ' ')} {value_text(one)}" for key, one in value.items() if key != "name"]
        return ", ".join([value_words(str(value.get("name", ""))), *own])
    if isinstance(value, list | tuple) and len(value) <= LISTED:
        return ", ".join(map(value_words, value))
    return value.replace("_", " ") if isinstance(value, str) and value.isidentifier() else value_text(value)


def event_line(event: Event) -> str:
    """An event whole: ``batch size 64 → 256``."""
    return f"{label_of(event.field)} {value_words(event.old)} → {value_words(event.new)}"


def event_text(event: Event, length: int) -> str:
    """An event in at most ``length`` characters: ``batch size → 256``."""
    return shortened(f"{label_of(event.field)} → {value_words(event.new)}", length)


def _short(events: Sequence[Event]) -> str:
    more = f" +{len(events) - 1}" if len(events) > 1 else ""
    return event_text(events[0], LABEL_LENGTH - len(more)) + more


@dataclass(frozen=True)
class Place:
    """Where a label stands: its text, cut to the room there is, its row from the top (None: no room), its side."""

    text: str
    row: int | None
    left: bool = False


def place_labels(
    positions: Sequence[float], texts: Sequence[str], *, width: float, letter: float, rows: int = ROWS
) -> list[Place]:
    """A place for each label, so that it overlaps no other label, crosses no other's line and stays within the width.

    ``positions`` of the lines, rising, and the width of a ``letter`` are in the unit of ``width``. A line reaches up
    to the row of its label. A label stands right of its line, or left of it where the right edge is too near, in
    the highest row with room; where none has room it is shortened, and at last left out.
    """
    taken: list[tuple[int, float, float, float]] = []  # row, start and end of the label, its line
    places = []
    for position, text in zip(positions, texts, strict=True):
        cuts = [text, *(shortened(text, length) for length in (24, 16, 11) if length < len(text))]
        for cut, row in ((cut, row) for cut in cuts for row in range(rows)):
            length = letter * (len(cut) + 2)
            left = position + length > width and position >= length
            start, end = (position - length, position) if left else (position, position + length)
            blocked = any(
                (other == row and start < e and s < end)  # overlaps a label
                or (other > row and s <= position < e)  # its line crosses a label
                or (other < row and start < line < end)  # it is crossed by a line
                for other, s, e, line in taken
            )
            if not blocked:
                taken.append((row, start, end, position))
                places.append(Place(cut, row, left))
                break
        else:
            places.append(Place("", None))
    return places
