"""A run of a sweep is the run that its settings make alone, whatever it is trained beside."""

from __future__ import annotations

import json
import math
import sys

import pytest

import dfa_lab as dfa
from dfa_lab.experiment.jobs import side_by_side

SMALL = {"task": "moons", "widths": (8, 6), "batch_size": 16}
COLUMNS = ["test_accuracy", "test_loss", "gradient_alignment_first", "weight_alignment_last"]


def settings_of(row, names):
    values = {name: getattr(row, name) for name in names}
    return {name: json.loads(one) if str(one).startswith("{") else one for name, one in values.items()}


GRIDS = {
    "rates": ({"rule": ["bp", "fa", "dfa"], "lr": [0.05, 0.3], "feedback_scale": [0.5, 1.0]}, {}),
    "inits": ({"feedback_init": ["uniform", {"name": "aligned", "angle": 60}], "feedback_seed": [0, 7]}, {}),
    "slopes": ({"activation_derivative": ["exact", "step", {"1": "step", "*": "exact"}]}, {"rule": "fa"}),
    "others": ({"rule": ["kp", "brsf", "wm"], "lr": [0.01, 0.02]}, {"optimizer": "adam"}),
    "momentum": ({"lr": [0.02, 0.1], "probe_size": [50, 100]}, {"momentum": 0.9, "weight_decay": 1e-3}),
}


@pytest.mark.parametrize("name", GRIDS)
def test_every_replica_is_its_single_run(name):
    grid, fixed = GRIDS[name]
    frame = dfa.sweep(grid, seeds=[3, 5], steps=40, metrics=COLUMNS, progress=False, **SMALL, **fixed)
    assert list(frame.columns) == [*grid, "seed", *COLUMNS, "seconds", "error"]
    assert len(frame) == 2 * math.prod(map(len, grid.values()))
    assert frame.error.isna().all()
    for row in frame.itertuples():
        run = dfa.Experiment(**SMALL | fixed | settings_of(row, grid), seed=row.seed)
        run.train(40)
        run.measure()
        found = run.evaluate()
        assert row.test_loss == pytest.approx(found["test_loss"], abs=1e-5)
        assert row.test_accuracy == pytest.approx(found["test_accuracy"], abs=1e-5)
        for column, layer in (("gradient_alignment_first", 1), ("weight_alignment_last", 2)):
            value = run.history.last(column.rpartition("_")[0], layer)
            if value is None:
                assert math.isnan(getattr(row, column))
            else:
                assert getattr(row, column) == pytest.approx(value, abs=0.05, nan_ok=True)


def test_a_run_that_diverges_leaves_the_others_as_they_are():
    fixed = {**SMALL, "weight_decay": 1.0}
    frame = dfa.sweep({"lr": [0.1, 1e6, 0.05]}, seeds=2, steps=40, progress=False, group_size=8, **fixed)
    clean = dfa.sweep({"lr": [0.1, 0.05]}, seeds=2, steps=40, progress=False, group_size=1, **fixed)
    lost = frame.lr == 1e6
    assert frame.error.notna().tolist() == lost.tolist()
    for row in frame[lost].itertuples():
        with pytest.raises(dfa.DivergedError) as raised:
            dfa.Experiment(lr=row.lr, seed=row.seed, **fixed).train(40)
        assert f"no longer finite at step {raised.value.step} (lr=1000000.0, rule=dfa)" in row.error
        assert math.isnan(row.test_loss)
        assert math.isnan(row.test_accuracy)
    assert frame[~lost].test_loss.to_numpy() == pytest.approx(clean.test_loss.to_numpy(), abs=1e-5)
    assert frame.attrs["failed"] == 2


def test_a_function_is_given_the_run_alone():
    def norm(run):
        return sum(float(one.detach().square().sum()) for one in run.net.parameters())

    def curve(run):
        steps, values = run.history.values("weight_alignment", 1)
        assert values.shape[1] == 1
        return len(steps)

    frame = dfa.sweep(
        {"lr": [0.1, 0.2]}, seeds=2, steps=40, metrics=[norm, curve], probe_every=20, progress=False, **SMALL
    )
    for row in frame.itertuples():
        run = dfa.Experiment(lr=row.lr, seed=row.seed, **SMALL)
        run.train(40)
        assert row.norm == pytest.approx(norm(run), abs=1e-4)
        assert row.curve >= 2


def test_a_function_that_fails_is_its_runs_error_alone():
    def odd(run):
        if run.settings.seed == 1:
            raise RuntimeError("seed one")
        return run.steps_done

    frame = dfa.sweep({"lr": [0.1]}, seeds=3, steps=5, metrics=["test_loss", odd], progress=False, **SMALL)
    assert frame.odd.tolist()[::2] == [5, 5]
    assert "the metric odd failed: RuntimeError: seed one" in frame.error[1]
    assert frame.test_loss.notna().all()


@pytest.mark.parametrize("rule", dfa.RULES)
def test_a_function_is_given_each_replica_as_a_run_by_itself(rule):
    def size(run):
        run.measure()
        return sum(float(one.double().norm()) for one in run.net.state_dict().values())

    metrics = {"size": size, "drawn_by": lambda run: run.settings.feedback_seed}
    frame = dfa.sweep({"lr": [0.1]}, rule=rule, seeds=2, steps=5, executor=1, metrics=metrics, progress=False, **SMALL)
    assert frame.error.isna().all()
    for row in frame.itertuples():
        run = dfa.Experiment(rule=rule, lr=0.1, seed=row.seed, feedback_seed=int(row.drawn_by), **SMALL)
        run.train(5)
        assert row.size == pytest.approx(size(run), rel=1e-5)


@pytest.mark.parametrize("rule", dfa.RULES)
def test_a_run_that_diverges_leaves_the_others_side_by_side(rule, monkeypatch):
    groups, train = [], side_by_side._train

    def seen(runs, *given):
        groups.append(len(runs))
        return train(runs, *given)

    monkeypatch.setattr(side_by_side, "_train", seen)
    # At the second rate the decay multiplies every weight by −1e6 a step, whatever the rule.
    same = {"rule": rule, "weight_decay": 1.0, "seeds": 2, "steps": 30, "executor": 1, "progress": False, **SMALL}
    frame = dfa.sweep({"lr": [0.1, 1e6]}, **same)
    assert frame.error.isna().tolist() == [True, True, False, False]
    assert groups == [4]
    alone = dfa.sweep({"lr": [0.1]}, **same)
    assert frame.train_loss[:2].tolist() == pytest.approx(alone.train_loss.tolist(), rel=1e-5)


def test_sys_exit_in_a_metric_is_its_runs_error_alone():
    def leaves(run):
        return sys.exit("no tea left") if run.settings.seed == 1 else run.steps_done

    frame = dfa.sweep({"lr": [0.1]}, seeds=3, steps=5, executor=1, metrics=leaves, progress=False, **SMALL)
    assert frame.leaves.tolist()[::2] == [5, 5]
    assert frame.error.tolist() == [None, "the metric leaves failed: SystemExit: no tea left", None]
    with pytest.raises(dfa.DfaLabError, match="SystemExit: no tea left"):
        dfa.sweep({"lr": [0.1]}, seeds=3, steps=5, metrics=leaves, on_error="raise", progress=False, **SMALL)
