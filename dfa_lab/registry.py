"""Named choices, and the form in which one is written down: a name, or ``{"name": "triangle", "width": 2.0}``."""

from __future__ import annotations

import inspect
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar, overload

from dfa_lab.errors import DfaLabError, nearest, shown, unknown_name
from dfa_lab.html_table import table

T = TypeVar("T")

Choice = str | Mapping[str, Any]

#: What an entry may have to say of itself, in the order of a table's columns; "about" is the first of its docstring.
DESCRIBED = ("title", "label", "equation", "unit", "meaning", "help", "about", "paper")

#: Keys of a mapping that are looked at for a misspelt one.
MOST_KEYS = 10


class Registry(Mapping[str, T], Generic[T]):
    """A mapping of names to choices, in the order they were registered, that explains a wrong name.

    >>> import dfa_lab as dfa
    >>> tasks = dfa.Registry("task")
    >>> tasks.register("moons", "two half circles")
    'two half circles'
    >>> list(tasks)
    ['moons']
    """

    def __init__(self, kind: str) -> None:
        """``kind`` is what an entry is called in an error message: "learning rule", "feedback init"."""
        self.kind = kind
        self._entries: dict[str, T] = {}
        self._built_in: set[str] = set()

    @overload
    def register(self, name: str) -> Callable[[T], T]: ...
    @overload
    def register(self, name: str, entry: T) -> T: ...
    def register(self, name: str, entry: T | None = None) -> T | Callable[[T], T]:
        """Add ``entry`` under ``name``; without an entry, return a decorator that does. A taken name is an error."""
        if not isinstance(name, str) or not name.isidentifier():
            raise DfaLabError(f"a {self.kind} cannot be called {shown(name)}; give it a name like a Python identifier.")
        if name in self._entries:
            raise DfaLabError(f"there is a {self.kind} called {shown(name)} already; choose another name.")

        if _registered_by_the_package():
            self._built_in.add(name)

        def add(entry: T) -> T:
            self.check_entry(name, entry)
            self._entries[name] = entry
            return entry

        return add if entry is None else add(entry)

    def check_entry(self, name: str, entry: T) -> None:
        """Raise ``DfaLabError`` for an entry that cannot be used; a registry of one kind of value says which."""

    def is_built_in(self, name: str) -> bool:
        """Whether dfa_lab registered the entry itself: then every process that imports dfa_lab has it."""
        return name in self._built_in

    def put(self, name: str, entry: T) -> None:
        """Have ``entry`` under ``name``, whatever was there: an entry that came from another process."""
        self.check_entry(name, entry)
        self._entries[name] = entry
        self._built_in.discard(name)

    def __getitem__(self, name: str) -> T:
        try:
            return self._entries[name]
        except (KeyError, TypeError):
            raise unknown_name(self.kind, name, self) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def _ipython_key_completions_(self) -> list[str]:
        """What IPython offers after ``registry["``."""
        return list(self)

    def __repr__(self) -> str:
        return f"<{self.kind}s: {', '.join(self)}>"

    def _repr_html_(self) -> str:
        """The entries as a table: name, and what they say of themselves."""
        columns = [one for one in DESCRIBED if any(_words(entry, one) for entry in self.values())]
        rows = [[name, *(_words(entry, one) for one in columns)] for name, entry in self.items()]
        return table(["name", *columns], rows, f"{self.kind}s")

    def call(self, choice: Choice, *arguments: Any) -> Any:
        """What the chosen entry gives for ``arguments`` and the choice's own parameters.

        Raises ``DfaLabError`` where the entry fails: its parameters are the user's.
        """
        name, parameters = self.split(choice)
        entry: Any = self[name]
        try:
            return entry(*arguments, **parameters)
        except DfaLabError:
            raise
        except (TypeError, ValueError, RuntimeError, ArithmeticError) as reason:
            why = str(reason).strip().split("\n")[0].removesuffix(".") or type(reason).__name__
            raise DfaLabError(
                f"{self.kind} {shown(name)} cannot be used with parameters {shown(parameters)}: {why}. "
                "Give it others, or look at its docstring."
            ) from reason

    def check(self, choice: Choice) -> None:
        """Raise ``DfaLabError`` where ``choice`` cannot be used."""
        self.split(choice)

    def parameters(self, name: str) -> list[str]:
        """What a choice of this entry may set beside its name."""
        return parameters_of(self[name])

    def split(self, choice: Choice) -> tuple[str, dict[str, Any]]:
        """The name and the parameters of a choice, the name known to be registered.

        Raises ``DfaLabError`` for an unknown name, a mapping without "name", or a parameter the entry does not take.
        """
        if isinstance(choice, str):
            self[choice]
            return choice, {}
        if not isinstance(choice, Mapping) or not isinstance(choice.get("name"), str):
            raise DfaLabError(
                f"{shown(choice)} is no {self.kind}; give a name, one of {', '.join(self)}, "
                f'or a name with parameters such as {{"name": "{next(iter(self), "…")}", …}}.{misspelt_name(choice)}'
            )
        parameters = {key: value for key, value in choice.items() if key != "name"}
        name, known = choice["name"], self.parameters(choice["name"])
        for key in parameters:
            if key not in known:
                takes = ", ".join(known) or "none"
                raise DfaLabError(f"{self.kind} {shown(name)} has no parameter {shown(key)}; it takes: {takes}.")
        return name, parameters


def per_layer(choice: Any) -> bool:
    """Whether a choice gives each layer one of its own: a mapping of names or patterns to choices, without "name"."""
    return isinstance(choice, Mapping) and "name" not in choice and len(choice) > 0


def misspelt_name(choice: Any) -> str:
    """A question for an error about a mapping without "name", where one of its keys is that word misspelt; else "".

    A key is taken for it only where it has no other letters: layers are called "frame" and "same".
    """
    keys = itertools.islice(choice, MOST_KEYS) if isinstance(choice, Mapping) and "name" not in choice else ()
    words = (key for key in keys if isinstance(key, str) and set(key.lower()) <= set("name"))
    near = next((key for key in words if nearest(key, ["name"])), None)
    return f" Did you mean 'name' in place of {near!r}?" if near else ""


def parameters_of(entry: object) -> list[str]:
    """The names of an entry's own parameters: its keyword-only arguments."""
    found = inspect.signature(entry).parameters.values() if callable(entry) else ()
    return [one.name for one in found if one.kind is inspect.Parameter.KEYWORD_ONLY]


def _words(entry: object, column: str) -> str:
    """What an entry has to say under a column of ``DESCRIBED``; "" where it has nothing."""
    said = getattr(entry, column, "")
    if column == "about" and not said and (inspect.isroutine(entry) or inspect.isclass(entry)):
        said = " ".join((inspect.getdoc(entry) or "").split("\n\n")[0].split()).replace("``", "")
    return said if isinstance(said, str) else ""


def _registered_by_the_package() -> bool:
    """Whether the code that called ``register``, of whatever registry, is a module of dfa_lab."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_name == "register":
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", "")).split(".")[0] == __name__.split(".")[0]
