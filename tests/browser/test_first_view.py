"""The first notebook as it opens: one key runs the explorer, which is in view; what the text says of it is so."""

import pytest
from screen import press, step, text, until
from server import TOKEN

SIZES = [(1280, 800), (1440, 900)]


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def opened(page, lab, request):
    """The notebook as it opens, the file browser beside it: nothing is clicked, its first cell is run by one key."""
    page.set_viewport_size(dict(zip(("width", "height"), request.param, strict=True)))
    page.goto(f"{lab}/lab/tree/00_explorer.ipynb?reset&token={TOKEN}", wait_until="load", timeout=60_000)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
    assert page.locator(".jp-FileBrowser").is_visible()
    page.keyboard.press("Shift+Enter")
    page.get_by_test_id("dfa-do-play").wait_for(timeout=60_000)
    until(page, lambda: text(page, "state") == "ready")
    return page


def seen(page, name):
    """Which part of a thing's height can be seen in the notebook, and whether its head can."""
    window, box = page.locator(".jp-WindowedPanel-outer").bounding_box(), page.get_by_test_id(name).bounding_box()
    top, bottom = window["y"], window["y"] + window["height"]
    inside = min(bottom, box["y"] + box["height"]) - max(top, box["y"])
    return inside / box["height"], top <= box["y"] < bottom - 20


def test_play_and_the_curves_are_in_view(opened, screenshot, request):
    page = opened
    page.wait_for_timeout(1000)  # what scrolls, scrolls late
    screenshot(f"first view {request.node.callspec.id}")
    assert seen(page, "dfa-do-play") == (1, True)
    whole, head = seen(page, "dfa-panel-alignment")
    assert head
    assert whole > 0.8
    press(page, "play")
    until(page, lambda: step(page) > 30)
    press(page, "pause")
    until(page, lambda: text(page, "state") == "paused")
    page.locator(".jp-CodeCell").first.click()
    page.keyboard.press("Control+Enter")  # begins anew, and scrolls nowhere
    until(page, lambda: text(page, "state") == "ready" and step(page) == 0)
    page.wait_for_timeout(1000)
    assert seen(page, "dfa-do-play") == (1, True)
    assert seen(page, "dfa-panel-alignment")[1]


def test_interrupting_a_cell_leaves_the_explorer_and_its_name_shows_it_again(explorer):
    page = explorer
    press(page, "play")
    until(page, lambda: step(page) > 10)
    page.get_by_role("button", name="Interrupt the kernel").click()
    page.wait_for_timeout(1000)
    reached = step(page)
    until(page, lambda: step(page) > reached + 10)
    page.get_by_role("button", name="Insert a cell below").first.click()
    page.locator(".jp-Notebook .jp-CodeCell").nth(1).locator(".cm-content").click()
    page.keyboard.type("explorer")
    page.keyboard.press("Control+Enter")
    cell = page.locator(".jp-Cell.jp-mod-active")
    again = cell.get_by_test_id("dfa-step")
    again.wait_for(timeout=60_000)
    reached = step_of(again)
    until(page, lambda: step_of(again) > reached)
    cell.get_by_test_id("dfa-do-pause").click()
    until(page, lambda: cell.get_by_test_id("dfa-state").inner_text() == "paused")


def step_of(shown):
    return int(shown.inner_text().replace(",", "") or 0)
