"""`make quick` leaves out tests marked slow or clock, and still tries something of every folder of the package."""

import ast
import importlib
from pathlib import Path

from places import PACKAGE, TESTS

#: Folders of tests that are no unit tests.
OTHERS = {"browser", "kernel", "lowest"}
LEFT_OUT = {"slow", "clock"}


def marks_of(function):
    """The names of ``@pytest.mark.NAME`` above a function, called or not."""
    marks = (one.func if isinstance(one, ast.Call) else one for one in function.decorator_list)
    return {mark.attr for mark in marks if isinstance(mark, ast.Attribute)}


def marks_of_file(tree):
    """The names of the marks in a file's ``pytestmark``."""
    given = [node.value for node in tree.body if isinstance(node, ast.Assign) and "pytestmark" in ast.unparse(node)]
    return {node.attr for value in given for node in ast.walk(value) if isinstance(node, ast.Attribute)}


def named(tree):
    """What each name of a file stands for in dfa_lab: a module, and what is taken of it."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "dfa_lab":
            found.update({alias.asname or alias.name: (node.module, alias.name) for alias in node.names})
        elif isinstance(node, ast.Import):
            found.update({alias.asname: ("dfa_lab", None) for alias in node.names if alias.name == "dfa_lab"})
    return found


def folder_of(module, name):
    """The folder that a name comes from, relative to the package."""
    thing = getattr(importlib.import_module(module), name, None)
    origin = getattr(thing, "__module__", None) or getattr(thing, "__name__", None) or module
    path = PACKAGE.joinpath(*(origin if origin.startswith("dfa_lab") else module).split(".")[1:])
    return (path if path.is_dir() else path.parent).relative_to(PACKAGE)


def tried(text):
    """The folders of dfa_lab whose functions and classes the quick tests of a file name."""
    tree, found = ast.parse(text), set()
    names = named(tree)
    if marks_of_file(tree) & LEFT_OUT:
        return found
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and function.name.startswith("test_"):
            for node in () if marks_of(function) & LEFT_OUT else ast.walk(function):
                if isinstance(node, ast.Name) and names.get(node.id, ("", None))[1]:
                    found.add(folder_of(*names[node.id]))
                elif isinstance(node, ast.Attribute) and names.get(getattr(node.value, "id", "")) == ("dfa_lab", None):
                    found.add(folder_of("dfa_lab", node.attr))
    return found


def test_quick_tests_try_something_of_every_folder():
    files = [path for path in TESTS.rglob("test_*.py") if not OTHERS & set(path.parts)]
    found = set().union(*(tried(path.read_text(encoding="utf-8")) for path in files))
    assert {path.parent.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"} <= found


def test_slow_tests_do_not_count():
    start = "import pytest\nimport dfa_lab as dfa\nfrom dfa_lab.views.base import thin\n"
    quick, other = "def test_a():\n    thin([1])\n", "def test_b():\n    dfa.Experiment()\n"
    assert tried(start + quick + other) == {Path("views/base"), Path("experiment/run")}
    assert tried(start + "@pytest.mark.slow\n" + quick + other) == {Path("experiment/run")}
    assert tried(start + quick + "@pytest.mark.clock\n" + other) == {Path("views/base")}
    assert tried(start + "pytestmark = [pytest.mark.slow]\n" + quick + other) == set()
