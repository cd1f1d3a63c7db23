"""Expression: a derivative g typed as text in x, such as "1 - tanh(x)**2".

    comparison : sum (("<" | "<=" | ">" | ">=" | "==" | "!=") sum)*      1 where it holds, else 0; chained: 0 < x < 1
    sum        : product (("+" | "-") product)*
    product    : signed (("*" | "/") signed)*
    signed     : ("+" | "-") signed | power
    power      : atom ("**" signed)?
    atom       : number | "x" | "pi" | "e" | function "(" comparison ("," comparison)* ")" | "(" comparison ")"

Operators bind as in Python: -x**2 is -(x**2), and 2**-x**2 is 2**(-(x**2)). The functions are those of FUNCTIONS in
``functions.py``. Python parses a text and runs none of it: ``parser.py`` maps the syntax tree to torch functions.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from dfa_lab.errors import DfaLabError
from dfa_lab.learning.activations.parser import Instruction, parse


@dataclass(frozen=True)
class Expression:
    """An elementwise function of x, parsed once from ``text``; called on a float tensor it keeps shape, dtype, device.

    Equal texts are equal expressions. It can be pickled and copied, and runs under no_grad, torch.func and
    torch.compile. Raises ``DfaLabError`` for a text outside the grammar, one longer than 500 characters or nested
    deeper than 50, a constant exponent beyond ±1000, and a constant part that is not finite or beyond ±1e38.

    >>> Expression("1 - tanh(x)**2")(torch.zeros(2))
    tensor([1., 1.])
    """

    text: str
    _program: tuple[Instruction, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        read = _program_of if isinstance(self.text, str) else _program_of.__wrapped__  # which refuses it
        object.__setattr__(self, "_program", read(self.text))

    def __reduce__(self) -> tuple[Any, ...]:
        return Expression, (self.text,)

    def __call__(self, x: Tensor) -> Tensor:
        """The value at every entry of ``x``, as a new tensor."""
        if not isinstance(x, Tensor) or not x.is_floating_point():
            given = f"{x.dtype} tensor" if isinstance(x, Tensor) else type(x).__name__
            raise DfaLabError(f"expression {self.text!r} was called on a {given}; expected a float tensor.")
        if len(self._program) == 1:
            (only,) = self._program
            return torch.full_like(x, _within(only, x.dtype)) if isinstance(only, float) else x.clone()
        values: list[Tensor] = []
        for instruction in self._program:
            if instruction is None:
                values.append(x)
            elif isinstance(instruction, float):
                values.append(x.new_full((), _within(instruction, x.dtype)))
            else:
                first = len(values) - instruction.arity
                values[first:] = [instruction.apply(*values[first:])]
        return values[0].to(x.dtype)


@functools.lru_cache(256)
def _program_of(text: str) -> tuple[Instruction, ...]:
    """The program of a text, which is parsed once however often it is checked and used."""
    return parse(text)


def _within(number: float, dtype: torch.dtype) -> float:
    """The nearest number that ``dtype`` holds: float16 ends at 65504, and torch refuses what is far beyond."""
    largest = torch.finfo(dtype).max
    return max(-largest, min(largest, number))
