"""The desk in Chromium beside a model that only keeps what it is sent: no kernel, so a second or two."""

import json
from pathlib import Path

import pytest

from dfa_lab.experiment.settings.settings import Settings
from dfa_lab.widgets.controls.control_panel import serializable
from dfa_lab.widgets.controls.control_specs import specs
from dfa_lab.widgets.controls.derivative_curves import curves

STATIC = Path(__file__).parents[2] / "dfa_lab" / "widgets" / "static"
PAGE = """<!doctype html><html lang="en"><link rel="stylesheet" href="/desk.css"><main class="dfa-explorer" id="view">
</main><script type="module">
import desk from "/desk.js";
const handlers = [];
let number = 0;
window.sent = [];
window.tell = (type, state) => handlers.forEach((h) => h({ type, number: ++number, state, gone: [] }, []));
const send = (m) => {
  sent.push(m);
  if (m.page && !window.dead) setTimeout(() => tell("state", { answered: { [m.page]: m.number } }));
};
desk.render({ model: { send, on: (_, h) => handlers.push(h), off() {} }, el: view });
window.ready = true;
</script></html>"""
EVIL = '<img src=x onerror="window.pwned = 1">'


def act_of(message):
    """The act without what asks for its answer."""
    return {name: value for name, value in message.items() if name not in ("page", "number")}


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
    page.settings = serializable(settings.values())
    state = {"specs": specs(), "settings": page.settings, "running": False, "curves": curves("tanh"), "error": ""}
    state |= {"lanes": [], "pins": [], "phases": None}
    page.evaluate("(state) => tell('snapshot', state)", json.loads(json.dumps(serializable(state))))
    page.sent = lambda: [act_of(message) for message in page.evaluate("sent.splice(0)") if "do" in message]
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


def test_help_is_readable_whole_by_keyboard_mouse_and_ear(desk):
    (spec,) = [spec for spec in specs() if spec["field"] == "probe_every"]
    desk.evaluate("document.querySelector('[data-field=probe_every]').closest('details').open = true")
    box, opener = desk.get_by_test_id("dfa-control-probe_every"), desk.get_by_test_id("dfa-help-probe_every")
    help_ = desk.locator(f"[id='{box.get_attribute('aria-describedby')}']")
    assert help_.text_content() == spec["help"], "heard with the control, folded or not"
    assert not help_.is_visible()
    opener.press("Enter")
    assert help_.inner_text() == spec["help"]
    assert help_.evaluate(
        "one => one.scrollHeight <= one.clientHeight + 1 && getComputedStyle(one).maxHeight === 'none'"
    )
    opener.press("Escape")
    assert not help_.is_visible()
    opener.click()
    assert (help_.is_visible(), opener.get_attribute("aria-expanded")) == (True, "true")
    desk.evaluate("(settings) => tell('state', { settings })", {**desk.settings, "rule": "fa"})
    assert "feedback alignment" in desk.get_by_test_id("dfa-help-rule").get_attribute("title")


def test_an_error_is_said_once_where_it_belongs(desk):
    def said():
        texts = desk.locator(".dfa-error").evaluate_all(
            "all => all.map((one) => [one.dataset.testid, one.textContent])"
        )
        return {name: text for name, text in texts if text}

    error = "lr was given as -1; expected a number above 0" + " and so on" * 50
    desk.get_by_test_id("dfa-control-lr").fill("-1")
    desk.get_by_test_id("dfa-control-lr").press("Enter")
    desk.evaluate("(error) => tell('state', { error })", error)
    assert said() == {"dfa-refused-lr": error}
    desk.get_by_test_id("dfa-do-undo").click()
    desk.evaluate("tell('state', { error: 'nothing to undo' })")
    assert said() == {"dfa-desk-error": "nothing to undo"}
    desk.get_by_test_id("dfa-new-run").locator("summary").click()
    desk.get_by_test_id("dfa-do-new-run").click()
    desk.evaluate("tell('state', { error: 'too large' })")
    assert said() == {"dfa-new-run-refused": "too large"}
    desk.evaluate("tell('state', { error: '', share: 'dfa1.x' })")
    assert said() == {}
    desk.get_by_test_id("dfa-share").locator("summary").click()
    desk.get_by_test_id("dfa-load-text").fill("nonsense")
    desk.get_by_test_id("dfa-do-load").click()
    desk.evaluate("tell('state', { error: 'no session' })")
    assert said() == {"dfa-load-refused": "no session"}


