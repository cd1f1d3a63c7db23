"""Transport, knobs and drawers in Chromium, beside a model that only keeps what it is sent."""

import pytest
from lab_page import SETTINGS, beginning, open_part

from dfa_lab.experiment.settings import Settings
from dfa_lab.widgets.controls.control_specs import specs
from dfa_lab.widgets.controls.derivative_curves import curves

EVIL = '<img src=x onerror="window.pwned = 1">'
RUNS = [{"name": name, "colour": "#123456", "number": number} for name, number in (("main", 0), ("bp", 2), ("fa", 5))]
CARDS = [
    {"name": "one", "title": "One", "about": "", "refused": "rule is locked here"},
    {"name": "two", "title": "Two", "about": "", "refused": ""},
]


@pytest.fixture
def lab(page):
    yield open_part(page)
    assert not page.errors


def drawer(lab, name):
    """Open a drawer by its button, behind "more" where there is no room for it."""
    opener = lab.get_by_test_id("dfa-do-presets" if name == "stories" else f"dfa-open-{name}")
    if not opener.is_visible():
        lab.get_by_test_id("dfa-do-more").click()
    opener.click()
    return lab.get_by_test_id(f"dfa-drawer-{name}")


def change(**fields):
    return {"do": "change", "fields": fields}


def focused(lab):
    return lab.evaluate("document.activeElement.dataset.testid")


def test_a_change_is_pending_until_the_kernel_says_so_and_goes_back_where_it_refuses(lab):
    box = lab.get_by_test_id("dfa-control-lr")
    label = lab.locator("[data-field=lr] .dfa-field-label")
    lab.get_by_test_id("dfa-control-lr-slider").press("ArrowRight")
    assert lab.sent() == [change(lr=0.126)]
    assert "…" in label.inner_text()
    lab.tell(settings={**SETTINGS, "lr": 0.126})
    assert ("…" not in label.inner_text(), box.input_value()) == (True, "0.126")
    box.fill("-1")
    box.press("Enter")
    assert lab.sent() == [change(lr=-1)]
    lab.tell(error="lr was given as -1")
    assert box.input_value() == "0.126"


def test_of_several_changes_on_their_way_the_last_is_shown(lab):
    box, slider = lab.get_by_test_id("dfa-control-lr"), lab.get_by_test_id("dfa-control-lr-slider")
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    assert lab.sent() == [change(lr=0.126), change(lr=0.158)]
    lab.tell(settings={**SETTINGS, "lr": 0.126})
    assert box.input_value() == "0.158"
    lab.tell(settings={**SETTINGS, "lr": 0.3})
    assert box.input_value() == "0.3", "another's change is in force"


def test_how_far_and_how_fast(lab):
    drawer(lab, "settings")
    lab.get_by_test_id("dfa-stop-at").fill("500")
    lab.get_by_test_id("dfa-stop-at").press("Enter")
    lab.get_by_test_id("dfa-stop-at").blur()
    lab.get_by_test_id("dfa-limit").select_option("10")
    assert lab.sent() == [{"do": "stop_at", "step": 500}, {"do": "limit", "steps_per_s": 10}]


def test_what_the_user_is_typing_is_not_overwritten(lab):
    box = lab.get_by_test_id("dfa-control-batch_size")
    box.click()
    box.press("End")
    box.press_sequentially("9")
    lab.tell(settings={**SETTINGS, "batch_size": 32})
    assert box.input_value() == "649"
    box.press("Escape")
    assert (box.input_value(), lab.sent()) == ("32", [])


def test_escape_in_a_box_takes_back_what_is_typed_and_the_next_one_shuts_the_drawer(lab):
    lab.get_by_test_id("dfa-open-settings").click()
    box = lab.get_by_test_id("dfa-drawer-settings").get_by_test_id("dfa-control-momentum")
    before = box.input_value()
    box.click()
    box.press_sequentially("7")
    box.press("Escape")
    assert (box.input_value(), lab.get_by_test_id("dfa-drawer-settings").count()) == (before, 1)
    box.press("Escape")
    assert lab.get_by_test_id("dfa-drawer-settings").count() == 0


