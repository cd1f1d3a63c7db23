"""The browser's own arithmetic, run by the Node that builds the bundle: thinning, growing series, places of labels."""

from __future__ import annotations

import numpy as np
import pytest

from dfa_lab.widgets.chart.thinning import thin
from javascript import run


@pytest.mark.parametrize(
    ("now", "free", "height"),
    [(256, 289, 400), (400, 1, 400), (400, -60, 370), (300, -200, 256), (256, 2000, 512), (512, 900, 512)],
)
def test_plots_grow_into_the_free_height_and_shrink_out_of_the_one_that_lacks(now: int, free: int, height: int) -> None:
    assert run("room.js", "m.grown(...a)", now, 256, 2, free) == height


@pytest.mark.parametrize("limit", [4, 5, 50, 333])
def test_thinning_is_the_same_in_browser_and_kernel(limit: int) -> None:
    generator = np.random.default_rng(limit)
    steps = np.cumsum(generator.integers(0, 30, 1000)).astype(float)
    values = generator.normal(size=1000).round(1)
    values[generator.random(1000) < 0.2] = np.nan
    values[300:500] = np.nan
    plain = [None if np.isnan(value) else value for value in values]
    assert run("thinning.js", "m.thin(...a)", steps.tolist(), plain, limit) == thin(steps, values, limit).tolist()


def test_a_series_stays_small_and_keeps_its_extremes() -> None:
    grown = run(
        "series.js",
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
    series = run("series.js", expression)
    assert (series["values"], series["broken"]) == ([None, 5, None], 1)


def test_the_value_nearest_to_a_step() -> None:
    series = "const s = new m.Series('x', 1); s.append([10, 20], [1, 2], null);"
    assert run("series.js", f"(() => {{ {series} return a.map((x) => s.near(x)); }})()", 0, 14, 16, 99) == [1, 1, 2, 2]


def test_labels_do_not_overlap_and_the_newest_has_its_place() -> None:
    positions = [50, 55, 60, 65, 70, 300, 480]
    widths = [100] * len(positions)
    places = run("markers.js", "m.placeLabels(...a)", positions, widths, 40, 500)
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
    assert [name for name, waits in run("pace.js", code).items() if waits] == waiting
