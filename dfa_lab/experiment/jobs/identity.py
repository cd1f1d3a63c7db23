"""Identity of what a user wrote: other digits where its code is another, or a number that it reads."""

from __future__ import annotations

import dataclasses
import dis
import functools
import hashlib
import importlib.util
import inspect
import logging
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import joblib
import numpy as np
import torch

import dfa_lab
from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.run import Experiment

#: How deep an object is looked into, and how many parts of it are.
DEEP, MOST_PARTS = 60, 100_000
#: What a class has besides what its author wrote.
_OF_EVERY_CLASS = {
    *("__module__", "__dict__", "__weakref__", "__doc__", "__annotations__", "__qualname__", "_abc_impl"),
    *("__firstlineno__", "__static_attributes__", "__annotate__", "__annotate_func__", "__annotations_cache__"),
}
#: What decorators, static methods and properties hold.
_OF_DECORATORS = ("__wrapped__", "__func__", "fget", "fset", "fdel")
#: What holds others, or is one number or text itself, and may be the base of a class of the user's.
_HOLDERS = (Mapping, list, tuple, set, frozenset, int, float, complex, str, bytes)
_READS = {"LOAD_GLOBAL", "LOAD_NAME"}


def identity(value: Any) -> str:
    """16 hex digits that are others where ``value`` is another: a function's code, a number in an object.

    A function counts by its code, its defaults, what it closes over and the globals that it reads, among them other
    functions of the user's; an object by its class's code and its attributes. What an installed package has counts by
    its name. ``DfaLabError`` for what has more than ``MOST_PARTS`` parts, an array being one.
    """
    total = hashlib.sha256()
    for number, part in enumerate(_Parts().of(value, DEEP)):
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
        kind = type(value)
        if value is None or kind in (bool, int, float, complex, str, bytes):
            yield repr(value)
        elif not deep:
            yield kind.__qualname__
        elif isinstance(value, torch.Tensor):
            yield _numbers(value)
        elif isinstance(value, np.ndarray):
            yield f"{kind.__qualname__} {value.shape} {value.dtype}"
            plain = np.asarray(value)
            masked = np.ma.getmaskarray(value).tolist() if isinstance(value, np.ma.MaskedArray) else None
            yield from self.of(plain.tolist() if plain.dtype == object else joblib.hash(plain), deep - 1)
            yield from self.of(masked, deep - 1)
        elif kind in (tuple, frozenset):
            yield from self._items(value, deep)
        elif inspect.ismodule(value):
            yield value.__name__
        elif id(value) in self._seen:
            yield f"seen {self._seen[id(value)][0]}"
        else:
            self._seen[id(value)] = len(self._seen), value  # held, so that no other object gets its id
            yield from self._inside(value, deep)

    def _inside(self, value: Any, deep: int) -> Iterator[str]:
        if inspect.isfunction(value):
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
        elif isinstance(value, logging.Logger):
            yield value.name
        elif isinstance(value, torch.Generator):
            yield f"{value.device} {value.initial_seed()}"
        elif isinstance(value, Experiment):
            yield from self.of((value.settings.model_dump_json(), value.steps_done, value.net.state_dict()), deep - 1)
        else:
            yield from self._object(value, deep)

    def _items(self, value: Iterable[Any], deep: int) -> Iterator[str]:
        several = list(value)
        yield f"{type(value).__name__} {len(several)}"
        for one in sorted(several, key=identity) if isinstance(value, set | frozenset) else several:
            yield from self.of(one, deep - 1)

    def _function(self, function: Any, deep: int) -> Iterator[str]:
        codes = list(_codes(function.__code__))
        attributes = {name for code in codes for name in code.co_names}
        for code in codes:
            yield f"{code.co_code.hex()} {code.co_exceptiontable.hex()} {code.co_names} {code.co_varnames}"
            yield from self.of(tuple(one for one in code.co_consts if not inspect.iscode(one)), deep - 1)
        yield from self.of((function.__defaults__, function.__kwdefaults__, vars(function)), deep - 1)
        for cell in map(_content, function.__closure__ or ()):
            yield from self._read(cell, attributes, deep - 1)
        if _is_own(function.__module__):
            for name, value in sorted(_globals(function, codes).items()):
                yield name
                yield from self._read(value, attributes, deep - 1)

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
            yield from self.of((type(value), *value.__bases__), deep - 1)
            own = {name: one for name, one in vars(value).items() if name not in _OF_EVERY_CLASS}
            yield from self.of(own, deep - 1)

    def _object(self, value: Any, deep: int) -> Iterator[str]:
        """Its class's code, what it holds as a list or a mapping, and its attributes."""
        yield from self.of(type(value), deep - 1)
        if isinstance(value, _HOLDERS):
            yield from self._held(value, deep)
            if not _is_own(type(value).__module__):
                return
        inside = [one for name in _OF_DECORATORS if inspect.isroutine(one := _attribute(value, name))]
        yield from self.of(tuple(inside), deep - 1)
        if not inside and (digest := _hash(value)):
            yield digest
            return
        yield from self._attributes(value, deep)

    def _held(self, value: Any, deep: int) -> Iterator[str]:
        if isinstance(value, Mapping):
            for key in sorted(value, key=lambda key: key if isinstance(key, str) else identity(key)):
                yield from self.of((key, value[key]), deep - 1)
        elif isinstance(value, list | tuple | set | frozenset):
            yield from self._items(value, deep)
        else:
            yield repr(value)

    def _attributes(self, value: Any, deep: int) -> Iterator[str]:
        kind = type(value)
        names = [one.name for one in dataclasses.fields(value)] if dataclasses.is_dataclass(value) else []
        names += [one for base in kind.__mro__ for one in _slots(base) if one not in names]
        inner = {name: _attribute(value, name) for name in names}
        inner |= getattr(value, "__dict__", {})
        filled = {name for name in inner if isinstance(getattr(kind, name, None), functools.cached_property)}
        yield from self.of({name: one for name, one in inner.items() if name not in filled}, deep - 1)