def test_a_picture_covers_neither_the_curves_nor_the_knobs(lab):
    lab.set_viewport_size({"width": 850, "height": 640})
    choices = [{"name": "surface", "title": "decision surface"}]
    part = {"part": "picture", "buffers": 0, "chosen": "surface", "choices": choices, "layer": 1, "layers": 2}
    lab.evaluate("(part) => pass([part])", {**part, "words": "A line.", "width": 500, "height": 360})
    box = drawer(lab, "pictures").bounding_box()
    curves, knobs = (lab.locator(one).bounding_box() for one in (".dfa-bottom", ".dfa-left"))
    assert box["y"] + box["height"] <= curves["y"]
    assert box["x"] >= knobs["x"] + knobs["width"]
    assert box["height"] > 250
    lab.get_by_test_id("dfa-picture-layer").select_option("2", timeout=5000)
    assert lab.sent() == [{"do": "picture", "name": "surface", "layer": 2}]
    lab.get_by_test_id("dfa-close-drawer").click(timeout=5000)
    assert lab.get_by_test_id("dfa-drawer-pictures").count() == 0


def test_escape_in_the_text_of_a_derivative_takes_it_back_and_the_next_one_shuts_the_drawer(lab):
    lab.get_by_test_id("dfa-open-derivative").click()
    box = lab.get_by_test_id("dfa-expression")
    box.press_sequentially("tanh(x)")
    box.press("Escape")
    assert (box.input_value(), lab.get_by_test_id("dfa-drawer-derivative").count(), lab.sent()) == ("", 1, [])
    box.press("Escape")
    assert lab.get_by_test_id("dfa-drawer-derivative").count() == 0


def test_keys_press_buttons_but_never_while_one_types(lab):
    lab.get_by_test_id("dfa-words").click()
    lab.wait_for_timeout(50)
    for key in (" ", "ArrowRight", "r", "n", "u", "p", "Control+u"):
        lab.keyboard.press(key)
    assert [act["do"] for act in lab.sent()] == ["play", "step", "reset", "new_seed", "undo", "pin"]
    lab.get_by_test_id("dfa-open-derivative").click()
    lab.get_by_test_id("dfa-expression").press_sequentially("rnup ")
    assert lab.sent() == []
    lab.get_by_test_id("dfa-do-reset").press(" ")
    assert lab.sent() == [change(activation_derivative="rnup"), {"do": "reset"}]
    lab.keyboard.press("?")
    assert "play or pause" in lab.get_by_test_id("dfa-drawer-keys").inner_text()
    lab.keyboard.press("f")
    assert focused(lab) == "dfa-fork-field"


def test_plain_keys_are_kept_from_the_notebook(lab):
    lab.get_by_test_id("dfa-control-rule").press("ArrowDown")
    kept = "document.activeElement.hasAttribute('data-lm-suppress-shortcuts')"
    assert lab.evaluate(kept)
    lab.keyboard.press("Control+s")
    assert not lab.evaluate(kept), "saving is the notebook's"


def test_the_dial_by_keyboard_and_mouse_follows_a_drag_now_and_then(lab):
    dial = lab.get_by_test_id("dfa-control-feedback_init-angle-dial")
    dial.press("ArrowUp")
    assert lab.sent() == [change(feedback_init={"name": "aligned", "angle": 46})]
    box = dial.bounding_box()
    wide, high = box["width"], box["y"] + box["height"] / 2
    lab.mouse.move(box["x"] + 0.85 * wide, high)
    lab.mouse.down()
    for step in range(30):
        lab.mouse.move(box["x"] + (0.85 - 0.7 * step / 30) * wide, high)
    lab.mouse.up()
    acts = lab.sent()
    last = acts[-1]["fields"]["feedback_init"]["angle"]
    assert 2 <= len(acts) <= 10, "not each of thirty moves"
    assert last > 90
    assert dial.get_attribute("aria-valuenow") == str(last)
    assert lab.evaluate("getSelection().toString()") == ""


