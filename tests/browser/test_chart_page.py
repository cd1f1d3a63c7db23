"""The live chart's bundle alone on a page, given the messages that the kernel makes: no server, no kernel."""

import base64
import json
import time

import pytest

from dfa_lab.experiment.history.history import History
from dfa_lab.widgets.chart.chart_part import ChartPart, Shown
from dfa_lab.widgets.kernel.page_widget import STATIC

ADDRESS = "http://127.0.0.1/"
PAGE = """<!doctype html><link rel="stylesheet" href="live_chart.css"><body><script type="module">
import chart from "./live_chart.js";
const model = { on: (_, listener) => (window.receive = listener), off() {}, send() {} };
chart.render({ el: document.body, model });
window.written = [];
window.drawings = 0;
const pen = CanvasRenderingContext2D.prototype;
const { clearRect, fillText } = pen;
pen.clearRect = function (...box) {
  window.drawings += 1;
  return clearRect.apply(this, box);
};
pen.fillText = function (text, ...at) {
  window.written.push(text);
  return fillText.call(this, text, ...at);
};
window.give = (header, numbers) => {
  const bytes = Uint8Array.from(atob(numbers), (letter) => letter.charCodeAt(0));
  window.receive(header, [new DataView(bytes.buffer)]);
};
</script>"""


@pytest.fixture
def chart(page):
    """A ChartPart whose messages go to the page at once."""

    def answer(route):
        name = route.request.url.removeprefix(ADDRESS)
        if not name:
            route.fulfill(body=PAGE, content_type="text/html")
        elif (STATIC / name).is_file():
            route.fulfill(path=STATIC / name)
        else:
            route.fulfill(status=204)

    page.route("**/*", answer)
    page.goto(ADDRESS)
    page.wait_for_function("!!window.give")
    made = ChartPart()

    def give(header, buffers=()):
        numbers = base64.b64encode(b"".join(buffers)).decode()
        page.evaluate("([header, numbers]) => window.give(header, numbers)", [json.loads(json.dumps(header)), numbers])

    made.send = give
    yield made
    assert page.errors == []


def recorded(layers=3, steps=500):
    """A run of so many hidden layers and steps."""
    history = History()
    for step in range(0, steps, 10):
        history.record("train_loss", 1 / (1 + step), step=step, samples=step)
    for step in (0, 1, 2, 4, 8, 16, 32, 64, 128, 256):
        angles = [[90 - 10 * layer - step / 10] for layer in range(layers)]
        history.record_layers({"weight_alignment": angles, "gradient_alignment": angles}, step=step, samples=step)
        history.record("test_loss", 2.0, step=step, samples=step)
    return history


def menu(page, name):
    """The words of a menu's choices, and the value chosen."""
    found = page.get_by_test_id(f"dfa-{name}")
    return found.locator("option").all_text_contents(), found.input_value()


def keys(page, panel):
    """The lines of a panel, as a screen reader hears them."""
    lines = page.get_by_test_id(f"dfa-panel-{panel}").locator(".dfa-key").all()
    return [line.get_attribute("title").removeprefix("Show or hide ") for line in lines]


def test_many_lines_are_means_until_one_chooses_a_layer_and_an_angle(chart, page):
    runs = [Shown(recorded(), "main"), Shown(recorded(), "bp"), Shown(recorded(), "fa")]
    chart.show(runs, {"state": "paused"})
    page.get_by_text("mean over layers").wait_for(state="attached")
    assert menu(page, "layers")[1] == "mean"
    assert keys(page, "alignment")[:3] == ["main · weight, mean", "main · gradient, mean", "bp · weight, mean"]
    page.get_by_test_id("dfa-layers").select_option("2")
    page.get_by_test_id("dfa-angles").select_option("gradient_alignment")
    page.wait_for_timeout(100)
    assert keys(page, "alignment") == [f"{run} · layer 2 gradient" for run in ("main", "bp", "fa")]
    chart.show(runs[:1], {"state": "paused"})
    page.wait_for_timeout(100)
    assert keys(page, "alignment") == ["layer 2 gradient"], "the same network: the choice stands"


