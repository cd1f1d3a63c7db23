"""The page of reproductions is what the kept results give; a section says command, machine and why it differs."""

import ast
import dataclasses
import json

import reproductions

import dfa_lab as dfa
from places import ROOT


def test_the_page_is_made_of_the_results():
    assert (ROOT / "docs" / "reproductions.md").read_text() == reproductions.page()


def test_every_entry_was_reproduced_in_full():
    kept = [dfa.Reproduced.from_json(path) for path in sorted(reproductions.RESULTS.glob("*.json"))]
    made = {(one.name, one.task) for one in kept}
    assert made >= {(name, about.tasks[0]) for name, about in dfa.REPRODUCTIONS.items()}
    assert made >= {
        (name, task) for name, about in dfa.REPRODUCTIONS.items() for task in about.tasks if about.published[task]
    }
    for one in kept:
        assert not one.quick
        assert {len(values) for values in one.values.values()} == {dfa.REPRODUCTIONS[one.name].seeds}
        beside = reproductions.RESULTS / f"{one.name}-{one.task}"
        assert beside.with_suffix(".svg").exists()
        assert beside.with_suffix(".md").read_text() == f"{one.title}\n\n{one.to_markdown()}\n"
        assert set(one.claims) == set(dfa.REPRODUCTIONS[one.name].claims)
        assert one.within or dfa.REPRODUCTIONS[one.name].why, f"say why {one.name} differs"


def test_a_section(monkeypatch):
    about = dataclasses.replace(dfa.REPRODUCTIONS["ccl"], why="It is another rate.")
    monkeypatch.setitem(dfa.REPRODUCTIONS._entries, "ccl", about)
    made = {"seconds": 120.0, "processor": "a chip", "cores": 2, "torch": "2.0", "date": "2026-01-01"}
    found = dfa.Reproduced("ccl", "fashion_mnist", {"bp": [80.0, 81.0]}, False, "dfa-lab reproduce ccl", made)
    text = reproductions.section("ccl", [found])
    assert "| bp | 89.58 | 80.50 ± 0.71 | 2 | no |" in text
    assert "`dfa-lab reproduce ccl`: 2 minutes (a chip, 2 cores, torch 2.0, 2026-01-01)." in text
    assert text.endswith("It is another rate.\n")


def test_the_notebook_shows_the_kept_numbers():
    cells = json.loads((ROOT / "notebooks" / "13_reproduce_a_paper.ipynb").read_text())["cells"]
    (source,) = ["".join(cell["source"]) for cell in cells if "full = {" in "".join(cell["source"])]
    (told,) = [node.value for node in ast.parse(source).body if isinstance(node, ast.Assign)]
    kept = dfa.Reproduced.from_json(reproductions.RESULTS / "ccl-fashion_mnist.json").values
    assert ast.literal_eval(told) == {case: [round(one, 2) for one in values] for case, values in kept.items()}
