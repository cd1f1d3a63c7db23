"""The functions, constants and operators that a derivative typed as text may use, as torch functions."""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Operation(NamedTuple):
    """An elementwise torch function of ``arity`` tensors."""

    arity: int
    apply: Callable[..., Tensor]


def _clip(x: Tensor, low: Tensor, high: Tensor) -> Tensor:
    return torch.minimum(torch.maximum(x, low), high)


def _where(condition: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    return torch.where(condition != 0, yes, no)


def _compare(*operands: Tensor, comparisons: tuple[Callable[..., Tensor], ...]) -> Tensor:
    """1 where all neighbours compare as they should, else 0."""
    holds = [compare(*operands[at : at + 2]) for at, compare in enumerate(comparisons)]
    return functools.reduce(torch.logical_and, holds).to(operands[0].dtype)


_TRIGONOMETRIC = ("atan", "cos", "cosh", "sin", "sinh", "tan", "tanh")
_OTHERS = ("abs", "erf", "exp", "log", "relu", "sigmoid", "sign", "sqrt")
_OPERATIONS = {name: Operation(1, getattr(torch, name)) for name in (*_TRIGONOMETRIC, *_OTHERS)} | {
    "clip": Operation(3, _clip),
    "max": Operation(2, torch.maximum),
    "min": Operation(2, torch.minimum),
    "softplus": Operation(1, functools.partial(F.softplus, threshold=40.0)),
    "where": Operation(3, _where),
}
FUNCTIONS: dict[str, Operation] = dict(sorted(_OPERATIONS.items()))
CONSTANTS = {"pi": math.pi, "e": math.e}
COMPARISONS: dict[type[ast.cmpop], Callable[..., Tensor]] = {
    ast.Lt: torch.lt,
    ast.LtE: torch.le,
    ast.Gt: torch.gt,
    ast.GtE: torch.ge,
    ast.Eq: torch.eq,
    ast.NotEq: torch.ne,
}
BINARY: dict[type[ast.operator], Operation] = {
    ast.Add: Operation(2, torch.add),
    ast.Sub: Operation(2, torch.sub),
    ast.Mult: Operation(2, torch.mul),
    ast.Div: Operation(2, torch.div),
    ast.Pow: Operation(2, torch.pow),
}


def chain(operators: Sequence[ast.cmpop]) -> Operation:
    """Comparisons one after another, as in 0 < x < 1: 1 where all hold, else 0."""
    compare = functools.partial(_compare, comparisons=tuple(COMPARISONS[type(one)] for one in operators))
    return Operation(len(operators) + 1, compare)


def power(exponent: float) -> Operation:
    """x ** ``exponent`` for a constant exponent."""
    return Operation(1, functools.partial(torch.pow, exponent=exponent))
