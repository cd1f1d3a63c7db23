"""The notebooks as a user gets them: copies that are signed, kept and brought up to date; links that lead somewhere."""

import re
import shutil
import subprocess

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from dfa_lab.cli import main
from places import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FIRST = "00_explorer.ipynb"


@pytest.fixture
def lab(monkeypatch, tmp_path):
    """`dfa-lab lab` up to where JupyterLab starts; signatures are kept in a place of the test's own."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setattr("os.execv", lambda program, arguments: None)

    def start(*arguments):
        try:
            main(["lab", *map(str, arguments), "--no-browser"])
        except SystemExit as end:
            return end.code or 0
        return 0

    return start


@pytest.fixture
def shipped(monkeypatch, tmp_path):
    """A folder of shipped notebooks that a test may change, as a new version would."""
    folder = tmp_path / "shipped"
    shutil.copytree(ROOT / "notebooks", folder, ignore=shutil.ignore_patterns(".*"))
    monkeypatch.setattr("dfa_lab.widgets.kernel.notebooks.shipped_notebooks", lambda: sorted(folder.glob("*.ipynb")))
    return folder


def trusted(path):
    """Whether JupyterLab trusts the outputs of this file as it is."""
    with NotebookNotary() as notary:
        return notary.check_signature(nbformat.read(path, as_version=4))


def changed(path, change):
    """Write the notebook anew, as JupyterLab's save would, after ``change`` of its cells."""
    notebook = nbformat.read(path, as_version=4)
    change(notebook.cells)
    nbformat.write(notebook, path)


def say(text):
    def change(cells):
        cells[-1].source = text

    return change


def show(data):
    """A run of the first code cell that shows ``data``, and the empty cell that JupyterLab adds below."""

    def change(cells):
        cell = next(cell for cell in cells if cell.cell_type == "code")
        cell.outputs = [nbformat.v4.new_output("execute_result", data=data, execution_count=7)]
        cells.append(nbformat.v4.new_code_cell(""))

    return change


def text_of(path):
    return [cell.source for cell in nbformat.read(path, as_version=4).cells]


def test_make_lab_works_on_copies_that_git_ignores():
    line = next(line for line in (ROOT / "Makefile").read_text().splitlines() if "dfa-lab lab" in line)
    folder = re.search(r"dfa-lab lab (\S+)", line)[1]
    assert not (ROOT / folder).samefile(ROOT / "notebooks") if (ROOT / folder).exists() else folder != "notebooks"
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no checkout of git: nothing is tracked")
    asked = subprocess.run(["git", "check-ignore", f"{folder}/{FIRST}"], cwd=ROOT, capture_output=True, check=False)
    assert asked.returncode == 0


def test_copies_are_signed_and_show_no_widget_of_somebody_elses(lab, tmp_path):
    assert lab(tmp_path / "own") == 0
    for original in NOTEBOOKS:
        own = tmp_path / "own" / original.name
        assert trusted(own)
        assert text_of(own) == text_of(original)
        assert "widget-view" not in own.read_text()


def test_a_folder_of_plain_copies_is_signed(lab, tmp_path):
    """Such as a checkout's own folder, copied by hand, in which somebody ran the first cell."""
    own = tmp_path / "own"
    shutil.copytree(ROOT / "notebooks", own)
    changed(
        own / FIRST, show({"text/plain": "Explorer", "application/vnd.jupyter.widget-view+json": {"model_id": "1"}})
    )
    before = {path.name: path.read_bytes() for path in own.glob("*.ipynb")}
    assert lab(own) == 0
    assert {path.name: path.read_bytes() for path in own.glob("*.ipynb")} == before
    assert all(trusted(own / name) for name in before)


def test_the_shipped_folder_itself_is_signed_and_not_written_to(lab, shipped):
    before = {path.name: path.read_bytes() for path in shipped.iterdir()}
    assert lab(shipped) == 0
    assert {path.name: path.read_bytes() for path in shipped.iterdir()} == before
    assert all(trusted(path) for path in shipped.glob("*.ipynb"))


def test_outputs_that_somebody_else_wrote_are_not_signed(lab, tmp_path):
    own = tmp_path / "own"
    shutil.copytree(ROOT / "notebooks", own)
    changed(own / FIRST, show({"text/html": "<script>1</script>"}))
    assert lab(own) == 0
    assert not trusted(own / FIRST)


def test_a_copy_that_nobody_edited_follows_the_shipped_one(lab, shipped, tmp_path, capsys):
    own = tmp_path / "own"
    assert lab(own) == 0
    changed(own / FIRST, show({"text/plain": "Explorer(step=500)"}))  # run and saved, not edited
    changed(shipped / FIRST, say("a newer text"))
    assert lab(own) == 0
    assert text_of(own / FIRST)[-1] == "a newer text"
    assert trusted(own / FIRST)
    assert FIRST in capsys.readouterr().err
    assert lab(own) == 0
    assert capsys.readouterr().err == ""


def test_a_copy_that_was_edited_is_never_overwritten(lab, shipped, tmp_path, capsys):
    own = tmp_path / "own"
    assert lab(own) == 0
    changed(own / FIRST, say("my own words"))
    mine = (own / FIRST).read_bytes()
    for text in ("a newer text", "a still newer text"):
        changed(shipped / FIRST, say(text))
        assert lab(own) == 0
        assert (own / FIRST).read_bytes() == mine
        assert "is left as it is" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "mine", "[]", "{}", '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "\0"])
def test_a_file_that_is_no_notebook_is_left_and_named(lab, tmp_path, capsys, text):
    (tmp_path / FIRST).write_text(text)
    assert lab(tmp_path) == 0
    assert (tmp_path / FIRST).read_text() == text
    assert f"{FIRST} cannot be read as a notebook" in capsys.readouterr().err


@pytest.mark.parametrize("fresh", [True, False])
def test_a_full_disk_leaves_no_half_notebook(lab, shipped, tmp_path, monkeypatch, capsys, fresh):
    own = tmp_path / "own"
    if not fresh:
        assert lab(own) == 0
        for path in shipped.iterdir():
            changed(path, say("a newer text"))
    before = {path.name: path.read_bytes() for path in own.iterdir()} if own.exists() else {}

    def full(_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("os.fsync", full)
        assert lab(own) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in own.iterdir()} == before
    assert lab(own) == 0
    assert [text_of(own / path.name) for path in sorted(shipped.iterdir())] == [
        text_of(path) for path in sorted(shipped.iterdir())
    ]


@pytest.mark.parametrize("name", [path.name for path in NOTEBOOKS])
def test_links_lead_somewhere_in_the_folder_that_is_served(lab, tmp_path, name):
    own = tmp_path / "own"
    assert lab(own) == 0
    for cell in nbformat.read(own / name, as_version=4).cells:
        if cell.cell_type == "markdown":
            targets = re.findall(r"\]\(([^)\s]+)", cell.source) + re.findall(
                r"(?:href|src)=[\"']([^\"']+)", cell.source
            )
            for target in (target for target in targets if not re.match(r"[a-z]+:|#", target)):
                place = (own / target.partition("#")[0]).resolve()
                assert place.is_relative_to(own.resolve()), target
                assert place.exists(), target
