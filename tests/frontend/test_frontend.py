"""The chart's own arithmetic, run by Node: thinning, growing series, axes, labels, lines, what is in sight."""

from __future__ import annotations

import numpy as np
import pytest

from dfa_lab.views.base import thin
from javascript import FRONTEND, run


@pytest.mark.parametrize("limit", [4, 5, 50, 333])
def test_thinning_is_the_same_in_browser_and_kernel(limit: int) -> None:
    generator = np.random.default_rng(limit)
    steps = np.cumsum(generator.integers(0, 30, 1000)).astype(float)
    values = generator.normal(size=1000).round(1)
    values[generator.random(1000) < 0.2] = np.nan
    values[300:500] = np.nan
    plain = [None if np.isnan(value) else value for value in values]
    assert run("chart/series.ts", "m.thin(...a)", steps.tolist(), plain, limit) == thin(steps, values, limit).tolist()


def test_a_series_stays_small_and_keeps_its_extremes() -> None:
    grown = run(
        "chart/series.ts",
        """(() => {
            const series = new m.Series("train_loss", null);
            let most = 0;
            for (let step = 0; step < 200000; step += 1) {
                const value = step === 7777 ? 50 : step === 8888 ? -50 : Math.sin(step / 900);
                series.append([step], [value], null);
                most = Math.max(most, series.steps.length);
            }
            const least = Math.min(...series.values), greatest = Math.max(...series.values);
            const far = series.steps.slice(1).reduce((gap, step, i) => Math.max(gap, step - series.steps[i]), 0);
            return { most, least, greatest, far, first: series.steps[0], last: series.lastStep, limit: m.MOST_POINTS };
        })()""",
    )
    assert grown["most"] <= grown["limit"] <= 2000
    assert (grown["least"], grown["greatest"]) == (-50, 50)
    assert (grown["first"], grown["last"]) == (0, 199_999)
    assert grown["far"] < 200_000 / 100


def test_values_that_are_no_numbers_become_gaps() -> None:
    expression = (
        "(() => { const s = new m.Series('x', 1); s.append([1, 2, 3], [NaN, 5, Infinity], null); return s; })()"
    )
    series = run("chart/series.ts", expression)
    assert (series["values"], series["broken"]) == ([None, 5, None], 1)


def test_the_value_nearest_to_a_step() -> None:
    series = "const s = new m.Series('x', 1); s.append([10, 20], [1, 2], null);"
    assert run("chart/series.ts", f"(() => {{ {series} return a.map((x) => s.near(x)); }})()", 0, 14, 16, 99) == [
        None,
        1,
        2,
        2,
    ]


@pytest.mark.parametrize("at", [None, -3, 0, 3.4, 4.9, 5.1, 12, 19.99, 20, 20.01, 77])
def test_values_are_read_with_the_steps_they_were_measured_at(at: float | None) -> None:
    held, every_10, late = [0, 20, 40], [0, 10, 20, 30, 40], [20, 28]
    code = """await (async () => {
        const { Series } = await import(a[2]);
        const lines = a[0].map(([steps, held]) => {
            const series = new Series("x", null);
            series.append(steps, steps.map((step) => step * step), null);
            return { series, line: { held } };
        });
        return m.reading(lines, a[1]);
    })()"""
    series = [[held, True], [every_10, False], [late, False]]
    read = run("chart/lines.ts", code, series, at, (FRONTEND / "chart/series.ts").as_uri())
    expected: list[int | None] = [40, 40, 28]
    if at is not None:
        near = [min(steps, key=lambda step: abs(step - at)) for steps in (every_10, late)]
        firsts = [every_10[0], late[0]]
        expected = [max((step for step in held if step <= at), default=None)]
        expected += [step if at >= first - 1 else None for step, first in zip(near, firsts, strict=True)]
    assert read["steps"] == expected
    assert read["values"] == [None if step is None else step**2 for step in expected]
    steps = [step for step in expected if step is not None]
    assert read["step"] == (max(steps) if at is None else min(steps, key=lambda step: abs(step - at), default=None))


def test_of_which_steps_values_are_is_said_shortly() -> None:
    said = run("chart/lines.ts", "a.map(m.atSteps)", [0], [80, None, 80], [82, 1074], [None], [])
    assert said == ["at step 0", "at step 80", "at steps 82–1,074", "", ""]


def test_labels_do_not_overlap_and_the_newest_has_its_place() -> None:
    positions = [50, 55, 60, 65, 70, 300, 480]
    widths = [100] * len(positions)
    places = run("chart/lines.ts", "m.placeLabels(...a)", positions, widths, 40, 500)
    assert places[-1] is not None
    assert places[-1]["left"] + 100 <= positions[-1], "too near the edge: it stands left of its line"
    assert places[0] is None, "no lane is free for the oldest"
    shown = [place for place in places if place]
    for i, one in enumerate(shown):
        for other in shown[i + 1 :]:
            assert one["lane"] != other["lane"] or abs(one["left"] - other["left"]) >= 100


