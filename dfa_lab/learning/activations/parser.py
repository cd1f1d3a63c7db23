"""parse: a derivative typed as text, made into torch operations. Nothing of the text is executed.

Python's own ``ast`` module reads the text into a syntax tree; only the node types in ``_Parser._visit`` are taken. The
grammar is in ``expression.py``. Length, characters, words and depth are checked before the tree is built.
"""

from __future__ import annotations

import ast
import itertools
import re

import torch

from dfa_lab.errors import DfaLabError, nearest, shown
from dfa_lab.learning.activations.functions import BINARY, COMPARISONS, CONSTANTS, FUNCTIONS, Operation, chain, power

#: Bounds of a text: characters, nesting, size of a constant exponent, size of a number (float32 must hold it).
LENGTH, DEPTH, EXPONENT, LARGEST = 500, 50, 1000.0, 1e38

_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.])"
_ALLOWED = re.compile(rf"(?:{_NUMBER}|[A-Za-z_]\w*|[-+*/<>=!(), ])*", re.ASCII)
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*", re.ASCII)
_NOT_ALLOWED = re.compile(r"[0-9.][\w.]*|.", re.ASCII | re.DOTALL)
#: Python refuses 007, which is a 7 here; blanks in its place keep the columns.
_LEADING_ZEROS = re.compile(r"(?<![\w.])0+(?=[0-9])", re.ASCII)
_HELP = (
    "Allowed are x, numbers, + - * / **, comparisons (1 or 0), parentheses, "
    f"{', '.join(CONSTANTS)} and the functions {', '.join(FUNCTIONS)}."
)
#: What people write who mean something that is allowed.
_MEANT = {"^": "**", "=": "==", "−": "-", "–": "-", "×": "*", "·": "*", "÷": "/", "≤": "<=", "≥": ">=", "π": "pi"}
_MEANT |= {"²": "**2", "&": "*", "and": "*", "or": "max(…, …)", "if": "where(condition, yes, no)"}

#: A number, an operation on the values before it, or None, which stands for x.
Instruction = float | Operation | None


def parse(text: str) -> tuple[Instruction, ...]:
    """``text`` as instructions, operands before their operation; ``DfaLabError`` with the column for any other text."""
    if not isinstance(text, str):
        raise DfaLabError(f"an expression was given as {shown(text, 80)}; expected a text such as '1 - x**2'.")
    return _Parser(text).program()


