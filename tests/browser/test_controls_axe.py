"""axe-core finds nothing serious in the line, the knobs and any drawer, in any theme."""

from pathlib import Path

import pytest
from lab_page import SETTINGS, open_part

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
FULL = {
    "lanes": [{"name": name, "colour": "#1558a8", "number": number} for number, name in enumerate(("main", "bp"))],
    "presets": [{"name": "one", "title": "One", "about": "What it shows.", "refused": "rule is locked here"}],
    "events": [{"step": 40, "text": "batch size 64 → 256"}],
    "phases": [{"name": "forward", "equation": "h = f(W x)", "words": "The input goes up."}],
    "pins": ["main at 40"],
    "share": "dfa1.x",
    "script": "import dfa_lab",
    "lock": ["momentum"],
    "settings": {**SETTINGS, "activation_derivative": {"name": "points", "points": [[-1, 0], [0, 1], [1, 0]]}},
}
DRAWERS = ("stories", "compare", "pictures", "settings", "events", "share", "keys", "phases", "derivative")


def serious(page):
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"][:3]])
        for one in page.evaluate("axe.run(document.querySelector('.dfa-root'))")["violations"]
        if one["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("theme", ["light", "dark", "projector"])
def test_axe_finds_nothing_serious(page, theme):
    assert AXE.is_file(), "axe-core is installed with the frontend's packages"
    page.set_viewport_size({"width": 1280, "height": 800})
    lab = open_part(page, theme=theme, **FULL)
    page.evaluate(AXE.read_text())
    lab.get_by_test_id("dfa-do-reset").click()  # asks
    assert serious(page) == []
    lab.get_by_test_id("dfa-ask-no").click()
    for name in DRAWERS:
        opener = lab.get_by_test_id("dfa-do-presets" if name == "stories" else f"dfa-open-{name}")
        if not opener.is_visible():
            lab.get_by_test_id("dfa-do-more").click()
        opener.click()
        lab.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
        assert (name, serious(page)) == (name, [])
    lab.get_by_test_id("dfa-control-lr").fill("-1")
    lab.get_by_test_id("dfa-control-lr").press("Enter")
    lab.tell(error="learning rate was given as -1")
    lab.get_by_test_id("dfa-help-rule").click()
    assert serious(page) == []
