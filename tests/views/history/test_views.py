"""Views draw what the History holds: values, changes, bands and words, in plotly and in matplotlib."""

from __future__ import annotations

import math
import subprocess
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.history.history import Event, History
from dfa_lab.experiment.history.metrics import METRICS
from dfa_lab.views.base import palette
from dfa_lab.views.base.change_labels import changes, place_labels, value_text
from dfa_lab.views.base.curves import angle_range, chance_band, curve
from dfa_lab.views.history.plotly_figure import figure
from dfa_lab.views.history.plots import accuracyplot, alignmentplot, lossplot, throughputplot
from records import STEPS, lines, make, mean, trace

# What is drawn


def test_figure_draws_every_series_once_and_exactly() -> None:
    history = make()
    fig = figure(history)
    drawn = {one.name: one for one in fig.data if one.name and one.name.startswith("dfa, ")}
    assert len(drawn) == 2 * 2 + 4
    for metric, layer in history.series:
        end = "" if layer is None else f", layer {layer}"
        one = drawn[f"dfa, {METRICS[metric].label}{end}"]
        np.testing.assert_array_equal(one.x, STEPS)
        np.testing.assert_array_equal(one.y, mean(history, metric, layer))
        assert METRICS[metric].unit in one.hovertemplate
    assert {str(array.dtype) for one in drawn.values() for array in (one.x, one.y)} == {"float64"}
    assert all(one.type == "scatter" for one in fig.data)  # scattergl draws nothing without a GPU


def test_panels_share_the_steps_and_name_their_units() -> None:
    fig = figure(make())
    assert fig.layout.xaxis.title.text == "training step (updates)"
    assert {one.xaxis for one in fig.data} == {None}  # one x axis for all
    titles = [fig.layout[f"yaxis{n or ''}"].title.text for n in ("", 2, 3, 4, 5)]
    expected = ["(degrees)", "(degrees)", "(nats or squared units)", "(share)", "(samples/s)"]
    assert [title.split("<br>")[1] for title in titles] == expected
    domains = [fig.layout[f"yaxis{n or ''}"].domain for n in ("", 2, 3, 4, 5)]
    assert all(upper[0] > lower[1] for upper, lower in pairwise(domains))


def test_a_panel_without_data_is_left_out_but_an_empty_history_has_all() -> None:
    regression = figure(make(accuracy=False)).layout
    assert "test accuracy" not in str([regression[key].title.text for key in regression if key.startswith("yaxis")])
    assert len([key for key in figure(History()).layout if key.startswith("yaxis")]) == 5


def test_replicas_are_their_mean_and_sample_sd() -> None:
    history = make(replicas=3)
    _, values = history.values("test_loss")
    fig = figure(history)
    np.testing.assert_allclose(trace(fig, "dfa, test loss").y, values.mean(axis=1), rtol=1e-12)
    band = trace(fig, "dfa, test loss, ± 1 sd")
    upper = values.mean(axis=1) + values.std(axis=1, ddof=1)
    lower = values.mean(axis=1) - values.std(axis=1, ddof=1)
    np.testing.assert_allclose(band.y, [*upper, *lower[::-1], np.nan], rtol=1e-12)
    np.testing.assert_array_equal(band.x, [*STEPS, *STEPS[::-1], np.nan])
    assert not [one for one in figure(make()).data if one.name and "sd" in one.name and "chance" not in one.name]


def test_what_is_not_finite_is_a_gap_or_left_out_of_the_mean() -> None:
    history = History(replicas=2)
    for step, pair in enumerate([(1.0, 3.0), (np.nan, 5.0), (np.nan, np.inf), (2.0, 4.0)]):
        history.record("test_loss", pair, step=step, samples=step)
    line = curve(history, "test_loss")
    np.testing.assert_array_equal(line.mean, [2, 5, np.nan, 3])
    np.testing.assert_array_equal(line.count, [2, 1, 0, 2])
    np.testing.assert_allclose(line.sd, [np.sqrt(2), np.nan, np.nan, np.sqrt(2)])
    x, y = line.spread.outline()
    np.testing.assert_array_equal(x, [0, 0, np.nan, 3, 3, np.nan])
    np.testing.assert_allclose(y, [2 + 2**0.5, 2 - 2**0.5, np.nan, 3 + 2**0.5, 3 - 2**0.5, np.nan])
    np.testing.assert_array_equal(trace(figure(history), "run, test loss").y, line.mean)
    np.testing.assert_array_equal(lines(lossplot(history))[0].get_ydata(), line.mean)


# The chance band