class _Parser:
    """One text on its way to instructions."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._program: list[Instruction] = []

    def program(self) -> tuple[Instruction, ...]:
        self._check_text()
        self._visit(self._tree(), 1)
        return tuple(self._program)

    def _check_text(self) -> None:
        """Length, characters, words and parentheses: what Python's parser is given cannot hurt it."""
        text = self._text
        if len(text) > LENGTH:
            raise DfaLabError(
                f"expression {self._shown(0)} has {len(text)} characters; at most {LENGTH} are read: "
                "write it shorter, or give a function of your own."
            )
        end = _ALLOWED.match(text).end()  # type: ignore[union-attr]  # it matches the empty text too
        if wrong := _NOT_ALLOWED.match(text, end):
            raise self._error(f"{_short(wrong[0])!r} is not allowed", end, wrong[0])
        for name in _NAME.finditer(text):
            if name[0] not in FUNCTIONS and name[0] not in CONSTANTS and name[0] != "x":
                raise self._error(f"unknown name {_short(name[0])!r}", name.start(), name[0])
        #: At each character, how many parentheses are open before it.
        self._open = [0, *itertools.accumulate((one == "(") - (one == ")") for one in text)]
        if comma := re.search(r", *\)", text):
            raise self._unexpected(comma.end() - 1)
        if max(self._open) >= DEPTH:
            raise self._too_deep(self._open.index(DEPTH))

    def _tree(self) -> ast.expr:
        source = _LEADING_ZEROS.sub(lambda zeros: " " * len(zeros[0]), self._text)
        self._indent = len(source) - len(source.lstrip())  # Python refuses blanks before an expression
        try:
            return ast.parse(source.lstrip(), mode="eval").body
        except SyntaxError as reason:
            raise self._syntax_error(reason) from None
        except (RecursionError, MemoryError):
            raise self._too_deep(0) from None

    def _visit(self, node: ast.expr, depth: int) -> None:
        """Append the instructions of a node; ``depth`` counts nesting by operators, parentheses apart."""
        place = self._indent + node.col_offset
        if depth + self._open[place] > DEPTH:
            raise self._too_deep(place)
        match node:
            case ast.Constant():
                self._number(float(self._text[place : self._end(node)]), place)
            case ast.Name(id="x"):
                self._program.append(None)
            case ast.Name(id=name) if name in CONSTANTS:
                self._number(CONSTANTS[name], place)
            case ast.Name():
                raise self._unexpected(self._end(node))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                self._visit(operand, depth + 1)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                self._visit(operand, depth + 1)
                self._append(Operation(1, torch.neg), place)
            case ast.BinOp(op=operator) if type(operator) in BINARY:
                terms = [node]  # the tree of a long sum is deep on its left side alone, which needs no recursion
                while isinstance(left := terms[-1].left, ast.BinOp) and type(left.op) in BINARY:
                    terms.append(left)
                self._visit(left, depth)
                for term in reversed(terms):
                    self._visit(term.right, depth + 1)
                    self._append(BINARY[type(term.op)], self._after(term.left))
            case ast.Compare(left, operators, operands) if all(type(one) in COMPARISONS for one in operators):
                self._visit(left, depth)
                for operand in operands:
                    self._visit(operand, depth + 1)
                self._append(chain(operators), self._after(left))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
                operation = FUNCTIONS[name]
                for argument in arguments:
                    self._visit(argument, depth)
                if len(arguments) != operation.arity:
                    s = "s" if operation.arity > 1 else ""
                    words = f"{name} was given {len(arguments)}, takes {operation.arity} argument{s}"
                    raise self._error(words, place)
                self._append(operation, place)
            case ast.Call(keywords=[first, *_]):
                raise self._unexpected(self._indent + first.col_offset + len(first.arg or ""))
            case ast.BinOp(left=first) | ast.Call(func=first) | ast.Tuple(elts=[first, *_]):
                raise self._unexpected(self._after(first))
            case _:
                raise self._unexpected(place + isinstance(node, ast.Tuple))  # () stands for nothing

    def _end(self, node: ast.expr) -> int:
        return self._indent + (node.end_col_offset or 0)

    def _after(self, node: ast.expr) -> int:
        """The place of the operator, comma or opening parenthesis that follows."""
        return len(self._text) - len(self._text[self._end(node) :].lstrip(" )"))

    def _number(self, value: float, place: int) -> None:
        if not abs(value) <= LARGEST:
            raise self._error(f"a constant part is {value:g}, expected a number up to {LARGEST:g} in size", place)
        self._program.append(value)

    def _append(self, operation: Operation, place: int) -> None:
        """One of numbers alone is done at once, and a constant exponent becomes part of its operation."""
        exponent = self._program[-1]
        if operation is BINARY[ast.Pow] and isinstance(exponent, float):
            if abs(exponent) > EXPONENT:
                raise self._error(f"exponent {exponent:g}, expected one from -1000 to 1000", place)
            self._program.pop()
            operation = power(exponent)
        operands = self._program[-operation.arity :]
        numbers = [operand for operand in operands if isinstance(operand, float)]
        if len(numbers) < operation.arity:
            self._program.append(operation)
            return
        del self._program[-operation.arity :]
        # float64 tensors, not Python numbers: nothing here grows without bound, raises or turns complex.
        value = operation.apply(*(torch.tensor(number, dtype=torch.float64, device="cpu") for number in numbers))
        self._number(value.item(), place)

    def _syntax_error(self, reason: SyntaxError) -> DfaLabError:
        start, end = (self._indent + (column or 0) - 1 for column in (reason.offset, reason.end_offset))
        if not reason.offset or "never closed" in reason.msg:
            return self._unexpected(len(self._text))
        if "forgot a comma" in reason.msg:
            return self._error(f"an operator or a comma is missing in {_short(self._text[start:end])!r}", start)
        return self._unexpected(start)

    def _unexpected(self, place: int) -> DfaLabError:
        """What stands at a place or follows it, and what was expected there after the word or sign before it."""
        place = len(self._text) - len(self._text[place:].lstrip())
        found = re.match(r"\w+|[-+*/<>=!]+|.", self._text[place:])
        before = re.findall(r"\w+|\S", self._text[:place])[-1:]
        wanted = "an operator such as * or the end"
        if not before or before[0] in "+-*/<>=!(,":
            wanted = "a number, x, a function or an opening parenthesis"
        elif before[0] in FUNCTIONS:
            wanted = f"an opening parenthesis after {before[0]}"
        elif self._open[place] > 0:
            wanted = "a closing parenthesis or an operator"
        word = _short(found[0]) if found else ""
        return self._error(f"expected {wanted}, found {repr(word) if word else 'the end'}", place, word)

    def _too_deep(self, place: int) -> DfaLabError:
        return self._error(f"nested deeper than {DEPTH}; write it flatter", place)

    def _error(self, what: str, place: int, meant: str = "") -> DfaLabError:
        guess = _MEANT.get(meant) or (_nearest(meant) if 0 < len(meant) < 20 else None)
        hint = f" Did you mean {guess!r}?" if guess not in (None, meant) else ""
        return DfaLabError(f"expression {self._shown(place)}: {what}, at character {place + 1}. {_HELP}{hint}")

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
