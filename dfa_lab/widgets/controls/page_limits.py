"""What a page may ask of the machine: whoever sees a page can send anything, whatever its controls offer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.settings import CHOICES, Settings, check_settings, unknown_setting, weights_of

#: The most weights of a network asked for by a page, all replicas together: 240 MB of float32.
MOST_WEIGHTS = 60_000_000
MOST_REPLICAS = 64
MOST_THREADS = 16
#: The greatest number in a task's parameters, and the most characters of any text.
MOST_SAMPLES = 100_000
MOST_CHARACTERS = 500


def check_fields(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Settings that a page asks for: known names, and no value enormous. Whether it can be used ``Settings`` says.

    Raises ``DfaLabError`` for anything else.
    """
    for name, value in fields.items():
        if name not in Settings.model_fields:
            raise unknown_setting(name, Settings.model_fields)
        if isinstance(value, str) and len(value) > MOST_CHARACTERS:
            raise DfaLabError(
                f"{name} was given as a text of {len(value):,} characters; at most {MOST_CHARACTERS} fit."
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
        if isinstance(value, int | float) and not abs(value) <= MOST_SAMPLES:
            raise DfaLabError(f"{name} was given {parameter}={shown(value)}; at most {MOST_SAMPLES:,} here.")
        if isinstance(value, list | tuple) and len(value) > MOST_CHARACTERS:
            raise DfaLabError(f"{name} was given {len(value):,} {parameter}; at most {MOST_CHARACTERS} fit.")


def check_size(settings: Settings) -> None:
    """Raise ``DfaLabError`` for settings whose network or threads would stall a shared machine."""
    replicas = settings.replicas or 1
    weights = weights_of(settings)
    if replicas > MOST_REPLICAS:
        raise DfaLabError(f"replicas was given as {replicas:,}; the explorer takes up to {MOST_REPLICAS}.")
    check_settings(settings)
    if weights > MOST_WEIGHTS:
        raise DfaLabError(
            f"widths were given as {settings.widths}, replicas as {replicas}: up to {weights:,} weights. The explorer "
            f"takes {MOST_WEIGHTS:,}; make it smaller, or use an Experiment from code."
        )
    if settings.threads > MOST_THREADS:
        raise DfaLabError(f"threads was given as {settings.threads}; the explorer takes up to {MOST_THREADS}.")
