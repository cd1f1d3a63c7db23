"""The house: imports go one way, between packages and between their folders, and nobody reaches past a face.

What counts is what is imported when a file is loaded. Imports for types alone, and those inside a function that load
a thing on first use, are held to the packages' direction only.
"""

import ast
import subprocess
import sys

import pytest

import dfa_lab
from places import PACKAGE

BASE = (
    "errors",
    "free_memory",
    "daemon_threads",
    "forked_processes",
    "regular_file",
    "atomic_file",
    "html_table",
    "registry",
)
ROOMS = (*BASE, "learning", "experiment", "views", "widgets", "cli")
#: The folders of each room in the direction of imports: a later one may import an earlier one.
FOLDERS = {
    "learning": (
        "ops",
        "rules",
        "activations",
        "feedback",
        "layers",
        "mlp",
        "interface",
        "modules",
        "networks",
        "own_feedback",
        "recording",
        "similarity",
        "alignment",
        "audit",
    ),
    "experiment": (
        "data",
        "history",
        "settings",
        "training",
        "sessions",
        "measurement",
        "monitor",
        "checkpoints",
        "run",
        "jobs",
        "sweep",
        "inspection",
        "expectations",
        "reproductions",
        "autosave",
        "runner",
    ),
    "views": ("base", "history", "snapshots", "sweep", "report"),
    "widgets": ("kernel", "chart", "network", "pictures", "controls", "story", "explorer", "monitor"),
    "cli": ("processes", "shell_values", "application", "train", "sweeps", "pages", "bench"),
}
MOST_FILES, MOST_LINES = 12, 300
FILES = sorted(PACKAGE.rglob("*.py"))
FRONTEND = PACKAGE.parent / "frontend"
#: What a folder holds: code of the package, or of the page with its styles.
KINDS = ("*.py", "*.ts", "*.tsx", "*.css")


def parts_of(path):
    """Room, folder and file of a path, as far as it has them."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def room_of(path):
    return (*parts_of(path), "__init__")[0]


def imports_of(path, *, when_loaded=False, text=None):
    """Dotted names a file imports from dfa_lab, whatever way it writes it; or only those that loading it imports."""
    package = ("dfa_lab", *path.relative_to(PACKAGE).parts[:-1])
    tree = ast.parse(path.read_text() if text is None else text)
    for node in tree.body if when_loaded else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) + 1 - node.level]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            for alias in node.names:  # a folder or a file by its name, or what a file holds
                inner = f"{module}.{alias.name}"
                yield inner if module.startswith("dfa_lab") and is_module(inner) else module


def is_module(name):
    place = PACKAGE.parent.joinpath(*name.split("."))
    return place.is_dir() or place.with_suffix(".py").is_file()


def wrong_direction(path, name):
    """What is wrong about importing ``name`` in ``path``, or None."""
    room, *rest = name.split(".")[1:]
    if room not in ROOMS:
        return f"{name} is no room's"
    if ROOMS.index(room) > ROOMS.index(room_of(path)):
        return f"{name} is of a room above"
    own = parts_of(path)
    if room == own[0] and len(own) > 1 and rest:
        order = FOLDERS[room]
        if rest[0] in order and own[1] in order and order.index(rest[0]) > order.index(own[1]):
            return f"{name} is of a folder above"
    return None


def past_a_face(path, name):
    """Whether ``name`` is a file inside another folder, and not one that the folder itself hands out."""
    room, *rest = name.split(".")[1:]
    return len(rest) > 1 and parts_of(path)[:2] != (room, rest[0]) and rest[1] not in face_of(room, rest[0])


def face_of(room, folder):
    """The names that a folder's ``__init__`` imports; where they load on first use its stub does."""
    face = PACKAGE / room / folder / "__init__.py"
    stub = face.with_suffix(".pyi")
    tree = ast.parse((stub if stub.exists() else face).read_text())
    return [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]


