"""Public names: what ``dfa_lab`` offers, a line each, with the signatures of all that can be called."""

from __future__ import annotations

import enum
import inspect
import re
import types
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

import dfa_lab as dfa


def lines() -> list[str]:
    """One line a name, in the order of the alphabet: modules and classes with what they hold."""
    return [line for name in sorted(dfa.__all__) for line in _described(name, getattr(dfa, name))]


def _described(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, types.ModuleType):
        yield f"{name}: module"
        for key, one in sorted(vars(value).items()):
            if not key.startswith("_") and callable(one) and getattr(one, "__module__", "") == value.__name__:
                yield from _described(f"{name}.{key}", one)
    elif isinstance(value, dfa.Registry):
        yield f"{name}: registry of {value.kind}: {', '.join(value)}"
    elif inspect.isclass(value):
        yield from _class(name, value)
    elif callable(value):
        yield f"{name}{signature(value)}"
    else:
        yield f"{name}: {type(value).__name__}"


def _class(name: str, kind: type) -> Iterator[str]:
    if issubclass(kind, enum.Enum):
        yield f"{name}: {', '.join(kind.__members__)}"
        return
    yield f"{name}{signature(kind.__init__, bound=True)}"  # type: ignore[misc]
    if issubclass(kind, BaseModel):
        for field, about in kind.model_fields.items():
            live = " (live)" if field in dfa.Settings.live_fields() else ""
            yield f"{name}.{field}: setting{live} = {_default(about.default)}"
    own = [one for one in kind.__mro__ if one.__module__.startswith("dfa_lab")]
    members = {key: value for one in reversed(own) for key, value in vars(one).items() if not key.startswith("_")}
    for key, value in sorted(members.items()):
        if isinstance(value, property):
            yield f"{name}.{key}: property"
        elif isinstance(value, classmethod | staticmethod):
            yield f"{name}.{key}{signature(value.__func__, bound=isinstance(value, classmethod))}"
        elif inspect.isfunction(value):
            yield f"{name}.{key}{signature(value, bound=True)}"


def signature(what: Any, *, bound: bool = False) -> str:
    """The parameters with their annotations and defaults, as they are written; ``bound`` leaves out the first."""
    try:
        found = inspect.signature(what)
    except ValueError:
        return "(…)"
    parameters = list(found.parameters.values())[bound:]
    parts, starred = [], False
    for number, one in enumerate(parameters):
        if one.kind is one.KEYWORD_ONLY and not starred:
            parts.append("*")
        starred = starred or one.kind in (one.VAR_POSITIONAL, one.KEYWORD_ONLY)
        stars = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        text = f"{stars}{one.name}{_annotated(one.annotation, ': ')}"
        parts.append(text if one.default is one.empty else f"{text} = {_default(one.default)}")
        following = parameters[number + 1].kind if number + 1 < len(parameters) else None
        if one.kind is one.POSITIONAL_ONLY and following is not one.POSITIONAL_ONLY:
            parts.append("/")
    return f"({', '.join(parts)}){_annotated(found.return_annotation, ' -> ')}"


def _annotated(annotation: Any, before: str) -> str:
    if annotation is inspect.Signature.empty:
        return ""
    return before + (annotation if isinstance(annotation, str) else inspect.formatannotation(annotation))


def _default(value: Any) -> str:
    """A default's text, the same in every process and wherever a class of ours lies."""
    if inspect.isfunction(value) or inspect.isclass(value):
        return str(value.__qualname__)
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
