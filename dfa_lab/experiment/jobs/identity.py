"""Identity of what a user wrote: other digits where its code is another, or a value that it reads."""

from __future__ import annotations

import collections
import enum
import functools
import hashlib
import logging
import types
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.jobs.object_parts import (
    Pickle,
    Text,
    array_parts,
    attributes_of,
    base_state,
    by_name,
    changes_by_use,
    fields_of,
    given_to_compile,
    in_order,
    members_of,
    numbers_of,
    of_own_subclass,
    put_on_function,
)
from dfa_lab.experiment.jobs.own_code import (
    codes_in,
    content_of,
    globals_read,
    is_own,
    is_own_class,
    is_own_function,
    module_parts,
    reads_by_text,
    written_in,
)
from dfa_lab.experiment.run import Experiment

#: How many parts a value may have; an array and a list of numbers are a few.
MOST_PARTS = 100_000
_PLAIN_NUMBERS = (bool, float, complex, type(None))
_DESCRIPTORS = (types.WrapperDescriptorType, types.MethodDescriptorType, types.ClassMethodDescriptorType)
_ROUTINES = (types.BuiltinFunctionType, types.MethodWrapperType, *_DESCRIPTORS)
#: What decorators of Python hold, by their class.
_DECORATORS: dict[type, tuple[str, ...]] = {
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    property: ("fget", "fset", "fdel"),
    functools.cached_property: ("func",),
    functools.partialmethod: ("func", "args", "keywords"),
    functools.partial: ("func", "args", "keywords"),
    functools.singledispatchmethod: ("dispatcher", "func"),
    types.MethodType: ("__func__", "__self__"),
    type(functools.cache(len)): ("__wrapped__",),
}
#: Classes of Python's whose objects are their attributes: a pickle would not tell the order of a mapping in them.
_BY_ATTRIBUTES = (types.SimpleNamespace, collections.ChainMap, collections.UserDict, collections.UserList)
#: Classes whose objects are their text.
_BY_REPR = (torch.dtype, torch.device, torch.layout, torch.memory_format, torch.finfo, torch.iinfo, torch.Size)


def identity(value: Any) -> str:
    """16 hex digits that are others where ``value`` is another: a function's code, a number in an object.

    A function counts by its byte code, its defaults, what it closes over and the globals that it reads, among them
    other functions of the user's; an object of the user's by its class's code, its attributes, and what it holds as
    a list or mapping. What an installed package has counts by its name; a value that it made by its pickle, one of
    torch or dfa_lab by its attributes. Files, locks and iterators count by their class.

    ``DfaLabError`` for what has more than ``MOST_PARTS`` parts.
    """
    try:
        return _Walk().digest(value)[:16]
    except (_TooManyPartsError, RecursionError):
        kind = type(value)
        name = value.__qualname__ if issubclass(kind, types.FunctionType | type) else kind.__qualname__
        raise DfaLabError(
            f"{name} reads an object of more than {MOST_PARTS:,} parts, or of sets nested too deep, so that a sweep "
            "cannot tell whether it is the same as in a folder; expected numbers in arrays or tensors, and functions "
            "that are given what they need. Give no folder otherwise."
        ) from None


class _TooManyPartsError(Exception):
    pass


@dataclass(frozen=True)
class _Read:
    """What code with these ``names`` of attributes reads; ``whole`` where it may read others of a module too."""

    value: Any
    names: frozenset[str]
    whole: bool


class _Seen:
    """The objects that a walk has met, each by its number; those of the walk around it too."""

    def __init__(self, around: _Seen | None = None) -> None:
        self._around, self._here = around, dict[Any, int]()
        self._first: int = around.count if around else 0

    @property
    def count(self) -> int:
        return self._first + len(self._here)

    def number(self, key: Any) -> int | None:
        """The number of what was met before; None for what is new, which is met now."""
        walk: _Seen | None = self
        while walk is not None:
            if key in walk._here:
                return walk._here[key]
            walk = walk._around
        self._here[key] = self.count
        return None


