"""What a page may ask of the machine: whoever sees a page can send anything, whatever its controls offer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.settings import CHOICES, PAGE_CHARACTERS, PAGE_NUMBER, Settings, unknown_setting


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
        if name in CHOICES and isinstance(value, Mapping):
            _check_parameters(name, value)
    return fields


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
