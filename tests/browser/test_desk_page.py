"""The desk in Chromium beside a model that only keeps what it is sent: no kernel, so a second or two."""

import json
from pathlib import Path

import pytest

from dfa_lab.experiment.settings import Settings
from dfa_lab.widgets.curves import curves
from dfa_lab.widgets.desk import plain
from dfa_lab.widgets.specs import specs

STATIC = Path(__file__).parents[2] / "dfa_lab" / "widgets" / "static"
PAGE = """<!doctype html><html lang="en"><link rel="stylesheet" href="/desk.css"><main class="dfa-explorer" id="view">
</main><script type="module">
import desk from "/desk.js";
const handlers = [];
let number = 0;
window.sent = [];
window.tell = (type, state) => handlers.forEach((h) => h({ type, number: ++number, state, gone: [] }, []));
desk.render({ model: { send: (m) => sent.push(m), on: (_, h) => handlers.push(h), off() {} }, el: view });
window.ready = true;
</script></html>"""
EVIL = '<img src=x onerror="window.pwned = 1">'


@pytest.fixture
def desk(page):
    def serve(route):
        name = route.request.url.rsplit("/", 1)[1]
        if name in ("desk.js", "desk.css"):
            kind = "text/css" if name.endswith("css") else "text/javascript"
            route.fulfill(body=(STATIC / name).read_bytes(), content_type=kind)
        else:
            route.fulfill(body=PAGE if name == "" else "", content_type="text/html")

    page.route("**/*", serve)
    page.goto("http://desk.localhost/")
    page.wait_for_function("window.ready")
    settings = Settings(feedback_init={"name": "aligned", "angle": 45})
    page.settings = plain(settings.values())
    state = {"specs": specs(), "settings": page.settings, "running": False, "curves": curves("tanh"), "error": ""}
    state |= {"lanes": [], "pins": [], "phases": None}
    page.evaluate("(state) => tell('snapshot', state)", json.loads(json.dumps(plain(state))))
    page.sent = lambda: [message for message in page.evaluate("sent.splice(0)") if "do" in message]
    yield page
    assert not page.errors


def test_a_change_is_pending_until_the_kernel_says_so_and_goes_back_where_it_refuses(desk):
    box = desk.get_by_test_id("dfa-control-lr")
    label = desk.locator("[data-field=lr] .dfa-label")
    desk.get_by_test_id("dfa-control-lr-slider").press("ArrowRight")
    assert desk.sent() == [{"do": "change", "fields": {"lr": 0.126}}]
    assert "…" in label.inner_text()
    desk.evaluate("(settings) => tell('state', { settings })", {**desk.settings, "lr": 0.126})
    assert ("…" not in label.inner_text(), box.input_value()) == (True, "0.126")
    box.fill("-1")
    box.press("Enter")
    assert desk.sent() == [{"do": "change", "fields": {"lr": -1}}]
    desk.evaluate("tell('state', { error: 'lr was given as -1' })")
    assert box.input_value() == "0.126"


def test_how_far_and_how_fast(desk):
    desk.evaluate("tell('state', { stop_at: null, limit: null })")
    desk.get_by_test_id("dfa-stop-at").fill("500")
    desk.get_by_test_id("dfa-stop-at").press("Enter")
    desk.get_by_test_id("dfa-stop-at").blur()
    desk.get_by_test_id("dfa-limit").select_option("10")
    assert desk.sent() == [{"do": "stop_at", "step": 500}, {"do": "limit", "steps_per_s": 10}]


def test_what_the_user_is_typing_is_not_overwritten(desk):
    box = desk.get_by_test_id("dfa-control-batch_size")
    box.click()
    box.press_sequentially("9")
    desk.evaluate("(settings) => tell('state', { settings })", {**desk.settings, "batch_size": 32})
    assert box.input_value() == "649"
    box.press("Escape")
    assert (box.input_value(), desk.sent()) == ("32", [])


def test_keys_press_buttons_but_never_while_one_types(desk):
    desk.get_by_test_id("dfa-controls").locator("h3").first.click()
    desk.wait_for_timeout(50)
    for key in (" ", "ArrowRight", "r", "n", "u", "p", "Control+u"):
        desk.keyboard.press(key)
    assert [act["do"] for act in desk.sent()] == ["play", "step", "reset", "new_seed", "undo", "pin"]
    desk.get_by_test_id("dfa-expression").press_sequentially("rnup ")
    assert desk.sent() == []
    desk.get_by_test_id("dfa-do-reset").press(" ")
    assert desk.sent() == [{"do": "change", "fields": {"activation_derivative": "rnup"}}, {"do": "reset"}]


