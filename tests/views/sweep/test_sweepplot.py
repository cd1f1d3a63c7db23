"""sweepplot draws what the runs of a sweep reached: middles, bands, axes and words, and hides no setting in a band."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import dfa_lab as dfa
from dfa_lab.errors import DfaLabError
from dfa_lab.views.base import palette
from dfa_lab.views.sweep.sweep_axis import SweepAxis, is_geometric
from dfa_lab.views.sweep.sweep_groups import Spread, levels
from sweep_frames import table

RULES, RATES = ["bp", "fa", "dfa"], [0.01, 0.1, 1.0]


def drawn(axes, number):
    """The x, the middles, and the lower and upper edge of the band of one curve."""
    (line,) = [one for one in axes.lines if one.get_gid() == f"run {number}"]
    (band,) = [one for one in axes.collections if one.get_gid() == f"spread {number}"]
    edges = np.concatenate([path.vertices for path in band.get_paths()])
    x = np.asarray(line.get_xdata(), dtype=float)
    at = [edges[np.isclose(edges[:, 0], one), 1] for one in x]
    return x, np.asarray(line.get_ydata()), np.array([one.min() for one in at]), np.array([one.max() for one in at])


def legend(axes):
    return [text.get_text() for text in axes.get_legend().texts]


def ticks(axes):
    return [label.get_text() for label in axes.get_xticklabels()]


def title(axes):
    return axes.get_title(loc="left")


@pytest.mark.parametrize("seeds", [2, 3, 20])
@pytest.mark.parametrize("y", ["test_accuracy", "test_loss", "seconds"])
def test_each_curve_is_the_mean_and_the_band_the_sd_over_seeds(y, seeds):
    frame = table({"rule": RULES, "lr": RATES}, seeds)
    axes = dfa.sweepplot(frame.sample(frac=1, random_state=0), x="lr", hue="rule", y=y)
    for number, rule in enumerate(legend(axes)):
        groups = frame[frame.rule == rule].groupby("lr")[y]
        x, middle, low, high = drawn(axes, number)
        np.testing.assert_array_equal(x, RATES)
        np.testing.assert_allclose(middle, groups.mean())
        np.testing.assert_allclose(low, groups.mean() - groups.std(ddof=1))
        np.testing.assert_allclose(high, groups.mean() + groups.std(ddof=1))
    assert title(axes) == f"mean ± sd of {seeds} runs"


@pytest.mark.parametrize("percent", [50, 90.0, 100])
def test_a_percentile_band_stands_around_the_median(percent):
    frame = table({"rule": RULES, "lr": RATES}, seeds=9)
    axes = dfa.sweepplot(frame, "lr", "rule", band=percent)
    groups = frame[frame.rule == "fa"].groupby("lr").test_accuracy
    _, middle, low, high = drawn(axes, 1)
    np.testing.assert_allclose(middle, groups.median())
    np.testing.assert_allclose(low, groups.quantile(0.5 - percent / 200))
    np.testing.assert_allclose(high, groups.quantile(0.5 + percent / 200))
    words = "range" if percent == 100 else f"middle {percent:g} %"
    assert title(axes) == f"median and {words} of 9 runs"


def test_runs_that_failed_are_left_out_and_counted():
    frame = table({"rule": ["bp", "fa"], "lr": RATES}, 4, lambda row: row["rule"] == "fa" and row["seed"] < row["lr"])
    frame.loc[0, "test_accuracy"] = np.inf
    axes = dfa.sweepplot(frame, "lr", "rule")
    kept = frame[np.isfinite(frame.test_accuracy)]
    for number, rule in enumerate(["bp", "fa"]):
        expected = kept[kept.rule == rule].groupby("lr").test_accuracy.mean()
        np.testing.assert_allclose(drawn(axes, number)[1], expected)
    assert title(axes) == "mean ± sd of 3–4 runs; 4 of 24 runs without a finite value left out"


def test_a_value_at_which_every_run_failed_has_no_point_and_keeps_its_tick():
    frame = table({"rule": ["bp"], "lr": RATES}, 4, lambda row: row["lr"] == 1.0)
    axes = dfa.sweepplot(frame, "lr")
    assert drawn(axes, 0)[0].tolist() == [0.01, 0.1]
    assert ticks(axes) == ["0.01", "0.1", "1"]
    assert "4 of 12" in title(axes)


def test_one_seed_has_no_band():
    axes = dfa.sweepplot(table({"rule": ["bp"], "lr": RATES}, seeds=1), "lr")
    assert title(axes) == "one run each"
    assert not axes.collections


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0.01, 0.03, 0.1, 0.3], "log"),
        ([1, 2, 4, 8], "log"),
        ([16, 256], "log"),
        ([0.1, 0.2], "linear"),
        ([0.5, 0.6, 0.7, 0.9], "linear"),
        ([0.0, 0.5, 0.9], "linear"),
        ([-1.0, 0.0, 10.0], "linear"),
        ([1, 2, 3, 4, 5, 6, 7], "linear"),
        ([0, 0.01, 0.1, 1.0], "places"),
        (["bp", "fa"], "places"),
        ([True, False], "places"),
        ([(8,), (8, 8)], "places"),
        ([1, None], "places"),
        ([3], "linear"),
    ],
)
def test_the_axis_fits_the_grid(values, kind):
    frame = table({"batch_size": values}, 2)
    assert SweepAxis.of(levels(frame, "batch_size"), None).kind == kind
    axes = dfa.sweepplot(frame, "batch_size")
    assert axes.get_xscale() == ("log" if kind == "log" else "linear")
    assert len(drawn(axes, 0)[0]) == len(values)


def test_log_overrules():
    frame = table({"lr": [1.0, 2.0, 3.0]}, 2)
    assert dfa.sweepplot(frame, "lr", log=True).get_xscale() == "log"
    assert dfa.sweepplot(table({"lr": RATES}, 2), "lr", log=False).get_xscale() == "linear"
    with pytest.raises(DfaLabError, match="positive numbers"):
        dfa.sweepplot(table({"momentum": [0.0, 0.5]}, 2), "momentum", log=True)


def test_is_geometric_wants_rising_positive_numbers():
    assert not is_geometric([])
    assert not is_geometric([1.0])
    assert not is_geometric([0.0, 1.0, 10.0])
    assert is_geometric([1e-4, 1e-3, 1e-2])


def test_choices_with_parameters_have_places_beside_one_another():
    inits = ["uniform", {"name": "aligned", "angle": 45}, {"name": "aligned", "angle": 60}]
    frame = table({"rule": RULES, "feedback_init": inits}, 5)
    axes = dfa.sweepplot(frame, "feedback_init", "rule")
    assert ticks(axes) == ["uniform", "aligned, angle 45", "aligned, angle 60"]
    at = np.array([drawn(axes, number)[0] for number in range(3)])
    assert len(np.unique(at)) == 9
    assert np.abs(at - np.arange(3)).max() < 0.4
    assert all(line.get_linewidth() == 0 for line in axes.lines), "nothing lies between two inits"
    accuracy = frame[(frame.rule == "fa") & (frame.feedback_init.map(str) == str(inits[2]))].test_accuracy
    assert drawn(axes, 1)[1][2] == pytest.approx(accuracy.mean())
    assert drawn(axes, 1)[2][2] == pytest.approx(accuracy.mean() - accuracy.std())


def test_a_setting_that_would_hide_in_the_band_is_an_error():
    frame = table({"rule": ["bp", "fa"], "lr": RATES, "batch_size": [16, 64], "momentum": [0.0, 0.9]}, 2)
    with pytest.raises(DfaLabError, match=r"differ in batch_size, momentum too.*frame\['batch_size'\] == 16"):
        dfa.sweepplot(frame, "lr", "rule")
    dfa.sweepplot(frame, "lr", ["rule", "batch_size"], col="momentum")
    dfa.sweepplot(frame[(frame.batch_size == 16) & (frame.momentum == 0.9)], "lr", "rule")
    both = table({"lr": RATES, "feedback_seed": [3, 4]}, 3)
    assert title(dfa.sweepplot(both, "lr")) == "mean ± sd of 6 runs", "feedback seeds are seeds"


def test_a_setting_that_a_column_of_ones_own_follows_is_not_hidden():
    inits = [{"name": "aligned", "angle": angle} for angle in (0, 45, 90)]
    frame = table({"feedback_init": inits}, 3)
    own = frame.assign(angle=[init["angle"] for init in frame.feedback_init])
    x, middle, *_ = drawn(dfa.sweepplot(own, "angle"), 0)
    assert x.tolist() == [0, 45, 90]
    np.testing.assert_allclose(middle, own.groupby("angle").test_accuracy.mean())
    with pytest.raises(DfaLabError, match="differ in feedback_init too"):
        dfa.sweepplot(own.assign(angle=own.angle // 50), "angle")


def test_several_hues_are_one_curve_for_each_combination_there_is():
    frame = table({"rule": ["bp", "fa"], "batch_size": [256, 16], "lr": RATES}, 2)
    there = frame[(frame.rule == "bp") | (frame.batch_size == 16)]
    axes = dfa.sweepplot(there, "lr", ["rule", "batch_size"])
    assert legend(axes) == ["bp, 16", "bp, 256", "fa, 16"]
    assert axes.get_legend().get_title().get_text() == "rule, batch size"
    expected = frame[(frame.rule == "bp") & (frame.batch_size == 256)].groupby("lr").test_accuracy.mean()
    np.testing.assert_allclose(drawn(axes, 1)[1], expected)


def test_panels_share_their_axes_and_hold_each_its_own_runs():
    frame = table({"rule": ["bp", "fa"], "lr": RATES, "feedback_scale": [0.5, 2.0]}, 3)
    there = frame[(frame.rule == "bp") | (frame.feedback_scale == 0.5)]
    panels = dfa.sweepplot(there, "lr", "rule", col="feedback_scale")
    assert [axes.get_title() for axes in panels] == ["feedback scale 0.5", "feedback scale 2"]
    assert panels[0].get_ylim() == panels[1].get_ylim()
    assert [len(axes.lines) for axes in panels] == [2, 1]
    assert legend(panels[1]) == ["bp", "fa"]
    for axes, scale in zip(panels, (0.5, 2.0), strict=True):
        mine = frame[(frame.rule == "bp") & (frame.feedback_scale == scale)]
        np.testing.assert_allclose(drawn(axes, 0)[1], mine.groupby("lr").test_accuracy.mean())
    assert panels._repr_png_()[:4] == b"\x89PNG"
    with pytest.raises(DfaLabError, match="both col and ax"):
        dfa.sweepplot(there, "lr", "rule", col="feedback_scale", ax=Figure().add_subplot())


def test_two_sweeps_on_one_ax_take_the_next_colours():
    frame = table({"lr": RATES}, 3)
    axes = dfa.sweepplot(frame, "lr", label="first")
    assert dfa.sweepplot(frame, "lr", label="second", ax=axes) is axes
    assert legend(axes) == ["first", "second"]
    assert [line.get_color().upper() for line in axes.lines] == list(palette.RUN_COLOURS[:2])
    assert axes.lines[0].get_marker() != axes.lines[1].get_marker()


def test_a_second_sweep_cannot_move_the_places_of_the_first():
    axes = dfa.sweepplot(table({"rule": ["bp", "fa"]}, 3), "rule")
    dfa.sweepplot(table({"rule": ["bp", "fa"]}, 2), "rule", ax=axes)
    for other, x in (({"rule": ["fa", "dfa"]}, "rule"), ({"lr": RATES}, "lr")):
        with pytest.raises(DfaLabError, match="other values"):
            dfa.sweepplot(table(other, 2), x, ax=axes)
    assert ticks(axes) == ["bp", "fa"]
    rates = dfa.sweepplot(table({"lr": RATES}, 2), "lr")
    dfa.sweepplot(table({"lr": [0.5, 2.0]}, 2), "lr", ax=rates)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"x": "lrr"}, "no column for x called 'lrr'.*Did you mean 'lr'"),
        ({"x": "lr", "hue": "ruel"}, "no column for hue.*Did you mean 'rule'"),
        ({"x": "lr", "hue": ["rule", 3]}, "no column for hue called 3"),
        ({"x": "lr", "hue": "rule", "y": "accuracy"}, "no column for y.*test_accuracy"),
        ({"x": "lr", "hue": "rule", "y": "rule"}, "holds no numbers"),
        ({"x": "lr", "hue": "rule", "col": "width"}, "no column for col"),
        ({"x": "lr", "hue": "rule", "band": "se"}, "band was given as 'se'"),
        ({"x": "lr", "hue": "rule", "band": 0}, "band was given as 0"),
        ({"x": "lr", "hue": "rule", "band": True}, "band was given as True"),
        ({"x": "lr", "hue": "rule", "ax": "here"}, "expected a matplotlib Axes"),
    ],
)
def test_what_the_user_gets_wrong(arguments, words):
    with pytest.raises(DfaLabError, match=words):
        dfa.sweepplot(table({"rule": ["bp", "fa"], "lr": RATES}, 2), **arguments)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ("sweeps/first", r"dfa\.load_sweep\(folder\)"),
        ([1, 2], "got a list; expected the table"),
        (pd.DataFrame(columns=["lr", "test_accuracy"]), "without a run"),
        (table({"lr": RATES}, 2, lambda row: True), "no run has a finite one; the first run's error: 'diverged"),
    ],
)
def test_what_is_no_sweep(frame, words):
    with pytest.raises(DfaLabError, match=words):
        dfa.sweepplot(frame, "lr")


def test_the_spread_of_one_run_is_none():
    assert Spread.of("sd").point(1, np.array([0.5])).low is None
    assert Spread.of(50).point(1, np.array([np.nan])) is None


def test_the_table_stays_as_it_was():
    frame = table({"rule": ["bp"], "lr": RATES}, 2)
    before = frame.copy(deep=True)
    assert dfa.sweepplot(frame, "lr")._repr_png_()[:4] == b"\x89PNG"
    pd.testing.assert_frame_equal(frame, before)
