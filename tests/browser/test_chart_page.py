"""The live chart alone on a page, given the messages that the kernel makes: no server, no kernel."""

import itertools
import time

import pytest
from chart_page import PageChart, mount, opened

from dfa_lab.experiment.history.history import History
from dfa_lab.widgets.chart.chart_part import Shown
from places import ROOT

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture
def chart(page):
    """A chart whose messages go to the page at once."""
    opened(page)
    mount(page)
    made = PageChart()
    made.page = page
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


def look(page):
    """Open the menu of what is in sight, where it is closed."""
    if page.get_by_test_id("dfa-view").get_attribute("aria-expanded") == "false":
        page.get_by_test_id("dfa-view").click()


def menu(page, name):
    """The words of a menu's choices, and the value chosen."""
    look(page)
    found = page.get_by_test_id(f"dfa-{name}")
    return found.locator("option").all_text_contents(), found.input_value()


def keys(page, panel):
    """The lines of a panel, as a screen reader hears them."""
    lines = page.get_by_test_id(f"dfa-panel-{panel}").locator(".dfa-key").all()
    return [line.get_attribute("title").removeprefix("Show or hide ") for line in lines]


def test_many_lines_are_means_until_one_chooses_a_layer_and_an_angle(chart, page):
    runs = [Shown(recorded(), "main"), Shown(recorded(), "bp"), Shown(recorded(), "fa")]
    chart.show(runs, {"state": "paused"})
    look(page)
    page.get_by_text("mean over layers").wait_for(state="attached")
    assert menu(page, "layers")[1] == "mean"
    assert keys(page, "alignment")[:3] == ["main · weight, mean", "main · gradient, mean", "bp · weight, mean"]
    look(page)
    page.get_by_test_id("dfa-layers").select_option("2")
    look(page)
    page.get_by_test_id("dfa-angles").select_option("gradient_alignment")
    page.wait_for_timeout(100)
    assert keys(page, "alignment") == [f"{run} · layer 2 gradient" for run in ("main", "bp", "fa")]
    chart.show(runs[:1], {"state": "paused"})
    page.wait_for_timeout(100)
    assert keys(page, "alignment") == ["layer 2 gradient"], "the same network: the choice stands"


def test_a_new_network_begins_with_nothing_hidden_and_linear_axes(chart, page):
    chart.show([Shown(recorded(), "main")], {"state": "paused"})
    look(page)
    page.get_by_test_id("dfa-log-values").check()
    look(page)
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
    look(page)
    assert not page.get_by_test_id("dfa-log-values").is_checked()
    assert menu(page, "layers") == (["all layers", "mean over layers", "layer 1", "layer 2"], "all")
    assert page.get_by_test_id("dfa-panel-accuracy").count() == 0


def test_a_loss_that_diverges_is_said_and_its_axis_can_be_read(chart, page):
    history = recorded()
    for step in range(500, 600, 10):
        history.record("train_loss", 1e30 * step, step=step, samples=step)
    chart.show([Shown(history, "main")], {"state": "paused"}, diverged=607)
    page.get_by_text("diverged at step 607").wait_for()
    look(page)
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


def test_the_cursor_reads_the_nearest_values_and_the_head_says_of_which_steps(chart, page):
    chart.show([Shown(recorded(), "main")], {"state": "paused"})
    page.wait_for_timeout(200)
    box = page.get_by_test_id("dfa-panel-loss").locator(".u-over").bounding_box()
    for share, said in ((0.51, "at steps 250–256"), (0, "at step 0")):
        page.mouse.move(box["x"] + share * box["width"], box["y"] + 50)
        time.sleep(0.2)
        assert page.get_by_test_id("dfa-panel-loss").locator(".dfa-at").inner_text() == said


