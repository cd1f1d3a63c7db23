"""The first notebook in a real JupyterLab: play, turn knobs by keyboard and mouse while it trains, pause, reset."""

from pathlib import Path

from screen import control, drawn_step, error, markers, points, press, slider, step, text, until, value

# Notes every step count that is ever shown.
WATCH_STEPS = """() => {
    const shown = document.querySelector('[data-testid="dfa-step"]');
    window.stepsShown = [];
    new MutationObserver(() => window.stepsShown.push(Number(shown.textContent.replaceAll(",", ""))))
        .observe(shown, { childList: true, characterData: true, subtree: true });
}"""
ARTIFACTS = Path(__file__).parents[2] / "artifacts"


def test_the_first_notebook(explorer, screenshot):
    page = explorer
    until(page, lambda: text(page, "state") == "ready")
    assert step(page) == 0
    screenshot("1 first view")

    press(page, "play")
    until(page, lambda: step(page) > 200)
    assert text(page, "state") == "training"
    page.evaluate(WATCH_STEPS)
    for panel in ("alignment", "loss", "accuracy", "throughput"):
        shown = page.get_by_test_id(f"dfa-panel-{panel}")
        until(page, lambda panel=panel: points(page, panel) > 2)
        assert shown.locator("canvas").first.is_visible()

    slider(page, "batch_size").focus()
    page.keyboard.press("ArrowRight")
    until(page, lambda: value(page, "batch_size") == "128" and markers(page) == 1)

    control(page, "feedback_init").focus()
    page.keyboard.press("ArrowDown")
    until(page, lambda: value(page, "feedback_init") == "normal" and markers(page) == 2)

    control(page, "activation_derivative").focus()
    page.keyboard.press("ArrowDown")
    until(page, lambda: value(page, "activation_derivative") == "identity" and markers(page) == 3)
    assert [markers(page, panel) for panel in ("alignment", "accuracy", "throughput")] == [3, 3, 3]
    page.wait_for_timeout(1500)
    steps = page.evaluate("window.stepsShown")
    assert len(steps) > 20
    assert steps == sorted(steps)
    screenshot("2 training with three changes")
    page.locator(".dfa-explorer").screenshot(path=ARTIFACTS / "explorer.png")

    press(page, "pause")
    until(page, lambda: text(page, "state") == "paused")
    paused = step(page)
    page.wait_for_timeout(300)
    assert step(page) == paused
    until(page, lambda: drawn_step(page) == paused, what="the network at the step where it pauses")
    screenshot("3 paused")

    press(page, "step_10")
    until(page, lambda: step(page) == paused + 10)

    press(page, "reset")
    until(page, lambda: step(page) == 0 and markers(page) == 0)
    assert (value(page, "batch_size"), value(page, "feedback_init")) == ("128", "normal")
    until(page, lambda: drawn_step(page) == 0, what="the network as it begins")
    assert error(page) == ""
    screenshot("4 after reset")

    assert page.errors == []
    assert page.outside == []


def test_the_page_can_be_reloaded_while_it_trains(explorer, lab):
    page = explorer
    press(page, "play")
    until(page, lambda: step(page) > 100)
    slider(page, "batch_size").focus()
    page.keyboard.press("ArrowRight")
    until(page, lambda: markers(page) == 1)
    page.keyboard.press("Control+s")  # from inside the explorer
    page.wait_for_timeout(1500)
    saved = page.request.get(f"{lab}/api/contents/00_explorer.ipynb?content=0&token=lesson").json()
    assert saved["size"] <= 300_000
    before = step(page)
    for batch_size, key in ((64, "ArrowLeft"), (128, "ArrowRight")):
        page.reload(wait_until="load")
        page.get_by_test_id("dfa-step").wait_for(timeout=60_000)
        until(page, lambda before=before: step(page) > before)
        until(page, lambda: markers(page) > 0)
        changes = markers(page)
        slider(page, "batch_size").focus()
        page.keyboard.press(key)
        until(page, lambda changes=changes: markers(page) == changes + 1)
        assert value(page, "batch_size") == str(batch_size)
        before = step(page)
    press(page, "pause")
    until(page, lambda: text(page, "state") == "paused")
    assert page.outside == []