def test_the_chance_band_is_the_widest_sd_held_until_the_next() -> None:
    history = make()
    for step, layer, sd in [(0, 1, 1.0), (0, 2, 3.0), (20, 2, 0.5)]:
        history.record("weight_alignment_chance", sd, step=step, samples=0, layer=layer)
    band = chance_band([history], "weight_alignment")
    assert band is not None
    np.testing.assert_array_equal(band.steps, [0, 20, 20, 40])
    np.testing.assert_array_equal(band.lower, [84, 84, 88, 88])
    np.testing.assert_array_equal(band.upper, [96, 96, 92, 92])
    only = chance_band([history], "weight_alignment", layers=[1])
    assert only is not None
    assert set(only.upper) == {92.0}
    drawn = trace(figure(history), "weight_alignment, chance")
    np.testing.assert_array_equal(drawn.y, [96, 96, 92, 92, 88, 88, 84, 84, np.nan])
    assert chance_band([history], "gradient_alignment") is None
    area = next(one for one in alignmentplot(history).collections if one.get_gid() == "chance")
    assert {84.0, 96.0, 88.0, 92.0} == set(area.get_paths()[0].vertices[:, 1])


def test_a_second_reading_at_one_step_replaces_the_first() -> None:
    history = make()
    for sd in (5.0, 1.0):
        history.record("weight_alignment_chance", sd, step=0, samples=0, layer=1)
    band = chance_band([history], "weight_alignment")
    assert band is not None
    assert set(band.upper) == {92.0}


@pytest.mark.parametrize(
    ("angles", "expected"),
    [([88, 91], (85, 95, 5)), ([90], (85, 95, 5)), ([0], (0, 90, 15)), ([0, 180], (0, 180, 30)), ([62], (60, 90, 5))],
)
def test_angles_are_shown_as_far_as_needed_with_90_a_tick(angles: list[float], expected: tuple[float, ...]) -> None:
    low, high, tick = angle_range([np.array([*angles, np.nan], dtype=float)])
    assert (low, high, tick) == expected
    assert (90 - low) % tick == 0


# Changes


def test_changes_are_lines_through_all_panels_with_a_label_and_the_full_text_on_hover() -> None:
    history = make()
    history.events = [
        Event(10, "batch_size", 64, 256),
        Event(30, "feedback_init", "uniform", {"name": "aligned", "angle": 45}),
        Event(30, "lr", 0.1, 0.05),
    ]
    fig = figure(history)
    marks = [shape for shape in fig.layout.shapes if shape.name == "change"]
    assert [(mark.x0, mark.x1) for mark in marks] == [(10, 10), (30, 30)]
    lowest = fig.layout.yaxis5.domain[0]
    assert all(mark.yref == "paper" and mark.y0 <= lowest and mark.y1 > fig.layout.yaxis.domain[1] for mark in marks)
    labels = trace(fig, "changes")
    np.testing.assert_array_equal(labels.x, [10, 30])
    assert labels.text[0] == "batch size → 256"
    assert labels.text[1].startswith("feedback → ")
    assert "feedback uniform → aligned, angle 45<br>learning rate 0.1 → 0.05" in labels.hovertext[1]
    ax = lossplot(history)
    assert [line.get_xdata()[0] for line in ax.lines if line.get_gid() == "change"] == [10, 30]
    assert ax.texts[0].get_text().strip() == "batch size → 256"


def test_equal_changes_of_several_runs_are_one_and_belong_to_none() -> None:
    runs = [make("a"), make("b", seed=1)]
    for run in runs:
        run.events = [Event(10, "lr", 0.1, 0.2)]
    runs[1].events.append(Event(10, "momentum", 0.0, 0.9))
    runs.append(runs[0].copy("c"))
    assert [(change.runs, change.text) for change in changes(runs)] == [
        ((0, 2), "learning rate → 0.2"),
        ((1,), "learning rate → 0.2 +1"),
    ]
    fig = figure(*runs)
    marks = [one for one in fig.data if one.name == "changes"]
    assert [(*one.marker.color, one.legendgroup) for one in marks] == [
        (palette.NEUTRAL, None),
        (palette.run_colour(1, -0.25), "run 1"),  # hidden together with the run
    ]
    assert [shape.legendgroup for shape in fig.layout.shapes if shape.name == "change"] == [None, "run 1"]


def test_text_from_outside_is_escaped() -> None:
    history = make("<b>me</b>")
    history.events = [Event(10, "activation_derivative", "exact", "x<0")]
    fig = figure(history, make())
    assert trace(fig, "changes").text == ("derivative → x&lt;0",)
    assert "x<0" not in trace(fig, "changes").hovertext[0]
    written = [text for one in fig.data for text in (one.name, one.hovertemplate, *(one.hovertext or ())) if text]
    assert "&lt;b&gt;me&lt;/b&gt;" in written
    assert not [text for text in written if "<b>me" in text]