def test_a_new_network_begins_with_nothing_hidden_and_linear_axes(chart, page):
    chart.show([Shown(recorded(), "main")], {"state": "paused"})
    page.get_by_test_id("dfa-log-values").check()
    page.get_by_test_id("dfa-layers").select_option("mean")
    key = page.get_by_title("Show or hide training", exact=True)
    key.click()
    assert key.get_attribute("aria-pressed") == "false"
    chart.show([Shown(recorded(), "main")], {"state": "paused"})
    page.wait_for_timeout(100)
    assert key.get_attribute("aria-pressed") == "false", "a reset: the same network again"
    assert menu(page, "layers")[1] == "mean"
    chart.begin_anew()
    chart.show([Shown(recorded(2), "main", classify=False)], {"state": "paused"})
    page.wait_for_timeout(100)
    assert key.get_attribute("aria-pressed") == "true"
    assert not page.get_by_test_id("dfa-log-values").is_checked()
    assert menu(page, "layers") == (["all layers", "mean over layers", "layer 1", "layer 2"], "all")
    assert page.get_by_test_id("dfa-panel-accuracy").count() == 0


def test_a_loss_that_diverges_is_said_and_its_axis_can_be_read(chart, page):
    history = recorded()
    for step in range(500, 600, 10):
        history.record("train_loss", 1e30 * step, step=step, samples=step)
    chart.show([Shown(history, "main")], {"state": "paused"}, diverged=607)
    page.get_by_text("diverged at step 607").wait_for()
    page.get_by_test_id("dfa-log-values").check()
    page.wait_for_timeout(100)
    assert {"2e32", "4e32", "1e30"} <= set(page.evaluate("window.written"))
    chart.show([Shown(history, "main")], {"state": "training"})
    page.get_by_text("diverged at step 607").wait_for(state="detached")


def test_what_cannot_be_seen_is_not_drawn_but_the_last_state_is(chart, page):
    history = History()
    for step in range(0, 1_000_000, 1000):
        history.record("train_loss", 1 / (1 + step), step=step, samples=step)
    chart.show(history, {"state": "training"})
    page.wait_for_timeout(600)
    before = page.evaluate("window.drawings")
    for step in range(1_000_000, 1_000_100, 10):
        history.record("train_loss", 1e-6, step=step, samples=step)
        chart.show(history, {"state": "training"})
        page.wait_for_timeout(20)
    assert page.evaluate("window.drawings") == before, "a hundred steps of a million are no pixel"
    page.wait_for_function("(before) => window.drawings > before", arg=before)
    before = page.evaluate("window.drawings")
    history.record("train_loss", 5.0, step=1_000_100, samples=0)
    chart.show(history, {"state": "training"})
    page.wait_for_function("(before) => window.drawings > before", arg=before, timeout=250)


def test_the_cursor_reads_the_values_of_the_nearest_step(chart, page):
    chart.show([Shown(recorded(), "main")], {"state": "paused"})
    page.wait_for_timeout(200)
    box = page.get_by_test_id("dfa-panel-loss").locator(".u-over").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
    time.sleep(0.2)
    said = page.get_by_test_id("dfa-panel-loss").locator(".dfa-at").inner_text()
    assert said in ("at step 240", "at step 250", "at step 256")


@pytest.mark.parametrize(("width", "columns"), [(1280, 2), (700, 2), (480, 1)])
def test_panels_stand_side_by_side_where_there_is_room(chart, page, width, columns):
    page.set_viewport_size({"width": width, "height": 800})
    chart.show([Shown(recorded(6), "main"), Shown(recorded(6), "bp")], {"state": "paused"})
    page.wait_for_timeout(200)
    tops = [page.get_by_test_id(f"dfa-panel-{name}").bounding_box()["y"] for name in ("alignment", "loss")]
    assert (tops[0] == tops[1]) == (columns == 2)
    page.get_by_test_id("dfa-layers").select_option("all")
    page.wait_for_timeout(100)
    legend = page.get_by_test_id("dfa-panel-alignment").locator(".dfa-legend")
    inside, whole, style = legend.evaluate(
        "(one) => [one.clientWidth, one.scrollWidth, getComputedStyle(one).overflowX]"
    )
    assert whole <= inside or style == "auto", "what does not fit can be scrolled to"
    assert page.evaluate("document.documentElement.scrollWidth") <= width


