"""What a change does is seen while it is made: nothing lies over the dials, no sentence is cut, a picture is there."""

import pytest
from boxes import all_is_in_sight
from screen import choose_story, close_drawer, open_drawer, open_explorer, press, step, text, until

# How many dials something lies over.
COVERED = """() => {
    const boxes = (selector) => [...document.querySelectorAll(selector)].map((one) => one.getBoundingClientRect());
    const over = boxes(".dfa-explorer :is(.dfa-drawer, .dfa-tip)");
    return boxes(".dfa-explorer .dfa-dial").filter((dial) => over.some((box) =>
        box.left < dial.right && box.right > dial.left && box.top < dial.bottom && box.bottom > dial.top)).length;
}"""


@pytest.fixture
def rested(page, first_notebook):
    """The first notebook's explorer at 1280 x 800, the file browser beside it, paused after some steps."""
    page.set_viewport_size({"width": 1280, "height": 800})
    open_explorer(page, first_notebook)
    train(page, 40)
    return page


def train(page, more):
    before = step(page)
    press(page, "play")
    until(page, lambda: step(page) > before + more)
    press(page, "pause")
    until(page, lambda: text(page, "state") == "paused")


def test_nothing_lies_over_the_dials_and_no_sentence_is_cut(rested):
    page = rested
    assert page.locator(".dfa-dial").count() == 2
    page.get_by_test_id("dfa-open-derivative").click()
    page.get_by_test_id("dfa-drawer-derivative").wait_for()
    assert page.evaluate(COVERED) == 0
    page.get_by_test_id("dfa-control-activation_derivative").select_option("step")
    until(page, lambda: "g(x) in force: step" in page.locator(".dfa-curve-legend").inner_text(), what="another g")
    assert page.get_by_test_id("dfa-expression").get_attribute("placeholder").startswith("for example")
    close_drawer(page)
    for name in ("compare", "settings"):
        open_drawer(page, name)
        assert page.evaluate(COVERED) == 0, name
        close_drawer(page)
    for runs in (2, 3, 4):
        open_drawer(page, "compare")
        page.get_by_test_id("dfa-do-fork-go").click()
        until(page, lambda runs=runs: page.locator(".dfa-chip").count() == runs, what=f"{runs} runs")
        train(page, 20)
        all_is_in_sight(page, f"{runs} runs")
    for panel in ("alignment", "loss", "accuracy", "throughput"):
        page.get_by_test_id(f"dfa-panel-{panel}").locator(".u-over").hover()
        page.locator(".dfa-tip").wait_for()
        assert page.evaluate(COVERED) == 0, panel


def test_pictures_open_on_a_picture_and_stay_in_the_line_in_a_story(rested):
    page = rested
    open_drawer(page, "pictures")
    page.get_by_test_id("dfa-picture").wait_for()
    assert page.get_by_test_id("dfa-picture-menu").input_value() == "matrix"
    page.get_by_test_id("dfa-picture-menu").select_option("spectrum")
    close_drawer(page)
    open_drawer(page, "pictures")
    menu = page.get_by_test_id("dfa-picture-menu")
    until(page, lambda: menu.input_value() == "spectrum", what="what was chosen last")
    close_drawer(page)
    choose_story(page, "no_transpose")
    until(page, lambda: page.get_by_test_id("dfa-open-pictures").is_visible(), seconds=5, what="its button, visible")