@pytest.mark.parametrize(("width", "columns"), [(1280, 2), (700, 2), (480, 1)])
def test_panels_stand_side_by_side_where_there_is_room(chart, page, width, columns):
    page.set_viewport_size({"width": width, "height": 800})
    chart.show([Shown(recorded(6), "main"), Shown(recorded(6), "bp")], {"state": "paused"})
    page.wait_for_timeout(200)
    tops = [page.get_by_test_id(f"dfa-panel-{name}").bounding_box()["y"] for name in ("alignment", "loss")]
    assert (tops[0] == tops[1]) == (columns == 2)
    look(page)
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
    look(page)
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
    look(page)
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
    assert note.inner_text() == "at full speed: one update of each run and one by BP, timed in turn on copies"
    assert at.inner_text() == "at step 200"
    boxes = [one.bounding_box() for one in (row, title, note, at)]
    around, first, second, third = ((box["x"], box["x"] + box["width"]) for box in boxes)
    assert first[0] - around[0] < 8
    assert first[1] + 8 <= second[0]
    assert second[1] + 8 <= third[0]
    assert third[1] <= around[1]
    assert boxes[1]["height"] < 24, "the title is one line"


# The explorer's row of curves: 850 × 210 pixels for all four.
ROW = "width: 850px; height: 640px"
PANELS = ("alignment", "loss", "accuracy", "throughput")


def measured(layers=2, steps=500):
    """A run with values in every panel."""
    history = recorded(layers, steps)
    for step in (0, 100, 200):
        history.record("test_accuracy", 0.5, step=step, samples=step)
        history.record("samples_per_s", 5000.0, step=step, samples=step)
        history.record("bp_samples_per_s", 4000.0, step=step, samples=step)
    history.add_change(150, {"rule": ("dfa", "bp")})
    return history


@pytest.fixture
def row(page):
    """The chart in the explorer, on a page of the size that a cell has."""
    page.set_viewport_size({"width": 850, "height": 640})
    opened(page)
    mount(page, "explorer", style=ROW)
    made = PageChart()
    made.page = page
    yield made
    assert page.errors == []


# What of the chart lies outside of its box, is cut off by its own box, or hides what another says.
CLIPPED = """() => {
    const around = document.querySelector(".dfa-bottom").getBoundingClientRect();
    const found = [];
    for (const one of document.querySelectorAll(
        ".dfa-head .dfa-title, .dfa-head .dfa-key:not(.dfa-over), .dfa-enlarge, .dfa-small-button, .u-wrap canvas")) {
        const box = one.getBoundingClientRect();
        const inside = box.left >= around.left - 1 && box.right <= around.right + 1
            && box.top >= around.top - 2 && box.bottom <= around.bottom + 2;
        if (!inside || !box.width) found.push(["outside", one.className || one.tagName]);
        const legend = one.closest(".dfa-legend")?.getBoundingClientRect();
        if (legend && box.bottom > legend.bottom + 2) found.push(["half a key", one.textContent]);
        if (one.tagName !== "CANVAS" && one.scrollWidth > one.clientWidth + 1) found.push(["cut", one.textContent]);
    }
    const said = ".dfa-head .dfa-key:not(.dfa-over), .dfa-enlarge, .dfa-small-button, .dfa-title";
    const seen = [...document.querySelectorAll(said)];
    const name = (one) => one.textContent || one.className;
    const boxes = seen.map((one) => one.getBoundingClientRect());
    boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b, j) => {
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (across > 1 && down > 1) found.push(["over", name(seen[i]), name(seen[i + 1 + j])]);
    }));
    return found;
}"""


@pytest.mark.parametrize("runs", [1, 3, 4])
@pytest.mark.parametrize("layers", [2, 10])
def test_the_row_holds_four_panels_and_clips_nothing(row, page, runs, layers):
    row.show([Shown(measured(layers), name) for name in NAMES[:runs]], {"state": "paused"})
    page.wait_for_timeout(400)
    boxes = [page.get_by_test_id(f"dfa-panel-{name}").bounding_box() for name in PANELS]
    assert len({round(box["y"]) for box in boxes}) == 1, "one row"
    assert page.evaluate(CLIPPED) == []
    plots = [page.get_by_test_id(f"dfa-panel-{name}").locator(".u-over").bounding_box() for name in PANELS]
    assert min(box["height"] for box in plots) >= 110
    assert min(box["width"] for box in plots) >= 150
    assert page.evaluate("document.documentElement.scrollWidth") <= 850