def _globals(function: Any, codes: list[CodeType]) -> dict[str, Any]:
    """The globals that code reads and the modules that it imports, by name; None for what there is not."""
    found: dict[str, Any] = {}
    for code in codes:
        steps = list(dis.get_instructions(code))
        for place, one in enumerate(steps):
            if one.opname in _READS:
                found[one.argval] = function.__globals__.get(one.argval)
            elif one.opname == "IMPORT_NAME":
                package = function.__globals__.get("__package__") or ""
                name = "." * (steps[place - 2].argval or 0) + one.argval
                found[name] = _module(name, package)
    return found


def _module(name: str, package: str) -> Any:
    """A module of the user's, imported where it is not yet; else its name."""
    try:
        name = importlib.util.resolve_name(name, package)
        return importlib.import_module(name) if _is_own(name) else name
    except Exception:  # it says so in its own way when it is called
        return name


def _numbers(value: torch.Tensor) -> str:
    about = f"{type(value).__qualname__} {value.dtype} {value.layout} {value.device.type}"
    try:
        dense = value.detach().to_dense() if value.layout != torch.strided else value.detach()
        dense = dense.float() if dense.dtype is torch.bfloat16 else dense  # NumPy has it not
        return f"{about} {tuple(value.shape)} {joblib.hash(dense.cpu().resolve_conj().resolve_neg().numpy())}"
    except (RuntimeError, TypeError, ValueError, NotImplementedError):  # one without numbers, as on "meta"
        return about


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


def _attribute(value: Any, name: str) -> Any:
    try:
        return getattr(value, name, None)
    except Exception:  # an attribute that says in its own way that it is none
        return None


def _name(value: Any) -> str:
    return " ".join(str(getattr(value, name, "")) for name in ("__module__", "__qualname__", "__name__"))


def _slots(kind: type) -> tuple[str, ...]:
    slots = vars(kind).get("__slots__", ()) if _is_own(kind.__module__) else ()
    return (slots,) if isinstance(slots, str) else tuple(slots)


def _hash(value: Any) -> str:
    """The digest of a value of an installed package; "" where it has none, as a lock or an open file.

    What may hold tensors has none: these are pickled with where they lie in memory.
    """
    module = type(value).__module__
    if _is_own(module) or module.startswith(("torch", "dfa_lab", "functools")):
        return ""
    try:
        return str(joblib.hash(value))
    except Exception:  # it says in its own way that it cannot be pickled
        return ""


@functools.cache
def _is_own(module: str) -> bool:
    """Whether a module is the user's: neither Python's, nor an installed package's, nor of dfa_lab."""
    if module == "__main__":
        return True
    if module in sys.builtin_module_names or module.partition(".")[0] in sys.stdlib_module_names:
        return False
    found = sys.modules.get(module)
    file, folders = getattr(found, "__file__", None), list(getattr(found, "__path__", []))
    if found is None:
        try:
            spec = importlib.util.find_spec(module)
        except (ImportError, ValueError):
            spec = None
        file = spec.origin if spec else None
    place = file or next(iter(folders), None)
    if place is None:
        return getattr(found, "__spec__", None) is None  # made by hand
    path = Path(place).resolve()
    return not {"site-packages", "dist-packages"} & set(path.parts) and not any(
        path.is_relative_to(one) for one in _installed()
    )


@functools.cache
def _installed() -> list[Path]:
    found = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return [Path(one).resolve() for one in (*found, site.getusersitepackages(), *dfa_lab.__path__)]