def test_what_moves_a_curve_by_less_than_a_pixel_waits_and_everything_else_is_drawn() -> None:
    code = """(() => {
        const pace = new m.Pace();
        const place = (step) => step / 1000; // a pixel a thousand steps
        const waits = (range, last) => pace.canWait(range, last, place, { min: 0, max: 5 });
        const seen = { first: waits([0, 1e6], 1e6) };
        pace.note([0, 1e6], 1e6);
        pace.hear([1, 4, NaN]);
        Object.assign(seen, { near: waits([0, 1000500], 1000500), far: waits([0, 1002000], 1002000) });
        pace.hear([7]);
        seen.spike = waits([0, 1000500], 1000500);
        pace.note([0, 1000500], 1000500);
        seen.drawn = waits([0, 1000500], 1000500);
        pace.note([900000, 1100000], 1000000);
        Object.assign(seen, { into: waits([900000, 1100000], 1002000), zoomed: waits([0, 50], 1002000) });
        pace.note([0, 50], 1000000);
        seen.beyond = waits([0, 50], 2000000);
        return seen;
    })()"""
    waiting = ["near", "drawn", "beyond"]
    assert [name for name, waits in run("chart/series.ts", code).items() if waits] == waiting


def test_axes_reach_what_a_panel_always_shows_and_the_values_beyond() -> None:
    angle = {"low": 0, "high": 110, "floor": 0, "ceiling": 180}
    assert run("chart/options.ts", "m.heights(...a)", angle, 60, 95) == [0, 110]
    assert run("chart/options.ts", "m.heights(...a)", angle, 60, 178) == [0, 180]
    loss = {"low": 0, "high": None, "floor": None, "ceiling": None}
    assert run("chart/options.ts", "m.heights(...a)", loss, None, None) == [0, 1.05]
    assert run("chart/options.ts", "m.decades(0.01, 1)")[0] < 0.01
    assert run("chart/options.ts", "m.decades(null, null)") == [0.1, 1]


def test_ticks_are_round_and_apart() -> None:
    assert run("chart/options.ts", "m.evenTicks(0, 1, 5)") == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert run("chart/options.ts", "m.evenTicks(0, 5.5e32, 5)") == [0, 2e32, 4e32]
    assert run("chart/options.ts", "m.stepOfLog(m.logStep(99))") == pytest.approx(99)


ANGLE = {"per_layer": True, "colour": 0, "held": False}
LINES = [
    ANGLE | {"metric": "weight_alignment", "label": "weight", "short": "B", "dashed": False},
    ANGLE | {"metric": "gradient_alignment", "label": "gradient", "short": "δ", "dashed": True},
]
RUNS = [{"name": name, "colour": "#0072B2", "faint": name == "pinned"} for name in ("DFA", "BP", "pinned")]


def drawn(runs: list[dict[str, object]], layers: int) -> list[dict[str, object]]:
    """The lines of so many runs and layers."""
    made = """(() => {
        const [lines, runs, layers] = a;
        const all = runs.flatMap((_, run) => [...Array(layers)].flatMap((_, layer) => lines.map(({ metric }) =>
            ({ metric, layer: layer + 1, run, values: [], steps: [], key: `${run}${metric}${layer}` }))));
        const theme = { strokes: 1, letters: 1, shade: 0 };
        return m.panelLines(all, { lines, palette: ["#0072B2", "#D55E00"] }, { runs, several: runs.length > 1, theme });
    })()"""
    found: list[dict[str, object]] = run("chart/lines.ts", made, LINES, runs, layers)
    return found


def test_a_runs_sign_tells_it_from_the_others_beside_its_colour() -> None:
    signs = {line["run"]["name"]: line["sign"] for line in drawn(RUNS, 1)}
    assert signs == {"DFA": 0, "BP": 1, "pinned": 0}
    assert {line["sign"] for line in drawn(RUNS[:1], 3)} == {0}, "one run needs none"
    assert run("chart/drawing.ts", "[1, 2, 3, 4, 5].map((sign) => m.corners(sign)?.length ?? 0)") == [0, 4, 3, 4, 12]


def test_lines_have_the_names_and_the_table_that_fit_their_number() -> None:
    assert [line["label"] for line in drawn(RUNS[:1], 2)] == [
        f"layer {layer} {angle}" for layer in (1, 2) for angle in ("weight", "gradient")
    ]
    assert "row" not in drawn(RUNS[:1], 2)[0]
    assert [line["brief"] for line in drawn(RUNS[:1], 2)] == ["B₁ weight", "δ₁ gradient", "B₂ weight", "δ₂ gradient"]
    assert {line["brief"] for line in drawn(RUNS[:1], 4)} == {"B weight", "δ gradient"}, "its row says the layer"
    assert {line["row"] for line in drawn(RUNS[:1], 4)} == {f"layer {layer}" for layer in (1, 2, 3, 4)}
    several = drawn(RUNS, 1)
    assert [line["row"] for line in several] == ["DFA", "DFA", "BP", "BP", "pinned", "pinned"]
    assert several[0]["place"] == 5, "the first run lies on top, the pinned one behind"


def test_a_panel_is_said_in_words_for_those_who_hear_it() -> None:
    panel = {"title": "throughput", "unit": "samples/s", "decimals": 0}
    lines = [{"name": "this run", "series": {"last": 5000}}, {"name": "BP", "series": {"last": None}}]
    said = run("chart/lines.ts", "[m.summary(a[0], a[1], 1200, 1), m.summary(a[0], [], 0, 0)]", panel, lines)
    assert said == [
        "throughput: this run 5000, BP – samples/s, at step 1,200; 1 change marked",
        "throughput: no values yet",
    ]