def test_drawn_points_by_mouse(lab):
    lab.get_by_test_id("dfa-open-derivative").click()
    lab.get_by_test_id("dfa-do-draw").click()
    assert lab.sent() == [], "to look at the points changes nothing"
    handle = lab.get_by_test_id("dfa-point-3").bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    lab.mouse.move(x, y)
    lab.mouse.down()
    lab.mouse.move(x, y + 40, steps=4)
    assert lab.sent() == [], "a drag is one change"
    lab.mouse.up()
    (act,) = lab.sent()
    drawn = act["fields"]["activation_derivative"]
    Settings(activation_derivative=drawn)
    assert drawn["points"][3][1] < 0.9
    assert drawn["points"][2] == [-1, 0.42]
    lab.get_by_test_id("dfa-do-point-add").click()
    (act,) = lab.sent()
    assert len(act["fields"]["activation_derivative"]["points"]) == 8
    lab.wait_for_function("document.activeElement.tagName !== 'BUTTON'")  # the new one gets the focus
    lab.keyboard.press("Delete")
    (act,) = lab.sent()
    assert act["fields"]["activation_derivative"]["points"] == drawn["points"], "the new one had the focus"


def test_a_new_run_is_gathered_and_started_by_its_button_alone(lab):
    drawer(lab, "settings")
    widths = lab.get_by_test_id("dfa-control-widths")
    widths.fill("64, 32")
    widths.press("Enter")
    lab.get_by_test_id("dfa-control-task").select_option("moons")
    assert lab.sent() == []
    assert "* changed: data, hidden units" in lab.get_by_test_id("dfa-new-run").inner_text()
    lab.get_by_test_id("dfa-do-new-run").click()
    assert lab.sent() == [{"do": "new_run", "fields": {"widths": [64, 32], "task": "moons"}}]
    assert widths.input_value() == "64, 32", "kept until it is in force"
    lab.tell(settings={**SETTINGS, "widths": [8], "task": "moons"})
    lab.get_by_test_id("dfa-do-new-run").click()
    assert (widths.input_value(), lab.sent()) == ("8", [{"do": "new_run", "fields": {}}])


def test_what_a_class_hides_or_locks(lab):
    lab.tell(hide=["lr", "fork", "pin", "curves"], lock=["rule", "step", "play", "batch_size"])
    for name in ("dfa-control-lr", "dfa-open-compare", "dfa-open-derivative"):
        assert not lab.get_by_test_id(name).is_visible()
    for name in ("dfa-control-rule", "dfa-do-step_10", "dfa-do-play"):
        assert lab.get_by_test_id(name).is_disabled()
    assert lab.get_by_test_id("dfa-control-batch_size").get_attribute("title") == "batch size is locked here"
    assert lab.get_by_test_id("dfa-control-batch_size").get_attribute("aria-description") == "batch size is locked here"
    assert lab.get_by_test_id("dfa-do-reset").is_enabled()
    lab.get_by_test_id("dfa-do-reset").focus()
    for key in ("ArrowRight", "f", "p"):
        lab.keyboard.press(key)
    assert lab.sent() == [], "nor does its key"


def test_text_from_the_kernel_is_text(lab):
    lanes = [{"name": EVIL, "colour": EVIL, "number": 0}, {"name": EVIL, "colour": "#123456", "number": 1}]
    texts = {"error": EVIL, "share": EVIL, "script": EVIL, "pins": [EVIL], "lanes": lanes, "words": EVIL}
    texts |= {"presets": [{"name": EVIL, "title": EVIL, "about": EVIL, "refused": ""}]}
    texts |= {"events": [{"step": 1, "text": EVIL}], "hide": [EVIL], "theme": EVIL}
    texts |= {"phases": [{"name": EVIL, "equation": EVIL, "words": EVIL}]}
    lab.tell(**texts)
    assert EVIL in lab.get_by_test_id("dfa-desk-error").inner_text()
    for name in ("stories", "compare", "events", "share", "phases"):
        drawer(lab, name)
    lab.wait_for_timeout(100)
    assert lab.evaluate("window.pwned === undefined && document.querySelector('#view img') === null")


