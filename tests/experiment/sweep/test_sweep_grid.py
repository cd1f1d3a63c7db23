"""What is wrong anywhere in a grid is one error, before anything is trained."""

from __future__ import annotations

import numpy as np
import pytest

import dfa_lab as dfa
from dfa_lab.experiment.jobs import sweep_metrics
from dfa_lab.experiment.sweep import sweep as sweep_of
from dfa_lab.experiment.sweep.feasibility import check_combinations, check_layers
from dfa_lab.experiment.sweep.grid import Grid
from dfa_lab.experiment.sweep.plan import plan

SMALL = {"task": "moons", "widths": (8,), "progress": False}


@pytest.fixture(autouse=True)
def _nothing_is_trained(monkeypatch):
    def train(*given):
        raise AssertionError("trained")

    monkeypatch.setattr("dfa_lab.experiment.jobs.execution.do_job", train)


WRONG = {
    "name": ({"leraning_rate": [0.1]}, {}, "no setting called 'leraning_rate'.*Did you mean 'lr'"),
    "value": ({"lr": [0.1, -1]}, {}, "lr was given as -1"),
    "fixed": ({"lr": [0.1]}, {"rule": "dfaa"}, "no learning rule called 'dfaa'"),
    "own": ({"replicas": [2]}, {}, "replicas was given as a setting of the runs"),
    "seed": ({"seed": [1, 2]}, {}, "give seeds="),
    "twice": ({"lr": [0.1, 0.1]}, {}, "lr has 0.1 twice"),
    "beside": ({"lr": [0.1]}, {"lr": 0.2}, "lr is in the grid and beside it"),
    "none": ({"lr": []}, {}, "lr was given no value"),
    "together": ({"optimizer": ["sgd", "adam"], "momentum": [0, 0.9]}, {}, "optimizer='adam', momentum=0.9: "),
    "parameter": ({"feedback_init": [{"name": "aligned", "angle": 500}]}, {}, "angle was given as 500"),
    "layers": ({"activation_derivative": [{"5": "step"}]}, {}, "matches no hidden layer"),
    "function": ({"feedback_init": [lambda site, generator: None]}, {}, "register it by name"),
    "task": ({"task": [{"name": "teacher", "inputs": -3}]}, {}, "inputs was given as -3"),
    "grid": ([], {}, "expected a mapping"),
    "text": ("lr", {}, "expected a mapping"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_impossible_setting_is_an_error_before_anything_runs(name, tmp_path):
    grid, fixed, said = WRONG[name]
    fields = {key: value for key, value in SMALL.items() if key not in grid} | fixed
    with pytest.raises(dfa.DfaLabError, match=said):
        dfa.sweep(grid, steps=5, folder=tmp_path / "none", **fields)
    assert not (tmp_path / "none").exists()


def test_one_error_lists_all_that_is_wrong():
    with pytest.raises(dfa.DfaLabError) as raised:
        dfa.sweep({"lr": [0.1, -1, "x"], "ruel": ["dfa"], "batch_size": [0, 16]}, steps=5, **SMALL)
    assert all(word in str(raised.value) for word in ("given as -1", "given as 'x'", "'ruel'", "given as 0"))
    with pytest.raises(dfa.DfaLabError, match="and 988 more"):
        dfa.sweep({"lr": [-1.0 - one for one in range(1000)]}, steps=5, **SMALL)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"steps": 0}, "steps was given as 0"),
        ({"seeds": 0}, "seeds was given as 0"),
        ({"seeds": [1, 1]}, "a seed twice"),
        ({"seeds": [-1]}, "seeds holds -1"),
        ({"seeds": "3"}, "seeds was given as '3'"),
        ({"metrics": ["test_acuracy"]}, "Did you mean 'test_accuracy'"),
        ({"metrics": ["samples_per_s"]}, "no metric called"),
        ({"metrics": ["gradient_alignment_2"]}, "is of hidden layer 2, and no network of this sweep has more than 1"),
        ({"metrics": {"angle": "weight_alignment_9"}}, "the metric angle is of hidden layer 9"),
        ({"metrics": {"seed": "test_loss"}}, "by itself"),
        ({"metrics": {"lr": "test_loss"}}, "by itself"),
        ({"metrics": {"steps": "test_loss"}}, "by itself"),
        ({"executor": "dask"}, "executor was given as 'dask'"),
        ({"executor": 0}, "executor was given as 0"),
        ({"on_error": "stop"}, "expected 'keep' or 'raise'"),
        ({"group_size": 0}, "group_size was given as 0"),
    ],
)
def test_arguments_are_checked(given, said):
    with pytest.raises(dfa.DfaLabError, match=said):
        dfa.sweep({"lr": [0.1]}, **{"steps": 5, **given}, **SMALL)


def test_a_layer_that_one_of_the_networks_has_can_be_measured():
    wanted = sweep_metrics(["gradient_alignment_3", "weight_alignment_last"])
    check_layers(Grid.of([{"widths": [(4,), (4, 4, 4)]}, {"lr": [0.1]}], 1, {}), wanted)
    with pytest.raises(dfa.DfaLabError, match="more than 2"):
        check_layers(Grid.of([{"widths": [(4,)]}, {"lr": [0.1]}], 1, {}), wanted)


