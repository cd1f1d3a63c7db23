"""Faults of the screen that were reported, each by what a visitor tries: the page as a whole, in a real browser."""

import pytest
from boxes import all_is_in_sight
from screen import choose_story, close_drawer, open_drawer, press, step, text, until
from server import served

SIZES = [
    (1280, 800),
    (1024, 768),
    pytest.param((1440, 900), marks=pytest.mark.exhaustive),
    pytest.param((1920, 1080), marks=pytest.mark.exhaustive),
]
PICTURE = "[data-testid=dfa-picture]"
# The share of an element that no edge, of the window or of what scrolls or cuts around it, takes away.
IN_SIGHT = """selector => new Promise((tell) => {
    const seen = ([{ intersectionRatio }], all) => { all.disconnect(); tell(intersectionRatio); };
    new IntersectionObserver(seen).observe(document.querySelector(selector));
})"""
EMPTY_BELOW = "() => innerHeight - document.querySelector('.dfa-explorer').getBoundingClientRect().bottom"


@pytest.fixture
def served_page(page, voila):
    """The explorer as Voila's page, paused after some steps."""
    page.goto(voila, wait_until="load", timeout=90_000)
    page.get_by_test_id("dfa-do-play").wait_for(timeout=90_000)
    until(page, lambda: text(page, "state") == "ready")
    press(page, "play")
    until(page, lambda: step(page) > 60)
    press(page, "pause")
    until(page, lambda: text(page, "state") == "paused")
    return page


def choose_picture(page, name):
    """Choose it in the open drawer; wait until it is the chosen one's, which has another text or another source."""
    image = page.locator(PICTURE)
    menu = page.get_by_test_id("dfa-picture-menu")
    before = image.get_attribute("src") if image.count() and menu.input_value() != name else ""
    menu.select_option(name)
    until(page, lambda: image.count() and image.get_attribute("src") != before, what=f"the picture {name}")
    until(page, lambda: image.evaluate("image => image.complete && image.naturalWidth > 50"), what=f"{name}, drawn")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_all_is_in_view_in_voila_and_every_picture_can_be_seen_whole(served_page, size, screenshot):
    page = served_page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    all_is_in_sight(page, f"Voila {size}")
    assert -1 <= page.evaluate(EMPTY_BELOW) <= 20
    open_drawer(page, "pictures")
    menu = page.get_by_test_id("dfa-picture-menu")
    offered = menu.locator("option").evaluate_all("all => all.map((one) => one.value)")
    assert len(offered) > 4
    for name in offered:
        if name == "none":
            continue
        choose_picture(page, name)
        until(page, lambda: page.evaluate(IN_SIGHT, PICTURE) > 0.99, seconds=10, what=f"the picture {name}, whole")
    screenshot(f"voila pictures {size[0]}x{size[1]}")
    close_drawer(page)
    all_is_in_sight(page, f"Voila {size}, the drawer closed again")


# The plots' heights.
PLOTS = "() => [...document.querySelectorAll('.dfa-panel .uplot')].map((plot) => plot.clientHeight)"


def test_the_plots_use_the_height_of_the_page_in_voila(served_page):
    page = served_page
    heights = {}
    for size in [(1920, 1080), (1440, 900), (1024, 768), (1920, 1080)]:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        all_is_in_sight(page, f"Voila {size}")
        assert -1 <= page.evaluate(EMPTY_BELOW) <= 20, size
        plots = page.evaluate(PLOTS)
        assert len(plots) == 4
        assert max(plots) - min(plots) <= 1, plots
        assert heights.setdefault(size, plots) == plots, "the same window again: the same heights"
    assert heights[1920, 1080][0] > heights[1440, 900][0] > heights[1024, 768][0] > 100


def run_a_cell(page, code):
    """Below the explorer's cell, as a user types it."""
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.insert_text(code)
    page.keyboard.press("Shift+Enter")


def test_a_dead_kernel_says_so(explorer, screenshot):
    page = explorer
    words = page.get_by_test_id("dfa-no-answer")
    press(page, "play")
    until(page, lambda: step(page) > 60)
    run_a_cell(page, "import os; os._exit(1)")
    page.get_by_role("button", name="Ok", exact=True).click(timeout=30_000)  # JupyterLab restarts it
    words.wait_for(timeout=20_000)  # nobody presses anything
    assert "run this cell again" in words.inner_text()
    assert page.locator(".dfa-explorer.dfa-silent").count() == 1
    page.wait_for_timeout(400)
    assert text(page, "state") == "no answer"
    screenshot("no answer")
    # What the words say helps.
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    until(page, lambda: page.locator(".dfa-silent").count() == 0, seconds=60)
    press(page, "play")
    until(page, lambda: step(page) > 20)
    page.wait_for_timeout(2500)
    assert not words.is_visible()


def test_a_busy_kernel_is_deaf_for_as_long_as_it_is_busy(explorer):
    page = explorer
    run_a_cell(page, "import time; time.sleep(4)")
    page.wait_for_timeout(300)
    press(page, "play")  # heard at once where the kernel has subshells, else when the cell has ended
    until(page, lambda: step(page) > 60, seconds=60)
    until(page, lambda: not page.get_by_test_id("dfa-no-answer").is_visible(), seconds=60)
    until(page, lambda: text(page, "state") == "training", seconds=60)
    page.wait_for_timeout(2500)
    assert not page.get_by_test_id("dfa-no-answer").is_visible()
    press(page, "pause")
    until(page, lambda: text(page, "state") == "paused", seconds=60)


@pytest.fixture(scope="module")
def voila_of_moons(tmp_path_factory):
    """The address of a page that begins with the story of the two moons."""
    with served(tmp_path_factory.mktemp("moons"), ["serve", "--preset", "moons"], "/static/none") as address:
        yield address


def test_stories_show_what_they_speak_of(page, voila_of_moons, screenshot):
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(voila_of_moons, wait_until="load", timeout=90_000)
    page.locator(PICTURE).wait_for(timeout=90_000)
    until(page, lambda: page.evaluate(IN_SIGHT, PICTURE) > 0.95, what="the surface, which nobody asked for, in view")
    press(page, "play")
    until(page, lambda: step(page) > 20)
    screenshot("story moons")
    assert page.evaluate(IN_SIGHT, PICTURE) > 0.95
    assert page.get_by_test_id("dfa-story").count() == 1
    choose_story(page, "deep")
    page.get_by_test_id("dfa-limit").select_option("")
    press(page, "play")
    until(page, lambda: step(page) > 10)
    page.get_by_test_id("dfa-view").click()
    assert page.get_by_test_id("dfa-layers").input_value() == "all"
    page.keyboard.press("Escape")
    page.get_by_test_id("dfa-enlarge-alignment").click()
    keys = page.get_by_test_id("dfa-panel-alignment").locator(".dfa-key")
    names = [key.get_attribute("title") for key in keys.all()]
    for layer in range(1, 9):
        assert sum(f"layer {layer} weight" in name for name in names) >= 1, names
    screenshot("story deep")
