"""Which values a file can hold and a script can write: names, finite numbers, lists and mappings of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from dfa_lab.errors import DfaLabError, shown

_REGISTRIES = {
    "task": "TASKS",
    "activation_derivative": "DERIVATIVES",
    "rule": "RULES",
    "error_channel": "ERROR_CHANNELS",
    "feedback_init": "FEEDBACK_INITS",
}


def check_serializable(fields: Mapping[str, Any]) -> None:
    """Raise ``DfaLabError`` for a value that is more than names and numbers: a function, a Task, an infinity."""
    for name, value in fields.items():
        for odd in _odd(value):
            if isinstance(odd, float):
                raise DfaLabError(
                    f"{name} holds {shown(odd)}; a session takes finite numbers: give a large one instead."
                )
            raise DfaLabError(
                f"{name} was given as {shown(odd)}, which no file, share string or script can hold; register it by "
                f"name ({_REGISTRIES.get(name, 'its registry')}.register(…)) and give the name."
            )


def _odd(value: Any) -> Iterator[Any]:
    """The parts of ``value`` that cannot be written down."""
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        for part in value.values():
            yield from _odd(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _odd(part)
    elif not (
        value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))
    ):
        yield value
