"""Two sweeps or runs side by side: what differs, what agrees, and means and sds that pandas finds too."""

import numpy as np
import pandas as pd
import pytest

import dfa_lab as dfa
from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.history import History
from dfa_lab.views.sweep.comparison_table import comparison
from dfa_lab.views.sweep.group_statistics import Statistics, decimals_for
from dfa_lab.views.sweep.summary_table import LINES, summary
from sweep_frames import table

ALIGNED = {"name": "aligned", "angle": 45}


def made(grid, seeds=4, settings=None, steps=100, **fails):
    frame = table(grid, seeds, **fails)
    frame.attrs = {"settings": settings or {}, "steps": steps}
    return frame


def test_means_sds_and_numbers_of_runs_are_those_of_pandas():
    one = made({"rule": ["bp", "fa"], "lr": [0.01, 0.1]}, 3)
    other = made({"rule": ["bp", "fa"], "lr": [0.01, 0.1]}, 5, fails=lambda row: row["seed"] == 1)
    found = comparison(one, other).frame
    assert len(found) == 2 * 4
    for _, row in found.iterrows():
        for side, frame in (("a", one), ("b", other)):
            runs = frame[(frame.rule == row["rule"]) & (frame.lr == row["lr"])][row["metric"]].dropna()
            assert row[f"mean_{side}"] == pytest.approx(runs.mean())
            assert row[f"sd_{side}"] == pytest.approx(runs.std(ddof=1))
            assert row[f"runs_{side}"] == len(runs)
        assert row["difference"] == pytest.approx(row["mean_b"] - row["mean_a"])


@pytest.mark.parametrize(
    ("one", "other", "differing"),
    [
        ({"batch_size": 16}, {"batch_size": 64}, {}),
        ({"batch_size": 16}, {"batch_size": 32}, {"batch_size": (16, 32)}),
        ({"batch_size": 16}, {}, {"batch_size": (16, 64)}),
        ({"task": "moons", "momentum": 0.5}, {"task": "digits"}, {"task": ("moons", "digits"), "momentum": (0.5, 0.0)}),
        (
            {"feedback_init": {"name": "aligned", "angle": 45}},
            {},
            {"feedback_init": ({"name": "aligned", "angle": 45}, "uniform")},
        ),
    ],
)
def test_settings_that_differ(one, other, differing):
    grid = {"lr": [0.01, 0.1]}
    if not differing:
        one = {**one, "batch_size": 64}
    found = comparison(made(grid, settings=one), made(grid, settings=other))
    assert found.differing == differing
    words = str(found)
    assert "learning rate" in words
    assert ("batch size" in words) == ("batch_size" in differing)


def test_steps_differ():
    assert comparison(made({}, steps=100), made({}, steps=300)).differing == {"steps": (100, 300)}


@pytest.mark.parametrize("column", ["steps", "sweep"])
def test_steps_and_sweeps_of_a_shared_folder_are_no_metrics(column):
    one = made({"lr": [0.01, 0.1], column: [1, 2]}, 3)
    lines = summary(one).splitlines()
    assert lines[0].split()[:4] == ["learning", "rate", column, "runs"]
    assert [line.split()[:3] for line in lines[1:]] == [[lr, n, "3"] for lr in ("0.01", "0.1") for n in "12"]
    found = comparison(one, made({"lr": [0.01, 0.1], column: [2, 3]}, 3))
    assert found.varied == ("lr", column)
    assert found.frame[column].unique().tolist() == [2]
    assert found.unmatched == (2, 2)
    assert column not in found.frame["metric"].unique()


def test_a_setting_that_one_of_them_varies_is_matched_by_what_the_other_has():
    varied = made({"rule": ["bp", "fa", "dfa"]}, 3)
    fixed = made({}, 3, settings={"rule": "fa"})
    found = comparison(varied, fixed)
    assert found.varied == ("rule",)
    assert found.frame.rule.unique().tolist() == ["fa"]
    assert found.unmatched == (2, 0)
    assert "2 combinations of settings are in A alone" in str(found)
    by_default = comparison(varied, made({}, 3))
    assert by_default.frame.rule.unique().tolist() == ["dfa"]


def test_where_nothing_agrees_each_stands_by_itself():
    found = comparison(made({"lr": [0.1, 0.2]}, 2), made({"lr": [0.3]}, 2))
    assert found.frame.lr.tolist() == [0.1, 0.2, 0.3] * 2
    assert found.frame.difference.isna().all()
    assert "–" in str(found)


def test_parameters_and_widths_match_whatever_they_were_made_of():
    one = made({"feedback_init": [ALIGNED, "uniform"], "widths": [(8,), (8, 8)]}, 2)
    other = made({"feedback_init": ['{"angle": 45, "name": "aligned"}', "uniform"], "widths": [[8], [8, 8]]}, 2)
    found = comparison(one, other)
    assert found.unmatched == (0, 0)
    assert len(found.frame) == 2 * 4


