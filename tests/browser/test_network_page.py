"""The drawn network alone on a page, given messages made by hand: no server, no kernel."""

import json
from pathlib import Path

import pytest
from server import ROOT

from network_messages import PHASES, ROUTES, frame, network, panel

ADDRESS = "http://127.0.0.1/"
STATIC = ROOT / "dfa_lab" / "widgets" / "static"
AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
PAGE = """<!doctype html><html lang="en"><title>network</title><link rel="stylesheet" href="dfa_lab.css">
<body><main></main><script type="module">
import widget from "./dfa_lab.js";
window.sent = [];
const model = {
  get: (name) => (name === "part" ? "network" : {}),
  on: (name, listener) => name === "msg:custom" && (window.receive = listener),
  off() {},
  send: (message) => window.sent.push(message),
};
widget.render({ el: document.querySelector("main"), model });
</script>"""


class Network:
    """The page with the widget, and the kernel's part played by hand."""

    def __init__(self, page):
        self.page = page
        self.frames = 0

    def give(self, *parts, whole=True):
        self.frames += 1
        message = json.loads(json.dumps(frame(self.frames, *parts, whole=whole)))
        self.page.evaluate("message => window.receive(message, [])", message)
        self.page.wait_for_timeout(60)

    def sent(self, verb):
        return [message for message in self.page.evaluate("window.sent") if message.get("do") == verb]

    def dial(self, number):
        return self.page.get_by_test_id(f"dfa-dial-{number}")

    def routes(self):
        found = self.page.locator("[data-testid^=dfa-route-]").all()
        return {
            int(one.get_attribute("data-to")): (
                one.get_attribute("data-route"),
                one.get_attribute("data-from"),
                one.get_attribute("data-carrier"),
            )
            for one in found
        }


def opened(page):
    def answer(route):
        name = Path(route.request.url.removeprefix(ADDRESS)).name
        if not name:
            route.fulfill(body=PAGE, content_type="text/html")
        elif (STATIC / name).is_file():
            route.fulfill(path=STATIC / name)
        else:
            route.fulfill(status=204)

    page.route("**/*", answer)
    page.set_viewport_size({"width": 700, "height": 500})
    page.goto(ADDRESS)
    page.wait_for_function("!!window.receive")
    return Network(page)


@pytest.fixture
def net(page):
    yield opened(page)
    assert page.errors == []


@pytest.mark.parametrize("step", [0, 120, 400])
def test_dials_show_the_numbers_of_the_message(net, step):
    message = network("dfa", (32, 16, 24), step=step)
    net.give(panel(), message)
    for layer in message["layers"][:-1]:
        dial = net.dial(layer["number"])
        assert float(dial.get_attribute("data-angle")) == layer["gradient_angle"]
        assert float(dial.get_attribute("data-weight-angle")) == layer["weight_angle"]
        assert float(dial.get_attribute("data-chance")) == layer["gradient_chance"]["mean"]
        turned = {
            name: dial.locator(f"[data-needle={name}]").get_attribute("transform") for name in ("gradient", "weight")
        }
        assert turned == {
            "gradient": f"rotate({layer['gradient_angle']:g})",
            "weight": f"rotate({layer['weight_angle']:g})",
        }
        assert dial.locator(".dfa-degrees").text_content().strip() == f"{layer['gradient_angle']:.0f}°"
    assert net.page.get_by_test_id("dfa-network-picture").get_attribute("data-step") == str(step)


def test_before_the_first_step_all_is_there_but_the_needles(net):
    net.give(panel(), network("dfa", measured=False))
    assert net.page.locator("[data-needle]").count() == 0
    assert net.dial(1).locator(".dfa-degrees").text_content().strip() == "–"
    assert net.page.locator("canvas[data-tile=W1]").count() == net.page.locator("canvas[data-tile=h2]").count() == 1
    assert net.routes()[1] == ("direct", "output", "B₁")


WAYS = {
    "bp": {1: ("bp", "2", "W₂ᵀ"), 2: ("bp", "output", "W₃ᵀ")},
    "fa": {1: ("layerwise", "2", "B₁"), 2: ("layerwise", "output", "B₂")},
    "usf": {1: ("layerwise", "2", "sign(W₂)ᵀ"), 2: ("layerwise", "output", "sign(W₃)ᵀ")},
    "shallow": {1: ("none", "", ""), 2: ("none", "", "")},
    **{rule: {1: ("direct", "output", "B₁"), 2: ("direct", "output", "B₂")} for rule in ("dfa", "sdfa", "drtp")},
}


