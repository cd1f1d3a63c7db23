"""In a narrow window beside the file list the parts stand below each other: none is cut off, or over another."""

from boxes import PARTS, all_is_in_sight
from screen import press, step, text, until

STICKS_OUT = """() => { const output = document.querySelector(".dfa-explorer").closest(".jp-OutputArea-output");
    return [output.scrollHeight - output.clientHeight, output.scrollWidth - output.clientWidth]; }"""
# So high that nothing has to be scrolled: what is then out of sight cannot be reached at all.
HIGH = 1800


def test_beside_the_file_list_all_can_be_reached(explorer, screenshot):
    page = explorer
    press(page, "play")
    until(page, lambda: step(page) > 60)
    press(page, "pause")
    until(page, lambda: text(page, "state") == "paused")
    assert page.locator(".jp-FileBrowser").is_visible()
    page.set_viewport_size({"width": 900, "height": HIGH})
    page.evaluate("document.querySelector('.dfa-explorer').scrollIntoView()")
    all_is_in_sight(page, "900 pixels wide")
    boxes = [page.locator(PARTS[name]).first.bounding_box() for name in ("transport", "network", "loss", "knobs")]
    tops = [box["y"] for box in boxes]
    assert tops == sorted(tops), "one below the other"
    assert page.evaluate(STICKS_OUT) == [0, 0], "the notebook's own output has nothing to scroll"
    page.set_viewport_size({"width": 900, "height": 850})
    page.evaluate("document.querySelector('.dfa-explorer').scrollIntoView()")
    screenshot("narrow")
