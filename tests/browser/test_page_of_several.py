"""Several views on one page, a view inside a shadow root as marimo makes one, and the still pictures beside them."""

import pytest
from lab_page import open_part

TWICE = """() => { const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
return ids.filter((id, place) => ids.indexOf(id) !== place); }"""
SHADOW = """() => { const host = document.body.appendChild(document.createElement("section"));
const root = host.attachShadow({ mode: "open" });
const [place, style] = [document.createElement("div"), document.createElement("link")];
Object.assign(style, { rel: "stylesheet", href: "/dfa_lab.css" });
root.append(style, place);
document.getElementById("view").remove();
show(place); }"""


@pytest.fixture
def lab(page):
    return open_part(page)


def test_two_views_on_one_page_have_no_id_in_common(lab):
    lab.evaluate("() => show(document.body.appendChild(document.createElement('section')))")
    lab.evaluate("(state) => tell('snapshot', state)", lab.beginning)
    views = lab.locator(".dfa-explorer")
    for view in (views.nth(0), views.nth(1)):
        view.get_by_test_id("dfa-open-settings").click()
        assert view.locator("[id]").count() > 20
    assert lab.evaluate(TWICE) == []


def test_keys_and_the_focus_inside_a_shadow_root(lab):
    lab.evaluate(SHADOW)
    lab.evaluate("(state) => tell('snapshot', state)", lab.beginning)
    lab.get_by_test_id("dfa-words").click()  # beside all controls: the focus goes to the line of buttons
    lab.wait_for_function("document.activeElement?.shadowRoot?.activeElement?.dataset.testid === 'dfa-toolbar'")
    lab.sent()
    lab.keyboard.press("ArrowRight")
    assert {"do": "step", "steps": 1} in lab.sent()
    opener = lab.get_by_test_id("dfa-open-settings")
    opener.click()
    lab.get_by_test_id("dfa-drawer-settings").wait_for()
    lab.keyboard.press("Escape")
    lab.wait_for_function("document.activeElement?.shadowRoot?.activeElement?.dataset.testid === 'dfa-open-settings'")


def test_a_still_is_hidden_in_the_output_of_its_widget_only(lab):
    lab.evaluate(
        """() => { const output = (inner) => `<div class="jp-OutputArea">${inner}</div>`;
        const still = '<div class="jp-OutputArea-child"><div class="dfa-still">still</div></div>';
        const living = '<div class="jp-OutputArea-child"><div class="dfa-root">living</div></div>';
        document.body.insertAdjacentHTML("beforeend", output(still) + output(still + living)); }"""
    )
    stills = lab.locator(".dfa-still")
    assert [stills.nth(place).is_visible() for place in (0, 1)] == [True, False]