@pytest.mark.parametrize("rule", ROUTES)
def test_the_route_is_that_of_the_rule(net, rule):
    message = network(rule)
    net.give(panel(), message)
    assert net.routes() == WAYS[rule]
    output = net.page.get_by_test_id("dfa-output")
    assert output.get_attribute("data-error-from") == message["error_from"]
    says = {"sdfa": "sign of e", "drtp": "targets"}.get(rule, "error e")
    assert says in output.text_content()
    nothing = net.page.locator("[data-testid^=dfa-route-]").get_by_text("nothing").count()
    assert nothing == (2 if rule == "shallow" else 0)


def test_a_mapping_has_the_route_of_each_layer(net):
    net.give(panel(), network({1: "dfa", 2: "bp", 3: "shallow", 4: "fa"}, (8, 8, 8, 8)))
    assert net.routes() == {
        1: ("direct", "output", "B₁"),
        2: ("bp", "3", "W₃ᵀ"),
        3: ("none", "", ""),
        4: ("layerwise", "output", "B₄"),
    }
    learns = [net.page.get_by_test_id(f"dfa-layer-{number}").get_attribute("data-learns") for number in (1, 3)]
    assert learns == ["true", "false"]


PLACES = """() => [...document.querySelectorAll("canvas, .dfa-rim, .dfa-error-box, .dfa-name, .dfa-caption")]
    .map((one) => { const { x, y, width, height } = one.getBoundingClientRect();
        return [one.dataset.tile ?? one.getAttribute("class"), x, y, width, height]; })"""


def test_nothing_moves_when_values_come_or_the_rule_changes(net):
    net.give(panel(), network("dfa", measured=False))
    before = net.page.evaluate(PLACES)
    assert len(before) == 12 + 2 + 1 + 4 + 1
    for message in (network("dfa", step=400), network("fa", step=410), network("dfa", step=1420)):
        net.give(message, whole=False)
        assert net.page.evaluate(PLACES) == before


def test_the_elements_stay_the_same_from_frame_to_frame(net):
    net.give(panel(), network("dfa"))
    count = "document.querySelectorAll('.dfa-net *').length"
    net.page.evaluate("document.querySelectorAll('.dfa-net *').forEach(one => { one.kept = true; })")
    net.give(network("dfa", step=50), whole=False)
    kept = net.page.evaluate("[...document.querySelectorAll('.dfa-net *')].filter(one => one.kept).length")
    assert kept == net.page.evaluate(count)


def flashes(net):
    parts = (net.page.locator(f"[data-testid=dfa-{part}-1]") for part in ("route", "slope"))
    return [int(part.get_attribute("data-flashes") or 0) for part in parts]


def test_what_changes_flashes_once(net):
    settings = {"rule": "dfa", "feedback_init": "uniform", "activation_derivative": "exact", "lr": 0.1}
    net.give(panel(settings=settings), network("dfa"))
    net.give(network("dfa", step=5), whole=False)
    assert flashes(net) == [0, 0]
    change = {"part": "panel", "type": "state", "buffers": 0, "gone": []}
    net.give({**change, "state": {"settings": {**settings, "lr": 0.2}}}, whole=False)
    assert flashes(net) == [0, 0]
    net.give({**change, "state": {"settings": {**settings, "feedback_init": "orthogonal"}}}, whole=False)
    assert flashes(net) == [1, 0]
    derived = {**settings, "feedback_init": "orthogonal", "activation_derivative": "step"}
    net.give({**change, "state": {"settings": derived}}, whole=False)
    assert flashes(net) == [1, 1]
    net.give(network("fa", step=6), whole=False)
    assert flashes(net)[0] == 2
    assert net.page.get_by_test_id("dfa-route-1").get_attribute("data-changed")
    net.page.wait_for_function("!document.querySelector('[data-changed]')", timeout=4000)


def phase(net):
    return net.page.get_by_test_id("dfa-network-picture").get_attribute("data-phase")


def test_the_phases_of_a_single_step_run_through_once(net):
    net.give(panel(), network("dfa"))
    net.page.evaluate(
        """() => { const net = document.querySelector(".dfa-net"); window.seen = [];
        new MutationObserver(() => window.seen.push(net.dataset.phase ?? "")).observe(net,
            { attributes: true, attributeFilter: ["data-phase"] }); }"""
    )
    net.give(panel(phases=PHASES), network("dfa", step=1), whole=True)
    net.page.wait_for_function("window.seen.length >= 5", timeout=6000)
    assert net.page.evaluate("window.seen") == ["forward", "error", "signal", "update", ""]
    caption = net.page.get_by_test_id("dfa-network-caption")
    for text in PHASES:
        button = net.page.get_by_test_id(f"dfa-phase-{text['name']}")
        button.click()
        assert phase(net) == text["name"]
        assert text["words"] in caption.text_content()
    net.page.get_by_test_id("dfa-phase-update").click()
    assert phase(net) is None


