"""The two runs every claim needs beside it, and snapshots of a run."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import dfa_lab as dfa
from dfa_lab.views.snapshots.views import VIEWS

FAST = {"widths": (16, 12), "batch_size": 32}


def test_references_are_the_same_run_by_bp_and_frozen():
    run = dfa.Experiment(**FAST, rule="dfa", activation_derivative="step")
    run.train(30)
    run.change(lr=0.05, feedback_seed=3, activation_derivative="triangle")
    run.train(20)
    run.change(batch_size=50, rule="fa")
    run.train(25)
    before = run.history.copy()
    found = run.references()
    assert run.history.equals(before)
    for twin, rule in ((found.bp, "bp"), (found.shallow, "shallow")):
        by_hand = dfa.Experiment(**FAST, rule=rule)
        by_hand.train(30)
        by_hand.change(lr=0.05)
        by_hand.train(20)
        by_hand.change(batch_size=50)
        by_hand.train(25)
        assert twin.history.equals(by_hand.history)
        assert all(torch.equal(a, b) for a, b in zip(twin.net.parameters(), by_hand.net.parameters(), strict=True))
    assert [history.name for history in found.histories] == ["bp", "shallow"]


def test_references_go_on_with_the_run():
    run = dfa.Experiment(**FAST)
    first = run.references()
    assert first.bp.steps_done == 0
    run.train(10)
    run.change(lr=0.01)
    assert run.references() is first
    run.train(10)
    assert run.references().bp.steps_done == first.shallow.steps_done == 20
    assert first.bp.settings.lr == 0.01
    run.reset()
    assert run.references().bp.steps_done == 0


def test_recovery_is_the_share_of_what_bp_learns_below_the_output():
    run = dfa.Experiment(widths=(64,), replicas=3, rule="dfa")
    run.train(200)
    found = run.references()
    own, bp, low = (one.evaluate()["test_accuracy"] for one in (run, found.bp, found.shallow))
    wanted = [(a - c) / (b - c) if b > c else math.nan for a, b, c in zip(own, bp, low, strict=True)]
    assert found.recovery() == pytest.approx(wanted, nan_ok=True)
    loss = [one.evaluate()["test_loss"][1] for one in (run, found.bp, found.shallow)]
    assert found.recovery("test_loss")[1] == pytest.approx((loss[0] - loss[2]) / (loss[1] - loss[2]))
    with pytest.raises(dfa.DfaLabError, match="expected one of test_loss, test_accuracy"):
        found.recovery("weight_alignment")


@pytest.mark.parametrize("rule", ["bp", "shallow"])
def test_recovery_of_the_references_themselves(rule):
    run = dfa.Experiment(**FAST, rule=rule, lr=0.5)
    run.train(150)
    assert run.references().recovery("test_loss") == {"bp": 1.0, "shallow": 0.0}[rule]


def test_where_bp_is_no_better_there_is_nothing_to_recover():
    run = dfa.Experiment(**FAST)
    assert math.isnan(run.references().recovery())


def test_references_of_a_module_and_of_a_fork():
    module = nn.Sequential(nn.Linear(64, 12), nn.Tanh(), nn.Linear(12, 10))
    run = dfa.Experiment(module=module, rule="fa", lr=0.1)
    run.train(20)
    fork = run.fork(rule="dfa")
    fork.train(10)
    found = fork.references()
    assert found.bp.steps_done == found.shallow.steps_done == 30
    assert torch.equal(found.shallow.net[0].weight, module[0].weight)
    assert not torch.equal(found.bp.net[0].weight, module[0].weight)


@pytest.mark.parametrize("rule", list(dfa.RULES))
@pytest.mark.parametrize("replicas", [None, 3])
def test_a_snapshot_holds_what_the_angles_were_measured_between(rule, replicas):
    run = dfa.Experiment(**FAST, rule=rule, replicas=replicas, probe_every=10)
    run.train(10)
    replica = 0 if replicas is None else 2
    found = run.snapshot(replica=replica)
    assert (found.step, found.samples, found.rule, found.replica) == (10, 320, rule, replica)
    assert [layer.name for layer in found.layers] == ["layer 1", "layer 2"]
    for layer in found.layers:
        assert layer.deltas.shape == layer.bp_deltas.shape == (128, FAST["widths"][layer.number - 1])
        angles = layer.sample_angles[~np.isnan(layer.sample_angles)]
        recorded = run.history.values("gradient_alignment", layer.number)[1][-1, replica]
        assert (angles.mean() if len(angles) else math.nan) == pytest.approx(recorded, abs=1e-9, nan_ok=True)
        recorded = run.history.values("weight_alignment", layer.number)[1][-1, replica]
        assert layer.weight_alignment == pytest.approx(recorded, abs=1e-9, nan_ok=True)
        assert (layer.carried is None) == (rule == "shallow")
        if layer.carried is not None:
            assert layer.carried.shape == layer.partner.shape


def test_a_snapshot_stays_as_it_was_and_takes_nothing():
    run, twin = dfa.Experiment(**FAST), dfa.Experiment(**FAST)
    found = run.snapshot()
    kept = found.layer(1).carried.copy(), found.layer(2).partner.copy()
    run.train(40)
    twin.train(40)
    assert run.history.equals(twin.history)
    assert np.array_equal(kept[0], found.layer(1).carried)
    assert np.array_equal(kept[1], found.layer(2).partner)


@pytest.mark.parametrize("replica", [-1, 3, True, "0", 1.0])
def test_a_replica_that_is_none_is_refused(replica):
    with pytest.raises(dfa.DfaLabError, match="replica was given as"):
        dfa.Experiment(**FAST, replicas=3).snapshot(replica=replica)


@pytest.mark.parametrize("rule", ["fa", "dfa", "usf", "bp"])
def test_a_modules_snapshot_and_every_view_of_it(rule):
    module = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(144, 12), nn.Tanh(), nn.Linear(12, 10)
    )
    run = dfa.Experiment(module=module, task={"name": "digits", "flat": False}, rule=rule)
    run.train(5)
    found = run.snapshot()
    assert [layer.name for layer in found.layers] == ["0", "3", "5"]
    assert found.layer("3").deltas.shape == (128, 12)
    drawn = [layer for layer in found.layers if layer.carried is not None]
    assert [layer.name for layer in drawn] == ["0", "3"][-len(drawn) :]
    for name in VIEWS:
        VIEWS.call({"name": name, "layer": drawn[0].number} if "layer" in VIEWS.parameters(name) else name, found)


def test_references_begin_anew_where_the_run_went_back():
    run = dfa.Experiment(**FAST, probe_every=50, activation="relu")
    run.train(60)
    run.references()
    run.change(lr=1e4, weight_decay=1.0)  # every weight is multiplied with -9,999 a step
    with pytest.raises(dfa.DivergedError):
        run.train(100)
    assert run.steps_done == 50
    run.change(lr=0.05, weight_decay=0.0)
    found = run.references()
    assert found.bp.steps_done == found.shallow.steps_done == 50
    assert [step for step, _ in found.bp.history.changes()] == [50, 50]
    run.train(1)
    with pytest.raises(dfa.DfaLabError, match="the run is at step 51, its references at 50"):
        found.recovery()


def test_a_reference_that_fails_halfway_goes_on_from_there():
    run = dfa.Experiment(**FAST)
    run.train(5)
    run.change(lr=0.05)
    run.train(5)
    run.change(batch_size=16)
    found = run.references()
    assert run.references() is found
    assert [step for step, _ in found.bp.history.changes()] == [5, 10]
    assert list(found) == list(found.histories)


def test_a_jump_is_remembered_by_a_fork_and_measured_on_the_test_split():
    run = dfa.Experiment(**FAST, probe_every=50)
    run.train(53)
    run.change(rule="fa")
    run.train(1)
    fork = run.fork()
    for one in (run, fork):
        one.train(6)
        steps = one.history.values("weight_alignment", 1)[0].tolist()
        assert steps[-5:] == [53, 53, 54, 55, 57]
    assert 53 in run.history.values("test_loss")[0].tolist()
    assert fork.history.equals(run.history)


def test_the_chance_band_comes_with_the_first_alignment():
    run = dfa.Experiment(**FAST, probe_every=0)
    run.train(10)
    run.change(probe_every=10)
    run.train(10)
    assert run.history.values("gradient_alignment_chance", 1)[0].tolist() == [20]
