"""What the explorer shows, read off a page, and the wait until it shows something else."""

import time

from server import TOKEN


def open_notebook(page, address):
    """Open a notebook in JupyterLab, and wait for its kernel; ``address`` is without a token."""
    page.goto(f"{address}?reset&token={TOKEN}", wait_until="load", timeout=60_000)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=60_000)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=60_000)


def open_explorer(page, address):
    """Open a notebook, run its first cell by Shift+Enter, with no click, and wait for the explorer in it."""
    open_notebook(page, address)
    page.keyboard.press("Shift+Enter")
    page.get_by_test_id("dfa-do-play").wait_for(timeout=60_000)
    until(page, lambda: text(page, "state") == "ready")


def text(page, name):
    return page.get_by_test_id(f"dfa-{name}").inner_text()


def step(page):
    return int(text(page, "step").replace(",", "") or 0)


def markers(page, panel="loss"):
    return int(page.get_by_test_id(f"dfa-panel-{panel}").get_attribute("data-markers"))


def points(page, panel):
    return int(page.get_by_test_id(f"dfa-panel-{panel}").get_attribute("data-points"))


def drawn_step(page):
    """The step that the network's picture is of."""
    return int(page.get_by_test_id("dfa-network-picture").get_attribute("data-step"))


def press(page, name):
    page.get_by_test_id(f"dfa-do-{name}").click()


def control(page, field):
    return page.get_by_test_id(f"dfa-control-{field}")


def slider(page, field):
    return page.get_by_test_id(f"dfa-control-{field}-slider")


def value(page, field):
    """What the control of a setting shows."""
    return control(page, field).input_value()


def error(page):
    """What was refused, in words, wherever it is said; "" where nothing was."""
    return " ".join(page.locator(".dfa-root .dfa-error").all_inner_texts())


def open_drawer(page, name):
    """Open a drawer by its button, which may be behind "more"."""
    opener = page.get_by_test_id("dfa-do-presets" if name == "stories" else f"dfa-open-{name}")
    if not opener.is_visible():
        press(page, "more")
    opener.click()
    page.get_by_test_id(f"dfa-drawer-{name}").wait_for()


def close_drawer(page):
    page.get_by_test_id("dfa-close-drawer").click()
    page.get_by_test_id("dfa-close-drawer").wait_for(state="detached")


def until(page, condition, seconds=60, what="it"):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            shown = page.locator(".dfa-top, .dfa-status").all_inner_texts()
            raise AssertionError(f"{what} did not happen in time; on the screen: {shown}")
        page.wait_for_timeout(20)


def choose_story(page, name):
    """Begin a story from its drawer, whatever is told or trained now, and look at the screen without the drawer."""
    open_drawer(page, "stories")
    card, yes = page.get_by_test_id(f"dfa-preset-{name}"), page.get_by_test_id("dfa-ask-yes")
    title = card.locator("strong").inner_text()
    card.click()
    told = page.locator(".dfa-story .dfa-story-title")

    def begun():
        if yes.is_visible():  # runs are there that would go
            yes.click()
        return told.count() == 1 and told.inner_text() == title and story_place(page) == 1 and step(page) == 0

    until(page, begun, what=f"the story {name}")
    if page.get_by_test_id("dfa-close-drawer").count():
        close_drawer(page)


def story_place(page):
    """Which step of the story is shown, from 1; 0 where none is."""
    place = page.get_by_test_id("dfa-story-place")
    return int(place.get_attribute("aria-label").split()[1]) if place.count() else 0
