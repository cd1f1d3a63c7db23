"""LaneRecord: what a runner knows of one of its runs beside the experiment, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dfa_lab.errors import DfaLabError, shown, whole_number
from dfa_lab.experiment.settings import COMMAND_STEPS, Settings


@dataclass(frozen=True)
class LaneRecord:
    """The ``number`` that commands call a run by, what it was forked with and where, and the changes still to come.

    ``forked_fields``, ``keeps_name``, ``forked_at`` and ``changes_before`` make its name; ``scheduled`` are (step,
    fields) of a loaded session, ``left_out`` those of them, in words, that this or an earlier file could not hold.
    """

    number: int
    name: str
    forked_fields: Mapping[str, Any] = field(default_factory=dict)
    keeps_name: bool = False
    forked_at: int = 0
    changes_before: int = 0
    scheduled: tuple[tuple[int, Mapping[str, Any]], ...] = ()
    left_out: str = ""

    def document(self) -> dict[str, Any]:
        """The record as JSON can hold it; what is no plain value (a function) is left out of the fields.

        A scheduled change with such a value is left out whole; ``left_out`` says which, after those it said before.
        """
        scheduled = [[step, fields] for step, fields in self.scheduled if _is_plain(fields)]
        odd = [f"at step {step:,} ({' and '.join(names)})" for step, names in self.scheduled if not _is_plain(names)]
        left_out = ", ".join(filter(None, [self.left_out, *odd]))
        fields = _plain(self.forked_fields)
        return {**vars(self), "forked_fields": fields, "scheduled": scheduled, "left_out": left_out}

    @classmethod
    def of(cls, document: Any) -> LaneRecord:
        """The record that ``document`` wrote. Raises ``DfaLabError`` for anything else."""
        expected = {name: type(one) for name, one in vars(cls(0, "", scheduled=())).items()} | {"scheduled": list}
        document = {"left_out": "", **document} if isinstance(document, dict) else document  # at first it had none
        if not isinstance(document, dict) or set(document) != set(expected):
            raise DfaLabError(f"a saved run was given as {shown(document, 80)}; expected its number, name and fields.")
        for name, kind in expected.items():
            if kind is int:
                whole_number(f"a saved run's {name}", document[name], 0, COMMAND_STEPS)
            elif not isinstance(document[name], kind):
                raise DfaLabError(f"a saved run's {name} was given as {shown(document[name], 80)}.")
        scheduled = [_scheduled(one) for one in document["scheduled"]]
        _check_fields(document["forked_fields"])
        return cls(**{**document, "scheduled": tuple(scheduled)})


def _scheduled(change: Any) -> tuple[int, dict[str, Any]]:
    if not isinstance(change, list) or len(change) != 2 or not isinstance(change[1], dict):
        raise DfaLabError(f"a saved run's change was given as {shown(change, 80)}; expected [step, fields].")
    _check_fields(change[1])
    return whole_number("a change's step", change[0], 0, COMMAND_STEPS), change[1]


def _check_fields(fields: Mapping[str, Any]) -> None:
    if unknown := set(fields) - set(Settings.live_fields()):
        raise DfaLabError(f"a saved run names {shown(sorted(unknown))}, which are no live settings.")


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if _is_plain(value)}


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_plain(one) for key, one in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)