def test_what_a_small_panel_has_no_room_for_is_said_where_one_points(row, page):
    row.show([Shown(measured(), "main")], {"state": "paused"})
    page.wait_for_timeout(300)
    panel = page.get_by_test_id("dfa-panel-alignment")
    assert not any("rule" in text for text in page.evaluate("window.written")), "a mark is a thin line"
    over = panel.locator(".u-over").bounding_box()
    page.mouse.move(over["x"] + over["width"] * 150 / 490, over["y"] + 30)
    tip = panel.locator(".dfa-tip")
    tip.wait_for()
    said = tip.inner_text()
    assert "at step 150" in said or "at step 128" in said
    assert "B₁ weight" in said
    assert "rule → bp" in said
    values = page.get_by_test_id("dfa-panel-loss").locator(".dfa-number").first.inner_text()
    assert values == "0.0066", "the cursor is in every panel"
    page.mouse.move(5, 5)
    tip.wait_for(state="detached")
    row.focus(150)
    page.wait_for_timeout(200)
    assert "rule → bp" in page.evaluate("window.written"), "the step to be looked at says its change"


def test_a_panel_is_enlarged_and_escape_goes_back(row, page):
    row.show([Shown(measured(), "main")], {"state": "paused"})
    page.wait_for_timeout(300)
    panel = page.get_by_test_id("dfa-panel-alignment")
    small = panel.bounding_box()
    page.evaluate("window.written = []")
    page.get_by_test_id("dfa-enlarge-alignment").click()
    page.wait_for_timeout(300)
    large = panel.bounding_box()
    assert large["width"] > 3 * small["width"]
    assert large["height"] > 1.6 * small["height"]
    assert "rule → bp" in page.evaluate("window.written")
    assert keys(page, "alignment")[0] == "layer 1 weight"
    assert panel.locator(".dfa-key-name").first.is_visible()
    page.keyboard.press("Escape")
    page.wait_for_timeout(300)
    assert panel.bounding_box() == small


@pytest.mark.parametrize("runs", [1, 3])
def test_beside_an_enlarged_panel_one_can_still_choose_what_is_in_sight(row, page, runs):
    row.show([Shown(measured(), name) for name in NAMES[:runs]], {"state": "paused"})
    page.get_by_test_id("dfa-enlarge-accuracy").click()
    page.wait_for_timeout(300)
    button, panel = page.get_by_test_id("dfa-view"), page.get_by_test_id("dfa-panel-accuracy")
    button.click(timeout=5000)
    page.get_by_test_id("dfa-window").select_option("100", timeout=5000)
    page.wait_for_timeout(300)
    inner, outer = button.bounding_box(), panel.bounding_box()
    assert outer["y"] <= inner["y"] < outer["y"] + 30
    others = [panel.get_by_test_id("dfa-enlarge-accuracy"), page.get_by_test_id("dfa-whole-run"), button]
    boxes = sorted((one.bounding_box()["x"], one.bounding_box()["width"]) for one in others if one.count())
    assert all(left + width <= right for (left, width), (right, _) in itertools.pairwise(boxes)), boxes
    shown = page.locator(".dfa-view-box").bounding_box()
    assert shown["y"] + shown["height"] <= 640
    page.keyboard.press("Escape")
    assert (page.locator(".dfa-view-box").count(), panel.bounding_box()) == (0, outer), "first the menu, then the panel"


def test_single_values_at_step_0_are_dots(row, page):
    history = History()
    history.record("test_loss", 2.3, step=0, samples=0)
    history.record("samples_per_s", 5000.0, step=0, samples=0)
    row.show([Shown(history, "main")], {"state": "paused"})
    page.wait_for_timeout(300)
    for name in ("loss", "throughput"):
        inked = (
            page.get_by_test_id(f"dfa-panel-{name}")
            .locator("canvas")
            .evaluate(
                """(one) => {
                const { data } = one.getContext("2d").getImageData(0, 0, one.width, one.height);
                let coloured = 0;
                for (let i = 0; i < data.length; i += 4) {
                    const [least, most] = [Math.min(...data.slice(i, i + 3)), Math.max(...data.slice(i, i + 3))];
                    if (data[i + 3] > 200 && most - least > 60) coloured += 1;
                }
                return coloured;
            }"""
            )
        )
        assert inked > 15, f"{name}: {inked} pixels in colour"


