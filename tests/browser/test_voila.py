"""The explorer as a page of its own, by Voila: it trains, and what a visitor sends runs nowhere."""

from screen import close_drawer, drawn_step, error, open_drawer, press, step, text, until, value

from hostile_messages import MARKUP


def test_a_page_by_voila(page, voila, screenshot):
    page.goto(voila, wait_until="load", timeout=90_000)
    page.get_by_test_id("dfa-do-play").wait_for(timeout=90_000)
    until(page, lambda: text(page, "state") == "ready")
    screenshot("voila")
    press(page, "play")
    until(page, lambda: step(page) > 200)
    until(page, lambda: drawn_step(page) > 200)
    open_drawer(page, "derivative")
    typed = page.get_by_test_id("dfa-expression")
    for hostile in (MARKUP, "__import__('os').system('true')"):
        typed.fill(hostile)
        page.keyboard.press("Enter")
        until(page, lambda: error(page) != "")
        before = step(page)
        until(page, lambda before=before: step(page) > before)  # the run goes on as it was
    close_drawer(page)
    assert value(page, "activation_derivative") == "exact"
    assert page.evaluate("window.hacked === undefined")
    assert page.locator(".dfa-explorer img[src=x]").count() == 0
    press(page, "pause")
    until(page, lambda: text(page, "state") == "paused")
    # Voila itself asks for its icons elsewhere; without a network they are missing, and nothing here uses them.
    assert [address for address in page.outside if "fontawesome" not in address] == []
