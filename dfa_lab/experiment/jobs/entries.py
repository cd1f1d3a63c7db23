"""What a user registered and a sweep names: it travels to the workers, and a change of it makes other runs."""

from __future__ import annotations

import dataclasses
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.history import METRICS
from dfa_lab.experiment.jobs.sweep_metrics import SweepMetric
from dfa_lab.experiment.settings import CHOICES
from dfa_lab.learning.alignment import CONVENTIONS, column
from dfa_lab.learning.rules import Rule
from dfa_lab.registry import Registry, per_layer

#: Says which process an entry comes from. A forked child has one of its own: it lacks what its parent registers later.
PROCESS = uuid.uuid4().hex
#: The registries whose entries travel: of a setting by its name, and of conventions.
REGISTRIES: dict[str, Registry[Any]] = {**CHOICES, "convention": CONVENTIONS}


@dataclasses.dataclass(frozen=True)
class Entry:
    """An entry that dfa_lab has not by itself: ``name`` in the registry of ``kind``, and the entry."""

    kind: str
    name: str
    entry: Any


def entries_of(parts: Iterable[Mapping[str, Sequence[Any]]], metrics: Sequence[SweepMetric]) -> list[Entry]:
    """The entries, each once, that the values in ``parts`` or the metrics name and that are not built in."""
    named = {
        (kind, name)
        for part in parts
        for kind, values in part.items()
        for value in values
        for name in own_names(kind, value)
    }
    wanted = {one.metric for one in metrics}
    named |= {("convention", one) for one in CONVENTIONS if column(one) in wanted and not CONVENTIONS.is_built_in(one)}
    return [Entry(kind, name, REGISTRIES[kind][name]) for kind, name in sorted(named)]


def own_names(field: str, value: Any) -> Iterator[str]:
    """The names in a setting's value of entries that a user registered."""
    if field not in CHOICES:
        return
    for choice in value.values() if per_layer(value) else [value]:
        name = choice.get("name") if isinstance(choice, Mapping) else choice
        if isinstance(name, str) and name in CHOICES[field] and not CHOICES[field].is_built_in(name):
            yield name


def pickled(metrics: Sequence[SweepMetric], entries: Sequence[Entry]) -> bytes:
    """The metrics and entries as bytes, functions of a notebook by their code. ``DfaLabError`` for what is none."""
    try:
        return bytes(_cloudpickle().dumps((PROCESS, list(metrics), [_packed(one) for one in entries])))
    except Exception as reason:
        names = ", ".join([one.column for one in metrics if one.function] + [one.name for one in entries])
        raise DfaLabError(
            f"one of {names} cannot be sent to another process ({type(reason).__name__}: {reason}); expected functions "
            "and values that pickle takes: let it open files and make locks when it is called."
        ) from reason


def unpickled(text: bytes) -> list[SweepMetric]:
    """The metrics; the entries are registered in this process, unless they come from it."""
    process, metrics, entries = _cloudpickle().loads(text)
    if process != PROCESS:
        for kind, name, make, given in entries:
            REGISTRIES[kind].put(name, make(given))
    assert all(one.metric in METRICS for one in metrics if one.metric), shown(metrics)
    return list(metrics)


def _packed(one: Entry) -> tuple[str, str, Any, Any]:
    """An entry with what makes it again: a registered rule would be pickled by its name, which nobody else knows."""
    if isinstance(one.entry, Rule):
        fields = {field.name: getattr(one.entry, field.name) for field in dataclasses.fields(one.entry)}
        return one.kind, one.name, _rule, (type(one.entry), fields)
    return one.kind, one.name, _itself, one.entry


def _rule(given: tuple[type[Rule], dict[str, Any]]) -> Rule:
    kind, fields = given
    return kind(**fields)


def _itself(entry: Any) -> Any:
    return entry


def _cloudpickle() -> Any:
    """The package, or the copy of it that joblib has where it does not need the package."""
    try:
        import cloudpickle
    except ImportError:
        from joblib.externals import cloudpickle
    return cloudpickle


def _begin_child() -> None:
    global PROCESS  # noqa: PLW0603 - said once, by the system
    PROCESS = uuid.uuid4().hex


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_child)
