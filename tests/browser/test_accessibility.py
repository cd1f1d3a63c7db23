"""axe-core finds no serious violation, and the first notebook's tasks can be done by keyboard alone."""

from pathlib import Path

import pytest
from screen import markers, step, text, until

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
THEMES = ("light", "dark", "projector")


def serious(page):
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run('.dfa-explorer')")
    return [
        (one["id"], one["impact"], [node["html"][:200] for node in one["nodes"][:3]])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def test_axe_finds_nothing_serious(explorer):
    page = explorer
    assert serious(page) == []
    page.evaluate("document.querySelectorAll('.dfa-explorer details').forEach(fold => { fold.open = true; })")
    page.wait_for_timeout(400)
    assert serious(page) == []
    for theme in THEMES:
        page.evaluate(
            """theme => { const root = document.querySelector(".dfa-explorer");
            root.className = root.className.replace(/dfa-theme-\\w+/, "dfa-theme-" + theme); }""",
            theme,
        )
        page.wait_for_timeout(400)
        assert serious(page) == [], theme


def test_everything_by_keyboard(explorer):
    page = explorer
    page.get_by_test_id("dfa-do-play").focus()
    page.keyboard.press("Enter")
    until(page, lambda: step(page) > 100)
    changed = 0
    reached = set()
    for _ in range(200):  # the Tab key alone reaches every control
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.dataset.testid ?? ''")
        if name.startswith("dfa-control-") and name not in reached:
            reached.add(name)
            if name in ("dfa-control-lr-slider", "dfa-control-batch_size-slider"):
                page.keyboard.press("ArrowRight")
                changed += 1
                until(page, lambda changed=changed: markers(page) == changed)
    wanted = ("rule", "lr", "batch_size", "feedback_init", "feedback_scale", "activation_derivative")
    assert {f"dfa-control-{field}" for field in wanted} <= reached
    page.locator(".dfa-explorer .dfa-column").focus()
    page.keyboard.press("u")
    until(page, lambda: markers(page) == changed + 1)
    page.keyboard.press("Space") if text(page, "state") == "training" else None
    until(page, lambda: text(page, "state") == "paused", seconds=2)
    before = step(page)
    page.keyboard.press("ArrowRight")
    until(page, lambda: step(page) == before + 1)
    page.keyboard.press("r")
    until(page, lambda: step(page) == 0)


@pytest.fixture(autouse=True)
def _axe():
    assert AXE.is_file(), "axe-core is installed with the frontend's packages"
