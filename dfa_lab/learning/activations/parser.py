"""Parser: the text of an expression made into instructions. The grammar stands in ``expressions``.

It reads tokens of ASCII only, looks every word up in a closed table, and checks length and depth before it goes on:
a hostile text costs no more than a harmless one.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

import torch

from dfa_lab.errors import DfaLabError, nearest, shown
from dfa_lab.learning.activations.functions import BINARY, COMPARISONS, CONSTANTS, FUNCTIONS, NEGATE, Operation, chain

#: No longer text is read, none nested deeper, no larger constant exponent, no larger number (float32 must hold it).
LENGTH, DEPTH, EXPONENT, LARGEST = 500, 50, 1000.0, 1e38

_COMPARISON, _SUM, _PRODUCT, _SIGN, _POWER = range(1, 6)
_LEVELS = dict.fromkeys(COMPARISONS, _COMPARISON) | {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "**": _POWER}
_TOKEN = re.compile(
    r"(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<space> +)"
    r"|(?P<sign>\*\*|<=|>=|==|!=|[-+*/<>(),])"
)
_ALLOWED = (
    "Allowed are x, numbers, + - * / **, comparisons (1 or 0), parentheses, "
    f"{', '.join(CONSTANTS)} and the functions {', '.join(FUNCTIONS)}."
)
#: What people write who mean something that is allowed.
_MEANT = {"^": "**", "=": "==", "−": "-", "–": "-", "×": "*", "·": "*", "÷": "/", "≤": "<=", "≥": ">=", "π": "pi"}
_MEANT |= {"²": "**2", "&": "*", "and": "*", "or": "max(…, …)", "if": "where(condition, yes, no)"}

#: A number, an operation on the values before it, or None, which stands for x.
Instruction = float | Operation | None


class _Token(NamedTuple):
    kind: str
    text: str
    place: int


class Parser:
    """Precedence climbing over the tokens of one text; writes the program, operands before their operation."""

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise DfaLabError(f"an expression was given as {shown(text, 80)}; expected a text such as '1 - x**2'.")
        self._text = text
        if len(text) > LENGTH:
            raise DfaLabError(
                f"expression {self._shown(0)} has {len(text)} characters; at most {LENGTH} are read: "
                "write it shorter, or give a function of your own."
            )
        self._tokens = self._tokenised()
        self._at = self._depth = 0
        self._program: list[Instruction] = []

    def program(self) -> tuple[Instruction, ...]:
        """The whole text as instructions."""
        self._expression(_COMPARISON)
        if self._next.kind != "end":
            raise self._unexpected("an operator such as * or the end")
        return tuple(self._program)

    def _tokenised(self) -> list[_Token]:
        tokens, place = [], 0
        while place < len(self._text):
            found = _TOKEN.match(self._text, place)
            if found is None:
                raise self._error(f"{self._text[place]!r} is not allowed", place, meant=self._text[place])
            if found.lastgroup != "space":
                tokens.append(_Token(str(found.lastgroup), found.group(), place))
            place = found.end()
        return [*tokens, _Token("end", "the end", len(self._text))]

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _takes(self, sign: str) -> bool:
        found = self._next.kind == "sign" and self._next.text == sign
        self._at += found
        return found

    def _expression(self, level: int) -> None:
        """An operand and all operators after it that bind at least as strongly as ``level``."""
        self._depth += 1
        if self._depth > DEPTH:
            raise self._error(f"nested deeper than {DEPTH}; write it flatter", self._next.place)
        self._operand()
        while (found := _LEVELS.get(self._next.text, 0)) >= level:
            if found == _COMPARISON:
                self._comparison()
            else:
                sign = self._take()
                self._expression(_POWER if found == _POWER else found + 1)
                self._write(BINARY[sign.text], sign)
        self._depth -= 1

    def _comparison(self) -> None:
        first, comparisons = self._next, []
        while self._next.text in COMPARISONS:
            comparisons.append(self._take().text)
            self._expression(_SUM)
        self._write(chain(comparisons), first)

    def _operand(self) -> None:
        token = self._next
        if self._takes("+"):
            self._expression(_SIGN)
        elif self._takes("-"):
            self._expression(_SIGN)
            self._write(NEGATE, token)
        elif self._takes("("):
            self._expression(_COMPARISON)
            self._close()
        elif token.kind == "number":
            self._number(float(self._take().text), token)
        elif token.kind == "name":
            self._name(self._take())
        else:
            raise self._unexpected("a number, x, a function or an opening parenthesis")

    def _name(self, token: _Token) -> None:
        name = token.text
        if name in FUNCTIONS:
            self._call(token)
        elif name == "x":
            self._program.append(None)
        elif name in CONSTANTS:
            self._number(CONSTANTS[name], token)
        else:
            raise self._error(f"unknown name {_short(name)!r}", token.place, meant=name)

    def _call(self, token: _Token) -> None:
        wanted = FUNCTIONS[token.text]
        if not self._takes("("):
            raise self._unexpected(f"an opening parenthesis after {token.text}")
        self._expression(_COMPARISON)
        given = 1
        while self._takes(","):
            self._expression(_COMPARISON)
            given += 1
        self._close()
        if given != wanted.arity:
            s = "s" if wanted.arity > 1 else ""
            raise self._error(f"{token.text} was given {given}, takes {wanted.arity} argument{s}", token.place)
        self._write(wanted, token)

    def _close(self) -> None:
        if not self._takes(")"):
            raise self._unexpected("a closing parenthesis or an operator")

    def _number(self, value: float, token: _Token) -> None:
        if not abs(value) <= LARGEST:
            raise self._error(f"a constant part is {value:g}, expected a number up to {LARGEST:g} in size", token.place)
        self._program.append(value)

    def _write(self, operation: Operation, token: _Token) -> None:
        """Append ``operation``; one of numbers alone is done at once, and a constant exponent becomes part of it."""
        exponent = self._program[-1]
        if operation is BINARY["**"] and isinstance(exponent, float):
            if abs(exponent) > EXPONENT:
                raise self._error(f"exponent {exponent:g}, expected one from -1000 to 1000", token.place)
            self._program.pop()
            operation = Operation(1, functools.partial(torch.pow, exponent=exponent))
        operands = self._program[-operation.arity :]
        numbers = [operand for operand in operands if isinstance(operand, float)]
        if len(numbers) < operation.arity:
            self._program.append(operation)
            return
        del self._program[-operation.arity :]
        # float64 tensors, not Python numbers: nothing here grows without bound, raises or turns complex.
        value = operation.apply(*(torch.tensor(number, dtype=torch.float64, device="cpu") for number in numbers))
        self._number(value.item(), token)

    def _unexpected(self, wanted: str) -> DfaLabError:
        token = self._next
        found = token.text if token.kind == "end" else repr(_short(token.text))
        return self._error(f"expected {wanted}, found {found}", token.place, meant=token.text)

    def _error(self, what: str, place: int, meant: str = "") -> DfaLabError:
        guess = _MEANT.get(meant) or (_nearest(meant) if 0 < len(meant) < 20 else None)
        hint = f" Did you mean {guess!r}?" if guess not in (None, meant) else ""
        return DfaLabError(f"expression {self._shown(place)}: {what}, at character {place + 1}. {_ALLOWED}{hint}")

    def _shown(self, place: int) -> str:
        """The text around a place; what cannot be printed is escaped."""
        first, last = max(0, place - 30), place + 30
        dots = "…" if first else "", "…" if last < len(self._text) else ""
        return repr(dots[0] + self._text[first:last] + dots[1])


def _nearest(word: str) -> str | None:
    """The name that is meant: one of the same letters, as tanh for tahn, or else the most similar."""
    names = [*FUNCTIONS, *CONSTANTS, "x"]
    swapped = (name for name in names if sorted(name) == sorted(word.lower()))
    return next(swapped, None) or nearest(word, names)


def _short(word: str) -> str:
    return word if len(word) <= 30 else word[:29] + "…"
