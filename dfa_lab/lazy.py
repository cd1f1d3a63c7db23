"""Lazy names: a package whose names load their module on first use, so that nothing loads before it is needed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazily(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """The ``__getattr__`` of ``package``: ``modules`` says for each name the module that holds it.

    >>> __getattr__ = lazily(__name__, {"sqrt": "math"})
    >>> __getattr__("sqrt")(4.0)
    2.0
    """

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(modules[name]), name)

    return get
