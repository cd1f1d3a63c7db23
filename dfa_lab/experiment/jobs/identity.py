"""Identity of what a user wrote: other digits where its code is another, or a number that it reads."""

from __future__ import annotations

import dataclasses
import dis
import functools
import hashlib
import inspect
import pickle
import site
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import numpy as np
import torch

import dfa_lab
from dfa_lab.errors import DfaLabError

#: How deep an object is looked into, and how many parts of it are.
DEEP, MOST_PARTS = 60, 100_000
#: What a class has besides what its author wrote.
_OF_EVERY_CLASS = {"__module__", "__dict__", "__weakref__", "__doc__", "__annotations__", "__qualname__", "_abc_impl"}


def identity(value: Any) -> str:
    """16 hex digits that are others where ``value`` is another: a function's code, a number in an object.

    A function counts by its source, its defaults, what it closes over and the globals that it reads, among them other
    functions of the user's; an object by its class's code and its attributes. What an installed package has counts by
    its name. ``DfaLabError`` for what has more than ``MOST_PARTS`` parts, an array being one.
    """
    total, parts = hashlib.sha256(), _Parts()
    for number, part in enumerate(parts.of(value, DEEP)):
        if number == MOST_PARTS:
            raise DfaLabError(
                f"{getattr(value, '__qualname__', type(value).__qualname__)} reads an object of more than "
                f"{MOST_PARTS:,} parts, so that a sweep cannot tell whether it is the same as in a folder; expected "
                "numbers in arrays or tensors, and functions that are given what they need. Give no folder otherwise."
            )
        total.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return total.hexdigest()[:16]


class _Parts:
    """The parts of a value in order, each object once."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[int, Any]] = {}

    def of(self, value: Any, deep: int) -> Iterator[str]:
        if value is None or isinstance(value, bool | int | float | complex | str | bytes):
            yield repr(value)
        elif not deep:
            yield type(value).__qualname__
        elif isinstance(value, torch.Tensor | np.ndarray):
            yield _numbers(value)
        elif isinstance(value, tuple | frozenset):
            yield from self._items(value, deep)
        elif inspect.ismodule(value):
            yield value.__name__
        elif id(value) in self._seen:
            yield f"seen {self._seen[id(value)][0]}"
        else:
            self._seen[id(value)] = len(self._seen), value  # held, so that no other object gets its id
            yield from self._inside(value, deep)

    def _inside(self, value: Any, deep: int) -> Iterator[str]:
        if isinstance(value, Mapping):
            yield type(value).__qualname__
            for key in sorted(value, key=str):
                yield str(key)
                yield from self.of(value[key], deep - 1)
        elif isinstance(value, list | set):
            yield from self._items(value, deep)
        elif inspect.isfunction(value):
            yield from self._function(value, deep)
        elif inspect.isclass(value):
            yield from self._class(value, deep)
        elif isinstance(value, functools.partial):
            yield from self.of(("partial", value.func, value.args, value.keywords, vars(value)), deep - 1)
        elif inspect.ismethod(value):
            yield from self.of(("method", value.__func__, value.__self__), deep - 1)
        elif inspect.isroutine(value):
            owner = getattr(value, "__self__", None)
            yield _name(value)
            yield from self.of(getattr(value, "__wrapped__", None), deep - 1)  # what functools.cache holds
            yield from self.of(owner.__qualname__ if inspect.isclass(owner) else owner, deep - 1)
        else:
            yield from self._object(value, deep)

    def _items(self, value: Any, deep: int) -> Iterator[str]:
        yield f"{type(value).__name__} {len(value)}"
        for one in sorted(value, key=repr) if isinstance(value, set | frozenset) else value:
            yield from self.of(one, deep - 1)

    def _function(self, function: Any, deep: int) -> Iterator[str]:
        codes = list(_codes(function.__code__))
        yield _source(function, codes)
        cells = tuple(map(_content, function.__closure__ or ()))
        yield from self.of((function.__defaults__, function.__kwdefaults__, *cells), deep - 1)
        yield from self.of(vars(function), deep - 1)
        if not _is_own(function.__module__):
            return
        steps = [one for code in codes for one in dis.get_instructions(code)]
        attributes = {name for code in codes for name in code.co_names}
        read = {one.argval: function.__globals__.get(one.argval) for one in steps if one.opname in _READS}
        read |= {one.argval: sys.modules.get(one.argval) for one in steps if one.opname == "IMPORT_NAME"}
        for name in sorted(read):
            yield name
            yield from self._read(read[name], attributes, deep - 1)

    def _read(self, value: Any, attributes: set[str], deep: int) -> Iterator[str]:
        """What code with these names of attributes reads of a global; of a module of the user's those attributes."""
        if not isinstance(value, ModuleType) or not _is_own(value.__name__) or not deep:
            yield from self.of(value, deep)
            return
        yield value.__name__
        for name in sorted(attributes & vars(value).keys()):
            yield name
            yield from self._read(vars(value)[name], attributes - {name}, deep - 1)

    def _class(self, value: type, deep: int) -> Iterator[str]:
        yield _name(value)
        if _is_own(value.__module__):
            yield from self.of(value.__bases__, deep - 1)
            own = {name: one for name, one in vars(value).items() if name not in _OF_EVERY_CLASS}
            yield from self.of(own, deep - 1)

    def _object(self, value: Any, deep: int) -> Iterator[str]:
        yield from self.of(type(value), deep - 1)
        for name in ("__wrapped__", "__func__", "fget"):  # of a decorator's object, a static method, a property
            if inspect.isroutine(inside := getattr(value, name, None)):
                yield from self.of(inside, deep - 1)
        names = [one.name for one in dataclasses.fields(value)] if dataclasses.is_dataclass(value) else []
        names += [one for kind in type(value).__mro__ for one in _slots(kind) if one not in names]
        inner = {name: getattr(value, name) for name in names if hasattr(value, name)}
        inner |= getattr(value, "__dict__", {})
        yield from self.of(inner, deep - 1) if inner else iter([_written(value)])


