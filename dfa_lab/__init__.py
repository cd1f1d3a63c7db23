"""dfa_lab: a laboratory for feedback alignment inside a notebook.

>>> import dfa_lab as dfa
>>> net = dfa.MLP([64, 128, 10], rule="dfa")

The public names are in ``__init__.pyi``; each loads on first use, as do rooms such as ``dfa.errors``.
"""

import importlib
from typing import Any

import lazy_loader

_public_name, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in ("errors", "registry", "learning", "experiment", "views", "widgets"):
        return importlib.import_module(f"{__name__}.{name}")
    return _public_name(name)
