"""What an object holds: attributes, numbers, and the pickle of what a package made."""

from __future__ import annotations

import contextlib
import enum
import functools
import hashlib
import inspect
import os
import random
import types
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pydantic
import torch
from joblib.hashing import NumpyHasher

from dfa_lab.experiment.jobs.own_code import is_of_enum, is_of_pydantic, is_own_class, where_fields_are

#: Values that change while others use them, and so count by their class alone.
_BY_CLASS = (
    *(weakref.ref, weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet),
    torch.utils.hooks.RemovableHandle,
)
#: Bases whose content is read without a pickle.
_READ_OTHERWISE = (dict, list, tuple, set, frozenset, int, float, complex, str, bytes, torch.Tensor, np.ndarray)


class Text(str):
    """Text that counts as it stands: a name, a digest, the end of a part."""

    __slots__ = ()


def by_name(found: dict[str, Any]) -> dict[str, Any]:
    """The same in the order of the names, for what has no order of its own: attributes, what is in a module."""
    return dict(sorted(found.items(), key=lambda pair: str(pair[0])))


def in_order(several: Sequence[Any]) -> list[Any]:
    """The parts of a list or tuple; of plain numbers its text alone."""
    if len(several) > 100 and all(type(one) in (bool, float) or _is_short(one) for one in several):
        return [Text(repr(several))]
    return list(several)


def _is_short(value: Any) -> bool:
    return type(value) is int and -(1 << 63) <= value < 1 << 63


def of_own_subclass(value: Any, kind: type) -> list[Any]:
    """What a user's class adds to an array or a tensor, and attributes that were given to it."""
    attributes = attributes_of(value)
    return [kind, attributes] if is_own_class(kind) else [attributes] if attributes else []


def array_parts(value: Any) -> list[Any]:
    """Shape, kind and numbers of an array, and which of them are masked."""
    plain = np.asarray(value)
    about = f"{type(value).__qualname__} {plain.shape} {plain.dtype}"
    numbers = plain.tolist() if plain.dtype.hasobject else np.ascontiguousarray(plain).tobytes()
    masked = np.ma.getmaskarray(value).tobytes() if isinstance(value, np.ma.MaskedArray) else None
    return [about, numbers, masked]


def numbers_of(value: torch.Tensor) -> str:
    """Shape, kind and a digest of the numbers of a tensor; one on "meta" and one without a shape have none."""
    about = f"{type(value).__qualname__} {value.dtype} {value.layout} {value.device.type} {value.requires_grad}"
    try:
        plain = value.detach()
        plain = plain if type(plain) is torch.Tensor else plain.as_subclass(torch.Tensor)
        if plain.is_nested:
            return " ".join([about, *map(numbers_of, plain.unbind())])
        about += f" {tuple(plain.shape)}"
        plain = plain.dequantize() if plain.is_quantized else plain
        plain = plain.to_dense() if plain.layout != torch.strided else plain
        plain = plain.resolve_conj().resolve_neg().contiguous().cpu().reshape(-1).view(torch.uint8)
        return f"{about} {hashlib.sha256(plain.numpy().tobytes()).hexdigest()}"
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, TypeError, ValueError, NotImplementedError):  # one without numbers, as on "meta"
        return about


def attributes_of(value: Any) -> dict[str, Any]:
    """What an object has in its ``__dict__`` and its slots, asked of Python and of none of the object's methods."""
    kind, found = type(value), dict[str, Any]()
    for base in kind.__mro__:
        for name, one in vars(base).items():
            if type(one) is types.MemberDescriptorType and is_own_class(base):
                try:
                    found[f"{base.__name__}.{name}"] = one.__get__(value, kind)
                except AttributeError:  # nothing was put there yet
                    continue
    try:
        inner = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return by_name(found)
    for name, one in inner.items():
        if not isinstance(inspect.getattr_static(kind, name, None), functools.cached_property):
            hooks = str(name).endswith("_hooks") and issubclass(kind, torch.nn.Module)
            found[name] = list(one.values()) if hooks and isinstance(one, dict) else one  # their keys are a count
    return by_name(found)