def test_imports_go_one_way():
    files = [path for path in FILES if room_of(path) != "__init__"]
    above = [
        f"{path} imports {name}, of a room above"
        for path in files
        for name in imports_of(path)
        if name.startswith("dfa_lab.") and ROOMS.index(name.split(".")[1]) > ROOMS.index(room_of(path))
    ]
    assert above == []
    loaded = [(path, name) for path in files for name in imports_of(path, when_loaded=True)]
    faults = [(path, wrong_direction(path, name)) for path, name in loaded if name.startswith("dfa_lab.")]
    assert [(path, fault) for path, fault in faults if fault] == []


def test_nobody_reaches_past_a_face():
    past = [
        f"{path} imports {name}"
        for path in FILES
        for name in imports_of(path)
        if name.startswith("dfa_lab.") and past_a_face(path, name)
    ]
    assert past == [], "import from the folder, and name it in the folder's __init__"


def circle_in(graph):
    """Names that import one another in a circle, the first again at the end; None where there is no circle."""
    finished, on_the_way = set(), []

    def visit(name):
        if name in on_the_way:
            return [*on_the_way[on_the_way.index(name) :], name]
        if name not in finished:
            on_the_way.append(name)
            for other in sorted(graph.get(name, ())):
                if found := visit(other):
                    return found
            finished.add(on_the_way.pop())
        return None

    return next(filter(None, map(visit, sorted(graph))), None)


def test_no_circle_of_files():
    graph = {}
    for path in FILES:
        own = ".".join(("dfa_lab", *parts_of(path)))
        loaded = {name for name in imports_of(path, when_loaded=True) if name.startswith("dfa_lab.")} - {own}
        graph[own] = graph.get(own, set()) | loaded
    assert circle_in(graph) is None


@pytest.mark.parametrize(
    ("graph", "circle"),
    [
        ({"a": {"b", "c"}, "b": {"c"}, "c": set()}, None),
        ({"a": {"b"}, "b": {"c"}, "c": {"b"}}, ["b", "c", "b"]),
        ({"a": {"nowhere"}, "b": {"b"}}, ["b", "b"]),
    ],
)
def test_a_circle_is_seen(graph, circle):
    assert circle_in(graph) == circle


def too_full(folder):
    """Whether a folder has too many files: its face apart, what lies in its own folders not counted."""
    return len([path for kind in KINDS for path in folder.glob(kind) if path.name != "__init__.py"]) > MOST_FILES


def faceless(folder):
    """Whether a folder of the package has no face, or one that does not say what the folder is."""
    face = folder / "__init__.py"
    return not face.is_file() or not ast.get_docstring(ast.parse(face.read_text()))


def too_long(path):
    return len(path.read_text(encoding="utf-8").splitlines()) > MOST_LINES


def test_folders_are_small_and_known():
    for room, folders in FOLDERS.items():
        found = {path.name for path in (PACKAGE / room).iterdir() if path.is_dir() and any(path.glob("*.py"))}
        assert found == {folder for folder in folders if (PACKAGE / room / folder).is_dir()}
    assert [folder for folder in sorted({path.parent for path in FILES}) if too_full(folder) or faceless(folder)] == []


def test_folders_of_the_page_are_small():
    inside = [one for one in FRONTEND.iterdir() if one.is_dir() and one.name != "node_modules"]
    folders = [FRONTEND, *inside, *(path for one in inside for path in one.rglob("*") if path.is_dir())]
    assert len(folders) > 7
    assert [folder for folder in folders if too_full(folder)] == []


@pytest.mark.parametrize("kind", ["py", "ts", "tsx", "css"])
def test_a_folder_that_is_too_full_is_seen(tmp_path, kind):
    (tmp_path / "inside").mkdir()
    (tmp_path / "__init__.py").touch()
    for number in range(MOST_FILES):
        (tmp_path / f"noun_{number}.{'ts' if number % 2 else 'py'}").touch()
        (tmp_path / "inside" / f"other_{number}.css").touch()
    assert not too_full(tmp_path)
    (tmp_path / f"one_more.{kind}").touch()
    assert too_full(tmp_path)


