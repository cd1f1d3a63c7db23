"""Several runs on the live chart: what is sent, without a browser, and how the browser tells the runs apart."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.history.history import History
from dfa_lab.views.base.palette import RUN_COLOURS, run_colour
from dfa_lab.views.base.panels import PANELS
from dfa_lab.widgets.chart.chart_panels import description
from dfa_lab.widgets.chart.chart_part import FEWEST_POINTS, ChartPart, Shown
from javascript import run as javascript

STATUS = {"state": "training"}


class Recorded(ChartPart):
    """A live chart that keeps its headers, and its series taken out of the buffers as the browser does it."""

    headers: list[dict[str, Any]]
    series: dict[tuple[int, str, int | None], np.ndarray]
    runs: list[dict[str, Any]]

    def send(self, content: Any, buffers: Any = None) -> None:
        self.__dict__.setdefault("headers", []).append(json.loads(json.dumps(content, allow_nan=False)))
        if content["type"] == "focus":
            return
        self.runs = content.get("runs") or self.runs
        self.series, numbers = {}, np.frombuffer(*buffers)
        for chunk in content["series"]:
            run = chunk.get("run", 0)
            columns = 3 if self.runs[run]["spread"] else 2
            taken, numbers = np.split(numbers, [columns * chunk["count"]])
            self.series[run, chunk["metric"], chunk["layer"]] = taken.reshape(columns, -1)
        assert not len(numbers)


@pytest.fixture
def chart() -> Recorded:
    return Recorded()


def history(steps: int = 10, start: int = 0, *, level: float = 1.0, into: History | None = None) -> History:
    made = into or History()
    for step in range(start, start + steps):
        made.record("train_loss", [level] * made.replicas, step=step, samples=step)
    return made


def test_each_run_is_sent_with_its_place_and_its_own_columns(chart: Recorded) -> None:
    wide = history(level=2.0, into=History(replicas=4))
    assert chart.show([Shown(history(), "DFA"), Shown(wide, "BP"), Shown(history(), "old", faint=True)], STATUS)
    assert len({run.pop("id") for run in chart.runs}) == 3
    assert chart.runs == [
        {"name": "DFA", "faint": False, "colour": run_colour(0), "spread": False},
        {"name": "BP", "faint": False, "colour": run_colour(1), "spread": True},
        {"name": "old", "faint": True, "colour": run_colour(2), "spread": False},
    ]
    assert chart.series[0, "train_loss", None].tolist() == [[*range(10)], [1.0] * 10]
    assert chart.series[1, "train_loss", None].tolist() == [[*range(10)], [2.0] * 10, [0.0] * 10]


def test_only_what_is_new_of_each_run_is_sent(chart: Recorded) -> None:
    runs = [Shown(history(), "DFA"), Shown(history(), "BP")]
    chart.show(runs, STATUS)
    assert not chart.show(list(runs), STATUS)
    history(3, 10, into=runs[1].history)
    assert chart.show([Shown(run.history, run.name) for run in runs], STATUS)
    assert chart.headers[-1]["type"] == "rows"
    assert list(chart.series) == [(1, "train_loss", None)]
    assert chart.series[1, "train_loss", None][0].tolist() == [10, 11, 12]


@pytest.mark.parametrize(
    "change",
    [
        lambda runs: runs[:1],
        lambda runs: [*runs, Shown(history(), "third")],
        lambda runs: [runs[0], Shown(runs[1].history, "other name")],
        lambda runs: [runs[0], Shown(runs[1].history, runs[1].name, faint=True)],
        lambda runs: runs[::-1],
        lambda runs: (runs[1].history.truncate(5), runs)[1],
    ],
    ids=["fewer", "more", "renamed", "pinned", "in another order", "taken back"],
)
def test_other_runs_make_a_snapshot(chart: Recorded, change: Any) -> None:
    runs = [Shown(history(), "DFA"), Shown(history(), "BP")]
    chart.show(runs, STATUS)
    assert chart.show(change(runs), STATUS)
    assert chart.headers[-1]["type"] == "snapshot"
    assert len(chart.series) == len(chart.runs)


def test_markers_are_of_the_runs_that_are_not_faint(chart: Recorded) -> None:
    first, second, pinned = history(), history(), history()
    first.add_change(8, {"lr": (0.1, 0.2)})
    second.add_change(3, {"rule": ("dfa", "bp")})
    pinned.add_change(5, {"lr": (0.1, 0.3)})
    chart.show([Shown(first, "DFA"), Shown(second, "BP"), Shown(pinned, "old", faint=True)], STATUS)
    assert chart.headers[-1]["events"] == [
        {"step": 3, "label": "rule → bp", "run": 1},
        {"step": 8, "label": "learning rate → 0.2"},
    ]


def test_chance_bands_are_those_of_the_first_run(chart: Recorded) -> None:
    runs = [History(), History()]
    for one in runs:
        one.record("weight_alignment", 80.0, step=0, samples=0, layer=1)
        one.record("weight_alignment_chance", 1.0, step=0, samples=0, layer=1)
    chart.show([Shown(one, "run") for one in runs], STATUS)
    assert [run for run, metric, _ in chart.series if metric == "weight_alignment_chance"] == [0]


def test_a_snapshot_of_many_runs_stays_small(chart: Recorded) -> None:
    long = history(20_000)
    chart.show([Shown(long.copy(), str(number)) for number in range(8)], STATUS)
    assert {series.shape[1] <= FEWEST_POINTS for series in chart.series.values()} == {True}


def test_focus_is_a_message_of_its_own(chart: Recorded) -> None:
    runs = history()
    chart.show(runs, STATUS)
    chart.focus(7)
    assert chart.headers[-1] == {"type": "focus", "step": 7}
    history(1, 10, into=runs)
    chart.show(runs, STATUS)
    assert [header["type"] for header in chart.headers] == ["snapshot", "focus", "rows"]
    assert list(chart.series[0, "train_loss", None][0]) == [10.0], "the rows go on where they were"


@pytest.mark.parametrize("step", [-1, 1.5, True, "7", None, float("nan")])
def test_only_a_step_can_be_focused(chart: Recorded, step: Any) -> None:
    with pytest.raises(DfaLabError, match="expected a step"):
        chart.focus(step)


@pytest.mark.parametrize("runs", [[], None, "run", [history()]])
def test_what_is_no_run_is_refused(chart: Recorded, runs: Any) -> None:
    with pytest.raises(DfaLabError, match="expected a History, or a list"):
        chart.show(runs, STATUS)


THEME = {"strokes": 1, "shade": 0}


def test_no_two_lines_of_a_panel_look_alike() -> None:
    runs = [{"name": str(place), "faint": False, "colour": colour} for place, colour in enumerate(RUN_COLOURS[:4])]
    panel = description(PANELS["alignment"])
    code = """(() => {
        const series = [0, 1, 2, 3].flatMap((run) => [1, 2, 3, 4].flatMap((layer) =>
            ["weight_alignment", "gradient_alignment"].map((metric) => ({ metric, layer, run }))));
        return m.panelLines(series, a[0], { runs: a[1], several: true, theme: a[2] });
    })()"""
    lines = javascript("chart/lines.ts", code, panel, runs, THEME)
    assert len({(line["colour"], json.dumps(line.get("dash"))) for line in lines}) == len(lines) == 32
    signs = {line["run"]["name"]: line["sign"] for line in lines}
    assert signs == {"0": 0, "1": 1, "2": 2, "3": 3}, "a sign tells a run from the others beside its colour"
    assert sorted(line["place"] for line in lines) == list(range(1, 33))
    assert lines[0]["name"] == "0 · layer 1 weight"
    assert max(line["place"] for line in lines if line["run"]["name"] != "0") < lines[0]["place"]


@pytest.mark.parametrize("layers", [1, 2, 3, 8])
def test_a_dash_means_the_same_metric_with_one_lane_and_with_four(layers: int) -> None:
    runs = [{"name": str(place), "faint": place == 3, "colour": colour} for place, colour in enumerate(RUN_COLOURS[:4])]
    panel = description(PANELS["alignment"])
    code = """(() => {
        const of = (runs) => runs.flatMap((_, run) => [...Array(a[3]).keys(), "mean"].flatMap((layer) =>
            ["weight_alignment", "gradient_alignment"].map((metric) =>
                ({ metric, layer: layer === "mean" ? layer : layer + 1, run }))));
        const drawn = (runs) => m.panelLines(of(runs), a[0], { runs, several: runs.length > 1, theme: a[2] });
        return [drawn(a[1].slice(0, 1)), drawn(a[1])];
    })()"""
    for lines in javascript("chart/lines.ts", code, panel, runs, THEME, layers):
        dashes = {metric: set() for metric in ("weight_alignment", "gradient_alignment")}
        for line in lines:
            dashes[line["series"]["metric"]].add(json.dumps(line.get("dash")))
        assert dashes["weight_alignment"] == {"null"}
        assert len(dashes["gradient_alignment"]) == 1
        assert dashes["gradient_alignment"] != {"null"}
    widths = [
        line["width"]
        for line in lines
        if line["series"]["run"] == 0 and line["series"]["layer"] != "mean" and line["series"]["metric"][0] == "w"
    ]
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == layers, "layers differ by width too, not by shade alone"


def test_what_is_hidden_stays_hidden_when_a_run_is_called_otherwise() -> None:
    code = """(() => {
        const runs = new m.Runs();
        const named = (...pairs) => pairs.map(([name, id]) => ({ name, id, colour: "red" }));
        runs.take(named(["DFA", "x"], ["BP", "y"]));
        runs.show(0, false);
        return [runs.take(named(["DFA, then FA", "x"], ["BP", "y"])), [0, 1].map((place) => runs.shows(place))];
    })()"""
    assert javascript("chart/sight.ts", code) == [False, [False, True]]


def test_a_change_that_runs_share_is_marked_once_and_a_label_says_whose_where_it_does_not_anyway() -> None:
    runs = [{"name": "main"}, {"name": "bp"}, {"name": "old", "faint": True}]
    events = [
        {"step": 9, "label": "learning rate → 0.2"},
        {"step": 9, "label": "learning rate → 0.2", "run": 1},
        {"step": 4, "label": "rule → bp", "run": 1},
        {"step": 12, "label": "learning rate → 0.3", "run": 1},
    ]
    found = javascript("chart/lines.ts", "m.marks(...a).map(({ step, label }) => [step, label])", events, runs)
    assert found == [[4, "rule → bp"], [9, "learning rate → 0.2"], [12, "bp: learning rate → 0.3"]]
    alone = javascript("chart/lines.ts", "m.marks(...a).map(({ label }) => label)", events[:1], runs[:1])
    assert alone == ["learning rate → 0.2"]
    runs = [{"name": "DFA, then shallow"}, {"name": "batch size 256"}, {"name": "lr 0.2"}]
    events = [{"step": 3, "label": "rule → shallow"}, {"step": 5, "label": "batch size → 256", "run": 1}]
    events.append({"step": 7, "label": "batch size → 25", "run": 1})
    found = javascript("chart/lines.ts", "m.marks(...a).map(({ label }) => label)", events, runs)
    assert found == ["rule → shallow", "batch size → 256", "batch size 256: batch size → 25"]


def test_of_many_lines_the_means_are_shown_until_one_chooses() -> None:
    code = """(() => {
        const layers = new m.Layers();
        layers.metrics = [{ metric: "w", label: "weight" }, { metric: "g", label: "gradient" }];
        const seen = { none: [layers.choices, layers.angles] };
        [1, 2, 3, "mean", null].forEach((layer) => layers.hear(layer));
        const shown = (runs) => [1, 2, 3, "mean"].filter((layer) => layers.shows("w", layer, runs));
        Object.assign(seen, { choices: layers.choices.map(([value]) => value), one: shown(1), three: shown(3) });
        layers.angle = "g";
        seen.gradient = [shown(2), layers.shows("g", 1, 2), layers.shows("loss", null, 2)];
        layers.angle = "";
        layers.choose("ends");
        seen.ends = shown(3);
        layers.choose("2");
        seen.second = shown(3);
        layers.begin("", "");
        layers.hear(1);
        seen.reset = [shown(4), layers.choices];
        return seen;
    })()"""
    assert javascript("chart/sight.ts", code) == {
        "none": [[], []],
        "choices": ["all", "ends", "mean", "1", "2", "3"],
        "one": [1, 2, 3],
        "three": ["mean"],
        "gradient": [[], True, True],
        "ends": [1, 3],
        "second": [2],
        "reset": [[1, 2, 3], []],
    }


def test_what_is_hidden_goes_with_the_run_of_that_name() -> None:
    code = """(() => {
        const runs = new m.Runs();
        const named = (...names) => names.map((name) => ({ name, colour: "red" }));
        const seen = [runs.take(named("main", "bp", "fa")), runs.all[0].colour];
        runs.show(2, false);
        seen.push(runs.take(named("main", "fa")), [0, 1].map((place) => runs.shows(place)));
        seen.push(runs.take(named("main", "fa", "kp")), runs.shows(2));
        return seen;
    })()"""
    assert javascript("chart/sight.ts", code) == [False, "#767676", True, [True, False], False, True]


@pytest.mark.parametrize(
    ("value", "tick", "legend"),
    [
        (1e30, "1e30", "1e30"),
        (2.5000000000000003e30, "2.5e30", "2.5e30"),
        (-3e20, "−3e20", "−3e20"),
        (2e-7, "2e−7", "2.0e-7"),
    ],
)
def test_huge_and_tiny_numbers_are_short(value: float, tick: str, legend: str) -> None:
    assert javascript("shared/words.ts", "[m.tickText(a[0]), m.valueText(a[0], 3)]", value) == [tick, legend]


def test_a_logarithmic_axis_over_hundreds_of_decades_has_few_ticks() -> None:
    ticks = javascript("chart/options.ts", "m.logTicks(1e-12, 1e300, 200, 22, Math.log10)")
    assert 3 <= len(ticks) <= 9


def test_the_window_follows_the_run_until_one_zooms() -> None:
    code = """(() => {
        const view = new m.Window();
        const seen = [view.range(0), view.range(5000)];
        view.choose("1000");
        seen.push(view.range(300), view.range(5000));
        view.zoom([10, 20]);
        seen.push(view.range(6000));
        view.zoom(null);
        seen.push(view.range(6000));
        view.around(3000, 6000);
        seen.push(view.range(6000));
        return seen;
    })()"""
    assert javascript("chart/sight.ts", code) == [
        [0, 1], [0, 5000], [0, 300], [4000, 5000], [10, 20], [5000, 6000], [2760, 3240],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("least", "greatest", "log", "ticks"),
    [
        (0, 1000, "logStep", [0, 1, 10, 100, 1000]),
        (0, 1_000_000, "logStep", [0, 10, 100, 1000, 10_000, 100_000, 1_000_000]),
        (1000, 1100, "logStep", [1000, 1020, 1040, 1060, 1080, 1100]),
        (0.03, 2.5, "log10", [0.05, 0.1, 0.2, 0.5, 1, 2]),
        (1e-6, 2.5, "log10", [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]),
        (0.04, 0.09, "log10", [0.04, 0.05, 0.06, 0.07, 0.08, 0.09]),
    ],
)
def test_ticks_of_a_logarithmic_axis_are_round_and_apart(least: float, greatest: float, log: str, ticks: list[float]):
    code = f"m.logTicks(a[0], a[1], {400 if log == 'logStep' else 170}, {34 if log == 'logStep' else 22}, "
    code += "m.logStep)" if log == "logStep" else "Math.log10)"
    assert javascript("chart/options.ts", code, least, greatest) == ticks


def test_a_long_series_has_points_for_a_logarithmic_axis_and_for_the_last_steps() -> None:
    code = """(() => {
        const series = new m.Series("train_loss", null);
        for (let step = 0; step < 1000000; step += 10) series.append([step], [Math.sin(step)], null);
        return series.steps;
    })()"""
    steps = np.array(javascript("chart/series.ts", code))
    for low, high in ((10, 100), (100, 1000), (1000, 10_000)):
        assert ((steps >= low) & (steps < high)).sum() >= 9
    assert (steps >= 999_000).sum() >= 50


def test_a_held_value_stands_until_the_next_one() -> None:
    series = "const s = new m.Series('bp_samples_per_s', null); s.append([0, 100], [5, 9], null);"
    read = f"(() => {{ {series} return a.map((x) => s.values[s.placeAt(x, true)] ?? null); }})()"
    found = javascript("chart/series.ts", read, -1, 0, 99, 100, 500)
    assert found == [None, 5, 5, 9, 9]
    assert javascript("chart/series.ts", f"(() => {{ {series} return s.between(20, 60); }})()") == [[0, 100], [5, 9]]
