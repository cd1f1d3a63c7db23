"""The first notebook in Notebook 7: its first cell, a change, and the keys."""

import pytest
from screen import drawn_step, markers, press, slider, step, text, until, value
from server import TOKEN, served


@pytest.fixture
def fresh(tmp_path):
    """The address of a server on notebooks that nobody has run: an output from before is looked for in vain."""
    with served(tmp_path, ["lab", str(tmp_path)], f"/api?token={TOKEN}") as address:
        yield address


def test_the_first_notebook_in_notebook_7(page, fresh, screenshot):
    page.goto(f"{fresh}/notebooks/00_explorer.ipynb?token={TOKEN}", wait_until="load", timeout=60_000)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    page.wait_for_load_state("networkidle")
    page.errors.clear()  # Notebook 7 has some of its own while it loads, with any notebook
    page.locator(".jp-CodeCell").first.click()
    page.keyboard.press("Shift+Enter")
    page.get_by_test_id("dfa-do-play").wait_for(timeout=90_000)
    until(page, lambda: text(page, "state") == "ready")
    press(page, "play")
    until(page, lambda: step(page) > 50)
    screenshot("notebook7")
    slider(page, "batch_size").focus()
    page.keyboard.press("ArrowRight")
    until(page, lambda: value(page, "batch_size") == "128" and markers(page) == 1)
    press(page, "pause")
    until(page, lambda: text(page, "state") == "paused")
    until(page, lambda: drawn_step(page) == step(page), what="the network at the step where it pauses")
    assert page.outside == []
    own = ("'schema'", "filebrowser:open-path")  # of Notebook 7, with any notebook, sometimes late
    assert [error for error in page.errors if not any(name in error for name in own)] == []
