"""Notebooks go through nbgrader and otter unharmed; dfa.expect gives points, or a sentence that says why not."""

import importlib.util
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import nbformat
import pytest

from places import ROOT

GRADERS = ROOT / ".graders"
LESSON = "03_what_the_angle_says.ipynb"
#: Two questions of the same kind: one is answered rightly, one wrongly.
ANSWERS = {
    "good": 'good = dfa.Experiment(task="digits", rule="fa", seed=0)\ngood.train(300)',
    "poor": 'poor = dfa.Experiment(task="digits", rule="shallow", seed=0)\npoor.train(300)',
}
SOLUTIONS = {"good": ANSWERS["good"], "poor": ANSWERS["good"].replace("good", "poor")}
LEARNS, ANGLE = "dfa.expect.learns({}, above=0.9)", "dfa.expect.angle({}, layer=1, below=80)"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def needs(module: str) -> pytest.MarkDecorator:
    missing = not (GRADERS / module).exists() and importlib.util.find_spec(module) is None
    return pytest.mark.skipif(missing, reason=f"no {module}: `make .graders/.installed` brings it")


def call(folder: Path, *arguments: str) -> str:
    """What ``python -m …`` prints in ``folder``, with what lies in .graders at hand."""
    paths = [str(GRADERS), str(ROOT), os.environ.get("PYTHONPATH", "")]
    programs = [str(GRADERS / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "DFA_LAB_HEADLESS": "1"}
    environment |= {"PATH": os.pathsep.join(programs), "OMP_NUM_THREADS": "1", "DFA_LAB_AUTOSAVE": "off"}
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def shipped(name: str) -> nbformat.NotebookNode:
    return nbformat.read(ROOT / "notebooks" / name, as_version=4)


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def marked(identity: str, source: str, **kind: object) -> nbformat.NotebookNode:
    """A code cell of an assignment, as nbgrader's page marks it."""
    plain = {"grade": False, "solution": False, "locked": False, "task": False}
    metadata = {"nbgrader": {"grade_id": identity, "schema_version": 3, **plain, **kind}}
    return nbformat.v4.new_code_cell(source, id=identity, metadata=metadata)


def for_nbgrader(name: str) -> list[nbformat.NotebookNode]:
    """An answer, and two checks of it for 2 and 3 points, the second hidden."""
    hidden = f"### BEGIN HIDDEN TESTS\n{ANGLE.format(name)}\n### END HIDDEN TESTS"
    return [
        marked(f"{name}-answer", f"### BEGIN SOLUTION\n{SOLUTIONS[name]}\n### END SOLUTION", solution=True),
        marked(f"{name}-learns", LEARNS.format(name), grade=True, locked=True, points=2),
        marked(f"{name}-angle", hidden, grade=True, locked=True, points=3),
    ]


def same_cells(one: list[nbformat.NotebookNode], other: list[nbformat.NotebookNode]) -> bool:
    kept = [
        [(cell.cell_type, cell.id, cell.source, cell.metadata.get("tags")) for cell in cells] for cells in (one, other)
    ]
    return kept[0] == kept[1]


@needs("nbgrader")
def test_nbgrader(tmp_path: Path) -> None:
    for name in ("01_first_steps.ipynb", LESSON):
        notebook = shipped(name)
        notebook.cells += for_nbgrader("good") + for_nbgrader("poor")
        write(notebook, tmp_path / "source" / "lesson" / name)
    call(tmp_path, "nbgrader", "generate_assignment", "lesson", "--create")
    for name in ("01_first_steps.ipynb", LESSON):
        released = nbformat.read(tmp_path / "release" / "lesson" / name, as_version=4)
        assert same_cells(released.cells[:-6], shipped(name).cells)
        assert released.metadata.kernelspec == shipped(name).metadata.kernelspec
        assert "Experiment" not in "".join(cell.source for cell in released.cells[-6:])
        assert [cell.source for cell in released.cells[-2:]] == [LEARNS.format("poor"), ""]

    released = nbformat.read(tmp_path / "release" / "lesson" / LESSON, as_version=4)
    released.cells[-6].source, released.cells[-3].source = ANSWERS["good"], ANSWERS["poor"]
    write(released, tmp_path / "submitted" / "ada" / "lesson" / LESSON)
    call(tmp_path, "nbgrader", "autograde", "lesson", "--create", "--notebook", Path(LESSON).stem)
    with closing(sqlite3.connect(tmp_path / "gradebook.db")) as gradebook:
        rows = gradebook.execute(
            "SELECT name, auto_score FROM grade JOIN base_cell ON cell_id = base_cell.id"
        ).fetchall()
    assert {name: score for name, score in rows if score is not None} == {
        "good-learns": 2.0,
        "good-angle": 3.0,
        "poor-learns": 0.0,
        "poor-angle": 0.0,
    }
    graded = nbformat.read(tmp_path / "autograded" / "ada" / "lesson" / LESSON, as_version=4).cells
    assert same_cells(graded[:-6], shipped(LESSON).cells)
    assert [cell.outputs for cell in graded[-5:-3]] == [[], []]
    assert not [one for cell in graded[:-2] for one in cell.get("outputs", []) if one.output_type == "error"]
    said = [cell.outputs[0].evalue for cell in graded[-2:]]
    assert said[0].startswith("test accuracy is 0.")
    assert "expected above 0.9: train longer" in said[0]
    assert said[1].startswith("gradient alignment of layer 1 ")


def for_otter(name: str) -> list[nbformat.NotebookNode]:
    """A question for 5 points, as otter assign reads it, with a second test that is hidden."""
    raw, code = nbformat.v4.new_raw_cell, nbformat.v4.new_code_cell
    return [
        raw(f"# BEGIN QUESTION\nname: {name}\npoints: 5"),
        nbformat.v4.new_markdown_cell("Train by feedback alignment."),
        raw("# BEGIN SOLUTION"),
        code("\n".join(f"{line} # SOLUTION" for line in SOLUTIONS[name].splitlines())),
        raw("# END SOLUTION"),
        raw("# BEGIN TESTS"),
        code(LEARNS.format(name)),
        code(f"# HIDDEN\n{ANGLE.format(name)}"),
        raw("# END TESTS"),
        raw("# END QUESTION"),
    ]


@needs("otter")
def test_otter(tmp_path: Path) -> None:
    lesson, settings = shipped(LESSON), "name: lesson\ngenerate: {pdf: false}\nexport_cell: false"
    source = shipped(LESSON)
    source.cells = [nbformat.v4.new_raw_cell(f"# ASSIGNMENT CONFIG\n{settings}"), *lesson.cells]
    source.cells += for_otter("good") + for_otter("poor")
    write(source, tmp_path / "lesson.ipynb")
    call(tmp_path, "otter", "assign", "--no-run-tests", "lesson.ipynb", "dist")
    student = nbformat.read(tmp_path / "dist" / "student" / "lesson.ipynb", as_version=4)
    kept = student.cells[1 : len(lesson.cells) + 1]  # after the cell that loads the grader
    assert [(cell.cell_type, cell.source) for cell in kept] == [(one.cell_type, one.source) for one in lesson.cells]
    assert 'rule="fa", seed' not in json.dumps(student.cells)

    for name, answer in ANSWERS.items():
        (cell,) = [cell for cell in student.cells if cell.source.startswith(f"{name} = ...")]
        cell.source = answer
    write(student, tmp_path / "ada.ipynb")
    (archive,) = (tmp_path / "dist" / "autograder").glob("*.zip")
    call(tmp_path, "otter", "run", "ada.ipynb", "-a", str(archive), "--no-logo")
    results = {one["name"]: one for one in json.loads((tmp_path / "results.json").read_text())["tests"]}
    assert (results["good"]["score"], results["poor"]["score"]) == (5, 0)
    assert "AssertionError: test accuracy is 0." in results["poor"]["output"]
    assert "AssertionError: gradient alignment of layer 1 " in results["poor"]["output"]