def test_help_is_readable_whole_by_keyboard_mouse_and_ear(lab):
    (spec,) = [spec for spec in specs() if spec["field"] == "batch_size"]
    box, opener = lab.get_by_test_id("dfa-control-batch_size"), lab.get_by_test_id("dfa-help-batch_size")
    help_ = lab.locator(f"[id='{box.get_attribute('aria-describedby')}']")
    assert help_.text_content() == spec["help"], "heard with the control, shown or not"
    assert not help_.is_visible()
    opener.press("Enter")
    assert help_.inner_text() == spec["help"]
    assert help_.evaluate("one => one.getBoundingClientRect().bottom <= innerHeight && one.scrollHeight <= 300")
    opener.press("Escape")
    assert not help_.is_visible()
    opener.click()
    assert (help_.is_visible(), opener.get_attribute("aria-expanded")) == (True, "true")
    lab.keyboard.press("Escape")
    lab.tell(settings={**SETTINGS, "rule": "fa"})
    assert "fixed random matrices" in lab.get_by_test_id("dfa-help-rule").get_attribute("title")


def test_an_error_is_said_once_where_it_belongs(lab):
    def said():
        texts = lab.locator(".dfa-error").evaluate_all("all => all.map((one) => [one.dataset.testid, one.textContent])")
        return {name: text for name, text in texts if text}

    error = "lr was given as -1; expected a number above 0" + " and so on" * 50
    lab.get_by_test_id("dfa-control-lr").fill("-1")
    lab.get_by_test_id("dfa-control-lr").press("Enter")
    lab.tell(error=error)
    assert said() == {"dfa-refused-lr": error}
    lab.get_by_test_id("dfa-do-undo").click()
    lab.tell(error="nothing to undo")
    assert said() == {"dfa-desk-error": "nothing to undo"}
    drawer(lab, "settings")
    lab.get_by_test_id("dfa-do-new-run").click()
    lab.tell(error="too large")
    assert said() == {"dfa-new-run-refused": "too large"}
    lab.tell(error="", share="dfa1.x")
    assert said() == {}
    drawer(lab, "share")
    lab.get_by_test_id("dfa-load-text").fill("nonsense")
    lab.get_by_test_id("dfa-do-load").click()
    lab.tell(error="no session")
    assert said() == {"dfa-load-refused": "no session"}
    lab.keyboard.press("Escape")
    assert said() == {"dfa-desk-error": "no session"}, "nothing is said where nobody sees it"


def test_what_would_be_refused_is_grey_and_says_why(lab):
    lab.tell(presets=CARDS, refused={"fork": "four runs already"})
    drawer(lab, "compare")
    fork = lab.get_by_test_id("dfa-do-fork-go")
    assert (fork.is_disabled(), fork.get_attribute("title")) == (True, "four runs already")
    assert fork.get_attribute("aria-description") == "four runs already"
    lab.tell(refused={})
    assert fork.is_enabled()
    drawer(lab, "stories")
    one, two = lab.get_by_test_id("dfa-preset-one"), lab.get_by_test_id("dfa-preset-two")
    assert (one.is_disabled(), two.is_enabled()) == (True, True)
    assert "rule is locked here" in one.inner_text()
    lock = ["preset", "save", "share", "select", "focus", "change"]
    lab.tell(lock=lock, share="dfa1.x", lanes=RUNS[:2], events=[{"step": 1, "text": "rule"}])
    assert not one.is_visible(), "its drawer is shut with its button"
    for name in ("do-presets", "lane-1", "control-lr", "control-lr-slider"):
        assert lab.get_by_test_id(f"dfa-{name}").is_disabled(), name
    assert lab.get_by_test_id("dfa-do-presets").get_attribute("title") == "preset is locked here"
    drawer(lab, "share")
    assert lab.get_by_test_id("dfa-do-save-csv").is_disabled()
    assert lab.get_by_test_id("dfa-do-share").is_disabled()
    drawer(lab, "events")
    assert lab.locator("[data-event]").is_disabled()
    lab.get_by_test_id("dfa-open-derivative").click()
    assert lab.get_by_test_id("dfa-expression").is_disabled()
    assert lab.sent() == []


