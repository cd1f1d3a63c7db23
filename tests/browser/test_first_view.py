"""The first notebook as it opens: one key runs the explorer, which is in view; what the text says of it is so."""

import time

import pytest
from boxes import all_is_in_sight
from screen import open_notebook, press, step, text, until

SIZES = [(1280, 800), (1440, 900)]


def open_first_notebook(page, lab, size):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    open_notebook(page, f"{lab}/lab/tree/00_explorer.ipynb")
    assert page.locator(".jp-FileBrowser").is_visible()


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def opened(page, lab, request):
    """The notebook as it opens, the file browser beside it: nothing is clicked, its first cell is run by one key."""
    open_first_notebook(page, lab, request.param)
    page.keyboard.press("Shift+Enter")
    page.get_by_test_id("dfa-do-play").wait_for(timeout=60_000)
    until(page, lambda: text(page, "state") == "ready")
    return page


def test_all_is_in_view(opened, screenshot, request):
    page = opened
    all_is_in_sight(page, "after the first key")
    screenshot(f"first view {request.node.callspec.id}")
    press(page, "play")
    until(page, lambda: step(page) > 30)
    press(page, "pause")
    until(page, lambda: text(page, "state") == "paused")
    all_is_in_sight(page, "after Play")
    page.locator(".jp-CodeCell").first.click()
    page.keyboard.press("Control+Enter")  # begins anew, and scrolls nowhere
    until(page, lambda: text(page, "state") == "ready" and step(page) == 0)
    all_is_in_sight(page, "begun anew")


@pytest.mark.clock
def test_an_angle_below_chance_is_seen_within_seconds(page, lab, record_property):
    """From the first key to a dial visibly below chance, Play in view: what the whole screen is for."""
    open_first_notebook(page, lab, (1280, 800))
    begun = time.monotonic()
    page.keyboard.press("Shift+Enter")
    play = page.get_by_test_id("dfa-do-play")
    play.wait_for(timeout=60_000)
    # Playwright scrolls by itself for a button that it first finds disabled; no user's click does.
    until(page, play.is_enabled)
    play.click()
    until(page, lambda: below_chance(page), what="a dial below chance")
    seconds = time.monotonic() - begun
    record_property("first_aha_s", round(seconds, 1))
    all_is_in_sight(page, "at the first angle below chance")
    # The promise is 15 s on a quiet machine; a shared one gets three times as long.
    assert seconds < 45


def below_chance(page):
    """Whether a dial's needle is off the grey sector by ten degrees more."""
    found = page.locator(".dfa-dial").evaluate_all(
        "all => all.map(({ dataset: { angle, chance, chanceSd } }) => [angle, chance, chanceSd].map(parseFloat))"
    )
    return any(angle < chance - 2 * sd - 10 for angle, chance, sd in found)


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
