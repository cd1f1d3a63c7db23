"""Faults of the screen that were reported, each by what a visitor tries: the page as a whole, in a real browser."""

import pytest
from screen import press, step, text, until
from server import served

SIZES = [
    (1280, 800),
    (1024, 768),
    pytest.param((1440, 900), marks=pytest.mark.exhaustive),
    pytest.param((1920, 1080), marks=pytest.mark.exhaustive),
]
PANELS = ("alignment", "loss", "accuracy", "throughput")
PICTURE = ".dfa-pictures img"
# The share of an element that no edge, of the window or of what scrolls or cuts around it, takes away.
IN_SIGHT = """selector => new Promise((tell) => {
    const seen = ([{ intersectionRatio }], all) => { all.disconnect(); tell(intersectionRatio); };
    new IntersectionObserver(seen).observe(document.querySelector(selector));
})"""
EMPTY_BELOW = "() => innerHeight - document.querySelector('.dfa-explorer').getBoundingClientRect().bottom"


def wheel_to(page, selector):
    """Turn the wheel over the curves, to the top and then down; the greatest share of the element ever in sight.

    By the wheel alone: a script scrolls boxes too that no visitor can scroll.
    """
    box = page.locator(".dfa-main").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -20_000)
    page.wait_for_timeout(150)
    most = 0.0
    for _ in range(40):
        most = max(most, page.evaluate(IN_SIGHT, selector))
        if most > 0.99:
            break
        page.mouse.wheel(0, 60)
        page.wait_for_timeout(60)
    return most


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
    page.get_by_label("picture", exact=True).select_option(name)
    if name != "none":
        page.locator(PICTURE).wait_for(timeout=30_000)
        page.wait_for_timeout(1500)  # until it is the chosen one's


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_panel_and_picture_can_be_brought_into_view_in_voila(served_page, size, screenshot):
    page = served_page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.wait_for_timeout(600)
    offered = page.get_by_label("picture", exact=True).locator("option").all_text_contents()
    assert len(offered) > 4
    for name in offered:
        choose_picture(page, name)
        for panel in PANELS:
            shown = wheel_to(page, f"[data-testid='dfa-panel-{panel}']")
            assert shown > 0.99, f"{panel} with the picture {name!r}: {shown:.0%} in sight at most"
        if name != "none":
            shown = wheel_to(page, PICTURE)
            assert shown > 0.99, f"the picture {name!r}: {shown:.0%} in sight at most"
        assert -1 <= page.evaluate(EMPTY_BELOW) <= 20, name
        screenshot(f"voila {size[0]}x{size[1]} {name}")


# The plots' heights, and how many pixels are left below the last part of what scrolls around them.
PLOTS = "() => [...document.querySelectorAll('.dfa-panel .uplot')].map((plot) => plot.clientHeight)"
LEFT = """() => { const main = document.querySelector('.dfa-main');
    return main.getBoundingClientRect().bottom - main.lastElementChild.getBoundingClientRect().bottom; }"""


def test_the_plots_use_the_height_of_the_page_in_voila(served_page, screenshot):
    page = served_page
    heights = {}
    for size in [(1920, 1080), (1440, 900), (1920, 1800), (1024, 768), (1920, 1080)]:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.wait_for_timeout(800)
        plots, left = page.evaluate(PLOTS), page.evaluate(LEFT)
        assert len(set(plots)) == 1, plots
        assert len(plots) == 4
        assert 256 <= plots[0] <= 512, size
        assert left < 8 or plots[0] == 512, f"{left} pixels are empty at {size}"
        assert left >= 0 or plots[0] == 256, f"{-left} pixels are pushed out of sight at {size}"
        assert heights.setdefault(size, plots) == plots, "the same window again: the same heights"
        screenshot(f"voila filled {size[0]}x{size[1]}")
    assert heights[1920, 1080][0] > heights[1440, 900][0] > heights[1024, 768][0] == 256
    choose_picture(page, page.get_by_label("picture", exact=True).locator("option").nth(1).text_content())
    assert page.evaluate(PLOTS) == [256] * 4, "an open picture has the room"
    choose_picture(page, "none")
    until(page, lambda: page.evaluate(PLOTS) == heights[1920, 1080], what="the same room again")


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
    page.wait_for_timeout(1500)
    assert not words.is_visible(), "nothing was asked of it yet"
    page.get_by_test_id("dfa-toolbar").locator(".dfa-primary").first.click()
    words.wait_for(timeout=4000)
    assert "run the explorer's cell again" in words.inner_text()
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
    until(page, lambda: step(page) > 60, seconds=30)
    until(page, lambda: not page.get_by_test_id("dfa-no-answer").is_visible(), seconds=3)
    until(page, lambda: text(page, "state") == "training", seconds=3)
    page.wait_for_timeout(2500)
    assert not page.get_by_test_id("dfa-no-answer").is_visible()
    press(page, "pause")
    until(page, lambda: text(page, "state") == "paused", seconds=5)


def load_preset(page, name):
    press(page, "presets")
    page.get_by_test_id(f"dfa-preset-{name}").click()
    if page.get_by_test_id("dfa-ask-yes").is_visible():  # lanes are there that would go
        page.get_by_test_id("dfa-ask-yes").click()
    until(page, lambda: text(page, "state") == "ready" and text(page, "story") != "")


def test_presets_show_what_they_speak_of(page, voila, screenshot):
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(voila, wait_until="load", timeout=90_000)
    page.get_by_test_id("dfa-do-play").wait_for(timeout=90_000)
    until(page, lambda: text(page, "state") == "ready")
    load_preset(page, "moons")
    page.locator(PICTURE).wait_for(timeout=30_000)
    until(page, lambda: page.evaluate(IN_SIGHT, PICTURE) > 0.95, what="the surface in view, which nobody scrolled to,")
    press(page, "play")
    until(page, lambda: step(page) > 100)
    screenshot("preset moons")
    assert page.evaluate(IN_SIGHT, PICTURE) > 0.95
    load_preset(page, "deep")
    press(page, "play")
    until(page, lambda: step(page) > 100)
    assert page.get_by_test_id("dfa-layers").input_value() == "all"
    keys = page.get_by_test_id("dfa-panel-alignment").locator(".dfa-key")
    names = [key.get_attribute("title") for key in keys.all()]
    for layer in range(1, 9):
        assert sum(f"layer {layer} weight" in name for name in names) == 3, names
    page.mouse.move(700, 500)
    page.mouse.wheel(0, -20_000)
    page.wait_for_timeout(500)
    screenshot("preset deep")


@pytest.fixture(scope="module")
def voila_of_moons(tmp_path_factory):
    """The address of a page that begins with the preset of the two moons."""
    with served(tmp_path_factory.mktemp("moons"), ["serve", "--preset", "moons"], "/static/none") as address:
        yield address


def test_a_page_that_begins_with_a_preset_has_its_picture_in_view(page, voila_of_moons):
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(voila_of_moons, wait_until="load", timeout=90_000)
    page.locator(PICTURE).wait_for(timeout=90_000)
    page.wait_for_timeout(3000)
    assert page.evaluate(IN_SIGHT, PICTURE) > 0.95
    page.mouse.move(800, 500)
    page.mouse.wheel(0, -20_000)
    page.wait_for_timeout(2500)
    assert page.evaluate(IN_SIGHT, "[data-testid='dfa-panel-alignment']") > 0.95, "a user's own scrolling stays"
