"""Reference runs, drawn under the runs without taking anything from them; and the choice of angles to draw."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.history.history import Event, History
from dfa_lab.experiment.history.metrics import METRICS, Metric, angle_metrics
from dfa_lab.views.base import palette
from dfa_lab.views.base.curves import chance_band
from dfa_lab.views.base.panels import ANGLES
from dfa_lab.views.history.plotly_figure import figure
from dfa_lab.views.history.plots import accuracyplot, alignmentplot, lossplot
from records import STEPS, lines, make, mean, trace


@pytest.fixture
def references() -> list[History]:
    found = [make("bp", seed=5, replicas=2), make("shallow", seed=6)]
    for history in found:
        history.events = [Event(10, "lr", 0.1, 0.2)]
    return found


def referred(fig: Any) -> list[Any]:
    return [one for one in fig.data if str(one.legendgroup).startswith("reference")]


def grey(ax: Any) -> list[Any]:
    return [line for line in ax.lines if str(line.get_gid()).startswith("reference")]


@pytest.fixture
def another_angle() -> Any:
    METRICS.register("made_up_alignment", Metric("made-up alignment", "degrees", "Only for this test.", True))
    yield "made_up_alignment"
    del METRICS._entries["made_up_alignment"]


# References


def test_figure_draws_references_by_their_test_split_in_loss_and_accuracy(references: list[History]) -> None:
    fig = figure(make(), references=references)
    drawn = [one for one in referred(fig) if not one.showlegend]
    assert [one.name for one in drawn] == [
        f"{name}, {metric}" for metric in ("test loss", "test accuracy") for name in ("bp", "shallow")
    ]
    for one, metric in zip(drawn, ["test_loss", "test_loss", "test_accuracy", "test_accuracy"], strict=True):
        history = references["shallow" in one.name]
        np.testing.assert_array_equal(one.x, STEPS)
        np.testing.assert_array_equal(one.y, mean(history, metric))
        assert one.yaxis == {"test_loss": "y3", "test_accuracy": "y4"}[metric]
        assert one.line.color == palette.REFERENCE_COLOUR
        assert one.line.width < palette.TEST.width
    assert len({one.line.dash for one in drawn}) == 2
    assert "solid" not in {one.line.dash for one in drawn}
    assert [one.name for one in fig.data[:4]] == [one.name for one in drawn]  # under everything else


def test_references_are_in_the_legend_by_name_and_hide_alone(references: list[History]) -> None:
    shown = [one for one in figure(make(), references=references).data if one.showlegend is not False]
    assert [one.name for one in shown][-2:] == ["bp", "shallow"]
    assert [one.legendgroup for one in shown][-2:] == ["reference 0", "reference 1"]
    several = figure(make("a"), make("b"), references=references)
    shown = [one for one in several.data if one.showlegend is not False]
    assert [one.name for one in shown if one.legend == "legend"] == ["a", "b", "bp", "shallow"]
    without = figure(make("a"), make("b"))
    assert several.layout.legend2.y < without.layout.legend2.y  # the second legend makes room


def test_references_take_neither_colour_nor_label_nor_event(references: list[History]) -> None:
    runs = [make("a"), make("bp")]
    plain, beside = figure(*runs), figure(*runs, references=references)
    for name in ("a, test loss", "bp, test loss", "bp, test accuracy"):
        found = [one for one in beside.data if one.name == name and str(one.legendgroup).startswith("run")]
        assert found[0].line.color == trace(plain, name).line.color
    assert [one.name for one in referred(beside) if one.showlegend] == ["bp (reference)", "shallow"]
    assert not [shape for shape in beside.layout.shapes if shape.name == "change"]
    alike = figure(runs[0], references=[references[1], references[1]])
    assert [one.name for one in referred(alike) if one.showlegend] == ["shallow 1", "shallow 2"]


def test_a_reference_opens_no_panel_but_lengthens_the_axis(references: list[History]) -> None:
    fig = figure(make(accuracy=False), references=references)
    assert "test accuracy" not in str([fig.layout[key].title.text for key in fig.layout if key.startswith("yaxis")])
    references[1].record("test_loss", 1.0, step=100, samples=0)
    assert figure(make(), references=references).layout.xaxis.range[1] >= 100
    only_training = History(name="short")
    only_training.record("train_loss", 1.5, step=0, samples=0)
    (one, entry) = referred(figure(make(), references=[only_training, History()]))
    assert (one.name, [*one.y], entry.name) == ("short, training loss", [1.5], "short")


def test_the_same_histories_and_references_give_the_same_json(references: list[History]) -> None:
    again = [History.from_json(history.to_json()) for history in references]
    for history in again:
        history.run_id = "another"
    assert figure(make(), references=references).to_json() == figure(make(), references=tuple(again)).to_json()
    assert figure(make(), references=()).to_json() == figure(make()).to_json()


@pytest.mark.parametrize(("plot", "metric"), [(lossplot, "test_loss"), (accuracyplot, "test_accuracy")])
def test_plots_draw_references_thin_and_grey_under_the_runs(plot: Any, metric: str, references: list[History]) -> None:
    ax = plot(make("dfa"), references=references)
    for line, history in zip(grey(ax), references, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), STEPS)
        np.testing.assert_array_equal(line.get_ydata(), mean(history, metric))
        assert line.get_label() == history.name
        assert line.get_color() == palette.REFERENCE_COLOUR
        assert line.get_linewidth() < palette.TEST.width
        assert line.get_zorder() < min(one.get_zorder() for one in lines(ax))
    assert len({str(line._unscaled_dash_pattern) for line in grey(ax)}) == 2
    assert not ax.texts  # the references' changes
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == [*(["training", "test"] if plot is lossplot else ["dfa"]), "bp", "shallow"]


def test_references_given_twice_on_one_axes_are_drawn_once(references: list[History]) -> None:
    ax = Figure().add_subplot()
    for name in ("dfa", "fa"):
        accuracyplot(make(name), ax=ax, label=name, references=references)
    assert [line.get_color() for line in lines(ax)] == [palette.run_colour(0), palette.run_colour(1)]
    assert [line.get_label() for line in grey(ax)] == ["bp", "shallow"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["dfa", "fa", "bp", "shallow"]


# Angles


def test_an_angle_is_any_metric_of_a_layer_in_degrees(another_angle: str) -> None:
    found = angle_metrics()
    assert set(ANGLES) <= set(found)
    assert another_angle in found
    assert not {name for name in found if "_chance" in name or name.endswith("_sd")}
    assert "gradient_norm_ratio" not in found


def test_a_new_angle_has_a_panel_and_a_plot_and_no_band_of_chance(another_angle: str) -> None:
    history = make()
    for step in STEPS:
        history.record(another_angle, 60.0 + step, step=step, samples=0, layer=1)
        history.record("weight_alignment_chance", 1.0, step=step, samples=0, layer=1)
    assert "made-up" not in figure(history).to_json()  # the panels stay as they were
    fig = figure(history, angles=[another_angle, "weight_alignment"])
    assert fig.layout.yaxis.title.text == "made-up alignment<br>(degrees)"
    assert fig.layout.yaxis2.title.text.startswith("weight alignment")
    assert fig.layout.yaxis3.title.text.startswith("loss")
    one = trace(fig, "dfa, made-up alignment, layer 1")
    np.testing.assert_array_equal(one.y, 60.0 + np.array(STEPS))
    assert [one.name for one in fig.data if one.name and "chance" in one.name] == [
        "weight_alignment, chance",
        "chance ± 2 sd (widest)",
    ]
    assert chance_band([history], another_angle) is None
    ax = alignmentplot(history, metric=another_angle)
    np.testing.assert_array_equal(lines(ax)[0].get_ydata(), one.y)
    assert ax.get_ylabel() == "made-up alignment (degrees)"
    assert not [area for area in ax.collections if area.get_gid() == "chance"]


def test_a_long_name_of_an_angle_is_broken_into_lines() -> None:
    METRICS.register("long_alignment", Metric("alignment of everything (all at once)", "degrees", "A test's.", True))
    try:
        history = make()
        history.record("long_alignment", 60.0, step=0, samples=0, layer=1)
        title = figure(history, angles=["long_alignment"]).layout.yaxis.title.text
        label = alignmentplot(history, metric="long_alignment").get_ylabel()
    finally:
        del METRICS._entries["long_alignment"]
    assert title == "alignment of everything (all at<br>once)<br>(degrees)"
    assert label == "alignment of everything (all at once)\n(degrees)"


def test_no_angles_leave_loss_and_what_follows() -> None:
    layout = figure(make(), angles=[]).layout
    assert layout.yaxis.title.text.startswith("loss")
    assert len([key for key in figure(History(), angles=["weight_alignment"]).layout if key.startswith("yaxis")]) == 4


# Bad input


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda h: figure(h, references=h), r"references=.* such as references=\[bp, shallow\]"),
        (lambda h: figure(h, references="bp"), r"references='bp'; expected several runs"),
        (lambda h: figure(h, references=[h, 3]), "got a int; expected a History, an Experiment"),
        (lambda h: lossplot(h, references=h), r"lossplot\(\) got references="),
        (lambda h: accuracyplot(h, references=[None]), r"accuracyplot\(\) got a NoneType"),
        (lambda h: figure(h, angles="weight_alignment"), r'such as angles=\["weight_alignment"\]'),
        (lambda h: figure(h, angles=["weight_alignmnt"]), "no angle called .* Did you mean 'weight_alignment'"),
        (lambda h: figure(h, angles=["weight_alignment_chance"]), "no angle called 'weight_alignment_chance'"),
        (lambda h: figure(h, angles=[3]), "no angle called 3"),
        (lambda h: alignmentplot(h, metric="test_loss"), "no alignment called 'test_loss'"),
    ],
)
def test_errors_say_what_was_given_and_what_to_do(call: Any, words: str) -> None:
    with pytest.raises(DfaLabError, match=words):
        call(make())
