"""The boxes of the site that scroll sideways: what reaches them by Tab, and that it goes where nothing is cut."""

import pytest

from places import ROOT

SCRIPT = ROOT / "docs" / "site" / "scrolling_boxes.js"
PAGE = """<style>div { width: 200px; overflow: auto } table { width: 100px }</style>
<div class="pst-scrollable-table-container"><table><tr><td>a</td></tr></table></div>"""
#: What Tab and a screen reader know of the box.
KNOWN = "box => ['tabindex', 'role', 'aria-label'].map(name => box.getAttribute(name))"
SCROLLS, FITS = ["0", "group", "table, scrolls sideways"], [None, None, None]


@pytest.fixture
def box(page):
    page.set_content(f"{PAGE}<script>{SCRIPT.read_text(encoding='utf-8')}</script>")
    return page.locator("div")


def test_a_box_is_reached_by_tab_while_its_content_is_wider(page, box):
    assert box.evaluate(KNOWN) == FITS
    for width, known in ((400, SCROLLS), (100, FITS), (300, SCROLLS)):
        box.evaluate("(box, width) => { box.firstElementChild.style.width = `${width}px`; }", width)
        page.wait_for_function("scrolls => !!document.querySelector('.scrolls') === scrolls", arg=known is SCROLLS)
        assert box.evaluate(KNOWN) == known


def test_a_box_that_was_made_wider_is_no_stop_of_tab(page, box):
    for width, known in ((50, SCROLLS), (200, FITS)):
        box.evaluate("(box, width) => { box.style.width = `${width}px`; }", width)
        page.wait_for_function("scrolls => !!document.querySelector('.scrolls') === scrolls", arg=known is SCROLLS)
        assert box.evaluate(KNOWN) == known