def test_what_would_be_refused_is_grey_and_says_why(desk):
    presets = [{"name": "one", "title": "One", "about": "", "refused": "rule is locked here"}]
    presets += [{"name": "two", "title": "Two", "about": "", "refused": ""}]
    desk.evaluate("(presets) => tell('state', { presets, refused: { fork: 'four lanes already' } })", presets)
    fork = desk.get_by_test_id("dfa-do-fork")
    assert (fork.is_disabled(), fork.get_attribute("title")) == (True, "four lanes already")
    desk.get_by_test_id("dfa-do-presets").click()
    one, two = desk.get_by_test_id("dfa-preset-one"), desk.get_by_test_id("dfa-preset-two")
    assert (one.is_disabled(), two.is_enabled()) == (True, True)
    assert "rule is locked here" in one.inner_text()
    state = {"refused": {}, "lock": ["preset", "save", "share", "select", "focus", "change"], "share": "dfa1.x"}
    state |= {"lanes": [{"name": "main"}, {"name": "bp"}], "events": [{"step": 1, "text": "lr"}]}
    desk.evaluate("(state) => tell('state', state)", state)
    assert (fork.is_enabled(), fork.get_attribute("title").startswith("Go on twice")) == (True, True)
    assert not one.is_visible(), "its drawer is shut with its button"
    desk.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true; })")
    for name in ("do-presets", "do-save-csv", "do-share", "lane-1", "control-lr", "control-lr-slider", "expression"):
        assert desk.get_by_test_id(f"dfa-{name}").is_disabled(), name
    assert desk.get_by_test_id("dfa-do-presets").get_attribute("title") == "preset is locked here"
    assert desk.locator("[data-event]").is_disabled()
    desk.get_by_test_id("dfa-event-0").click()
    assert desk.sent() == []


def test_what_drops_lanes_is_asked_first(desk):
    lanes = [{"name": name, "colour": "#123456"} for name in ("main", "bp", "fa")]
    presets = [{"name": "two", "title": "Two", "about": ""}]
    desk.evaluate("(state) => tell('state', state)", {"lanes": lanes, "presets": presets})
    asked = desk.get_by_test_id("dfa-ask")
    desk.get_by_test_id("dfa-do-reset").press("Enter")
    assert (
        desk.get_by_test_id("dfa-ask-words").inner_text()
        == "This drops 2 other lanes: bp, fa. The new run has the settings of main."
    )
    desk.keyboard.press("Enter")  # the focus is on what keeps them
    assert (asked.is_visible(), desk.sent()) == (False, [])
    assert desk.evaluate("document.activeElement.dataset.testid") == "dfa-do-reset"
    desk.get_by_test_id("dfa-do-presets").click()
    desk.get_by_test_id("dfa-preset-two").click()
    assert (asked.is_visible(), desk.sent()) == (True, [])
    desk.get_by_test_id("dfa-ask-yes").click()
    assert desk.sent() == [{"do": "preset", "name": "two"}]
    assert not desk.get_by_test_id("dfa-preset-two").is_visible()
    desk.evaluate("(lanes) => tell('state', { lanes })", lanes[:1])
    desk.get_by_test_id("dfa-do-reset").click()
    assert desk.sent() == [{"do": "reset"}], "one lane: nothing is lost"


