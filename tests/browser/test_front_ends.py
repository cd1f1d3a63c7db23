"""Other front ends, and what they do to a widget: marimo, Google Colab's held back messages, VS Code's new views."""

import sys

import nbformat
import pytest
from screen import press, slider, step, until
from server import TOKEN, served

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

    def start(port):
        command = [sys.executable, "-m", "marimo", "run", "app.py", "--headless", "--no-token", "--port", str(port)]
        return command, tmp_path

    with served(tmp_path, [], "/", start) as address:
        yield address


@pytest.fixture
def own_lab(tmp_path):
    """A folder, and the address of a JupyterLab on it."""
    with served(tmp_path, ["lab", str(tmp_path)], f"/api?token={TOKEN}") as address:
        yield tmp_path, address


def notebook(page, own_lab, *cells):
    """A notebook of these cells in JupyterLab, its first cell run."""
    folder, address = own_lab
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata["kernelspec"] = kernel
    nbformat.write(made, folder / "own.ipynb")
    page.goto(f"{address}/lab/tree/own.ipynb?reset&token={TOKEN}", wait_until="load", timeout=60_000)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)
    page.locator(".jp-CodeCell").first.click()
    page.keyboard.press("Shift+Enter")
    page.get_by_test_id("dfa-do-play").wait_for(timeout=60_000)


def plays_and_changes(page):
    """It trains, draws, and takes a change at the next step."""
    press(page, "play")
    until(page, lambda: step(page) > 30, what="thirty steps")
    drawn = page.get_by_test_id("dfa-network").get_attribute("data-step")
    until(page, lambda: page.get_by_test_id("dfa-network").get_attribute("data-step") != drawn, what="another picture")
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


def test_a_page_that_hears_nothing_of_threads_asks_for_frames(page, own_lab):
    notebook(page, own_lab, HELD_BACK)
    plays_and_changes(page)


def test_a_view_made_again_while_it_trains_goes_on(page, own_lab):
    notebook(page, own_lab, AGAIN, "shown.update(explorer)")
    press(page, "play")
    until(page, lambda: step(page) > 10, what="ten steps")
    page.locator(".jp-CodeCell").nth(1).click()
    page.keyboard.press("Control+Enter")
    before = step(page)
    page.get_by_test_id("dfa-do-pause").wait_for(timeout=20_000)
    until(page, lambda: step(page) > before + 30, what="more steps")
    assert page.errors == []
