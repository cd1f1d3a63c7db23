"""Views of one explorer that are doubled, scrolled away or made where nobody sees them; and its parts in a grid."""

import json

from screen import drawn_step, markers, press, slider, step, text, until, value

from places import ROOT

BEGIN = """import dfa_lab as dfa
explorer = dfa.Explorer(widths=(32,))
explorer"""
LATE = BEGIN.replace("explorer =", "import time\ntime.sleep(5)\nexplorer =")
# Each plot as wide as its panel, and the network as its box.
SIZES = """root => {
    const plots = [...root.querySelectorAll(".dfa-plot")].map((plot) => [plot.querySelector(".uplot"), plot]);
    const all = [...plots, [root.querySelector(".dfa-plan"), root.querySelector(".dfa-stage")]];
    return all.map(([inner, outer]) => [inner.clientWidth - outer.clientWidth, inner.clientHeight > 60]);
}"""
RIGHT = [[0, True]] * 5
# How many of these elements lie over another.
OVER = """all => all.map((one) => one.getBoundingClientRect()).flatMap((a, i, boxes) => boxes.slice(i + 1).filter((b) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1)).length"""


def fits(page, view):
    view.locator(".dfa-plan").wait_for(timeout=60_000)
    until(page, lambda: view.evaluate(SIZES) == RIGHT, what="the right size of each part")


def state(view):
    """What a view shows, as far as all views have to show the same."""
    dials = view.locator(".dfa-dial").all()
    angles = [dial.get_attribute("data-angle") for dial in dials]
    return step(view), drawn_step(view), angles, markers(view), value(view, "batch_size"), text(view, "words")


def test_two_views_are_in_step(own_notebook, screenshot):
    page = own_notebook(BEGIN, "explorer")
    page.locator(".jp-CodeCell").nth(1).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    one, other = (page.locator(".jp-CodeCell").nth(number) for number in (0, 1))
    other.get_by_test_id("dfa-do-play").wait_for(timeout=60_000)
    press(one, "play")
    until(page, lambda: step(other) > 20)
    slider(other, "batch_size").focus()
    page.keyboard.press("ArrowRight")
    until(page, lambda: markers(one) == markers(other) == 1, what="a marker in both")
    press(other, "pause")
    until(page, lambda: text(one, "state") == text(other, "state") == "paused")
    until(page, lambda: state(one) == state(other) and drawn_step(one) == step(one), what="the same in both")
    assert value(one, "batch_size") == "128"
    fits(page, one.locator(".dfa-explorer"))
    fits(page, other.locator(".dfa-explorer"))
    screenshot("two views")
    assert page.errors == []


def test_scrolled_out_of_sight_and_back_while_it_trains(own_notebook):
    """In a notebook that takes cells out of the page which nobody sees."""
    page = own_notebook(BEGIN, *[f"x = {number}\n" * 12 for number in range(30)])
    view = page.locator(".dfa-explorer")
    press(page, "play")
    until(page, lambda: step(page) > 20)
    before = step(page)
    window = page.locator(".jp-WindowedPanel-outer")
    window.evaluate("window => { window.scrollTop = window.scrollHeight; }")
    page.wait_for_function(
        """() => { const view = document.querySelector(".dfa-explorer");
        return !view || view.getBoundingClientRect().bottom < 0; }"""
    )
    page.set_viewport_size({"width": 1280, "height": 900})
    page.wait_for_timeout(1500)  # it goes on meanwhile
    window.evaluate("window => { window.scrollTop = 0; }")
    view.wait_for(timeout=20_000)
    until(page, lambda: step(page) > before + 20, what="more steps")
    press(page, "pause")
    until(page, lambda: text(page, "state") == "paused" and drawn_step(page) == step(page), what="the last picture")
    fits(page, view)
    assert page.errors == []


def test_made_in_a_hidden_tab(own_notebook, screenshot):
    page = own_notebook(BEGIN, LATE)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.locator(".jp-CodeCell").nth(1).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    page.locator(".lm-TabBar-addButton:visible").first.click()
    page.locator(".jp-Launcher").wait_for()
    page.wait_for_timeout(8000)  # longer than the cell waits before it shows the explorer
    assert not page.locator(".jp-Notebook").is_visible()
    page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab", has_text=".ipynb").click()
    view = page.locator(".jp-CodeCell").nth(1).locator(".dfa-explorer")
    view.wait_for(timeout=60_000)
    fits(page, view)
    view.get_by_test_id("dfa-do-step_10").click()
    until(page, lambda: step(view) == 10 and drawn_step(view) == 10, what="ten steps")
    fits(page, view)
    screenshot("hidden tab")
    assert page.errors == []


def test_six_parts_in_a_grid(own_notebook, screenshot):
    """The grid of the dashboards' notebook, as it is written there."""
    cells = json.loads((ROOT / "notebooks" / "04_your_own_dashboard.ipynb").read_text())["cells"]
    (grid,) = [text for cell in cells if "GridspecLayout(" in (text := "".join(cell["source"])) and "grid[" in text]
    page = own_notebook(f"import ipywidgets\nimport dfa_lab as dfa\n{grid}")
    names = ("transport", "controls", "picture", "network", "chart")
    parts = [page.locator(f".dfa-root.dfa-{name}") for name in names]
    for part in parts:
        part.wait_for(timeout=60_000)
    knob = page.locator(".widget-gridbox, .jp-OutputArea").locator("input, .widget-readout").first
    knob.wait_for()
    network, chart = page.get_by_test_id("dfa-network-picture"), page.get_by_test_id("dfa-panel-alignment")
    until(page, lambda: network.count() == 1)
    press(page, "play")
    until(page, lambda: drawn_step(page) > 20 and int(chart.get_attribute("data-points")) > 4, what="picture and curve")
    page.get_by_test_id("dfa-control-rule").select_option("fa")
    until(page, lambda: network.get_attribute("data-rule") == "fa" and markers(page, "alignment") == 1, what="the rule")
    readout = page.locator(".widget-readout").first
    readout.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("128")
    page.keyboard.press("Enter")
    until(page, lambda: markers(page, "alignment") == 2, what="the batch size of the plain knob")
    press(page, "pause")
    picture = page.locator("img[data-testid=dfa-picture]")
    until(page, lambda: picture.evaluate("image => image.complete && image.naturalWidth > 50"), what="the surface")
    screenshot("six parts")
    assert page.locator(".dfa-root, .widget-inline-hbox").evaluate_all(OVER) == 0, "none lies over another"
    assert page.errors == []
