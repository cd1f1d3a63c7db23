"""The house: imports go one way, nothing that computes loads anything that draws, files are small nouns."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dfa_lab

PACKAGE = Path(dfa_lab.__file__).parent
ROOMS = ("errors", "registry", "learning", "experiment", "views", "widgets", "cli")
FILES = sorted(PACKAGE.rglob("*.py"))


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path):
    """Dotted names a file imports from dfa_lab, whatever way it writes it."""
    package = ("dfa_lab", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) + 1 - node.level]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield from ([f"{module}.{alias.name}" for alias in node.names] if module == "dfa_lab" else [module])


@pytest.mark.parametrize("path", [path for path in FILES if room_of(path) != "__init__"], ids=str)
def test_imports_go_one_way(path):
    own = ROOMS.index(room_of(path))
    for name in imports_of(path):
        if name.startswith("dfa_lab."):
            other = name.split(".")[1]
            assert other in ROOMS, f"{path.name} imports {name}, which is no room's"
            assert ROOMS.index(other) <= own, f"{path.name} ({room_of(path)}) imports {name}"


def test_the_import_test_sees_a_wrong_import(tmp_path):
    wrong = PACKAGE / "learning" / "rules.py"
    tree = wrong.read_text() + "\nfrom ..experiment import runner\nfrom dfa_lab import views\n"
    module = tmp_path / "rules.py"
    module.write_text(tree)

    class Inside(type(module)):
        def relative_to(self, *_):
            return wrong.relative_to(PACKAGE)

    assert {"dfa_lab.experiment", "dfa_lab.views"} <= set(imports_of(Inside(module)))


DRAWING = ("ipywidgets", "anywidget", "plotly", "matplotlib", "IPython")


@pytest.mark.slow
@pytest.mark.parametrize(
    "module", ["dfa_lab", "dfa_lab.experiment.experiment", "dfa_lab.experiment.runner", "dfa_lab.learning.mlp"]
)
def test_what_computes_loads_nothing_that_draws(module):
    code = f"import sys, {module}; print([name for name in {DRAWING} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_training_loads_nothing_that_draws():
    code = (
        "import sys, dfa_lab; dfa_lab.Experiment(widths=(4,)).train(20); "
        f"print([name for name in {DRAWING} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_files_are_small_nouns(path):
    assert path.stem not in ("utils", "helpers", "common", "misc")
    assert len(path.read_text().splitlines()) <= 300


def test_every_public_name_is_there_and_described():
    for name in dfa_lab.__all__:
        assert getattr(dfa_lab, name).__doc__, name
    assert set(dfa_lab.__all__) <= set(dir(dfa_lab))
    with pytest.raises(AttributeError):
        _ = dfa_lab.nothing


def test_no_file_names_a_place_of_one_machine():
    root = PACKAGE.parent
    texts = [*FILES, *(root / "frontend").glob("*.js"), *root.glob("*.md"), *(root / "docs").rglob("*.md")]
    for path in texts:
        for word in ("/home/", "/" + "root/", "/" + "work/"):
            assert word not in path.read_text(), f"{path} holds {word}"
