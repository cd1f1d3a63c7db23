"""What the control panel shows for each setting: read from ``Settings`` and the registries.

A spec is plain JSON: field, label, help, unit, live, group, kind, choices, slider, minimum, and what else a
value may be: None (``optional``), a value for each replica (``several``), a text of one's own (``free``).
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

from dfa_lab.experiment.settings import CHOICES, PER_REPLICA, Settings, extra_of, kind_of, label_of
from dfa_lab.learning.activations import DERIVATIVES
from dfa_lab.learning.rules import ErrorChannel, Rule
from dfa_lab.widgets.controls.choice_titles import rule_sentence, title

#: Headings over the live controls, and which fields stand below each; a live field that is new goes below the last.
GROUPS: dict[str, tuple[str, ...]] = {
    "Feedback": ("rule", "error_channel", "feedback_init", "feedback_scale", "feedback_seed"),
    "Update": ("batch_size", "lr", "optimizer", "momentum", "weight_decay"),
    "Derivative": ("activation_derivative",),
    "Measuring": ("probe_every", "probe_size", "record_every"),
}
NEW_RUN = "New run"
_ENDLESS = 1_000_000  # a limit so far away is none to speak of


def specs() -> list[dict[str, Any]]:
    """One spec for every setting: the live ones group by group, then those that only a new run takes."""
    live = Settings.live_fields()
    placed = [field for fields in GROUPS.values() for field in fields]
    rest = [field for field in live if field not in placed]
    structural = [field for field in Settings.model_fields if field not in live]
    return [_spec(field) for field in (*placed, *rest, *structural)]


def _spec(field: str) -> dict[str, Any]:
    described = Settings.model_fields[field]
    extra = extra_of(described)
    kind, limits = kind_of(field)
    bound = bounds(limits)
    words = get_args(kind) if get_origin(kind) is Literal else ()
    return {
        "field": field,
        "label": label_of(field),
        "help": " ".join(filter(None, [described.description, _span(bound)])),
        "unit": extra["unit"],
        "live": extra["live"],
        "group": _group(field) if extra["live"] else NEW_RUN,
        "kind": "choice" if field in CHOICES or words else _kind(kind),
        "choices": [_choice(field, name) for name in CHOICES[field]]
        if field in CHOICES
        else [{"name": word, "title": word, "about": "", "parameters": []} for word in words],
        "slider": list(extra["slider"]) if extra["slider"] else None,
        **{name: limit for name, limit in bound.items() if name != "maximum"},
        "optional": type(None) in get_args(kind) or kind is type(None),
        "several": field in PER_REPLICA,
        "free": CHOICES.get(field) is DERIVATIVES,
    }


def bounds(limits: Sequence[Any]) -> dict[str, Any]:
    """``minimum`` and ``maximum`` by ``limits``, None where there is none, and whether values must be ``above`` or
    ``below`` them.
    """
    low = next((one for one in limits if isinstance(one, Ge | Gt)), None)
    high = next((one for one in limits if isinstance(one, Le | Lt)), None)
    return {
        "minimum": getattr(low, "ge", getattr(low, "gt", None)),
        "maximum": getattr(high, "le", getattr(high, "lt", None)),
        "above": isinstance(low, Gt),
        "below": isinstance(high, Lt),
    }


def _span(bound: dict[str, Any]) -> str:
    """The limits in a sentence, where they mean something: "From 1 to 65,536."."""
    low, high = bound["minimum"], bound["maximum"]
    if low is None or low < 0:
        return ""
    end = "" if high is None or high >= _ENDLESS else f"{'below' if bound['below'] else 'to'} {high:,}"
    return f"{'Above' if bound['above'] else 'From'} {low:,} {end}".strip() + "."


def _group(field: str) -> str:
    return next((group for group, fields in GROUPS.items() if field in fields), list(GROUPS)[-1])


def _kind(kind: Any) -> str:
    if kind is float:
        return "number"
    if kind is int or int in get_args(kind):
        return "integer"
    return "integers" if get_origin(kind) is tuple else "text"


def _choice(field: str, name: str) -> dict[str, Any]:
    entry = CHOICES[field][name]
    takes = dict in _mappings(Settings.model_fields[field].annotation)
    parameters = [_parameter(entry, one) for one in CHOICES[field].parameters(name)] if takes else []
    found = [one for one in parameters if one is not None]
    return {"name": name, "title": title(field, name, entry), "about": about(entry), "parameters": found}


def _mappings(annotation: Any) -> set[Any]:
    """The origins of the types that make up ``annotation``."""
    parts = get_args(annotation)
    return {get_origin(annotation), *(origin for part in parts for origin in _mappings(part))}


def about(entry: Any) -> str:
    """A registered entry in a sentence: the first of its docstring, or what the rule says of itself."""
    if isinstance(entry, Rule):
        return rule_sentence(entry)
    if isinstance(entry, ErrorChannel):
        return f"{entry.equation}. {entry.paper}".strip()
    if not inspect.isroutine(entry) and not inspect.isclass(entry):
        return ""  # a value has its class's docstring, which says nothing of it
    paragraph = " ".join((inspect.getdoc(entry) or "").split("\n\n")[0].split())
    return paragraph.replace("``", "")


def _parameter(entry: Any, name: str) -> dict[str, Any] | None:
    """A choice's own parameter where it is a number: what a page may set. Paths and flags are left to code."""
    if isinstance(entry, Rule):
        default = getattr(entry, name, None)
        hint = type(default)
    elif isinstance(entry, ErrorChannel):
        default = inspect.signature(entry.carry).parameters[name].default
        hint = type(default)
    else:
        default = inspect.signature(entry).parameters[name].default
        hint = typing.get_type_hints(entry, include_extras=True).get(name, type(default))
    if isinstance(default, bool) or not isinstance(default, int | float):
        return None
    found = bounds(getattr(hint, "__metadata__", ()))
    low, high = found["minimum"], found["maximum"]
    if found["above"] and low is not None and high is not None:
        low += (high - low) / 100
    kind = "integer" if isinstance(default, int) else "number"
    return {"name": name, "kind": kind, "default": default, "low": low, "high": high}
