"""What the curves say where one points: each number beside the series itself, at the step that it is shown with."""

from __future__ import annotations

import re

import numpy as np
import pytest
from chart_page import PageChart, mount, opened

from dfa_lab.experiment.history.history import History
from dfa_lab.views.base import PANELS
from dfa_lab.widgets.chart.chart_part import Shown

LAST = 300
#: Where each metric is measured, and its value there; no two steps have values that look alike.
LOSS = {"train_loss": range(0, LAST + 1, 10), "test_loss": range(2, LAST, 8)}
SPEED = {"samples_per_s": (0, 40, 95, 180, 181, 250), "bp_samples_per_s": (0, 100, 260)}
ACCURACY = {"test_accuracy": (0, 7, 30, 31, 90, 290)}
ANGLES = {"weight_alignment": (0, 1, 4, 16, 64, 256), "gradient_alignment": (0, 1, 4, 16, 64, 256)}
VALUES = {
    **{metric: lambda step: 1 + step / 500 for metric in LOSS},
    **{metric: lambda step: 1000 + step for metric in SPEED},
    **{metric: lambda step: 0.1 + step / 1000 for metric in ACCURACY},
    **{metric: lambda step: 90 - step / 5 for metric in ANGLES},
}


def run_of(begins=0, until=LAST):
    """A run that is measured from step ``begins`` on, as a fork is, and has come to ``until``."""
    history = History()
    for metric, steps in (LOSS | SPEED | ACCURACY).items():
        for step in steps:
            if begins <= step <= until:
                history.record(metric, VALUES[metric](step), step=step, samples=step)
    for step in ANGLES["weight_alignment"]:
        if begins <= step <= until:
            rows = {metric: [[VALUES[metric](step)]] * 2 for metric in ANGLES}
            history.record_layers(rows, step=step, samples=step)
    return history


@pytest.fixture
def row(page, request):
    """The explorer's row of curves, of the width that the test asks for."""
    width = request.param
    page.set_viewport_size({"width": width, "height": 700})
    opened(page)
    mount(page, "explorer", style=f"width: {width}px; height: 690px")
    made = PageChart()
    made.page = page
    yield made
    assert page.errors == []


#: Of the panel that one points at: the table's title, its numbers with their own steps, the points on the curves, and
#: the numbers in its head, all in the order of the lines.
SAID = """(panel) => {
    const texts = (within, what) => [...within.querySelectorAll(what)].map((one) => one.textContent);
    const tip = panel.querySelector(".dfa-tip");
    const over = panel.querySelector(".u-over").getBoundingClientRect();
    const points = [...panel.querySelectorAll(".u-cursor-pt:not(.u-off)")].map((one) => one.getBoundingClientRect());
    return {
        title: tip.querySelector(".dfa-tip-title").textContent,
        numbers: texts(tip, "b"),
        steps: texts(tip, ".dfa-tip-line small"),
        points: points.map((one) => one.left + one.width / 2 - over.left),
        head: texts(panel.querySelector(".dfa-head"), ".dfa-number"),
        keys: [...panel.querySelectorAll(".dfa-key")].map((one) => one.title.replace("Show or hide ", "")),
    };
}"""


def step_in(words):
    """The step that words such as "at step 1,200" name; None where they name none."""
    found = re.search(r"at (?:step )?([\d,]+)$", words)
    return int(found[1].replace(",", "")) if found else None


def right_steps(steps, held, at, within):
    """The steps whose value may be said at ``at``, which is known up to ``within``; None for no value."""
    steps, found = np.array(steps), set()
    for place in np.linspace(at - within, at + within, 31):
        if held:
            found.add(steps[steps <= place].max() if (steps <= place).any() else None)
        else:
            found.add(None if place < steps[0] - 1 else steps[np.abs(steps - place).argmin()])
    return found