def test_with_reduced_motion_no_phase_runs_but_each_can_be_chosen(page):
    page.emulate_media(reduced_motion="reduce")
    net = opened(page)
    net.give(panel(phases=PHASES), network("dfa"))
    page.wait_for_timeout(700)
    assert phase(net) is None
    page.get_by_test_id("dfa-phase-signal").click()
    assert phase(net) == "signal"
    running = "document.getAnimations().filter(one => one.playState === 'running').length"
    assert page.evaluate(running) == 0


def test_one_unit_of_one_sample_is_chosen_by_click_keys_and_arrows(net):
    message = network("dfa", (128, 128))
    net.give(panel(), message)
    units = net.page.get_by_test_id("dfa-units-2")
    box = units.bounding_box()
    net.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] * 5.5 / 16)
    look = net.sent("look")[-1]
    assert (look["sample"], look["layer"], look["unit"]) == (3, 2, message["layers"][1]["units"][5])
    net.give(network("dfa", (128, 128), numbers=(2, look["unit"])), whole=False)
    assert "unit 42" in net.page.get_by_test_id("dfa-network-caption").text_content()
    assert "unit 42" in units.get_attribute("aria-valuetext")
    units.focus()
    net.page.keyboard.press("ArrowDown")
    assert net.sent("look")[-1]["unit"] == message["layers"][1]["units"][6]
    net.page.get_by_test_id("dfa-sample-next").click()
    assert net.sent("look")[-1]["sample"] == 4
    net.page.get_by_test_id("dfa-sample-back").click()
    look = net.sent("look")[-1]
    assert (look["sample"], look["layer"], look["unit"]) == (2, 2, 42)
    units.focus()
    net.page.keyboard.press("Escape")
    look = net.sent("look")[-1]
    assert (look["layer"], look["unit"]) == (None, None)


def test_numbers_open_the_arithmetic_of_a_unit(net):
    net.give(panel(), network("dfa"))
    toggle = net.page.get_by_test_id("dfa-numbers-toggle")
    toggle.click()
    assert toggle.get_attribute("aria-pressed") == "true"
    assert (net.sent("look")[-1]["layer"], net.sent("look")[-1]["unit"]) == (1, 0)
    message = network("dfa", numbers=(1, 0))
    net.give(message, whole=False)
    shown = net.page.get_by_test_id("dfa-numbers")
    for line in message["numbers"]["lines"]:
        for said in line.values():
            assert said in shown.text_content()
    shown.get_by_label("close the numbers").click()
    assert shown.count() == 0


@pytest.mark.parametrize("leaving", ["Escape", "another run"])
def test_numbers_go_by_escape_and_with_their_run(net, leaving):
    net.give(panel(), network("dfa"))
    net.page.get_by_test_id("dfa-numbers-toggle").click()
    net.give(network("dfa", step=5, numbers=(1, 0)), whole=False)
    shown = net.page.get_by_test_id("dfa-numbers")
    net.give(network("dfa", step=6, numbers=(1, 0)), whole=False)
    assert shown.locator("dt").count() > 5
    if leaving == "Escape":
        net.page.keyboard.press("Escape")
    else:
        net.give(network("dfa", step=0), whole=False)
    shown.wait_for(state="detached", timeout=5000)
    assert net.page.get_by_test_id("dfa-numbers-toggle").get_attribute("aria-pressed") == "false"


def test_a_dial_shows_the_matrices_and_opens_them_large(net):
    net.give(panel(), network("fa", step=100))
    net.dial(1).hover()
    popover = net.page.get_by_test_id("dfa-matrices")
    assert popover.locator("canvas").count() == 2
    assert "B₁" in popover.text_content()
    said = popover.text_content() + net.dial(1).get_attribute("aria-label")
    assert "large" not in said, "the network alone has no drawer for it"
    assert "W₂ᵀ" in popover.text_content()
    net.give(network("dfa", step=101), whole=False)
    assert popover.locator("canvas").count() == 2
    assert "product of Wᵀ" in popover.text_content(), "what backpropagation has in the place of a direct B"
    net.give(network("bp", step=102), whole=False)
    assert popover.locator("canvas").count() == 1, "B and Wᵀ are one"
    stage = net.page.locator(".dfa-stage").bounding_box()
    assert popover.bounding_box()["y"] >= stage["y"]
    net.page.mouse.move(2, 2)
    assert popover.count() == 0
    net.dial(2).focus()
    net.page.keyboard.press("Enter")
    picture = net.sent("picture")[-1]
    assert (picture["name"], picture["layer"]) == ("matrix", 2)


