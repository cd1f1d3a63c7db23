"""The one table of what a page, or code in its place, may ask for.

Each row says what goes with the verb and how that is checked, which buttons stand for it, with their texts, help and
keys, and when it cannot be done. What it does is the action of its name (``explorer/actions.py``). The page
has its buttons from here too: ``widgets/schema.py`` writes them for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from dfa_lab.errors import DfaLabError, nearest, shown
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.runner import FASTEST, GOES, LANES, SLOWEST, is_speed
from dfa_lab.experiment.settings import (
    CHOICES,
    MESSAGE_FIELDS,
    MESSAGE_FIELDS_TEXT,
    MESSAGE_STEPS,
    MESSAGE_TEXT,
    PAGE_CHARACTERS,
    PAGE_NUMBER,
    Settings,
    unknown_setting,
)
from dfa_lab.registry import per_layer
from dfa_lab.widgets.controls.exports import DOWNLOADS

#: Settings that take a mapping of layers to choices.
PER_LAYER = ("rule", "activation_derivative")


@dataclass(frozen=True)
class Argument:
    """What goes with a verb: its name, whether a value will do, and in words what is expected."""

    name: str
    check: Callable[[Any], bool]
    expected: str
    optional: bool = False


@dataclass(frozen=True)
class Button:
    """A button's text and help, and its key with what the list of keys says of it; "" where it has none."""

    text: str
    help: str
    key: str = ""
    key_help: str = ""


@dataclass(frozen=True)
class Situation:
    """How things stand; ``refusal`` says why a change of fields would be refused, "" where it would not."""

    run: Experiment
    lanes: int
    refusal: Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True)
class Verb:
    """One row: arguments, buttons by the names that ``hide`` and ``lock`` know, and why it cannot be done, or "".

    ``changes`` are the settings that it always changes, and ``includes`` the verbs that it does as well: where one is
    locked, the verb is. ``looks`` says that it leaves the run as it is: the phases of a single step stay. ``unasked``
    says that a page sends it by itself: the last refusal stays.
    """

    takes: tuple[Argument, ...] = ()
    buttons: Mapping[str, Button] = field(default_factory=dict)
    disabled: Callable[[Situation], str] = lambda _: ""
    changes: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()
    looks: bool = False
    unasked: bool = False