def fields_of(kind: type) -> list[Mapping[str, Any]]:
    """The fields of a dataclass or a pydantic model, those whose annotations name what is defined later too."""
    if is_of_pydantic(kind):
        with contextlib.suppress(Exception):  # it says so in its own way when it is used
            vars(pydantic.BaseModel)["model_rebuild"].__func__(kind, raise_errors=False, _parent_namespace_depth=0)
    found = [vars(kind).get(name) for name in where_fields_are(kind)]
    return [one for one in found if isinstance(one, Mapping)]


def members_of(kind: type) -> list[Any]:
    """The members of an enum in their order, each with its value and the attributes that were given to it."""
    if not issubclass(kind, enum.Enum):
        return []
    found: list[Any] = []
    for name, member in kind.__members__.items():
        given = {key: one for key, one in attributes_of(member).items() if not is_of_enum(key)}
        found.append([name, member._value_, given])
    return found


def put_on_function(function: types.FunctionType) -> dict[str, Any]:
    """The attributes of a function, but what ``functools.wraps`` and ``torch.compile`` leave there."""

    def is_left(name: str, one: Any) -> bool:
        of_torch = type(one) is types.FunctionType and one.__module__ == "torch._dynamo.eval_frame"
        return of_torch or name.startswith(("__wrapped__", "_torchdynamo", "_isolate_recompiles"))

    return {name: one for name, one in attributes_of(function).items() if not is_left(name, one)}


def given_to_compile(value: Any, kind: type) -> list[Any]:
    """What ``torch.compile`` was given to make ``value``, and what was put on it since; none where it did not make it.

    The function that it makes is of that module; one around it, by ``functools.wraps``, has the same attributes.
    """
    if kind is types.FunctionType and value.__globals__.get("__name__") == "torch._dynamo.eval_frame":
        given = vars(value).get("_torchdynamo_orig_callable")
        return [] if given is None else [given, put_on_function(value)]
    if kind.__module__ == "torch._dynamo.eval_frame" and issubclass(kind, torch.nn.Module):
        hooks = {name: one for name, one in attributes_of(value).items() if name.endswith("_hooks")}
        return [value._modules.get("_orig_mod"), hooks]
    return []


def base_state(value: Any, kind: type) -> list[Any]:
    """What an object of a user's class has from a class of Python's or a package's: a date's day, an error's words."""
    made: Any = ()
    for base in kind.__mro__:
        if base not in _READ_OTHERWISE and not is_own_class(base) and _reduces(base):
            try:
                own = vars(base)
                made = own["__reduce_ex__"](value, 2) if "__reduce_ex__" in own else own["__reduce__"](value)
            except Exception:  # it says in its own way that it cannot be pickled
                continue
            break
    if not isinstance(made, tuple):
        return []
    # Attributes, alone or beside the slots, are read as such.
    parts: list[Any] = [*made[1:], None, None]
    arguments, state = parts[:2]
    slots = isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict)
    held = [list(one) for one in parts[2:] if one is not None and not callable(one)]
    return [arguments, None if isinstance(state, dict) or slots else state, *held]


def _reduces(base: type) -> bool:
    return base is not object and bool({"__reduce__", "__reduce_ex__"} & vars(base).keys())


class Pickle(NumpyHasher):
    """The digest of a package's object by its pickle; what a user put in it, and what holds tensors, are ``parts``."""

    def __init__(self, root: Any) -> None:
        super().__init__(hash_name="sha256")
        self._root, self.parts = root, list[Any]()

    def save_pers(self, number: int) -> None:
        """As Python's own, without an argument that joblib's ``save`` has not."""
        self.save(number)

    def persistent_id(self, one: Any) -> int | None:
        """The number of a part; None for what is pickled."""
        kind = type(one)
        is_part = (
            issubclass(kind, types.FunctionType | types.ModuleType | torch.Tensor | torch.nn.Module)
            or (issubclass(kind, type) and is_own_class(one))
            or is_own_class(kind)
            or any(one is generator for generator in shared_generators())
        )
        if one is self._root or not is_part:
            return None
        self.parts.append(one)
        return len(self.parts)


def changes_by_use(value: Any, kind: type) -> bool:
    """Whether a value is another after each use of it by anybody: what all of a process draw from, its environment."""
    return value is os.environ or any(value is one for one in shared_generators()) or issubclass(kind, _BY_CLASS)


def shared_generators() -> tuple[Any, ...]:
    """The generators that all of a process draws from: they count by their name, whatever was drawn."""
    return random._inst, np.random.mtrand._rand
