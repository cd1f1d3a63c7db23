"""FUNCTIONS, CONSTANTS and the operators: all that the text of an expression can stand for, as torch functions."""

from __future__ import annotations

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


FUNCTIONS: dict[str, Operation] = {
    "abs": Operation(1, torch.abs),
    "atan": Operation(1, torch.atan),
    "clip": Operation(3, _clip),
    "cos": Operation(1, torch.cos),
    "cosh": Operation(1, torch.cosh),
    "erf": Operation(1, torch.erf),
    "exp": Operation(1, torch.exp),
    "log": Operation(1, torch.log),
    "max": Operation(2, torch.maximum),
    "min": Operation(2, torch.minimum),
    "relu": Operation(1, torch.relu),
    "sigmoid": Operation(1, torch.sigmoid),
    "sign": Operation(1, torch.sign),
    "sin": Operation(1, torch.sin),
    "sinh": Operation(1, torch.sinh),
    "softplus": Operation(1, functools.partial(F.softplus, threshold=40.0)),
    "sqrt": Operation(1, torch.sqrt),
    "tan": Operation(1, torch.tan),
    "tanh": Operation(1, torch.tanh),
    "where": Operation(3, _where),
}
CONSTANTS = {"pi": math.pi, "e": math.e}
COMPARISONS: dict[str, Callable[..., Tensor]] = {
    "<": torch.lt,
    "<=": torch.le,
    ">": torch.gt,
    ">=": torch.ge,
    "==": torch.eq,
    "!=": torch.ne,
}
BINARY = {
    "+": Operation(2, torch.add),
    "-": Operation(2, torch.sub),
    "*": Operation(2, torch.mul),
    "/": Operation(2, torch.div),
    "**": Operation(2, torch.pow),
}
NEGATE = Operation(1, torch.neg)


def chain(signs: Sequence[str]) -> Operation:
    """Comparisons one after another, as in 0 < x < 1: 1 where all hold, else 0."""
    compare = functools.partial(_compare, comparisons=tuple(COMPARISONS[sign] for sign in signs))
    return Operation(len(signs) + 1, compare)