@pytest.mark.parametrize("row", [850, 1500], indirect=True)
@pytest.mark.parametrize("begins", [(0,), (0, 120)], ids=["one run", "a run and its fork"])
def test_every_number_is_that_of_the_step_it_is_shown_with(row, page, begins):
    row.show([Shown(run_of(one), f"run {i}") for i, one in enumerate(begins)], {"state": "paused"})
    page.wait_for_timeout(300)
    own_steps = 0
    for panel in [one for one in PANELS.values() if not one.on_request]:
        box = page.get_by_test_id(f"dfa-panel-{panel.name}")
        over = box.locator(".u-over").bounding_box()
        a_pixel = LAST / over["width"]
        lines = [(begin, line) for begin in begins for line in panel.lines]
        if panel.name == "alignment":
            lines = [(begin, line) for begin in begins for _layer in (1, 2) for line in panel.lines]
        for share in (0, *np.linspace(0.003, 0.98, 19)):
            left = over["x"] + share * over["width"]
            page.mouse.move(left, over["y"] + 30)
            box.locator(".dfa-tip").wait_for()
            page.wait_for_timeout(20)
            said, at = box.evaluate(SAID), share * LAST
            where = (panel.name, round(at, 1), said)
            title = step_in(said["title"])
            assert title is not None, where
            shown = []
            for (begin, line), number, own in zip(lines, said["numbers"], said["steps"], strict=True):
                metric = line.metric
                steps = [step for step in (LOSS | SPEED | ACCURACY | ANGLES)[metric] if step >= begin]
                right = right_steps(steps, line.held, at, 1.5 * a_pixel)
                if number == "–":
                    assert None in right, (metric, where)
                    continue
                step = title if not own else step_in(own)
                own_steps += bool(own)
                assert step in right, (metric, right, where)
                assert number == f"{VALUES[metric](step):.{panel.decimals}f}", (metric, step, where)
                shown.append((step, line.held))
            assert title in [step for step, _ in shown], where
            points = sorted(step / a_pixel for step, held in shown if not held)
            assert sorted(said["points"]) == pytest.approx(points, abs=1.5), where
            exact = {number for number in said["numbers"] if number != "–"}
            rounded = [float(number) for number in said["head"] if number not in ("", "–")]
            nearest = [min(abs(float(number) - one) for number in exact) for one in rounded]
            assert all(away <= 0.51 * 10 ** -max(0, panel.decimals - 1) for away in nearest), where
    assert own_steps > 20, "the sweep has met values of several steps"


@pytest.mark.parametrize("row", [1000], indirect=True)
@pytest.mark.parametrize("until", [0, LAST])
def test_step_0_is_a_step(row, page, until):
    row.show([Shown(run_of(until=until), "main")], {"state": "paused"})
    page.wait_for_timeout(300)
    for name in [name for name, one in PANELS.items() if not one.on_request]:
        box = page.get_by_test_id(f"dfa-panel-{name}")
        over = box.locator(".u-over").bounding_box()
        page.mouse.move(over["x"], over["y"] + 30)
        box.locator(".dfa-tip").wait_for()
        assert box.locator(".dfa-tip-title").inner_text().endswith(" at step 0"), name


@pytest.mark.parametrize("row", [1000], indirect=True)
def test_outside_of_the_plot_the_newest_values_are_said_without_a_step(row, page):
    row.show([Shown(run_of(), "main")], {"state": "paused"})
    page.wait_for_timeout(300)
    box = page.get_by_test_id("dfa-panel-loss")
    over = box.locator(".u-over").bounding_box()
    page.mouse.move(over["x"] + 40, over["y"] + over["height"] + 5)  # over the numbers of the axis
    box.locator(".dfa-tip").wait_for()
    assert box.locator(".dfa-tip-title").inner_text() == "Loss"
    assert box.evaluate(SAID)["numbers"] == ["1.600", "1.596"], "the newest"


@pytest.mark.parametrize("row", [1000], indirect=True)
@pytest.mark.parametrize("zoomed", [False, True], ids=["the whole run", "zoomed"])
def test_rows_that_come_while_one_points_are_said_and_dotted_alike(row, page, zoomed):
    runs = [Shown(run_of(), "main")]
    row.show(runs, {"state": "training"})
    if zoomed:
        row.focus(LAST)
    page.wait_for_timeout(300)
    box = page.get_by_test_id("dfa-panel-loss")
    over = box.locator(".u-over").bounding_box()
    page.mouse.move(over["x"] + 0.99 * over["width"], over["y"] + 30)
    for step in range(LAST + 1, LAST + 12):
        runs[0].history.record("train_loss", VALUES["train_loss"](step), step=step, samples=step)
        row.show(runs, {"state": "training"})
        page.wait_for_timeout(60)
        said = box.evaluate(SAID)
        title = step_in(said["title"])
        steps = [step_in(own) or title for own in said["steps"]]
        if zoomed:
            assert steps == [step, 298], "the pointer is beyond both"
        assert said["numbers"] == [f"{1 + one / 500:.3f}" for one in steps], said
        first, last = (275, 325) if zoomed else (0, step)
        points = [(one - first) / (last - first) * over["width"] for one in steps]
        assert sorted(said["points"]) == pytest.approx(sorted(points), abs=1.5)
