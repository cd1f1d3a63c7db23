"""Serializable values, which a file can hold and a script can write: names, numbers, lists and mappings of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dfa_lab.errors import DfaLabError, shown


def check_serializable(fields: Mapping[str, Any]) -> None:
    """Raise ``DfaLabError`` for a value that is more than names and numbers: a function, a Task, an infinity."""
    for name, value in fields.items():
        odd = _odd(value)
        if odd is None:
            continue
        if isinstance(odd[0], float):
            raise DfaLabError(
                f"{name} holds {shown(odd[0])}; a session takes finite numbers: give a large one instead."
            )
        raise DfaLabError(
            f"{name} was given as {shown(odd[0])}, which no file, share string or script can hold; register it by name "
            f"({_registry_of(name)}.register(…)) and give the name."
        )


def _odd(value: Any) -> tuple[Any] | None:
    """The first part of ``value`` that is not plain, in a tuple of its own; None where all is."""
    if value is None or isinstance(value, bool | int | str):
        return None
    if isinstance(value, float):
        return None if math.isfinite(value) else (value,)
    if isinstance(value, Mapping):
        parts = [*(key for key in value if not isinstance(key, str)), *value.values()]
        if any(not isinstance(key, str) for key in value):
            return (value,)
    elif isinstance(value, list | tuple):
        parts = list(value)
    else:
        return (value,)
    return next((odd for part in parts if (odd := _odd(part)) is not None), None)


def _registry_of(name: str) -> str:
    return {"task": "TASKS", "activation_derivative": "DERIVATIVES", "rule": "RULES"}.get(name, "its registry")
