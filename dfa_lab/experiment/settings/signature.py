"""Signature: shows the settings that a method takes as ``**fields`` among its parameters.

So IPython completes ``Experiment(ba⇥`` and ``run.change(l⇥``, with jedi and without, and ``?`` and ``help`` list them.
It is made from ``Settings`` at import, which stays the one list of them: a TypedDict for ``Unpack`` would be a second
one, and jedi does not read it.
"""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import TypeVar

from dfa_lab.experiment.settings.settings import Settings

C = TypeVar("C", bound=type)


class _Kept:
    """Stands for the value in force, where a setting that is left out stays as it is."""

    def __repr__(self) -> str:
        return "…"


def shows_settings(cls: C) -> C:
    """Decorate a class: of its own methods, those that take ``**fields`` show the settings that they mean by it.

    ``__init__`` shows each setting with its default and ``reset`` each as it is kept; any other, such as ``change`` and
    ``fork``, acts on a run that goes on and shows the live ones.
    """
    for name, method in vars(cls).items():
        if inspect.isfunction(method) and "fields" in inspect.signature(method).parameters:
            _show(method, _meant_by(name))
    return cls


def _meant_by(method: str) -> dict[str, object]:
    """The settings that ``**fields`` of such a method may be, with the defaults to show."""
    if method == "__init__":
        return {name: field.default for name, field in Settings.model_fields.items()}
    return dict.fromkeys(Settings.model_fields if method == "reset" else Settings.live_fields(), _Kept())


def _show(method: FunctionType, settings: dict[str, object]) -> None:
    """Settings in place of ``**fields`` in its signature; without their types, which would hide the names."""
    written = inspect.signature(method)
    own = [one for one in written.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default) for name, default in settings.items()
    ]
    # Into the dictionary: to a type checker a function has no such attribute.
    vars(method)["__signature__"] = written.replace(parameters=[*own, *more])
