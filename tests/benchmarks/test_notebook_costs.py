"""What a notebook costs is counted: memory and processor of the kernel, and a cell that fails is said."""

import re
import subprocess
import sys

import nbformat
import pytest

from places import ROOT

pytestmark = pytest.mark.slow
SCRIPT = ROOT / "benchmarks" / "notebook_costs.py"


def row_of(tmp_path, name, source):
    cells = [nbformat.v4.new_code_cell(source)]
    path = tmp_path / f"{name}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    done = subprocess.run([sys.executable, SCRIPT, path], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted(one.name for one in tmp_path.glob("*.ipynb"))
    return done.stdout.splitlines()[-1]


def megabytes(row):
    return float(re.search(r"\| (\d+) MB \|$", row)[1])


def test_memory_and_processor_of_the_kernel_are_counted(tmp_path):
    small = row_of(tmp_path, "small", "open('left behind', 'w').close()")
    large = row_of(tmp_path, "large", "block = bytearray(b'1') * 300_000_000")
    assert 250 < megabytes(large) - megabytes(small) < 400
    assert "small.ipynb" in small


def test_a_cell_that_fails_is_said(tmp_path):
    assert "failed" in row_of(tmp_path, "wrong", "1 / 0")
