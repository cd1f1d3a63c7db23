"""The lines of the page about sweeps run, and the TOML files that it and the tour show are sweeps."""

import re
import tomllib

import pandas as pd
import pytest
from test_docs import TOUR, blocks

import dfa_lab as dfa
from command_line import run
from places import ROOT

PAGE = (ROOT / "docs" / "sweep.md").read_text()


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_its_python_lines_run_and_its_words_about_the_table_hold(capsys):
    names = {}
    for block in blocks(PAGE):
        exec(compile(block, "sweep.md", "exec"), names)
    frame = names["frame"]
    assert len(frame) == 27
    assert len(names["both"]) == (2 + 4) * 2
    assert "0 runs to go" in capsys.readouterr().out
    table = PAGE[PAGE.index("## The table") : PAGE.index("## Stopped")]
    columns = set(frame.columns) - {"rule", "lr", *frame.attrs["metrics"]}
    assert columns == set(re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE))
    said = table[table.index("`frame.attrs`") :]
    assert set(frame.attrs) <= set(re.findall(r"`(\w+)`", said))
    (text,) = blocks(PAGE, "toml")
    asked = tomllib.loads(text)
    assert asked["grid"] == frame.attrs["grid"][0]
    assert {name: asked[name] for name in ("task", "widths")} == frame.attrs["settings"]


@pytest.mark.parametrize("text", [PAGE, TOUR], ids=["sweep.md", "tour.md"])
def test_its_file_is_a_sweep(text, tmp_path):
    (file,) = blocks(text, "toml")
    short, count = re.subn(r"^steps = \d+", "steps = 2", file, flags=re.MULTILINE)
    assert count == 1
    (tmp_path / "first.toml").write_text(short)
    assert run("sweep", "first.toml", "--csv", "first.csv", "--folder", "sweeps/first") == 0
    asked, written = tomllib.loads(file), pd.read_csv("first.csv")
    assert len(written.groupby(list(asked["grid"]))) * asked["seeds"] == len(written)
    assert written["error"].isna().all()
    assert len(dfa.load_sweep("sweeps/first")) == len(written)


@pytest.mark.parametrize(
    ("grid", "seeds"), [({"lr": 0.1}, 2), ({}, 3), ({"widths": [8, 8]}, 1), ([{}, {"lr": 0.3}], 2)]
)
def test_a_value_is_a_list_of_one_and_an_empty_grid_one_setting(grid, seeds):
    parts = grid if isinstance(grid, list) else [grid]
    frame = dfa.sweep(grid, seeds=seeds, steps=2, task="moons", progress=False)
    assert len(frame) == len(parts) * seeds
    assert frame.seed.tolist() == list(range(seeds)) * len(parts)
