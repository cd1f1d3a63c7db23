"""Values of settings as plain numbers: NumPy's and torch's too, as JSON would bring them back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.settings import limits
from dfa_lab.experiment.settings.field_types import MOST_ENTRIES


def plain(field: str, value: Any, seen: Iterator[int]) -> Any:
    """A field's value with plain numbers; ``seen`` counts the parameters, which are copied: nobody else holds them."""
    if isinstance(value, np.generic) or (isinstance(value, torch.Tensor) and value.dim() == 0):
        return value.item()
    if is_list(value) and field in MOST_ENTRIES:
        return tuple(plain(field, one, seen) for one in value)
    if isinstance(value, Mapping):
        return {_key(key): _plain_choice(field, one, seen) for key, one in value.items()}
    return value


def _key(key: Any) -> Any:
    """A layer's number as the text that JSON makes of it."""
    return str(key) if isinstance(key, int) and not isinstance(key, bool) else key


def _plain_choice(field: str, value: Any, seen: Iterator[int]) -> Any:
    """A choice's parameter, or of a mapping of layers one layer's own choice."""
    if isinstance(value, Mapping):
        return {key: _plain_parameter(field, one, seen) for key, one in value.items()}
    return _plain_parameter(field, value, seen)


def _plain_parameter(field: str, value: Any, seen: Iterator[int]) -> Any:
    """A choice's parameter as JSON would bring it back: numbers, and lists of them."""
    size = value.size if isinstance(value, np.ndarray) else value.numel() if isinstance(value, torch.Tensor) else 0
    if max(size, next(seen)) > limits.MOST_PARAMETERS:
        raise DfaLabError(f"{field} was given more than {limits.MOST_PARAMETERS:,} parameters; expected a few numbers.")
    if isinstance(value, np.generic | np.ndarray | torch.Tensor):
        return value.tolist()
    return [_plain_parameter(field, one, seen) for one in value] if isinstance(value, list | tuple) else value


def is_list(value: Any) -> bool:
    """Whether a value is a sequence of values: a list, a tuple, a range, an array of at least one dimension."""
    return isinstance(value, list | tuple | range) or (isinstance(value, np.ndarray | torch.Tensor) and value.ndim > 0)


def check_length(name: str, value: Any, most: int, expected: Callable[[str], str]) -> None:
    """Raise ``DfaLabError`` for a list of more than ``most``, or of lists; ``expected`` says what a field takes."""
    if is_list(value) and len(value) > most:
        raise DfaLabError(f"{name} was given as a list of {len(value):,}; expected at most {most:,} entries.")
    if is_list(value) and (deep := next((one for one in value if is_list(one)), None)) is not None:
        raise DfaLabError(f"{name} was given as a list that holds {shown(deep)}; expected {expected(name)}.")


def decimal_comma(value: Any) -> str:
    """A hint for a number typed with a decimal comma, "0,1"; "" for anything else."""
    found = re.fullmatch(r"\s*([-+]?\d{0,12}),(\d{1,12})\s*", value) if isinstance(value, str) else None
    return f" Is {found[1]}.{found[2]} meant, with a point?" if found else ""


def present_device(value: str) -> str:
    """A device that this machine has; of any other ``DfaLabError``."""
    try:
        kind = torch.device(value).type
    except RuntimeError:
        kind = ""
    if kind not in ("cpu", "cuda"):
        raise DfaLabError(f"device was given as {shown(value)}; expected cpu, cuda or cuda:0, cuda:1 …")
    if kind == "cuda" and not torch.cuda.is_available():
        raise DfaLabError(f"device was given as {shown(value)}; this machine has no such device: use cpu.")
    return value
