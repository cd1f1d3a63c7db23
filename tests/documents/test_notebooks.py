"""Committed notebooks are small, hold no widget state, show no error, and define nothing long. nbval runs them."""

import json

import pytest

from places import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks():
    assert [path.name for path in NOTEBOOKS] == [
        "00_explorer.ipynb",
        "01_first_steps.ipynb",
        "02_your_own_network.ipynb",
        "03_what_the_angle_says.ipynb",
        "04_your_own_dashboard.ipynb",
        "05_your_own_loop.ipynb",
        "06_a_sweep.ipynb",
        "07_your_own_derivative.ipynb",
        "08_when_it_fails.ipynb",
        "09_align_then_memorise.ipynb",
        "10_robust_or_a_wrong_gradient.ipynb",
        "11_is_my_rule_used.ipynb",
        "12_which_rule_was_it.ipynb",
        "13_reproduce_a_paper.ipynb",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_fit_to_be_committed(path):
    assert path.stat().st_size < 300_000
    document = json.loads(path.read_text())
    assert "widgets" not in document["metadata"]
    assert document["metadata"]["kernelspec"]["name"] == "python3"
    code = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code)
    for cell in code:
        assert not any(output["output_type"] == "error" for output in cell["outputs"])
        assert len(cell["source"]) <= 10, "what is longer belongs in the package"
    assert "Exercise" in "".join(document["cells"][-1]["source"])