def test_labels_neither_overlap_nor_leave_the_width() -> None:
    positions = sorted(np.random.default_rng(0).uniform(0, 500, 60))
    places = place_labels(positions, ["feedback_scale → 0.123"] * 60, width=500, letter=6)
    spans = []
    for position, place in zip(positions, places, strict=True):
        if place.row is None:
            assert place.text == ""
            continue
        length = 6 * (len(place.text) + 2)
        start = position - length if place.left else position
        assert start >= 0
        assert start + length <= 500
        spans.append((place.row, start, start + length, position))
    assert len(spans) >= 8
    for lane, start, end, _ in spans:
        assert not [1 for row, s, e, _ in spans if row == lane and (s, e) != (start, end) and s < end and start < e]
        assert not [1 for row, _, _, line in spans if row < lane and start < line < end]


def test_values_on_labels_are_short() -> None:
    given = [0.1 + 0.2, 256, None, True, {"name": "aligned", "angle": 45}, [1, 2], np.tanh, "step"]
    assert "|".join(map(value_text, given)) == "0.3|256|none|true|aligned(angle=45)|[1, 2]|tanh|step"


# Several runs


def test_several_runs_have_a_colour_each_and_one_legend() -> None:
    runs = [make("bp"), make("fa", seed=1), make("fa", seed=2, layers=3)]
    fig = figure(*runs)
    shown = [one for one in fig.data if one.showlegend is not False]
    names = ["bp", "fa 1", "fa 2", "layer 1", "layer 2", "layer 3", "training", "test"]
    assert [one.name for one in shown] == names
    assert [one.name for one in shown if one.legend == "legend"] == names[:3]
    drawn = [one for one in fig.data if one.name and one.name.startswith("fa 2, ")]
    assert {one.legendgroup for one in drawn} == {"run 2"}
    assert trace(fig, "fa 2, test accuracy").line.color == palette.run_colour(2)
    looks = {(one.line.color, one.line.dash) for one in drawn if "weight" in one.name}
    assert len(looks) == 3
    assert [one.name for one in figure(*runs, labels=["a", "b", "c"]).data if one.legend == "legend"][-3:] == [*"abc"]


def test_colours_stay_apart_over_many_runs() -> None:
    assert len({palette.run_colour(run) for run in range(12)}) == 12
    looks = palette.layer_styles(range(1, 13)).values()
    assert len({look.shade for look in looks}) == len({look.width for look in looks}) == 12


@pytest.mark.parametrize("several", [False, True])
def test_a_dash_means_the_metric_however_many_runs_are_drawn(several: bool) -> None:
    runs = [make("bp"), make("fa", seed=1)] if several else [make("bp")]
    dashes: dict[str, set[str]] = {}
    for one in figure(*runs).data:
        for metric in ("weight alignment", "gradient alignment", "training loss", "test loss", "test accuracy"):
            if one.name and f", {metric}" in one.name and one.line.width:
                dashes.setdefault(metric, set()).add(one.line.dash)
    assert {metric for metric, found in dashes.items() if found == {"solid"}} == {
        "weight alignment",
        "training loss",
        "test accuracy",
    }
    assert dashes["gradient alignment"] == dashes["test loss"] == {"6px,2px"}
    for metric, dashed in (("weight_alignment", False), ("gradient_alignment", True)):
        axes = None
        for run in runs:
            axes = alignmentplot(run, metric=metric, ax=axes)
        lines = [line for line in axes.lines if str(line.get_gid()).startswith("run ")]
        assert len(lines) >= 2 * len(runs)
        assert {line.is_dashed() for line in lines} == {dashed}


def test_the_same_histories_give_the_same_json() -> None:
    history = make(replicas=3)
    history.events = [Event(10, "lr", 0.1, 0.2)]
    again = History.from_json(history.to_json())
    again.run_id = "another"
    before = history.to_json()
    assert figure(history, make()).to_json() == figure(again, make()).to_json()
    assert history.to_json() == before


# matplotlib


@pytest.mark.parametrize("metric", ["weight_alignment", "gradient_alignment"])
def test_alignmentplot_draws_the_layers_asked_for(metric: str) -> None:
    history = make(layers=3)
    ax = alignmentplot(history, metric=metric, layers=[1, 3])
    for line, layer in zip(lines(ax), (1, 3), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), STEPS)
        np.testing.assert_array_equal(line.get_ydata(), mean(history, metric, layer))
        assert line.get_label() == f"layer {layer}"
    (right,) = [line for line in ax.lines if line.get_gid() == "right angle"]
    assert set(right.get_ydata()) == {90.0}
    assert ax.get_ylabel() == f"{METRICS[metric].label} (degrees)"
    assert 90 in ax.get_yticks()


