"""The examples in docstrings run, and every public name that is called has one."""

import doctest
import importlib
import pkgutil
from types import ModuleType

import pytest

import dfa_lab as dfa

#: Loading these starts a program or a server.
NO_MODULES = ("dfa_lab.__main__",)


def modules():
    """Every module of the package by its name."""
    found = [one.name for one in pkgutil.walk_packages(dfa.__path__, "dfa_lab.")]
    return [name for name in ("dfa_lab", *found) if name not in NO_MODULES]


def examples():
    """The examples of the package, those of a docstring together."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name in modules():
        module = importlib.import_module(name)
        yield from (test for test in finder.find(module, name) if test.examples)


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.name)
def test_an_example_runs(example):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.DocTestRunner(optionflags=flags).run(example)
    assert result.failed == 0, f"python -m doctest says what {example.name} printed"


@pytest.mark.parametrize("name", sorted(dfa.__all__))
def test_every_public_name_has_an_example(name):
    thing = getattr(dfa, name)
    if isinstance(thing, ModuleType):
        assert thing.__doc__
    else:
        assert ">>>" in (thing.__doc__ or ""), f"give {name} a short example in its docstring"