_READS = {"LOAD_GLOBAL", "LOAD_NAME"}


def _numbers(value: Any) -> str:
    array = value.detach().cpu() if isinstance(value, torch.Tensor) else value
    try:
        found = np.ascontiguousarray(array)
    except (TypeError, RuntimeError):  # bfloat16 and others that NumPy has not
        found = array.float().numpy()
    held = found.tobytes() if found.dtype != object else repr(found.tolist()).encode()
    return f"{tuple(value.shape)} {value.dtype} {hashlib.sha256(held).hexdigest()}"


def _codes(code: CodeType) -> Iterator[CodeType]:
    """The code and that of the functions in it."""
    yield code
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from _codes(one)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing was put into it yet
        return None


def _source(function: Any, codes: list[CodeType]) -> str:
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError):  # typed at a prompt
        text = ""
    if text and function.__name__ != "<lambda>":
        return text
    # A line may have several lambdas.
    held = [(one.co_code.hex(), one.co_names, [k for k in one.co_consts if not inspect.iscode(k)]) for one in codes]
    return f"{text} {held}"


def _name(value: Any) -> str:
    return " ".join(str(getattr(value, name, "")) for name in ("__module__", "__qualname__", "__name__"))


def _slots(kind: type) -> tuple[str, ...]:
    slots = vars(kind).get("__slots__", ()) if _is_own(kind.__module__) else ()
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _written(value: Any) -> str:
    """A value without attributes as text: as it is written, else its pickle's digest, else nothing."""
    text = repr(value)
    if " at 0x" not in text and "..." not in text:
        return text
    try:
        return hashlib.sha256(pickle.dumps(value)).hexdigest()
    except Exception:  # it says in its own way that it cannot be pickled
        return ""


@functools.cache
def _is_own(module: str) -> bool:
    """Whether a module is the user's: neither Python's, nor an installed package's, nor of dfa_lab."""
    if module == "__main__":
        return True
    found = sys.modules.get(module)
    file, folders = getattr(found, "__file__", None), list(getattr(found, "__path__", []))
    if file is None and not folders:
        return getattr(found, "__spec__", None) is None  # made by hand, and not part of Python
    return not any(Path(file or folders[0]).resolve().is_relative_to(one) for one in _installed())


@functools.cache
def _installed() -> list[Path]:
    found = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return [Path(one).resolve() for one in (*found, site.getusersitepackages(), *dfa_lab.__path__)]