def _is_whole(value: Any, low: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= MESSAGE_STEPS


def _is_text(value: Any, most: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= most


def _are_fields(value: Any) -> bool:
    """Settings by name. Whether they can be used is for ``Settings`` to say: here only their size is bounded."""
    if not isinstance(value, Mapping) or len(value) > MESSAGE_FIELDS or not all(isinstance(key, str) for key in value):
        return False
    try:
        return len(json.dumps(value, allow_nan=False)) <= MESSAGE_FIELDS_TEXT
    except (TypeError, ValueError, RecursionError):
        return False


def _name(expected: str, *, optional: bool = False) -> Argument:
    return Argument("name", lambda value: _is_text(value, 500), expected, optional)


_SETTINGS = Argument("fields", _are_fields, "settings by name")
_LANE = Argument("lane", lambda value: _is_whole(value, 0), "a lane's number")
_FROM_0, _FROM_1 = (f"a whole number from {low} to {MESSAGE_STEPS:,}" for low in (0, 1))
_COUNT = Argument("steps", lambda value: _is_whole(value, 1), _FROM_1)
_GOAL = Argument("step", lambda value: value is None or _is_whole(value, 1), f"{_FROM_1}, or null")
_SAMPLE = Argument("sample", lambda value: _is_whole(value, 0), _FROM_0)
_LAYER = Argument("layer", lambda value: value is None or _is_whole(value, 1), f"{_FROM_1}, or null")
_UNIT = Argument("unit", lambda value: value is None or _is_whole(value, 0), f"{_FROM_0}, or null")
_PLACE = Argument("step", lambda value: _is_whole(value, 0), _FROM_0)
_SHARED = Argument(
    "text", lambda value: _is_text(value, MESSAGE_TEXT), f"a text of at most {MESSAGE_TEXT:,} characters"
)
_KIND = Argument(
    "kind", lambda value: isinstance(value, str) and value in DOWNLOADS, "a kind of file: csv, png, html …"
)
_GO = Argument("go", lambda value: isinstance(value, str) and value in GOES, f"one of {', '.join(GOES)}")
_SPEED = Argument(
    "steps_per_s",
    lambda value: value is None or is_speed(value),
    f"a number from {SLOWEST} to {FASTEST:,.0f}, or null",
)


def _lanes_full(now: Situation) -> str:
    most = f"there are {LANES} runs already, which is the most; drop one first (\N{MULTIPLICATION X})"
    return most if now.lanes >= LANES else ""


def _own_module(now: Situation) -> str:
    return "it trains a network of your own, which no preset or text describes" if now.run.module is not None else ""


def _undo_refused(now: Situation) -> str:
    return now.refusal(now.run.undoable[-1]) if now.run.undoable else ""


_STEPS = {
    "step_1": Button("×1", "Train 1 step, then pause", "→", "one step"),
    "step_10": Button("×10", "Train 10 steps, then pause"),
    "step_100": Button("×100", "Train 100 steps, then pause"),
}
_STORY = {
    "story_back": Button("Back", "The step of the story before this one"),
    "story_next": Button("Next", "The next step of the story: training goes on until it appears"),
    "story_leave": Button("Let me play", "Leave the story: nothing pauses any more"),
    "story_return": Button("Back to the story", "Go on with the story where you left it"),
}
_FILES = {f"save_{kind}": Button(one.text, one.help) for kind, one in DOWNLOADS.items() if one.text}
_PAUSE = Button("❚❚ Pause", "Stop at the next step; the notebook's own ■ stops cells, not this", "space")
_RESET = Button("Reset", "Start again from the same initial weights", "r", "reset: the same weights again")
_NEW_SEED = Button("New seed", "Start again from other weights and feedback", "n", "new seed: other weights")
_UNDO = Button("Undo", "Set the last change back; it goes on from these weights", "u", "undo the last change")
_PIN = Button("Pin", "Keep this run's curves as a faint reference", "p", "pin the run as a reference")
_LOAD = Button("Load", "Make ready the run that this text describes")
_PRESETS = Button("stories", "Runs worth seeing, one click each")
_FORK = Button(
    "Fork…", "Go on twice from this step, with one thing changed in the second run", "f", "fork the run here"
)

VERBS: dict[str, Verb] = {
    "play": Verb(buttons={"play": Button("▶ Play", "Train until paused", "space", "play or pause")}),
    "pause": Verb(buttons={"pause": _PAUSE}),
    "measure": Verb(looks=True),
    "reset": Verb(buttons={"reset": _RESET}),
    "new_seed": Verb(buttons={"new_seed": _NEW_SEED}, changes=("seed", "feedback_seed"), includes=("reset",)),
    "undo": Verb(buttons={"undo": _UNDO}, disabled=_undo_refused),
    "pin": Verb(buttons={"pin": _PIN}),
    "slow": Verb(buttons={"slow": Button("slow", "Slow motion: one step after the other, with its phases")}),
    "share": Verb(buttons={"share": Button("Renew", "The texts of the run as it is now")}, looks=True),
    "watching": Verb(looks=True, unasked=True),
    "change": Verb((_SETTINGS,)),
    "new_run": Verb((_SETTINGS,)),
    "fork": Verb((replace(_SETTINGS, optional=True),), {"fork": _FORK}, _lanes_full),
    "step": Verb((_COUNT,), _STEPS),
    "drop": Verb((_LANE,)),
    "select": Verb((_LANE,)),
    "unpin": Verb((_name("a pinned run's name", optional=True),)),
    "load": Verb((_SHARED,), {"load": _LOAD}, _own_module),
    "preset": Verb((_name("a preset's name"),), {"presets": _PRESETS}, _own_module),
    "story": Verb((_GO,), _STORY),
    "limit": Verb((_SPEED,)),
    "stop_at": Verb((_GOAL,)),
    "focus": Verb((_PLACE,), looks=True),
    "save": Verb((_KIND,), _FILES),
    "picture": Verb((_name("a picture's name"), replace(_LAYER, optional=True)), looks=True),
    "look": Verb((_SAMPLE, replace(_LAYER, optional=True), replace(_UNIT, optional=True)), looks=True),
}

#: What ``hide`` may name beside the settings' fields: buttons and other parts, in the order of the screen.
PARTS = (
    *("play", "step", *_STEPS, "reset", "new_seed", "undo", "fork", "pin", "slow", "limit"),
    *("stop_at", "presets", *_STORY, "lanes", "phases", "curves", "new_run", "events", "share", "load", "keys"),
    *_FILES,
)


def checked(content: Any) -> dict[str, Any]:
    """``content`` as {"do": verb, …} with the verb's arguments and nothing else; ``DfaLabError`` where it is not."""
    if not isinstance(content, Mapping) or not isinstance(content.get("do"), str):
        known = ", ".join(VERBS)
        raise DfaLabError(f'a message was given as {_short(content)}; expected {{"do": …}} with one of {known}.')
    do = content["do"]
    if do not in VERBS:
        guess = nearest(do, VERBS) if len(do) < 30 else None
        hint = f" Did you mean {guess!r}?" if guess else ""
        raise DfaLabError(f"a message was given as {_short(do)}; expected one of {', '.join(VERBS)}.{hint}")
    message = {"do": do}
    for one in VERBS[do].takes:
        if one.name not in content and one.optional:
            continue
        if one.name not in content or not one.check(content[one.name]):
            raise DfaLabError(f"{do} was given {one.name}={_short(content.get(one.name))}; expected {one.expected}.")
        message[one.name] = content[one.name]
    return message


def check_fields(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Settings that a page asks for: known names, and no value enormous. Whether it can be used ``Settings`` says.

    Raises ``DfaLabError`` for anything else.
    """
    for name, value in fields.items():
        if name not in Settings.model_fields:
            raise unknown_setting(name, Settings.model_fields)
        if isinstance(value, str) and len(value) > PAGE_CHARACTERS:
            raise DfaLabError(
                f"{name} was given as a text of {len(value):,} characters; at most {PAGE_CHARACTERS} fit."
            )
        if name in CHOICES:
            for one in value if isinstance(value, list | tuple) else [value]:
                _check_choice(name, one)
    return fields


def _check_choice(name: str, choice: Any) -> None:
    """A choice with parameters, or a mapping of layers to such choices or names."""
    if not isinstance(choice, Mapping):
        return
    if not (name in PER_LAYER and per_layer(choice)):
        _check_parameters(name, choice)
        return
    if len(choice) > PAGE_CHARACTERS:
        raise DfaLabError(f"{name} was given for {len(choice):,} layers; at most {PAGE_CHARACTERS} fit.")
    for layer, one in choice.items():
        if isinstance(one, Mapping):
            _check_parameters(name, one)
        elif max(len(str(layer)), len(one) if isinstance(one, str) else 0) > PAGE_CHARACTERS:
            raise DfaLabError(f"{name} was given for a layer as a long text; at most {PAGE_CHARACTERS} letters fit.")


def _check_parameters(name: str, choice: Mapping[str, Any]) -> None:
    for parameter, value in choice.items():
        if parameter == "name":
            continue
        if isinstance(value, str):
            raise DfaLabError(f"{name} was given {parameter}={shown(value, 100)}; a page may give numbers only.")
        if isinstance(value, int | float) and not abs(value) <= PAGE_NUMBER:
            raise DfaLabError(f"{name} was given {parameter}={shown(value)}; at most {PAGE_NUMBER:,} here.")
        if isinstance(value, list | tuple) and len(value) > PAGE_CHARACTERS:
            raise DfaLabError(f"{name} was given {len(value):,} {parameter}; at most {PAGE_CHARACTERS} fit.")


def _short(value: Any) -> str:
    text = shown(value, 81) if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"
    return text if len(text) <= 80 else text[:79] + "…"


def buttons() -> dict[str, dict[str, str]]:
    """Each button of the page by its name, in the order of the screen, with its verb."""
    order = {name: place for place, name in enumerate(PARTS)}
    found = [(name, {"verb": verb, **asdict(one)}) for verb, row in VERBS.items() for name, one in row.buttons.items()]
    return dict(sorted(found, key=lambda pair: order.get(pair[0], len(order))))
