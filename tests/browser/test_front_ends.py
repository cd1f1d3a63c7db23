"""Other front ends, and what they do to a widget: marimo, Google Colab's held back messages, VS Code's new views."""

import sys

import pytest
from screen import drawn_step, press, slider, step, until
from server import served

APP = """import marimo

app = marimo.App()


@app.cell
def _():
    import dfa_lab as dfa

    explorer = dfa.Explorer(widths=(16,))
    explorer
    return


if __name__ == "__main__":
    app.run()
"""
# What a thread sends does not come to the page: what the page asks for does.
HELD_BACK = """import threading
import dfa_lab as dfa

explorer = dfa.Explorer(widths=(16,))
send = explorer.send


def answer_only(content, buffers=None):
    if threading.current_thread().name != "dfa_lab UI":
        send(content, buffers)


explorer.send = answer_only
explorer"""
AGAIN = """from IPython.display import display
import dfa_lab as dfa

explorer = dfa.Explorer(widths=(16,))
shown = display(explorer, display_id=True)"""


@pytest.fixture
def marimo(tmp_path):
    """The address of a page that marimo makes of one cell."""
    pytest.importorskip("marimo")
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "pyproject.toml").write_text('[tool.marimo.display]\ntheme = "system"\n')

    def start(port):
        command = [sys.executable, "-m", "marimo", "run", "app.py", "--headless", "--no-token", "--port", str(port)]
        return command, tmp_path

    with served(tmp_path, [], "/", start) as address:
        yield address


def plays_and_changes(page):
    """It trains, draws, and takes a change at the next step."""
    press(page, "play")
    until(page, lambda: step(page) > 30, what="thirty steps")
    drawn = drawn_step(page)
    until(page, lambda: drawn_step(page) > drawn, what="another picture")
    slider(page, "batch_size").focus()
    page.keyboard.press("ArrowRight")
    until(page, lambda: page.get_by_test_id("dfa-panel-loss").get_attribute("data-markers") == "1", what="a marker")
    press(page, "pause")
    page.get_by_test_id("dfa-do-play").wait_for()
    stands = step(page)
    page.wait_for_timeout(500)
    assert step(page) == stands


def test_marimo_shows_the_whole_explorer(page, marimo, screenshot):
    page.goto(marimo, wait_until="load", timeout=60_000)
    page.get_by_test_id("dfa-do-play").wait_for(timeout=90_000)
    plays_and_changes(page)
    screenshot("marimo")


def test_marimos_dark_theme_is_the_explorers(page, marimo, screenshot):
    page.emulate_media(color_scheme="dark")
    page.goto(marimo, wait_until="load", timeout=60_000)
    page.get_by_test_id("dfa-do-play").wait_for(timeout=90_000)
    look = "(root) => getComputedStyle(root).backgroundColor"
    until(page, lambda: page.locator(".dfa-root").evaluate(look) == "rgb(17, 17, 17)", 10, "a dark explorer")
    screenshot("marimo dark")


def test_a_page_that_hears_nothing_of_threads_asks_for_frames(own_notebook):
    page = own_notebook(HELD_BACK)
    plays_and_changes(page)


def test_a_view_made_again_while_it_trains_goes_on(own_notebook):
    page = own_notebook(AGAIN, "shown.update(explorer)")
    press(page, "play")
    until(page, lambda: step(page) > 10, what="ten steps")
    page.locator(".jp-CodeCell").nth(1).click()
    page.keyboard.press("Control+Enter")
    before = step(page)
    page.get_by_test_id("dfa-do-pause").wait_for(timeout=20_000)
    until(page, lambda: step(page) > before + 30, what="more steps")
    assert page.errors == []