def test_the_dial_and_drawn_points_by_keyboard_and_mouse(desk):
    desk.get_by_test_id("dfa-control-feedback_init-angle-dial").press("ArrowUp")
    assert desk.sent() == [{"do": "change", "fields": {"feedback_init": {"name": "aligned", "angle": 46}}}]
    desk.get_by_test_id("dfa-do-draw").click()
    assert desk.sent() == [], "to look at the points changes nothing"
    handle = desk.get_by_test_id("dfa-point-3").bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    desk.mouse.move(x, y)
    desk.mouse.down()
    desk.mouse.move(x, y + 40, steps=4)
    assert desk.sent() == [], "a drag is one change"
    desk.mouse.up()
    (act,) = desk.sent()
    drawn = act["fields"]["activation_derivative"]
    Settings(activation_derivative=drawn)
    assert drawn["points"][3][1] < 0.9
    assert drawn["points"][2] == [-1, 0.42]


def test_a_new_run_is_gathered_and_started_by_its_button_alone(desk):
    desk.get_by_test_id("dfa-new-run").locator("summary").click()
    widths = desk.get_by_test_id("dfa-control-widths")
    widths.fill("64, 32")
    widths.press("Enter")
    desk.get_by_test_id("dfa-control-task").select_option("moons")
    assert desk.sent() == []
    desk.get_by_test_id("dfa-do-new-run").click()
    assert desk.sent() == [{"do": "new_run", "fields": {"widths": [64, 32], "task": "moons"}}]
    assert widths.input_value() == "64, 32", "kept until it is in force"
    desk.evaluate("(settings) => tell('state', { settings })", {**desk.settings, "widths": [8], "task": "moons"})
    desk.get_by_test_id("dfa-do-new-run").click()
    assert (widths.input_value(), desk.sent()) == ("8", [{"do": "new_run", "fields": {}}])


def test_what_a_class_hides_or_locks(desk):
    desk.evaluate("tell('state', { hide: ['lr', 'fork', 'curves'], lock: ['rule', 'step', 'play'] })")
    for name in ("dfa-control-lr", "dfa-do-fork", "dfa-derivative"):
        assert not desk.get_by_test_id(name).is_visible()
    for name in ("dfa-control-rule", "dfa-do-step_10", "dfa-do-play"):
        assert desk.get_by_test_id(name).is_disabled()
    assert desk.get_by_test_id("dfa-do-reset").is_enabled()
    desk.get_by_test_id("dfa-do-reset").focus()
    desk.keyboard.press("ArrowRight")
    desk.keyboard.press("f")
    assert desk.sent() == [], "nor does its key"


def test_text_from_the_kernel_is_text(desk):
    lanes = [{"name": EVIL, "colour": EVIL, "settings": {}}, {"name": EVIL, "colour": "#123456", "settings": {}}]
    texts = {"error": EVIL, "share": EVIL, "script": EVIL, "pins": [EVIL], "lanes": lanes}
    texts |= {"presets": [{"name": EVIL, "title": EVIL, "about": EVIL}], "events": [{"step": 1, "text": EVIL}]}
    texts |= {"phases": [{"name": EVIL, "equation": EVIL, "words": EVIL}], "hide": [EVIL], "theme": EVIL}
    desk.evaluate("(state) => tell('state', state)", texts)
    desk.wait_for_timeout(100)
    assert desk.evaluate("window.pwned === undefined && document.querySelector('main img') === null")
    assert EVIL in desk.get_by_test_id("dfa-desk-error").inner_text()


def test_a_lane_is_asked_for_by_its_number_wherever_it_stands(desk):
    lanes = [
        {"name": name, "colour": "#123456", "number": number} for name, number in (("main", 0), ("bp", 2), ("fa", 5))
    ]
    desk.evaluate("(lanes) => tell('state', { lanes, lane: 2 })", lanes)
    assert desk.get_by_test_id("dfa-lane-2").get_attribute("aria-pressed") == "true"
    desk.get_by_test_id("dfa-lane-1").click()
    desk.get_by_test_id("dfa-drop-2").click()
    assert desk.sent() == [{"do": "select", "lane": 2}, {"do": "drop", "lane": 5}]
    desk.evaluate("(lanes) => tell('state', { lanes, lane: 1 })", [*lanes[:2], {**lanes[2], "number": 6}])
    desk.get_by_test_id("dfa-drop-2").click()
    assert desk.sent() == [{"do": "drop", "lane": 6}]