def test_the_other_plots_draw_their_series() -> None:
    history = make()
    for plot, metrics in [
        (lossplot, ["train_loss", "test_loss"]),
        (accuracyplot, ["test_accuracy"]),
        (throughputplot, ["samples_per_s"]),
    ]:
        ax = plot(history, label="mine")
        for line, metric in zip(lines(ax), metrics, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), mean(history, metric))
            assert line.get_label().startswith("mine")
        assert METRICS[metrics[0]].unit in ax.get_ylabel()
        assert ax.get_xlabel() == "training step (updates)"
        assert ax.get_ylim()[1] > mean(history, metrics[-1]).max()


def test_calls_on_one_axes_overlay() -> None:
    given = Figure().add_subplot()
    histories = [make("bp"), make("fa", seed=1, replicas=4)]
    for history in histories:
        history.events = [Event(10, "lr", 0.1, 0.2)]
        assert accuracyplot(history, ax=given, label=history.name) is given
    assert [line.get_label() for line in lines(given)] == ["bp", "fa"]
    assert [line.get_color() for line in lines(given)] == [palette.run_colour(0), palette.run_colour(1)]
    assert len(given.collections) == 1  # the replicas' spread
    assert [text.get_text().strip() for text in given.texts] == ["learning rate → 0.2"]
    assert lines(accuracyplot(histories[0], ax=given, color="red"))[-1].get_color() == "#ff0000"


def test_axes_of_our_own_show_in_a_notebook() -> None:
    ax = lossplot(make())
    assert ax._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    assert ax.figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[union-attr]


# Bad input


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda h: figure(), "no run"),
        (lambda h: figure([h]), r"got a list.* \* before"),
        (lambda h: figure(type("Run", (), {"history": h})()), r"got a Run.*give its \.history"),
        (lambda h: figure(h, 3), "got a int"),
        (lambda h: figure(h, labels=["a", "b"]), "2 labels for 1 runs"),
        (lambda h: figure(h, labels="a"), "expected one text a run"),
        (lambda h: figure(h, labels=[1]), "expected one text a run"),
        (lambda h: figure(h, labels=7), "expected one text a run"),
        (lambda h: lossplot("h"), "got a str"),
        (lambda h: lossplot(History()), "train first.$"),
        (lambda h: alignmentplot(History()), r"train first\. run\.measure\(\) records angles now, and probe_every="),
        (lambda h: alignmentplot(h, metric="weight_alignmnt"), "Did you mean 'weight_alignment'"),
        (lambda h: alignmentplot(h, layers=[3]), "layers that have: 1, 2"),
        (lambda h: alignmentplot(h, layers=[]), "alignmentplot"),
        (lambda h: accuracyplot(make(accuracy=False)), "needs test_accuracy, which this history has not; it has: grad"),
        (lambda h: lossplot(h, ax=Figure()), "expected a matplotlib Axes"),
        (lambda h: lossplot(h, color="bleu-ish"), "no colour"),
    ],
)
def test_errors_say_what_was_given_and_what_to_do(call: Any, words: str) -> None:
    with pytest.raises(DfaLabError, match=words):
        call(make())


# Imports


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "forbidden"),
    [("plotly_figure", ["matplotlib", "ipywidgets"]), ("plots", ["matplotlib.pyplot", "plotly", "ipywidgets"])],
)
def test_each_library_loads_alone(module: str, forbidden: list[str]) -> None:
    code = f"import sys, dfa_lab.views.history.{module}; print([name for name in {forbidden!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_chance_band_lies_about_the_mean_that_was_recorded() -> None:
    """Where skips carry e past the feedback, the angle by chance is not 90°."""
    history = History({}, name="run")
    history.record("gradient_alignment_chance", 5.0, step=0, samples=0, layer=1)
    history.record("gradient_alignment_chance_mean", 60.0, step=0, samples=0, layer=1)
    history.record("gradient_alignment_chance", math.nan, step=10, samples=0, layer=1)
    history.record("gradient_alignment_chance_mean", math.nan, step=10, samples=0, layer=1)
    history.record("train_loss", 1.0, step=20, samples=0)
    band = chance_band([history], "gradient_alignment")
    assert band is not None
    assert [band.lower[0], band.upper[0]] == [50.0, 70.0]
    assert [band.lower[-1], band.upper[-1]] == [90.0, 90.0]