# What of a panel's legend cannot be read: numbers out of its sight, and words of runs' names broken or cut off.
UNREADABLE = """(legend) => {
    const box = legend.getBoundingClientRect();
    const [right, bottom] = [box.left + legend.clientWidth + 1, box.top + legend.clientHeight + 1];
    const inside = (one) => one.left >= box.left && one.right <= right && one.top >= box.top && one.bottom <= bottom;
    const hidden = [...legend.querySelectorAll(".dfa-number")]
        .filter((one) => !one.textContent || !inside(one.getBoundingClientRect())).map((one) => one.textContent);
    const lines = (text, from, length) => {
        const range = document.createRange();
        range.setStart(text, from);
        range.setEnd(text, from + length);
        return range.getClientRects().length;
    };
    const broken = [...legend.querySelectorAll(".dfa-run-name")].flatMap((name) =>
        [...name.textContent.matchAll(/\\S+/g)].filter((word) => lines(name.firstChild, word.index, word[0].length) > 1)
            .map(([word]) => word));
    const cut = [...legend.querySelectorAll(".dfa-run-name")].filter((one) => one.scrollWidth > one.clientWidth);
    return { hidden, broken, cut: cut.map((one) => one.textContent) };
}"""
NAMES = ("DFA, lr 0.1", "B uniform", "batch size 256", "DFA, then shallow")


@pytest.mark.parametrize("width", [640, 720, 1000, 1500])
@pytest.mark.parametrize("lanes", [2, 4])
def test_every_number_of_four_lanes_and_two_layers_is_in_sight(chart, page, width, lanes):
    page.set_viewport_size({"width": width, "height": 900})
    chart.show([Shown(recorded(2), name) for name in NAMES[:lanes]], {"state": "paused"})
    page.wait_for_timeout(200)
    page.get_by_test_id("dfa-layers").select_option("all")
    page.wait_for_timeout(200)
    legend = page.get_by_test_id("dfa-panel-alignment").locator(".dfa-legend")
    assert legend.locator(".dfa-number").count() == 4 * lanes
    for _ in range(2):
        assert legend.evaluate(UNREADABLE) == {"hidden": [], "broken": [], "cut": []}
        page.set_viewport_size({"width": 660, "height": 900})  # and once the window is another
        page.wait_for_timeout(300)


def test_the_legend_of_many_layers_scrolls_and_leaves_the_plot_its_height(chart, page):
    page.set_viewport_size({"width": 720, "height": 800})
    chart.show([Shown(recorded(8), name) for name in NAMES[:3]], {"state": "paused"})
    page.wait_for_timeout(200)
    page.get_by_test_id("dfa-layers").select_option("all")
    page.wait_for_timeout(200)
    panel = page.get_by_test_id("dfa-panel-alignment")
    assert panel.locator(".dfa-number").count() == 48
    inside, whole, wide, widest = panel.locator(".dfa-legend").evaluate(
        "(one) => [one.clientHeight, one.scrollHeight, one.clientWidth, one.scrollWidth]"
    )
    assert (inside < 220 < whole, widest) == (True, wide), "it scrolls, down alone"
    assert panel.locator(".dfa-plot").bounding_box()["height"] >= 256
    assert panel.locator(".u-over").bounding_box()["height"] >= 160


@pytest.mark.parametrize("width", [640, 1500])
def test_the_note_on_throughput_stands_beside_its_title(chart, page, width):
    page.set_viewport_size({"width": width, "height": 900})
    history = recorded(2)
    for step in (0, 100, 200):
        history.record("samples_per_s", 5000.0, step=step, samples=step)
        history.record("bp_samples_per_s", 4000.0, step=step, samples=step)
    chart.show([Shown(history, "main", compared=True)], {"state": "paused"})
    page.wait_for_timeout(200)
    panel = page.get_by_test_id("dfa-panel-throughput")
    row, title, note, at = (
        panel.locator(f".dfa-{part}") for part in ("title-row", "title", "title-row .dfa-note", "at")
    )
    assert note.inner_text() == "one update of each run and one by BP, timed in turn on copies"
    assert at.inner_text() == "at step 200"
    boxes = [one.bounding_box() for one in (row, title, note, at)]
    around, first, second, third = ((box["x"], box["x"] + box["width"]) for box in boxes)
    assert first[0] - around[0] < 8
    assert first[1] + 8 <= second[0]
    assert second[1] + 8 <= third[0]
    assert third[1] <= around[1]
    assert boxes[1]["height"] < 24, "the title is one line"
