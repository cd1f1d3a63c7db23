"""Start: what an explorer is given to begin with. Settings make a new run; a run that is there goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.runner import Runner
from dfa_lab.experiment.settings import Settings

Given = Settings | Experiment | Runner


def started(given: object, preset: str | None, fields: Mapping[str, Any]) -> tuple[Settings | None, Any]:
    """The settings given, if any, and the run or runner given, if any.

    Raises ``DfaLabError`` for anything else, and for what would make a new run beside one that is there.
    """
    if given is None or isinstance(given, Settings):
        return given, None
    if not isinstance(given, Experiment | Runner):
        raise DfaLabError(
            f"Explorer was given {shown(given)}; expected a Settings, its fields by name, such as task='digits', or a "
            "run to go on with, an Experiment or a Runner."
        )
    beside = [*(["preset"] if preset is not None else []), *fields]
    if beside:
        raise DfaLabError(
            f"Explorer was given {', '.join(beside)} beside a run, which has its settings; change them with "
            "change(…) or reset(…) of the run, or leave the run out to begin a new one."
        )
    return None, given
