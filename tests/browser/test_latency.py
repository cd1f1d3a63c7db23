"""A hundred changes by keyboard and mouse while it trains at full speed: none lost, and how soon each is seen."""

import json
import random
import statistics
from pathlib import Path

import pytest
from screen import control, error, markers, press, slider, step, text, until

ARTIFACTS = Path(__file__).parents[2] / "artifacts"
CHANGES = 100
# From the event that the user makes to the first drawn frame with one more marker on the curves, and with the network's
# picture as it is from that marker's step on.
STOPWATCH = """() => {
    window.began = null;
    window.waits = [];
    for (const name of ["keydown", "pointerdown", "change"])
        window.addEventListener(name, () => { window.began ??= performance.now(); }, true);
    const panel = document.querySelector('[data-testid="dfa-panel-loss"]');
    const picture = document.querySelector('[data-testid="dfa-network-picture"]');
    let before = Number(panel.dataset.markers);
    const look = () => {
        const now = Number(panel.dataset.markers);
        if (now <= before || Number(picture.dataset.step) < Number(panel.dataset.lastMarker)) return;
        before = now;
        if (window.began === null) return;
        const began = window.began;
        window.began = null;
        requestAnimationFrame(() => window.waits.push(performance.now() - began));
    };
    new MutationObserver(look).observe(panel, { attributes: true, attributeFilter: ["data-markers"] });
    new MutationObserver(look).observe(picture, { attributes: true, attributeFilter: ["data-step"] });
}"""


def slide(page, field, key):
    slider(page, field).focus()
    page.evaluate("window.began = null")
    page.keyboard.press(key)


def type_in(page, field, value):
    box = control(page, field)
    box.fill(value)
    page.evaluate("window.began = null")
    page.keyboard.press("Enter")


def point(page, field, share):
    box = slider(page, field).bounding_box()
    before = slider(page, field).input_value()
    page.evaluate("window.began = null")
    slider(page, field).click(position={"x": 4 + share * (box["width"] - 8), "y": box["height"] / 2})
    if slider(page, field).input_value() == before:  # it stood there already
        page.keyboard.press("ArrowRight")


def choose(page, field, name):
    page.evaluate("window.began = null")
    control(page, field).select_option(name)


def changes(seed=0):
    """A hundred (function, arguments), no two of one field with the same value after each other."""
    drawn, rules, last = random.Random(seed), ["bp", "fa", "dfa", "usf", "kp"], {}
    for _ in range(CHANGES):
        kind = drawn.choice(["slide", "type", "point", "choose", "choose"])
        field = drawn.choice(["lr", "batch_size"])
        if kind == "slide":
            yield slide, (field, drawn.choice(["ArrowLeft", "ArrowRight"]))
        elif kind == "type":
            value = str(drawn.randint(17, 300)) if field == "batch_size" else f"{drawn.uniform(0.01, 0.2):.4f}"
            yield type_in, (field, value)
        elif kind == "point":
            yield point, (field, drawn.uniform(0.2, 0.6))
        else:
            field = drawn.choice(["rule", "feedback_init"])
            names = rules if field == "rule" else ["uniform", "normal", "orthogonal", "kaiming"]
            name = drawn.choice(
                [name for name in names if name != last.get(field, "dfa" if field == "rule" else "uniform")]
            )
            last[field] = name
            yield choose, (field, name)


@pytest.mark.clock
def test_a_hundred_changes(explorer):
    page = explorer
    page.get_by_test_id("dfa-limit").select_option("")
    press(page, "play")
    until(page, lambda: step(page) > 200)
    page.evaluate(STOPWATCH)
    done = 0
    for make, arguments in changes():
        before = markers(page)
        make(page, *arguments)
        until(page, lambda before=before: markers(page) == before + 1, what=f"{make.__name__} {arguments}")
        done += 1
        until(page, lambda done=done: len(page.evaluate("window.waits")) == done, what="the network's picture")
        page.wait_for_timeout(random.Random(done).randint(0, 120))
    assert done == CHANGES == markers(page)
    waits = page.evaluate("window.waits")
    assert len(waits) == CHANGES
    steps = step(page)
    page.wait_for_timeout(1000)
    rate = step(page) - steps
    page.evaluate("window.stopped = performance.now()")
    press(page, "pause")
    until(page, lambda: text(page, "state") == "paused", seconds=20)
    pause = page.evaluate("performance.now() - window.stopped")
    found = {
        "changes": CHANGES,
        "median_ms": round(statistics.median(waits)),
        "p95_ms": round(sorted(waits)[int(0.95 * len(waits))]),
        "pause_ms": round(pause),
        "steps_per_s": rate,
    }
    ARTIFACTS.mkdir(exist_ok=True)
    (ARTIFACTS / "latency.json").write_text(json.dumps(found))
    print(found)
    assert error(page) == ""
    # The promise is 150 and 350 ms on a quiet machine (docs/performance.md); a shared one gets three times as long.
    assert found["median_ms"] <= 450
    assert found["p95_ms"] <= 1050
    assert found["pause_ms"] <= 500
