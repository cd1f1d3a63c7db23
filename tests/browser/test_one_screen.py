"""What the lesson needs is on one screen: each part whole, none over another, nothing cut off, nothing to scroll."""

import pytest
from boxes import all_is_in_sight
from screen import choose_story, drawn_step, open_explorer, press, step, story_place, text, until
from server import served

from dfa_lab.experiment.sessions import STORIES

#: Wide, high, and whether the file browser stands beside the notebook.
SIZES = [(1280, 800, True), (1440, 900, True), (900, 800, False)]


#: A regression has no accuracy, and so no such curve.
WITHOUT = {"lillicrap_linear": ("accuracy",)}


def play_to(page, reached):
    press(page, "play")
    until(page, lambda: step(page) >= reached)
    press(page, "pause")
    until(page, lambda: text(page, "state") == "paused" and drawn_step(page) == step(page))


def test_in_a_notebook(explorer, screenshot):
    page = explorer
    until(page, lambda: text(page, "state") == "ready")
    for begun in (False, True):
        if begun:
            play_to(page, 60)
        for width, height, files in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            if page.locator(".jp-FileBrowser").is_visible() != files:
                page.keyboard.press("Control+b")
            page.evaluate("document.querySelector('.dfa-explorer').scrollIntoView({ block: 'nearest' })")
            all_is_in_sight(page, f"{width}x{height}, begun: {begun}")
            screenshot(f"one screen {width}x{height} {'begun' if begun else 'ready'}")


@pytest.fixture
def projector(tmp_path):
    """The address of a page for a lecture hall."""
    with served(tmp_path, ["serve", "--theme", "projector"], "/static/none") as address:
        yield address


def test_on_a_projector_by_voila(page, projector, screenshot):
    page.set_viewport_size({"width": 1024, "height": 768})
    page.goto(projector, wait_until="load", timeout=90_000)
    page.get_by_test_id("dfa-do-play").wait_for(timeout=90_000)
    until(page, lambda: text(page, "state") == "ready")
    assert page.locator(".dfa-explorer.dfa-theme-projector").count() == 1
    all_is_in_sight(page, "ready")
    play_to(page, 60)
    all_is_in_sight(page, "begun")
    screenshot("one screen projector")


def test_at_every_step_of_every_story(page, first_notebook, screenshot):
    """At 1280 x 800, the file browser beside it."""
    page.set_viewport_size({"width": 1280, "height": 800})
    open_explorer(page, first_notebook)
    for name, story in STORIES.items():
        choose_story(page, name)
        page.get_by_test_id("dfa-limit").select_option("")
        page.evaluate("document.querySelector('.dfa-explorer').scrollIntoView({ block: 'nearest' })")
        for place in range(1, len(story.steps) + 1):
            where = f"{name}, step {place}"
            until(page, lambda place=place: story_place(page) == place, what=where)
            assert " ".join(text(page, "story-text").split()) == " ".join(story.steps[place - 1].text.split())
            all_is_in_sight(page, where, WITHOUT.get(name, ()))
            screenshot(f"story {name} {place}")
            if place < len(story.steps):
                page.get_by_test_id("dfa-story-next").click()
    assert page.errors == []