@pytest.mark.parametrize("part", ["chart", "explorer"])
def test_a_chart_made_where_nobody_sees_it_has_its_size_once_it_is_seen(page, part):
    page.set_viewport_size({"width": 900, "height": 700})
    opened(page)
    mount(page, part, style="display: none")
    made = PageChart()
    made.page = page
    runs = [Shown(measured(), "main")]
    made.show(runs, {"state": "paused"})
    page.wait_for_timeout(200)
    box = "document.body.lastElementChild"
    # Shown, scrolled away, back in a narrower place; rows come all the while.
    for step, style in ((600, "width: 850px"), (700, "display: none"), (800, "width: 600px")):
        page.evaluate(f"(style) => {{ {box}.style.cssText = style; }}", style)
        page.wait_for_timeout(200)
        runs[0].history.record("train_loss", 1.0, step=step, samples=step)
        made.show(runs, {"state": "paused"})
        page.wait_for_timeout(200)
    panel, canvas = (page.get_by_test_id("dfa-panel-loss"), page.get_by_test_id("dfa-panel-loss").locator("canvas"))
    assert canvas.bounding_box()["width"] == pytest.approx(panel.bounding_box()["width"], abs=2)
    assert canvas.bounding_box()["height"] > 90
    assert page.errors == []


def test_two_views_of_a_chart_are_in_step_and_one_that_closes_leaves_the_other(page):
    opened(page)
    mount(page, style="width: 600px")
    mount(page, style="width: 300px")
    made = PageChart()
    made.page = page
    history = measured()
    made.show([Shown(history, "main")], {"state": "paused"})
    page.wait_for_timeout(300)
    panels = page.get_by_test_id("dfa-panel-loss")
    assert [box.get_attribute("data-points") for box in panels.all()] == ["60", "60"]
    widths = [box.locator("canvas").bounding_box()["width"] for box in panels.all()]
    assert widths[0] != widths[1]
    page.evaluate("window.leave[0]()")
    history.record("train_loss", 1.0, step=600, samples=600)
    made.show([Shown(history, "main")], {"state": "paused"})
    points = "() => [...document.querySelectorAll('[data-testid=dfa-panel-loss]')].map((one) => one.dataset.points)"
    page.wait_for_function(f"({points})().join() === '61'")
    assert page.errors == []


def test_only_the_panels_that_are_asked_for_are_shown_in_their_order(page):
    opened(page)
    mount(page, options={"panels": ["loss", "alignment"]})
    made = PageChart()
    made.page = page
    made.show([Shown(measured(), "main")], {"state": "paused"})
    page.get_by_test_id("dfa-panel-loss").wait_for()
    found = page.locator(".dfa-panel").evaluate_all("(all) => all.map((one) => one.dataset.testid)")
    assert found == ["dfa-panel-loss", "dfa-panel-alignment"]
    assert page.get_by_test_id("dfa-state").inner_text() == "paused"
    assert page.errors == []


@pytest.mark.parametrize("theme", ["light", "dark", "projector"])
@pytest.mark.parametrize("part", ["chart", "explorer"])
def test_nothing_serious_is_found_by_axe(page, part, theme):
    page.set_viewport_size({"width": 1024, "height": 768})
    opened(page)
    mount(page, part, {"theme": theme})
    made = PageChart()
    made.page = page
    made.show([Shown(measured(5), name) for name in NAMES], {"state": "paused", "step": "500"})
    page.wait_for_timeout(300)
    look(page)
    page.evaluate(AXE.read_text())
    for large in (False, True):
        if large:
            page.keyboard.press("Escape")
            page.get_by_test_id("dfa-enlarge-alignment").click()
            page.wait_for_timeout(300)
        found = page.evaluate("async () => (await axe.run('.dfa-curves')).violations")
        serious = [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("serious", "critical")]
        assert serious == []
    assert page.errors == []
