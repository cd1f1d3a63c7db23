"""In a narrow window, beside JupyterLab's file list or without it, a control and its curves are seen together."""

import pytest

# The share of a part that no edge, of the window or of what scrolls around it, cuts off.
IN_SIGHT = """id => new Promise((tell) => {
    const part = document.querySelector(`[data-testid="${id}"]`);
    const seen = ([{ intersectionRatio }], all) => { all.disconnect(); tell(intersectionRatio); };
    new IntersectionObserver(seen).observe(part);
})"""
STICKS_OUT = """() => { const output = document.querySelector(".dfa-explorer").closest(".jp-OutputArea-output");
    return output.scrollHeight - output.clientHeight; }"""


@pytest.mark.parametrize("files", [True, False])
def test_a_control_and_its_curves_are_seen_together(explorer, files):
    page = explorer
    if not files:
        page.keyboard.press("Control+b")
    page.set_viewport_size({"width": 900, "height": 850})
    page.wait_for_timeout(600)
    assert ("dfa-narrow" in page.locator(".dfa-explorer").get_attribute("class")) == files
    page.evaluate("document.querySelector('.dfa-explorer').scrollIntoView()")
    for control in ("dfa-control-rule", "dfa-control-weight_decay", "dfa-expression"):
        page.get_by_test_id(control).focus()
        page.wait_for_timeout(100)
        assert page.evaluate(IN_SIGHT, control) > 0.9, control
        assert page.evaluate(IN_SIGHT, "dfa-panel-alignment") > 0.6, control
    heights = page.evaluate("[...document.querySelectorAll('.dfa-plot')].map((plot) => plot.clientHeight)")
    assert heights == [256] * 4, "a notebook scrolls: the plots keep their height there, whatever the window's"
    assert page.evaluate(STICKS_OUT) == 0, "the notebook's own output has nothing to scroll"