def test_every_drawn_point_can_be_reached_and_where_g_is_undefined_is_said(desk):
    def show(derivative):
        settings = {**desk.settings, "activation_derivative": derivative}
        state = serializable({"settings": settings, "curves": curves("tanh", derivative)})
        desk.evaluate("(state) => tell('state', state)", json.loads(json.dumps(state)))

    def outside():
        return desk.evaluate(
            """() => { const box = document.querySelector(".dfa-curves").getBoundingClientRect();
            return [...document.querySelectorAll(".dfa-handle-dot")].filter((dot) => {
                const { left, right, top, bottom } = dot.getBoundingClientRect();
                return left < box.left || right > box.right || top < box.top || bottom > box.bottom; }).length; }"""
        )

    assert desk.get_by_test_id("dfa-undefined").inner_text() == ""
    show("exp(10*x)/x")
    assert "no finite value at x = 0:" in desk.get_by_test_id("dfa-undefined").inner_text()
    desk.get_by_test_id("dfa-do-draw").click()
    assert (desk.locator(".dfa-handle").count(), outside()) == (7, 0)
    desk.get_by_test_id("dfa-point-0").press("ArrowUp")
    (act,) = desk.sent()
    points = act["fields"]["activation_derivative"]["points"]
    assert all(abs(g) <= 10 for _, g in points)
    show({"name": "points", "points": [[-50, 2000], [0, 1], [6, 0], [50, -2000]]})
    assert (desk.locator(".dfa-handle").count(), outside()) == (4, 0)
    desk.get_by_test_id("dfa-point-0").press("ArrowRight")
    (act,) = desk.sent()
    assert act["fields"]["activation_derivative"]["points"][0] == [-4, 10]


def test_an_event_leads_to_the_curves(desk):
    desk.evaluate("tell('state', { events: [{ step: 40, text: 'lr' }] })")
    desk.evaluate(
        """() => { const grid = document.createElement("div"); grid.className = "dfa-grid";
        grid.style.cssText = "position: absolute; top: 6000px; width: 9px; height: 300px"; view.append(grid); }"""
    )
    desk.get_by_test_id("dfa-events").locator("summary").click()
    desk.get_by_test_id("dfa-event-0").click()
    assert desk.sent() == [{"do": "focus", "step": 40}]
    assert desk.evaluate("document.querySelector('.dfa-grid').getBoundingClientRect().top < innerHeight")


def test_the_kernel_is_told_whether_the_page_is_dark(desk):
    told = "sent.filter((one) => one.type === 'paper').map((one) => one.dark)"
    assert desk.evaluate(told) == [False]
    desk.evaluate("document.body.dataset.jpThemeLight = 'false'")
    desk.wait_for_function(f"{told}.length === 2")
    assert desk.evaluate(told) == [False, True]


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


def test_a_kernel_that_does_not_answer_is_said_and_one_that_answers_again_is_not(desk):
    words, grey = desk.get_by_test_id("dfa-no-answer"), desk.locator(".dfa-explorer.dfa-silent")
    desk.evaluate("window.dead = true")
    desk.get_by_test_id("dfa-do-play").click()
    desk.wait_for_timeout(1200)
    assert (words.is_visible(), grey.count()) == (False, 0), "it has two seconds"
    words.wait_for(timeout=4000)
    assert "run the explorer's cell again" in words.inner_text()
    assert grey.count() == 1
    (play,) = [message for message in desk.evaluate("sent") if message.get("do") == "play"]
    # It was busy: what it answers late, to the first act alone, takes the words away.
    desk.evaluate("({ page, number }) => tell('state', { answered: { [page]: number } })", play)
    words.wait_for(state="hidden", timeout=2000)
    assert grey.count() == 0
    # What was asked since has no answer yet: it has two seconds more.
    words.wait_for(timeout=4000)
    desk.evaluate("window.dead = false")
    words.wait_for(state="hidden", timeout=6000)  # asked again and again, for an act may have been lost
    desk.wait_for_timeout(2500)
    assert not words.is_visible()


def test_an_answer_to_another_page_is_none(desk):
    desk.evaluate("window.dead = true")
    desk.get_by_test_id("dfa-do-play").click()
    desk.evaluate("tell('state', { answered: { another: 9 } })")
    desk.get_by_test_id("dfa-no-answer").wait_for(timeout=5000)


def test_a_model_that_can_send_no_more_is_a_kernel_that_does_not_answer(desk):
    desk.evaluate("() => { window.sent.push = () => { throw new Error('Kernel is dead'); }; }")
    desk.get_by_test_id("dfa-do-play").click()
    desk.get_by_test_id("dfa-no-answer").wait_for(timeout=5000)
