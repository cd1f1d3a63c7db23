"""axe-core finds nothing serious in the explorer as it runs; the first notebook can be done by keyboard alone."""

from pathlib import Path

from screen import (
    choose_story,
    close_drawer,
    drawn_step,
    markers,
    open_drawer,
    open_explorer,
    press,
    step,
    story_place,
    text,
    until,
    value,
)

from dfa_lab.experiment.sessions import STORIES

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
THEMES = ("light", "dark", "projector")
#: Stories that are looked at in their second step too.
FURTHER = ("no_transpose", "bp_beside_dfa", "moons")
DRAWERS = ("stories", "compare", "pictures", "settings", "events", "share", "keys", "derivative")
TAKE_THEME = """theme => { const root = document.querySelector(".dfa-explorer");
    root.className = root.className.replace(/dfa-theme-\\w+/, "dfa-theme-" + theme); }"""
FOCUSED = "document.activeElement.dataset.testid ?? ''"


def serious(page):
    """What axe finds once the colours have settled, where they move."""
    page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {})))")
    found = page.evaluate("axe.run('.dfa-explorer')")
    return [
        (one["id"], one["impact"], [node["html"][:200] for node in one["nodes"][:3]])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def test_axe_finds_nothing_serious(explorer):
    assert AXE.is_file(), "axe-core is installed with the frontend's packages"
    page = explorer
    page.evaluate(AXE.read_text())
    press(page, "step_10")
    until(page, lambda: step(page) == 10 and text(page, "state") == "paused" and drawn_step(page) == 10)
    for theme in THEMES:
        page.evaluate(TAKE_THEME, theme)
        assert serious(page) == [], theme
    page.evaluate(TAKE_THEME, "light")
    for name in DRAWERS:
        open_drawer(page, name)
        page.evaluate("document.querySelectorAll('.dfa-explorer details').forEach(fold => { fold.open = true; })")
        assert serious(page) == [], name
        close_drawer(page)
    for name in STORIES:
        choose_story(page, name)
        for theme in THEMES:
            page.evaluate(TAKE_THEME, theme)
            assert serious(page) == [], (name, theme)
        if name not in FURTHER:
            continue
        page.get_by_test_id("dfa-story-next").click()
        until(page, lambda: story_place(page) == 2, what="the second step")
        assert serious(page) == [], name


def tab_to(page, name, most=100):
    """Go to a control by the Tab key alone, or back to it by Shift+Tab."""
    wanted = page.get_by_test_id(name)
    wanted.wait_for()
    before = "wanted => Boolean(document.activeElement.compareDocumentPosition(wanted) & 2)"
    key, passed = "Shift+Tab" if wanted.evaluate(before) else "Tab", [page.evaluate(FOCUSED)]
    while passed[-1] != name:
        assert len(passed) < most, f"{key} does not lead to {name}: {passed}"
        page.keyboard.press(key)
        passed.append(page.evaluate(FOCUSED))


def press_by_key(page, name):
    tab_to(page, name)
    page.keyboard.press("Enter")


def open_by_key(page, name):
    """A drawer's button stands in the line, or behind "more"."""
    if not page.get_by_test_id(name).is_visible():
        press_by_key(page, "dfa-do-more")
    press_by_key(page, name)


def test_the_first_notebook_by_keyboard(page, lab):
    """What its eight tries ask for, with no mouse from the notebook's opening on."""
    open_explorer(page, f"{lab}/lab/tree/00_explorer.ipynb")
    # 1. Play, and pause; 2. pin and begin anew.
    press_by_key(page, "dfa-do-play")
    until(page, lambda: step(page) > 100)
    page.keyboard.press("Enter")
    until(page, lambda: text(page, "state") == "paused")
    page.keyboard.press("p")
    until(page, lambda: "pinned" in page.locator(".dfa-curves-head").inner_text(), what="a pin")
    page.keyboard.press("r")
    until(page, lambda: step(page) == 0)
    open_by_key(page, "dfa-open-settings")
    tab_to(page, "dfa-stop-at")
    page.keyboard.type("40")
    page.keyboard.press("Enter")
    until(page, lambda: "40" in page.locator(".dfa-goal").inner_text(), what="the goal")
    page.keyboard.press("Escape")
    page.get_by_test_id("dfa-drawer-settings").wait_for(state="detached")
    press_by_key(page, "dfa-do-play")
    until(page, lambda: step(page) == 40 and text(page, "state") == "paused")
    # 2. to 6. Another rule, another B, another derivative, batch size and learning rate; and one is taken back.
    changes = 0
    for name in ("rule", "feedback_init", "activation_derivative", "batch_size-slider", "lr-slider"):
        before = value(page, name)
        tab_to(page, f"dfa-control-{name}")
        page.keyboard.press("ArrowRight" if name.endswith("slider") else "ArrowDown")
        changes += 1
        until(page, lambda changes=changes: markers(page) == changes, what=name)
        assert value(page, name) != before
    page.keyboard.press("u")
    until(page, lambda: markers(page) == changes + 1, what="the change taken back")
    tab_to(page, "dfa-do-play")
    page.keyboard.press("ArrowRight")
    until(page, lambda: step(page) == 41, what="one step")
    # 7. Another run beside this one.
    open_by_key(page, "dfa-open-compare")
    press_by_key(page, "dfa-do-fork-go")
    until(page, lambda: page.locator(".dfa-run-key").count() == 3, what="a second run beside the pinned one")
    page.keyboard.press("Escape")
    # 8. A story, which drops that run.
    open_by_key(page, "dfa-do-presets")
    press_by_key(page, "dfa-preset-no_transpose")
    press_by_key(page, "dfa-ask-yes")
    until(page, lambda: story_place(page) == 1, what="the story")
    press_by_key(page, "dfa-story-next")
    until(page, lambda: story_place(page) == 2, what="its second step")
    assert page.errors == []
