"""What a user registered and a sweep names: it travels to the workers, and a change of it makes other runs."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import itertools
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.history import METRICS
from dfa_lab.experiment.jobs.sweep_metrics import SweepMetric
from dfa_lab.experiment.settings import CHOICES
from dfa_lab.learning.alignment import CONVENTIONS, column
from dfa_lab.learning.rules import Rule
from dfa_lab.registry import Registry, per_layer

#: Says which process an entry comes from; a forked child has its parent's entries, and its name.
PROCESS = uuid.uuid4().hex
#: The registries whose entries travel: of a setting by its name, and of conventions.
REGISTRIES: dict[str, Registry[Any]] = {**CHOICES, "convention": CONVENTIONS}
#: How deep an object is looked into, and how many parts of it are.
DEEP, MOST_PARTS = 12, 10_000


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


def identity(value: Any) -> str:
    """16 hex digits that are others where a function's source is, or a number in a value."""
    total = hashlib.sha256()
    for part in itertools.islice(_parts(value, DEEP), MOST_PARTS):
        total.update(part.encode() + b"\0")
    return total.hexdigest()[:16]


def _parts(value: Any, deep: int) -> Iterator[str]:
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        yield repr(value)
    elif not deep:
        yield type(value).__qualname__
    elif isinstance(value, torch.Tensor | np.ndarray):
        array = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value
        yield f"{array.shape} {array.dtype} {hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()}"
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            yield str(key)
            yield from _parts(value[key], deep - 1)
    elif isinstance(value, list | tuple | set | frozenset):
        yield f"{type(value).__name__} {len(value)}"
        for one in sorted(value, key=repr) if isinstance(value, set | frozenset) else value:
            yield from _parts(one, deep - 1)
    elif inspect.isfunction(value):
        yield _source(value)
        yield from _parts([value.__defaults__, value.__kwdefaults__, *map(_content, value.__closure__ or ())], deep - 1)
    elif inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value):
        yield " ".join(str(getattr(value, name, "")) for name in ("__module__", "__qualname__", "__name__"))
    else:
        yield type(value).__qualname__
        fields = [one.name for one in dataclasses.fields(value)] if dataclasses.is_dataclass(value) else ()
        inner = {name: getattr(value, name) for name in fields} or getattr(value, "__dict__", {})
        yield from _parts(dict(inner), deep - 1)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing was put into it yet
        return None


def _source(function: Any) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):  # typed at a prompt
        code = function.__code__
        return f"{code.co_code.hex()} {code.co_names} {[one for one in code.co_consts if not inspect.iscode(one)]}"
