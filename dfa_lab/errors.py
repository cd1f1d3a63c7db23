"""Errors about what the user gave: each says what was given, what was expected and what to do."""

from __future__ import annotations

import difflib
import functools
import inspect
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from fnmatch import fnmatchcase
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

#: The most characters of an error's text, which hold the names of a hundred layers, and of one that is shown.
MOST_CHARACTERS, MOST_SHOWN = 20_000, 1500
#: Another name is suggested for names of at most so many characters.
LONGEST_NAME = 100
#: A collection of more entries than this is named by their number.
MOST_ENTRIES = 1000
#: Layers that an error lists beside those whose names are near.
MOST_LAYERS = 10
#: What the root is called in messages; in a mapping of rules it is its name as well as "".
ROOT = "the module itself"


class DfaLabError(ValueError):
    """Something the user gave cannot be used. The message says what was given, what was expected, what to do.

    Its text has at most ``MOST_CHARACTERS`` characters; a longer one is cut, which an ellipsis shows.

    >>> import dfa_lab as dfa
    >>> dfa.Experiment(batch_size=0)
    Traceback (most recent call last):
    dfa_lab.errors.DfaLabError: batch_size was given as 0; expected a whole number from 1 up to 65,536.
    """

    def __init__(self, *given: object) -> None:
        # Torch's compiler, inside whose tracing an error may be made, follows no super().__init__ of an exception.
        self.args = tuple(_cut(one, MOST_CHARACTERS) if isinstance(one, str) else one for one in given)


class UnknownNameError(DfaLabError, KeyError):
    """A name that no registry entry, setting or metric has. Also a ``KeyError``, so mappings behave as mappings do."""

    def __str__(self) -> str:
        # KeyError would show the repr of its argument, with the quotes and the line breaks escaped.
        return _cut(str(self.args[0]), MOST_CHARACTERS) if self.args else ""


class DivergedError(DfaLabError):
    """The loss stopped being a finite number; the run stands at its last checkpoint again.

    ``step`` is the one whose loss was not finite, None where no update was done yet.

    >>> import dfa_lab as dfa
    >>> try:
    ...     dfa.Experiment(widths=(4,), task="moons", lr=1e6, weight_decay=1.0).train(100)
    ... except dfa.DivergedError as error:
    ...     print(error.step)
    7
    """

    step: int | None = None

    @classmethod
    def at(cls, failed: int, back: int, replicas: Iterable[int], given: str, why: str = "") -> DivergedError:
        """The loss (of ``replicas``, if any) was not finite at step ``failed``, under what was ``given``.

        ``why`` is a sentence, where a reason is known.
        """
        whose = ", ".join(map(str, replicas))
        error = cls(
            f"the loss{f' of replica {whose}' if whose else ''} was no longer finite at step {failed} ({given}); the "
            f"run is back at step {back}. Lower lr, or choose another derivative or feedback scale, and go on; where "
            f"that does not help, reset(lr=…) begins anew.{f' A reason: the {why}' if why else ''}"
        )
        error.step = failed
        return error


def in_words(error: BaseException) -> str:
    """Any error as a text of bounded length: a ``DfaLabError`` by its message, others by their kind too.

    An error that cannot be printed is named by its kind alone.
    """
    try:
        text = str(error)
    except BaseException:
        text = "it has no text that could be printed"
    if not isinstance(error, DfaLabError):
        text = ": ".join(filter(None, (type(error).__name__, text)))
    return _cut(text, MOST_SHOWN)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: Python's or NumPy's error, or torch's, on a CPU a RuntimeError like any other."""
    if isinstance(error, RuntimeError):
        text = in_words(error)
        return "can't allocate memory" in text or "out of memory" in text
    return isinstance(error, MemoryError)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def shown(value: object, most: int = 200) -> str:
    """``value`` as code would write it, at most ``most`` characters; its kind where it cannot be written.

    It takes no longer for what is huge: a long collection is called by its length, such as "a list of 1,000,000".
    """
    try:
        # An array or a tensor is none of these: it writes itself in short.
        several = value if isinstance(value, Mapping | Set | Sequence) else ()
        if not isinstance(several, str | bytes | range) and len(several) > MOST_ENTRIES:
            return f"a {type(value).__name__} of {len(several):,}"
        text = ""
        for piece in _written(value, most):
            text += piece
            if len(text) >= most:
                break
        return text[:most]
    except Exception:  # a number of over 4,300 digits; an object of the user's own
        return f"a {type(value).__name__} that cannot be printed"


def name_of_path(path: object) -> str:
    """A path as an error names it, the same for a text and a ``Path``; what is none as it is."""
    return shown(str(path) if isinstance(path, os.PathLike) else path)