class _Walk:
    """The parts of a value, each object once, in an order that is the same in every process."""

    def __init__(self) -> None:
        self._left = MOST_PARTS
        self._held: list[Any] = []  # so that no other object gets the id of one that was met

    def digest(self, value: Any, around: _Seen | None = None) -> str:
        """SHA-256 over the parts of ``value``."""
        total, seen, stack = hashlib.sha256(), _Seen(around), [value]
        while stack:
            one = stack.pop()
            if type(one) is Text:
                total.update(one.encode("utf-8", "surrogatepass") + b"\0")
                continue
            self._left -= 1
            if self._left < 0:
                raise _TooManyPartsError
            stack += [Text(")"), *reversed(self._parts(one, seen)), Text("(")]
        return total.hexdigest()

    def _parts(self, value: Any, seen: _Seen) -> list[Any]:
        kind = type(value)
        if kind in _PLAIN_NUMBERS:
            return [Text(repr(value))]
        if kind is int:
            return [Text(hex(value))]
        if kind is str:
            return [Text(f"text {len(value)}"), Text(value)]
        if kind in (bytes, bytearray, memoryview):
            return [Text(f"{kind.__name__} {hashlib.sha256(bytes(value)).hexdigest()}")]
        if kind is tuple:  # equal constants may be one object or several
            return [Text("tuple"), *in_order(value)]
        if kind is frozenset:
            return [Text("frozenset"), *self._unordered(value, seen)]
        if kind is _Read:
            return self._read(value, seen)
        number = seen.number(id(value))
        if number is not None:
            return [Text(f"seen {number}")]
        self._held.append(value)
        return self._inside(value, kind, seen)

    def _inside(self, value: Any, kind: type, seen: _Seen) -> list[Any]:
        if given := given_to_compile(value, kind):
            return [Text("compiled"), *given]
        if kind is types.FunctionType:
            return _function(value)
        if issubclass(kind, type):
            return _class(value)
        if issubclass(kind, types.ModuleType):
            return module_parts(value)
        if names := _DECORATORS.get(kind):
            inner = {name: one for name, one in attributes_of(value).items() if name != "__wrapped__"}
            return [Text(kind.__name__), *(getattr(value, name) for name in names), inner]
        if issubclass(kind, _ROUTINES):
            owner = getattr(value, "__self__", None)
            return [Text(_name(value)), None if isinstance(owner, types.ModuleType) else owner]
        if issubclass(kind, torch.Tensor):
            return [Text(numbers_of(value)), *of_own_subclass(value, kind)]
        if issubclass(kind, np.ndarray):
            return [*array_parts(value), *of_own_subclass(value, kind)]
        if kind in _BY_REPR:
            return [Text(repr(value))]
        if changes_by_use(value, kind):
            return [Text(f"one {kind.__qualname__}")]
        if issubclass(kind, logging.Logger):
            return [Text(value.name)]
        if kind is torch.Generator:
            return [Text(f"{value.device} {value.initial_seed()}")]
        if issubclass(kind, enum.Enum):
            return [kind, value._name_, value._value_]
        if issubclass(kind, Experiment):
            return [Text("run"), value.settings.model_dump_json(), value.steps_done, value.net.state_dict()]
        return [kind, *self._held_by(value, kind, seen), *self._of_object(value, kind)]

    def _unordered(self, several: Iterable[Any], seen: _Seen) -> list[Text]:
        """The digests of ``several``, sorted."""
        return [Text(one) for one in sorted(self.digest(one, seen) for one in several)]

    def _held_by(self, value: Any, kind: type, seen: _Seen) -> list[Any]:
        """What an object holds as a container, or is as a number or text, whatever methods a user gave its class."""
        if issubclass(kind, dict):
            return [part for pair in dict.items(value) for part in pair]
        if kind is types.MappingProxyType:
            return [part for pair in dict(value).items() for part in pair]
        if issubclass(kind, list | tuple):
            base = list if issubclass(kind, list) else tuple
            return in_order(list(base.__iter__(value)))
        if issubclass(kind, set | frozenset):
            base_set = set if issubclass(kind, set) else frozenset
            return list(self._unordered(base_set.__iter__(value), seen))
        if issubclass(kind, int):
            return [Text(hex(int.__index__(value)))]
        for plain in (float, complex, str, bytes):
            if issubclass(kind, plain):
                return [Text(plain.__repr__(value))]
        return []

    def _of_object(self, value: Any, kind: type) -> list[Any]:
        """The attributes of an object, or the pickle of one of an installed package, with what a user put in it."""
        if kind in (dict, list, set):
            return []
        if is_own_class(kind):
            return [attributes_of(value), *base_state(value, kind)]
        if (
            kind not in _BY_ATTRIBUTES
            and not issubclass(kind, torch.nn.Module)
            and str(kind.__module__).partition(".")[0] not in ("torch", "dfa_lab")
        ):
            pickle = Pickle(value)
            try:
                return [Text(pickle.hash(value)), *pickle.parts]
            except RecursionError:
                raise
            except Exception:  # what cannot be pickled counts by its attributes, if it has any
                pass
        return [attributes_of(value), list(value) if kind is collections.deque else None]

    def _read(self, read: _Read, seen: _Seen) -> list[Any]:
        value = read.value
        if not issubclass(type(value), types.ModuleType) or not is_own(value.__name__):
            return [value]
        if read.whole or "__getattr__" in vars(value):
            return [value]
        number = seen.number((id(value), read.names))
        if number is not None:
            return [Text(f"seen {number}")]
        self._held.append(value)
        found = vars(value)
        parts: list[Any] = [Text(value.__name__)]
        for name in sorted(read.names & found.keys()):
            parts += [Text(name), _Read(found[name], read.names, whole=False)]
        return parts


def _function(function: types.FunctionType) -> list[Any]:
    codes = list(codes_in(function.__code__))
    names = frozenset(name for code in codes for name in code.co_names)
    whole, own = reads_by_text(set(names)), is_own_function(function)
    parts: list[Any] = [Text("function")]
    if own:
        for code in codes:
            counts = f"{code.co_argcount} {code.co_posonlyargcount} {code.co_kwonlyargcount} {code.co_flags}"
            parts.append(Text(f"{code.co_code.hex()} {code.co_exceptiontable.hex()} {counts}"))
            parts.append(Text(f"{code.co_names} {code.co_varnames}"))
            parts += [one for one in code.co_consts if not isinstance(one, types.CodeType)]
    else:
        parts.append(Text(_name(function)))
    parts += [function.__defaults__, function.__kwdefaults__, put_on_function(function)]
    parts += [_Read(content_of(cell), names, whole) for cell in function.__closure__ or ()]
    if own:
        for name, (value, otherwise) in sorted(globals_read(function, codes).items()):
            parts += [Text(name), _Read(value, names, whole or otherwise)]
    return parts


def _class(value: type) -> list[Any]:
    parts: list[Any] = [Text(_name(value))]
    if not is_own_class(value):
        return parts
    for fields in fields_of(value):
        parts += [[key, one.default, one.default_factory, one.metadata] for key, one in fields.items()]
    return [*parts, type(value), *value.__bases__, by_name(written_in(value)), *members_of(value)]


def _name(value: Any) -> str:
    return " ".join(str(getattr(value, name, "")) for name in ("__module__", "__qualname__"))
