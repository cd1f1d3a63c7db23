"""The name of a run in a sweep's folder: a hash of all that its result follows from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import dfa_lab
from dfa_lab.experiment.jobs import Entry, SweepMetric, identity, own_names
from dfa_lab.experiment.settings import Settings


class RunNames:
    """Names the runs of a sweep: by their settings, defaults too, the steps, the metrics, and dfa_lab's version.

    What a user registered counts by its code, a function among the metrics too.
    """

    def __init__(self, steps: int, metrics: Sequence[SweepMetric], entries: Sequence[Entry]) -> None:
        measured = [
            [one.column, one.metric, one.layer, identity(one.function) if one.function else ""] for one in metrics
        ]
        self._entries = {(one.kind, one.name): identity(one.entry) for one in entries}
        # No setting names what a metric is measured by.
        conventions = sorted((name, code) for (kind, name), code in self._entries.items() if kind == "convention")
        self._head = json.dumps([dfa_lab.__version__, steps, measured, conventions])
        self._defaults = {name: field.default for name, field in Settings.model_fields.items() if name != "replicas"}
        self._written: dict[tuple[str, str], str] = {}

    def __call__(self, fields: Mapping[str, Any]) -> str:
        """The name of the run of these settings: 32 hex digits."""
        total = hashlib.sha256(self._head.encode())
        for name, default in self._defaults.items():
            total.update(self._text(name, fields.get(name, default)).encode())
        return total.hexdigest()[:32]

    def _text(self, name: str, value: Any) -> str:
        if name not in ("seed", "feedback_seed") and isinstance(value, str):
            key = (name, value)
            if key not in self._written:
                self._written[key] = self._made(name, value)
            return self._written[key]
        return self._made(name, value)

    def _made(self, name: str, value: Any) -> str:
        value = _in_one_way(value) if isinstance(value, Mapping) else value
        code = [self._entries[name, one] for one in own_names(name, value) if (name, one) in self._entries]
        return json.dumps([name, value, code], sort_keys=True)


def _in_one_way(value: Any) -> Any:
    """A choice as all that equal it are written: a name without parameters is the name, 45.0 is 45."""
    if isinstance(value, Mapping):
        return value["name"] if list(value) == ["name"] else {key: _in_one_way(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_in_one_way(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