def words_of(reason: Exception) -> str:
    """Why a file cannot be read or written, without the name of a file that nobody gave."""
    return (reason.strerror if isinstance(reason, OSError) else None) or str(reason)


def _written(value: Any, most: int) -> Iterator[str]:
    """The repr of ``value`` piece by piece, so that whoever needs its beginning only stops early."""
    written: Any = type(value).__repr__  # a subclass with a text of its own writes itself
    if written in (str.__repr__, bytes.__repr__):
        yield repr(value[:most])
    elif written is dict.__repr__:
        yield "{"
        for place, (key, one) in enumerate(value.items()):
            yield ", " if place else ""
            yield from _written(key, most)
            yield ": "
            yield from _written(one, most)
        yield "}"
    elif written in (list.__repr__, tuple.__repr__):
        first, last = "[]" if written is list.__repr__ else "()"
        yield first
        for place, one in enumerate(value):
            yield ", " if place else ""
            yield from _written(one, most)
        yield f",{last}" if last == ")" and len(value) == 1 else last
    else:
        yield repr(value)


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known name that ``name`` was probably meant to be, or None where nothing is near (1 is the name itself)."""
    if len(name) > LONGEST_NAME:
        return None
    matches = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=cutoff)
    return matches[0] if matches else None


def near_layers(given: str, layers: Collection[str]) -> list[str]:
    """Up to three names of layers that ``given``, a name or a pattern, was probably meant to be, the likeliest first.

    They end with it, or else are spelt alike; for a pattern it is the pattern with ``*.`` before it, where that fits.
    """
    if len(given) > LONGEST_NAME:
        return []
    if any(fnmatchcase(one, f"*.{given}") for one in layers) and set(given) & set("*?["):
        return [f"*.{given}"]
    ends = [one for one in layers if given and one.endswith(f".{given}")]
    return ends[:3] or difflib.get_close_matches(given, list(layers), n=3)


def layers_in_words(given: Iterable[str], layers: Collection[str]) -> tuple[str, str]:
    """A list of ``layers``, and a question, for an error about names ``given`` that none of them has.

    Those that are near come first, then up to ``MOST_LAYERS`` others. The question is "" where none is near, and
    otherwise begins with a space.
    """
    near = list(dict.fromkeys(one for name in list(given)[:MOST_LAYERS] for one in near_layers(name, layers)))
    others = [one for one in layers if one not in near]
    listed = [*(one for one in near if one in layers), *others[:MOST_LAYERS]]
    more = f" and {len(others) - MOST_LAYERS} more" if len(others) > MOST_LAYERS else ""
    question = f" Did you mean {' or '.join(map(repr, near[:3]))}?" if near else ""
    return ", ".join(name or ROOT for name in listed) + more, question


def unknown_name(kind: str, name: object, known: Iterable[str], *, guess: str | None = None) -> UnknownNameError:
    """The error for a name that is not among ``known``: it lists them and suggests ``guess``, or the nearest."""
    names = sorted(known)
    guess = guess or (nearest(name, names) if isinstance(name, str) else None)
    hint = f" Did you mean {guess!r}?" if guess else ""
    return UnknownNameError(f"no {kind} called {shown(name)}; known: {', '.join(names)}.{hint}")


def known_keywords(elsewhere: Mapping[str, str]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function: a keyword that it does not take is refused with the nearest name, or where it is given.

    ``elsewhere`` is keyword -> what takes it, with {} for the value given.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        known = [name for name in inspect.signature(function).parameters if name != "self"]
        called = function.__qualname__.removesuffix(".__init__")

        @functools.wraps(function)
        def checked(*given: P.args, **named: P.kwargs) -> R:
            for name, value in named.items():
                if name in elsewhere and name not in known:
                    said, instead = shown(value), elsewhere[name].format(shown(value))
                    raise DfaLabError(f"{name} was given as {said} to {called}, which does not take it; {instead}.")
                if name not in known:
                    raise unknown_name(f"keyword of {called}", name, known)
            return function(*given, **named)

        return checked

    return decorate


def whole_number(name: str, given: object, low: int, high: int | None = None, *, instead: str = "") -> int:
    """``given`` itself, a whole number from ``low`` to ``high`` (None: without end). ``DfaLabError`` for anything else.

    ``instead`` says what else would do, where something does.
    """
    if isinstance(given, bool) or not isinstance(given, int) or given < low or (high is not None and given > high):
        upto = "" if high is None else f" to {high:,}"
        other = f", or {instead}" if instead else ""
        raise DfaLabError(f"{name} was given as {shown(given)}; expected a whole number from {low:,}{upto}{other}.")
    return given
