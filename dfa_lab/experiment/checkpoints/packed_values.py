"""Values of a run as JSON holds them, with their tensors beside: packed for a file, and back to the last bit.

A value that JSON does not have is a mapping with one key that begins with "$": a tensor by its name, a tuple, a mapping
whose keys are no texts, a number that is not finite, a feedback matrix of one's own, a task of one's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.data import Task
from dfa_lab.learning.feedback import GivenMatrix

#: What JSON has as it is; a run of a million changes has millions of them.
_PLAIN = frozenset({type(None), bool, int, str})


class UnsavableError(DfaLabError):
    """What no file can hold, however often one tries: a function without a name, a header that is too long."""


class Packer:
    """Packs values; ``tensors`` are those found so far, by their names in the file, equal ones once."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._alike: dict[Any, list[str]] = {}

    def pack(self, value: Any, place: str) -> Any:
        """``value`` as JSON holds it; ``place`` is what an error and the names of its tensors call it.

        Raises ``UnsavableError`` for what no file can hold: a function, an object.
        """
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
            return value
        if isinstance(value, float):
            return {"$float": str(value)}
        if isinstance(value, Tensor):
            return {"$tensor": self._named(value, place)}
        if isinstance(value, GivenMatrix):
            return {"$matrix": self._named(value.matrix, place)}
        if isinstance(value, Task):
            return {"$task": value.name}
        if isinstance(value, list | tuple):
            parts = [one if type(one) in _PLAIN else self.pack(one, f"{place}.{n}") for n, one in enumerate(value)]
            return parts if isinstance(value, list) else {"$tuple": parts}
        if isinstance(value, Mapping):
            if all(isinstance(key, str) and not key.startswith("$") for key in value):
                pairs = value.items()
                return {key: one if type(one) in _PLAIN else self.pack(one, f"{place}.{key}") for key, one in pairs}
            packed = [[self.pack(key, place), self.pack(one, f"{place}.{_word(key)}")] for key, one in value.items()]
            return {"$mapping": packed}
        hint = "Register it by a name (FEEDBACK_INITS.register(…), DERIVATIVES.register(…)) and give the name."
        hint = hint if callable(value) else "Expected numbers, texts, tensors, lists and mappings of them."
        raise UnsavableError(f"{place} is {shown(value, 80)}, which no file can hold. {hint}")

    def _named(self, tensor: Tensor, place: str) -> str:
        """The name of a tensor in the file: that of an equal one, or a new one."""
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.dtype is torch.complex128:
            raise UnsavableError(
                f"{place} is a tensor of {tensor.dtype}, {tensor.layout}, which no safetensors file has."
            )
        own = tensor.detach().cpu().contiguous()
        kind = own.dtype, tuple(own.shape)
        for name in self._alike.get(kind, ()):
            if torch.equal(_bits(own), _bits(self.tensors[name])):
                return name
        name = place
        while name in self.tensors:
            name += "_"
        self.tensors[name] = own
        self._alike.setdefault(kind, []).append(name)
        return name


def _word(key: Any) -> str:
    return ".".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _bits(tensor: Tensor) -> Tensor:
    """Its bytes: −0 is not 0, and NaN is NaN."""
    return tensor.as_strided((tensor.numel(),), (1,)).view(torch.uint8)  # torch knows other strides where there is one


class Unpacker:
    """Unpacks what a ``Packer`` packed, with its ``tensors``; ``task()`` stands for a task of one's own."""

    def __init__(self, tensors: Mapping[str, Tensor], task: Callable[[str], Any]) -> None:
        self._tensors, self._task = tensors, task
        self._kinds: dict[str, Callable[[Any], Any]] = {
            "$float": float,
            "$tensor": lambda name: self._tensors[name].clone(),  # in memory of its own, as torch lays it
            "$matrix": lambda name: GivenMatrix(self._tensors[name]),
            "$task": lambda name: self._task(name),
            "$tuple": lambda value: tuple(map(self.unpack, value)),
            "$mapping": lambda pairs: {self.unpack(key): self.unpack(one) for key, one in pairs},
        }

    def unpack(self, value: Any) -> Any:
        """The value. Raises ``KeyError``, ``TypeError`` and the like for what no ``Packer`` packed."""
        if isinstance(value, list):
            return [self.unpack(one) if type(one) in (list, dict) else one for one in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and (kind := next(iter(value))).startswith("$"):
            return self._kinds[kind](value[kind])
        return {key: self.unpack(one) for key, one in value.items()}