def test_histories_of_runs_compare_as_sweeps_of_one_combination():
    one = dfa.Experiment(task="moons", widths=(8,), replicas=3)
    other = dfa.Experiment(task="moons", widths=(8,), rule="bp")
    for run in (one, other):
        run.train(30)
    other.change(batch_size=16)
    found = comparison(one.history, other.history)
    assert found.runs == (3, 1)
    assert found.differing["rule"] == ("dfa", "bp")
    assert found.differing["changes"][1] == "step 30: batch size 64 → 16"
    (row,) = [row for _, row in found.frame.iterrows() if row["metric"] == "test_accuracy"]
    values = one.history.values("test_accuracy")[1][-1]
    assert (row["mean_a"], row["sd_a"], row["runs_a"]) == pytest.approx((np.mean(values), np.std(values, ddof=1), 3))
    assert row["mean_b"] == pytest.approx(other.history.last("test_accuracy"))
    assert np.isnan(row["sd_b"])
    layered = comparison(one.history, other.history, metrics=["gradient_alignment_1"])
    expected = one.history.values("gradient_alignment", 1)[1][-1]
    assert layered.frame.mean_a.tolist() == pytest.approx([expected.mean()])


def test_replicas_that_differ_in_a_setting_are_combinations():
    run = dfa.Experiment(task="moons", widths=(8,), replicas=2, lr=(0.1, 0.3))
    run.train(10)
    sweep = made({"lr": [0.1, 0.3]}, 2)
    assert comparison(run.history, sweep).frame.lr.unique().tolist() == [0.1, 0.3]


@pytest.mark.parametrize(
    ("one", "other", "metrics", "words"),
    [
        (made({}, 2), made({}, 2), ["test_acuracy"], "no metric in both.*Did you mean 'test_accuracy'"),
        (made({}, 2), History(), None, "no metric in common.*second none"),
        (made({}, 2), "sweeps/first", None, r"dfa\.load_sweep"),
        (made({}, 2)[:0], made({}, 2), None, "without a run"),
    ],
)
def test_what_cannot_be_compared(one, other, metrics, words):
    with pytest.raises(DfaLabError, match=words):
        comparison(one, other, metrics=metrics)


def test_failures_are_counted():
    found = comparison(made({}, 4, fails=lambda row: row["seed"] == 0), made({}, 4))
    assert found.failed == (1, 0)
    assert "4, 1 of them failed" in str(found)


def test_a_summary_has_a_line_for_each_combination():
    frame = made(
        {"rule": ["bp", "fa"], "lr": [0.01, 0.1]}, 3, fails=lambda row: row["seed"] == 2 and row["rule"] == "fa"
    )
    lines = summary(frame).splitlines()
    assert lines[0].split()[:4] == ["rule", "learning", "rate", "runs"]
    assert len(lines) == 1 + 4 + 1
    accuracy = frame[(frame.rule == "bp") & (frame.lr == 0.1)].test_accuracy
    assert f"{accuracy.mean():.3f} ± {accuracy.std():.3f}" in lines[2]
    assert "2 of 3" in lines[3]
    assert lines[-1] == "2 of 12 runs failed; the first: diverged at step 7"
    many = summary(made({"lr": [0.001 * number for number in range(1, LINES + 11)]}, 1))
    assert "… and 10 combinations more" in many


@pytest.mark.parametrize(
    ("spreads", "decimals"), [([0.012], 3), ([0.5, 0.02], 3), ([np.nan, 0.0], 4), ([120.0], 0), ([1e-12], 6), ([], 4)]
)
def test_decimals_show_two_figures_of_the_least_spread(spreads, decimals):
    assert decimals_for(spreads) == decimals


def test_statistics_leave_out_what_is_not_finite():
    found = Statistics.of(np.array([1.0, np.nan, 3.0, np.inf]))
    assert (found.mean, found.runs) == (2.0, 2)
    assert found.text(1) == "2.0 ± 1.4"
    assert Statistics.of(np.array([2.0])).text(0) == "2"
    assert Statistics.of(np.array([])).text(2) == "–"
    assert isinstance(comparison(made({}, 1), made({}, 1)).frame, pd.DataFrame)


def test_values_of_a_step_before_the_last_are_said_with_it():
    one, other = History(), History()
    for history, last in ((one, 116), (other, 120)):
        history.record("test_loss", 0.5, step=last, samples=last)
        history.record("test_accuracy", 0.75, step=120, samples=120)
    found = comparison(one, other)
    assert found.measured_at == ({"test_loss": 116}, {})
    assert [line for line in str(found).splitlines() if "mean ± sd" in line] == [
        "test accuracy (share), mean ± sd (runs)",
        "test loss (nats or squared units), mean ± sd (runs), A at step 116",
    ]
    assert comparison(made({}, 2), made({}, 2)).measured_at == ({}, {})


def test_runs_of_a_summary_are_those_that_finished():
    frame = made({}, 2).assign(angle=[np.nan, 12.0], none=np.nan)
    head, line, *more = summary(frame).splitlines()
    assert head.startswith("runs  ")
    assert line.split()[0] == "2"
    assert line.endswith("12.0000 (1)  –")
    assert more == []


def test_large_numbers_are_written_by_their_power_of_ten():
    found = Statistics.of(np.array([5e18, 5.5e18]))
    assert found.text(0) == "5.25e+18 ± 3.54e+17"
    assert Statistics.of(np.array([123456789.0])).text(1) == "123456789.0"
    one, other = made({}, 2).assign(test_loss=[5e18, 5.5e18]), made({}, 2).assign(test_loss=[1e18, 1.5e18])
    assert "5.25e+18 ± 3.54e+17 (2)  1.25e+18 ± 3.54e+17 (2)  -4.00e+18" in str(comparison(one, other))