def test_what_drops_runs_is_asked_first(lab):
    lab.tell(lanes=RUNS, presets=CARDS)
    asked = lab.get_by_test_id("dfa-ask")
    lab.get_by_test_id("dfa-do-reset").press("Enter")
    words = "This begins main anew at step 0 and drops 2 other runs: bp, fa."
    assert lab.get_by_test_id("dfa-ask-words").inner_text() == words
    lab.keyboard.press("Enter")  # the focus is on what keeps them
    assert (asked.is_visible(), lab.sent()) == (False, [])
    assert focused(lab) == "dfa-do-reset"
    drawer(lab, "stories")
    lab.get_by_test_id("dfa-preset-two").click()
    assert (asked.is_visible(), lab.sent()) == (True, [])
    words = "This begins another run in place of main and drops 2 other runs: bp, fa."
    assert lab.get_by_test_id("dfa-ask-words").inner_text() == words
    lab.get_by_test_id("dfa-ask-yes").click()
    assert lab.sent() == [{"do": "preset", "name": "two"}]
    assert not lab.get_by_test_id("dfa-preset-two").is_visible()
    lab.tell(lanes=RUNS[:1])
    lab.get_by_test_id("dfa-do-reset").click()
    assert lab.sent() == [{"do": "reset"}], "one run: nothing is lost"


def test_every_drawn_point_can_be_reached_and_where_g_is_undefined_is_said(lab):
    def show(derivative):
        lab.tell(settings={**SETTINGS, "activation_derivative": derivative}, curves=curves("tanh", derivative))

    def outside():
        return lab.evaluate(
            """() => { const box = document.querySelector(".dfa-derivative-plot").getBoundingClientRect();
            return [...document.querySelectorAll(".dfa-handle-dot")].filter((dot) => {
                const { left, right, top, bottom } = dot.getBoundingClientRect();
                return left < box.left || right > box.right || top < box.top || bottom > box.bottom; }).length; }"""
        )

    lab.get_by_test_id("dfa-open-derivative").click()
    assert lab.get_by_test_id("dfa-undefined").count() == 0
    show("exp(10*x)/x")
    assert "no finite value at x = 0:" in lab.get_by_test_id("dfa-undefined").inner_text()
    lab.get_by_test_id("dfa-do-draw").click()
    assert (lab.locator(".dfa-handle").count(), outside()) == (7, 0)
    lab.get_by_test_id("dfa-point-0").press("ArrowUp")
    (act,) = lab.sent()
    points = act["fields"]["activation_derivative"]["points"]
    assert all(abs(g) <= 10 for _, g in points)
    show({"name": "points", "points": [[-50, 2000], [0, 1], [6, 0], [50, -2000]]})
    assert (lab.locator(".dfa-handle").count(), outside()) == (4, 0)
    lab.get_by_test_id("dfa-point-0").press("ArrowRight")
    (act,) = lab.sent()
    assert act["fields"]["activation_derivative"]["points"][0] == [-4, 10]


def test_an_event_leads_to_its_step(lab):
    lab.tell(events=[{"step": 40, "text": "learning rate 0.1 → 0.2"}, {"step": 1200, "text": "rule dfa → bp"}])
    table = drawer(lab, "events")
    assert table.locator("tbody tr").first.inner_text().split("\t") == ["1,200", "rule dfa → bp"]
    table.get_by_role("button", name="show step 40").click()
    assert lab.sent() == [{"do": "focus", "step": 40}]


def test_a_run_is_asked_for_by_its_number_wherever_it_stands(lab):
    lab.tell(lanes=RUNS, lane=2)
    assert lab.get_by_test_id("dfa-lane-2").get_attribute("aria-pressed") == "true"
    lab.get_by_test_id("dfa-lane-1").click()
    lab.get_by_test_id("dfa-drop-2").click()
    assert lab.sent() == [{"do": "select", "lane": 2}, {"do": "drop", "lane": 5}]
    lab.tell(lanes=[*RUNS[:2], {**RUNS[2], "number": 6}], lane=1)
    lab.get_by_test_id("dfa-drop-2").click()
    assert lab.sent() == [{"do": "drop", "lane": 6}]