def test_a_folder_without_a_face_is_seen(tmp_path):
    assert faceless(tmp_path)
    face = tmp_path / "__init__.py"
    face.write_text("from dfa_lab import errors\n")
    assert faceless(tmp_path)
    face.write_text('"""What it is."""\n')
    assert not faceless(tmp_path)


def test_a_file_that_is_too_long_is_seen(tmp_path):
    path = tmp_path / "noun.py"
    path.write_text("line\n" * MOST_LINES)
    assert not too_long(path)
    path.write_text("line\n" * MOST_LINES + "one more")
    assert too_long(path)


BROKEN = [
    ("learning/rules/catalogue.py", "from ...experiment import runner", "room above"),
    ("learning/rules/catalogue.py", "from dfa_lab import views", "room above"),
    ("learning/ops/losses.py", "from dfa_lab.learning.mlp import MLP", "folder above"),
    ("experiment/history/history.py", "from dfa_lab.experiment.runner import Runner", "folder above"),
    ("learning/mlp/mlp.py", "from dfa_lab.learning.ops.losses import LOSSES", "face"),
    ("widgets/explorer/explorer.py", "import dfa_lab.experiment.runner.runner", "face"),
    ("widgets/explorer/explorer.py", "from dfa_lab.experiment.runner import runner", "face"),
]


@pytest.mark.parametrize(("file", "line", "fault"), BROKEN)
def test_a_broken_rule_is_seen(file, line, fault):
    path = PACKAGE / file
    names = set(imports_of(path, when_loaded=True, text=path.read_text() + "\n" + line)) - set(
        imports_of(path, when_loaded=True)
    )
    if fault == "face":
        assert any(past_a_face(path, name) for name in names)
    else:
        assert any(fault in (wrong_direction(path, name) or "") for name in names)


DRAWING = ("ipywidgets", "anywidget", "plotly", "matplotlib", "IPython")


@pytest.mark.slow
def test_what_computes_loads_nothing_that_draws():
    code = (
        "import sys, dfa_lab.experiment.runner, dfa_lab as dfa; dfa.Experiment(widths=(4,)).train(20); "
        "dfa.Runner(dfa.Experiment(widths=(4,)), threaded=False).play(3); dfa.convert, dfa.audit, dfa.Session; "
        f"print([name for name in {DRAWING} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_a_room_is_there_before_any_name_of_it_was_used():
    code = "import dfa_lab as dfa; print(dfa.errors.DfaLabError is dfa.DfaLabError, dfa.learning.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "dfa_lab.learning"]


@pytest.mark.slow
def test_no_name_that_loads_on_first_use_is_that_of_its_file():
    """Where the file was imported by its own path before, the face would give the file in the name's place."""
    stubs = [stub for stub in PACKAGE.rglob("__init__.pyi") if stub.parent != PACKAGE]
    named = {stub.parent / one.module: one.names for stub in stubs for one in ast.walk(ast.parse(stub.read_text()))
             if isinstance(one, ast.ImportFrom) and one.module}  # fmt: skip
    assert len(named) > 10
    assert not [file for file, names in named.items() if file.name in {one.name for one in names}]


def test_pandas_loads_where_a_table_is_made():
    code = "import sys, dfa_lab as dfa; dfa.Experiment, dfa.Runner, dfa.convert; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_files_are_small_nouns():
    assert not {path.stem for path in FILES} & {"utils", "helpers", "common", "misc"}
    assert [path for path in FILES if too_long(path)] == []


def test_every_public_name_is_there_and_described():
    for name in dfa_lab.__all__:
        assert getattr(dfa_lab, name).__doc__, name
    assert set(dfa_lab.__all__) <= set(dir(dfa_lab))
    with pytest.raises(AttributeError):
        _ = dfa_lab.nothing


def test_no_file_names_a_place_of_one_machine():
    root = PACKAGE.parent
    page = [one for kind in KINDS for one in FRONTEND.rglob(kind) if "node_modules" not in one.parts]
    texts = [*FILES, *page, *root.glob("*.md"), *(root / "docs").rglob("*.md")]
    for path in texts:
        for word in ("/home/", "/" + "root/", "/" + "work/"):
            assert word not in path.read_text(), f"{path} holds {word}"
