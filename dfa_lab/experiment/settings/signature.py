"""Shows the settings that a method takes as ``**fields`` among its parameters.

So IPython completes ``Experiment(ba⇥`` and ``run.change(l⇥``, with jedi and without, and ``?`` and ``help`` list them.
It is made from ``Settings`` at import: a TypedDict for ``Unpack`` would be a second list, and jedi does not read it.
"""

from __future__ import annotations

import inspect
from typing import TypeVar

from dfa_lab.experiment.settings.settings import Settings

C = TypeVar("C", bound=type)


class _Kept:
    """Stands for the value in force, where a setting that is left out stays as it is."""

    def __repr__(self) -> str:
        return "…"


def shows_settings(cls: C) -> C:
    """Decorate a class: its own methods that take ``**fields`` show the settings that may be given.

    ``__init__`` shows each setting with its default and ``reset`` each as it is kept; any other, such as ``change`` and
    ``fork``, acts on a run that goes on and shows the live ones.
    """
    for name, method in vars(cls).items():
        if not inspect.isfunction(method) or "fields" not in inspect.signature(method).parameters:
            continue
        settings = dict.fromkeys(Settings.model_fields if name == "reset" else Settings.live_fields(), _Kept())
        shown = {one: field.default for one, field in Settings.model_fields.items()} if name == "__init__" else settings
        written = inspect.signature(method)
        own = [one for one in written.parameters.values() if one.kind is not inspect.Parameter.VAR_KEYWORD]
        # Without their types, which would hide the names.
        more = [inspect.Parameter(one, inspect.Parameter.KEYWORD_ONLY, default=value) for one, value in shown.items()]
        # Into the dictionary: to a type checker a function has no such attribute.
        vars(method)["__signature__"] = written.replace(parameters=[*own, *more])
    return cls