def test_a_drawer_takes_the_focus_gives_it_back_and_pushes_nothing_down(lab):
    lab.tell(presets=CARDS)
    before = lab.get_by_test_id("dfa-knobs").bounding_box()
    opener = lab.get_by_test_id("dfa-open-compare")
    opener.press("Enter")
    assert focused(lab) == "dfa-fork-field"
    assert opener.get_attribute("aria-expanded") == "true"
    assert lab.get_by_test_id("dfa-knobs").bounding_box() == before
    lab.keyboard.press("Escape")
    assert (lab.get_by_test_id("dfa-drawer-compare").count(), focused(lab)) == (0, "dfa-open-compare")
    opener.click()
    lab.get_by_test_id("dfa-close-drawer").click()
    assert focused(lab) == "dfa-open-compare"


def test_fork_sends_one_changed_thing(lab):
    drawer(lab, "compare")
    assert lab.get_by_test_id("dfa-fork-menu").input_value() == "bp", "something else than it is"
    lab.get_by_test_id("dfa-fork-field").select_option("batch_size")
    lab.get_by_test_id("dfa-fork-box").fill("256")
    lab.get_by_test_id("dfa-do-fork-go").click()
    assert lab.sent() == [{"do": "fork", "fields": {"batch_size": 256}}]
    assert lab.get_by_test_id("dfa-drawer-compare").count() == 0


@pytest.mark.parametrize(("width", "height"), [(850, 640), (900, 700), (1024, 768), (1280, 800)])
def test_line_and_knobs_fit_without_scrolling(page, width, height):
    page.set_viewport_size({"width": width, "height": height})
    lab = open_part(page, theme="projector" if width == 1024 else "light", presets=CARDS, running=True)
    lab.tell(status={"state": "training", "step": "1,234,567", "samples": "9", "settings": ""})
    lab.wait_for_timeout(100)  # what is too wide is seen when it is drawn
    boxes = lab.evaluate(
        """() => [".dfa-line-of-buttons", ".dfa-left", ".dfa-screen"].map((name) => {
        const one = document.querySelector(name);
        return [one.scrollWidth - one.clientWidth, one.scrollHeight - one.clientHeight]; })"""
    )
    assert all(over <= 1 for box in boxes for over in box), boxes
    line = lab.get_by_test_id("dfa-toolbar").bounding_box()
    assert line["height"] <= (40 if width == 1024 else 36)
    for name in ("rule", "feedback_init", "activation_derivative", "batch_size", "lr"):
        assert lab.get_by_test_id(f"dfa-control-{name}").is_visible()


def test_no_field_name_is_on_the_screen(lab):
    words = lab.locator("#view").inner_text()
    for name in ("settings", "compare"):
        words += drawer(lab, name).inner_text()
    words += " ".join(lab.locator("option").all_inner_texts())
    assert "_" not in words
    assert "lr" not in words.split()
    assert "DFA: direct feedback alignment" in words


@pytest.mark.parametrize("part", ["transport", "controls"])
def test_a_part_works_alone(page, part):
    lab = open_part(page, part, {"fields": ["lr", "rule"]} if part == "controls" else None)
    if part == "transport":
        lab.get_by_test_id("dfa-do-play").click()
        lab.keyboard.press("ArrowRight")
        assert [act["do"] for act in lab.sent()] == ["play", "step"]
        assert lab.locator(".dfa-openers").count() == 0
    else:
        fields = lab.locator("[data-field]").evaluate_all("all => all.map((one) => one.dataset.field)")
        assert fields == ["lr", "rule"]
        lab.get_by_test_id("dfa-control-rule").select_option("bp")
        assert lab.sent() == [change(rule="bp")]
    lab.tell(error="it cannot be done")
    assert lab.locator(".dfa-error").all_inner_texts() == ["it cannot be done"]
    assert not page.errors


def test_controls_alone_are_all_live_settings_below_their_headings(page):
    lab = open_part(page, "controls", {})
    live = [spec["field"] for spec in beginning()["specs"] if spec["live"]]
    fields = lab.locator("[data-field]").evaluate_all("all => all.map((one) => one.dataset.field)")
    assert sorted(fields) == sorted(live)
    assert lab.get_by_test_id("dfa-derivative").is_visible()
