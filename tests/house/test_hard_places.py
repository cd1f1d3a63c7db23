"""A full disk, no temporary folder, little memory, a damaged preset: a sentence; the package's types and licences."""

import os
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

import dfa_lab as dfa
from dfa_lab.errors import is_out_of_memory
from dfa_lab.experiment.sessions import presets
from dfa_lab.experiment.settings import ComputeContext, Settings
from places import PACKAGE

TRAIN = ["train", "--task", "moons", "--widths", "4", "--steps", "3"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.slow
@pytest.mark.parametrize("arguments", [TRAIN, [*TRAIN, "--json"]], ids=str)
def test_a_full_disk_is_said_in_one_sentence(arguments):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "dfa_lab.cli", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=PACKAGE.parent,
        )
    assert done.returncode == 2
    assert "could not be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_serve_without_a_temporary_folder_says_so(monkeypatch):
    import tempfile

    from dfa_lab.widgets.kernel import command

    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/nowhere/at/all"])
    with pytest.raises(dfa.DfaLabError, match="TMPDIR"):
        command({}, port=1, address="127.0.0.1", browser=False)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes."),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        MemoryError("Unable to allocate 3 GiB for an array"),
    ],
)
def test_too_little_memory_is_said_in_words(error):
    assert is_out_of_memory(error)
    with pytest.raises(dfa.DfaLabError, match="memory does not suffice") as raised, ComputeContext(Settings()):
        raise error
    assert raised.value.__cause__ is error


def test_other_errors_stay_as_they_are():
    with pytest.raises(RuntimeError, match="shapes differ"), ComputeContext(Settings()):
        raise RuntimeError("shapes differ")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"format": "dfa_lab story"}', b"[1]"])
@pytest.mark.parametrize("name", ["07_mine.json", "mine.json"])
def test_a_damaged_preset_is_named(tmp_path, content, name):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(dfa.DfaLabError, match=name):
        presets._register_all(tmp_path)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "[]", "[1]", "3", '{"format": 1}', "null"])
def test_a_text_that_is_no_history_is_refused(text):
    with pytest.raises(dfa.DfaLabError):
        dfa.History.from_json(text)


def test_the_package_has_types_and_licences():
    assert (PACKAGE / "py.typed").is_file()
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
    found = [path.name for pattern in project["license-files"] for path in PACKAGE.parent.glob(pattern)]
    assert sorted(found) == ["LICENSE", "preact.LICENSE.txt", "uPlot.LICENSE.txt"]


@pytest.mark.slow
@pytest.mark.parametrize("typed", [True, False])
def test_mypy_sees_the_types_of_an_installed_package(tmp_path, typed):
    """In an environment's site-packages it reads types only where ``py.typed`` lies."""
    pytest.importorskip("mypy")
    venv.create(tmp_path / "env", with_pip=False)
    (site,) = (tmp_path / "env").glob("lib/python*/site-packages")
    left_out = shutil.ignore_patterns("__pycache__", "static", *([] if typed else ["py.typed"]))
    shutil.copytree(PACKAGE, site / "dfa_lab", ignore=left_out)
    (tmp_path / "use.py").write_text("from dfa_lab.errors import whole_number\n\nx: str = whole_number('n', 3, 0)\n")
    (tmp_path / "mypy.ini").write_text("[mypy]\n")
    python = tmp_path / "env" / "bin" / "python"
    asked = [sys.executable, "-m", "mypy", "--python-executable", str(python), "--no-incremental", "use.py"]
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MYPYPATH")}
    done = subprocess.run(asked, cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)
    assert ('has type "int"' in done.stdout) == typed, done.stdout + done.stderr
    assert ("missing library stubs or py.typed" in done.stdout) != typed