def test_a_deep_network_folds_and_unfolds(net):
    net.give(panel(), network("dfa", (16,) * 9, step=30))
    assert sorted(net.routes()) == [1, 2, 8, 9]
    net.page.get_by_test_id("dfa-unfold").focus()
    net.page.keyboard.press("Enter")
    assert sorted(net.routes()) == list(range(1, 10))
    stage = net.page.locator(".dfa-stage")
    inside, whole = stage.evaluate("one => [one.clientWidth, one.scrollWidth]")
    assert inside < whole
    assert net.page.evaluate("document.documentElement.scrollWidth") <= 700
    net.page.get_by_test_id("dfa-fold").click()
    assert sorted(net.routes()) == [1, 2, 8, 9]


@pytest.mark.parametrize("rule", ["fa", "dfa"])
def test_a_converted_network_draws_boxes_with_names_and_dials(net, rule):
    net.give(panel(), network(rule, (64, 128, 256, 512), step=200, module=True))
    assert net.page.locator("canvas").count() == 0
    assert net.page.locator(".dfa-module").count() == 6
    assert "conv1" in net.page.get_by_test_id("dfa-layer-1").text_content()
    assert net.dial(4).get_attribute("data-angle")
    assert net.page.get_by_test_id("dfa-numbers-toggle").count() == 0, "there is no unit to look at"


PIXEL = """([name, row, column, rows, columns]) => {
    const canvas = document.querySelector(`canvas[data-tile=${name}]`);
    const [x, y] = [(column + 0.5) * canvas.width / columns, (row + 0.5) * canvas.height / rows];
    return [...canvas.getContext("2d").getImageData(x, y, 1, 1).data];
}"""


def test_values_are_painted_where_they_belong_and_negatives_are_hollow(net):
    message = network("dfa", (4, 4), inputs=3, picture=False)
    weights = message["layers"][0]["weights"]
    weights.update(scale=1.0, values=[0.0] * 12)
    weights["values"][5], weights["values"][6] = 1.0, -1.0
    net.give(panel(theme="light"), message)
    full = net.page.evaluate(PIXEL, ["W1", 1, 2, 4, 3])
    hollow = net.page.evaluate(PIXEL, ["W1", 2, 0, 4, 3])
    assert full == [0x15, 0x58, 0xA8, 255]
    assert hollow[3] == 0


def serious(page):
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run('.dfa-network')")
    return [
        (one["id"], one["impact"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found["violations"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark", "projector"])
def test_axe_finds_nothing(net, theme):
    net.give(panel(theme=theme), network({1: "dfa", 2: "shallow", 3: "fa"}, (16, 16, 16), step=100))
    assert serious(net.page) == []
    net.dial(1).hover()
    net.page.get_by_test_id("dfa-numbers-toggle").click()
    net.give(panel(theme=theme, phases=PHASES), network("dfa", step=100, numbers=(1, 0)))
    net.page.wait_for_timeout(2300)
    assert serious(net.page) == []


def test_the_picture_has_a_text_and_all_its_parts_are_reached_by_keyboard(net):
    message = network("dfa", step=10)
    net.give(panel(), message)
    picture = net.page.get_by_test_id("dfa-network-picture")
    summary = net.page.get_by_test_id("dfa-network-summary")
    assert summary.text_content() == message["summary"]
    assert picture.get_attribute("aria-describedby") == summary.get_attribute("id")
    assert net.page.locator(".dfa-net [aria-live]").count() == 0
    reached = []
    for _ in range(12):
        net.page.keyboard.press("Tab")
        reached.append(net.page.evaluate("document.activeElement.dataset.testid ?? ''"))
    wanted = ["numbers-toggle", "units-1", "dial-1", "units-2", "dial-2", "units-3", "sample-back", "sample-next"]
    assert reached[: len(wanted)] == [f"dfa-{name}" for name in wanted]


@pytest.mark.parametrize("width", [360, 480, 640, 1200])
def test_it_fits_the_width_of_its_box(net, width):
    net.page.set_viewport_size({"width": width + 16, "height": 700})
    for layers in (1, 2, 5, 8):
        net.give(panel(), network("fa", (32,) * layers, step=100))
        net.page.wait_for_timeout(60)
        assert net.page.evaluate("document.documentElement.scrollWidth") <= width + 16
        inside, whole = net.page.locator(".dfa-stage").evaluate("one => [one.clientWidth, one.scrollWidth]")
        assert whole <= inside + 1
        for dial in net.page.locator("[data-testid^=dfa-dial-]").all():
            box = dial.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width + 16