def test_values_may_be_arrays_ranges_and_single_ones():
    grid = Grid.of({"lr": np.array([0.1, 0.2]), "widths": (8, 6), "rule": "fa", "batch_size": range(1, 3)}, 2, {})
    assert len(grid) == 8
    assert grid.run(7) == {"lr": 0.2, "widths": (8, 6), "rule": "fa", "batch_size": 2, "seed": 1}
    assert [grid.run(number) for number in range(8)] == list(grid.runs())


def test_a_set_has_one_order_in_every_process():
    names = {"uniform", "normal", "orthogonal", "aligned", "xavier"} & set(dfa.FEEDBACK_INITS)
    assert len(names) > 2
    grid = Grid.of({"feedback_init": names, "lr": {0.8, 0.4, 0.1, 0.2}}, 1, {})
    assert grid.parts == ({"feedback_init": sorted(names), "lr": [0.1, 0.2, 0.4, 0.8]},)


def test_several_grids_are_one_sweep():
    grid = Grid.of([{"rule": ["bp"], "lr": [0.1]}, {"rule": ["fa", "dfa"], "feedback_scale": [1, 2]}], [5, 6], {})
    assert grid.columns == ["rule", "lr", "feedback_scale"]
    assert [grid.run(number) for number in range(len(grid))] == list(grid.runs())
    assert len(grid) == 10


def test_a_hundred_thousand_runs_are_checked_and_planned_without_making_as_many_networks(monkeypatch):
    made = []
    real = dfa.experiment.sweep.feasibility.make_mlp
    monkeypatch.setattr("dfa_lab.experiment.sweep.feasibility.make_mlp", lambda *one: made.append(0) or real(*one))
    values = {
        "rule": ["bp", "fa", "dfa"],
        "feedback_init": [{"name": "aligned", "angle": float(angle)} for angle in range(30)],
        "lr": np.logspace(-3, 0, 12).tolist(),
        "weight_decay": np.logspace(-6, -2, 10).tolist(),
    }
    grid = Grid.of(values, 10, {"task": "moons", "widths": (9, 7)})
    assert len(grid) == 108_000
    check_combinations(grid)
    groups = plan(grid, 100)
    assert 90 <= len(made) <= 200
    assert sorted(run for group in groups for run in group.runs) == list(range(len(grid)))
    assert max(len(group.runs) for group in groups) == 64


LONG = 10**7


@pytest.mark.parametrize("workers", [1, 2, 5, 32, 250, 1000])
@pytest.mark.parametrize("runs", [1, 7, 40, 300, 720, 10_000])
def test_all_workers_have_groups(workers, runs):
    lengths = [len(one.runs) for one in plan(Grid.of({"lr": [0.1]}, runs, {"widths": (32,)}), LONG, None, workers)]
    assert sum(lengths) == runs
    assert max(lengths) - min(lengths) <= 1
    assert len(lengths) >= min(workers, runs) / 2
    if runs >= 16 * workers:
        assert len(lengths) >= 1.8 * workers
    longest = -(-len(lengths) // workers) * max(lengths)  # how many runs the last worker trains
    assert longest <= 1.5 * -(-runs // workers)


def test_two_workers_have_the_large_groups_that_are_fastest():
    values = {"rule": ["bp", "fa", "dfa"], "lr": [0.1, 0.2, 0.3, 0.4], "feedback_scale": [1, 2, 3]}
    lengths = [len(one.runs) for one in plan(Grid.of(values, 20, {"widths": (32,)}), LONG, None, 2)]
    assert set(lengths) == {40}
    assert [len(one.runs) for one in plan(Grid.of({"lr": [0.1]}, 16, {"widths": (32,)}), LONG, None, 2)] == [8, 8]


@pytest.mark.parametrize("workers", [None, 1, 2, 32])
def test_a_sweep_of_seconds_is_not_cut_up(workers):
    grid = Grid.of({"lr": [0.1, 0.2]}, 4, {"widths": (32,)})
    assert len(plan(grid, 10, None, workers)) == 1


@pytest.mark.parametrize(("runs", "groups"), [(64, 16), (256, 64), (720, 60), (10_000, 157)])
def test_an_executor_that_does_not_say_its_workers_has_groups_for_many(runs, groups):
    found = plan(Grid.of({"lr": [0.1]}, runs, {"widths": (32,)}), LONG)
    assert len(found) == groups


def test_a_scheduler_is_not_given_more_tasks_than_it_can_handle():
    grid = Grid.of({"lr": [0.1]}, 900_000, {"widths": (128, 128)})
    assert len(plan(grid, 100)) == 30_000
    assert len(plan(grid, LONG)) == -(-900_000 // 17)
    assert len(plan(grid, 100, None, 2)) == -(-900_000 // 42)


def test_groups_hold_what_replicas_may_differ_in_and_the_longest_come_first():
    values = {"rule": ["bp", "dfa"], "batch_size": [16, 256], "lr": [0.1, 0.2], "feedback_scale": [1, 2]}
    grid = Grid.of(values, 4, {"widths": (32,)})
    groups = plan(grid, 100)
    for group in groups:
        assert len({(grid.run(run)["rule"], grid.run(run)["batch_size"]) for run in group.runs}) == 1
    assert [one.total for one in groups] == sorted((one.total for one in groups), reverse=True)
    assert all(len(one.runs) == 1 for one in plan(Grid.of({"lr": [0.1, 0.2]}, 4, {"widths": (1024, 1024)}), 10))
    assert sweep_of is dfa.sweep
