"""BP's pace beside a run and the step in slow motion: both look at a run and change no bit of it."""

import time

import pytest
import torch
from torch import nn

import dfa_lab as dfa
from dfa_lab.experiment.inspection.step_phases import phases
from dfa_lab.experiment.runner.bp_throughput import BUDGET, rates_beside_bp
from dfa_lab.learning.ops.seeding import torch_state

FAST = {"widths": (16, 12), "probe_every": 20, "batch_size": 16}
KINDS = [
    {},
    {"rule": "brsf", "optimizer": "adam"},
    {"rule": "kp", "momentum": 0.9, "batch_size": 1700},  # more than an epoch
    {"rule": "dkp", "replicas": 3, "lr": (0.1, 0.2, 0.3), "activation_derivative": ("exact", "step", "identity")},
    {"rule": "wm", "feedback_init": "orthogonal"},
    {"rule": "shallow", "optimizer": "rmsprop"},
    {"rule": "drtp", "task": "moons", "device": "cpu", "weight_decay": 1e-3},
]


def both_rates(run, seconds=BUDGET):
    """The run's own samples a second, and BP's."""
    rates, bp = rates_beside_bp([run], seconds=seconds)
    return rates[0], bp


def network():
    return nn.Sequential(nn.Linear(64, 8), nn.Tanh(), nn.Linear(8, 10))


@pytest.mark.slow
@pytest.mark.parametrize("fields", KINDS, ids=str)
def test_looking_changes_nothing(fields):
    seen, alone = dfa.Experiment(**{**FAST, **fields}), dfa.Experiment(**{**FAST, **fields})
    streams = torch_state()
    for _ in range(3):
        phases(seen)
        assert min(both_rates(seen, seconds=0.004)) > 0
        phases(seen, replica=(fields.get("replicas") or 1) - 1)
        seen.train(23)
        alone.train(23)
    assert all(torch.equal(one, two) for one, two in zip(streams, torch_state(), strict=True))
    assert seen.history.equals(alone.history)
    mine, other = seen.net.state_dict(), alone.net.state_dict()
    assert mine.keys() == other.keys()
    assert all(torch.equal(mine[key], other[key]) for key in mine)


@pytest.mark.parametrize("fields", KINDS, ids=str)
def test_the_phases_are_those_of_the_next_step(fields):
    run = dfa.Experiment(**{**FAST, **fields, "record_every": 1})
    run.train(31)
    replica = 0 if run.settings.replicas is None else 1
    shown = phases(run, replica=replica)
    assert [phase.name for phase in shown] == ["forward", "error", "signal", "update"]
    forward, error, signal, update = (phase.numbers for phase in shown)
    before = [weight.detach().clone() for weight in run.net.weights]
    run.step()
    assert run.history.values("train_loss")[1][-1, replica] == pytest.approx(forward["loss"], rel=1e-6)
    assert error["error_norm"] > 0
    for weight, old, share in zip(run.net.weights, before, update["relative_update"], strict=True):
        moved, size = weight.detach() - old, old
        if run.settings.replicas is not None:
            moved, size = moved[replica], size[replica]
        assert float(moved.norm() / size.norm()) == pytest.approx(share, rel=1e-5)
    if fields.get("rule") == "shallow":
        assert update["relative_update"][:2] == [0, 0]
        assert "receive nothing" in shown[2].words
    else:
        assert len(signal["signal_norm"]) == len(signal["signal_angle"]) == 2
        assert all(0 < degrees < 180 for degrees in signal["signal_angle"])


def test_bp_hears_itself_and_words_hold_the_numbers():
    run = dfa.Experiment(**FAST, rule="bp")
    run.train(5)
    shown = phases(run)
    assert shown[2].numbers["signal_angle"] == pytest.approx([0, 0], abs=1e-3)
    assert f"loss {shown[0].numbers['loss']:.4g}" in shown[0].words
    assert f"{shown[2].numbers['signal_norm'][1]:.3g} at 0.0° to BP's" in shown[2].words
    assert shown[2].equation == dfa.RULES["bp"].equation


def test_a_module_has_no_phases_and_no_pace():
    run = dfa.Experiment(module=network(), batch_size=16)
    with pytest.raises(dfa.DfaLabError, match="without module="):
        phases(run)
    runner = dfa.Runner(run, compare_speed=True)
    runner.play(5)
    runner.wait(10)
    assert not len(run.history.values("bp_samples_per_s")[0])
    runner.close()
    with pytest.raises(dfa.DfaLabError, match="replica was given as 1"):
        phases(dfa.Experiment(**FAST), replica=1)


@pytest.fixture
def at_once(monkeypatch):
    """The pace is measured at the first turn after a command, so that a few steps do."""
    monkeypatch.setattr("dfa_lab.experiment.runner.bp_throughput.STEADY_STEPS", 0)


@pytest.mark.clock
def test_the_pace_is_measured_once_the_run_is_steady():
    runner = dfa.Runner(dfa.Experiment(**FAST), compare_speed=True)
    runner.play(80)
    runner.wait(10)
    runner.play(300)
    runner.wait(10)
    (step,) = runner.experiment.history.values("bp_samples_per_s")[0]
    assert 80 < step <= 180
    runner.close()


@pytest.mark.clock
def test_the_pace_is_measured_when_training_starts_and_where_it_may_have_changed(at_once):
    runner = dfa.Runner(dfa.Experiment(**FAST), compare_speed=True)
    plain = dfa.Experiment(**FAST)
    runner.play(10)
    runner.play(5)  # at once again: nothing new
    runner.wait(10)
    runner.change(lr=0.05)
    runner.change(batch_size=32)
    runner.play(25)
    runner.wait(10)
    runner.fork(optimizer="adam")
    runner.play(5)
    runner.wait(10)
    first, second = (lane.history.values("bp_samples_per_s") for lane in runner.lanes)
    done = runner.status().steps_done - 30
    assert list(first[0]) == list(second[0]) == [0, done, done + 25], "measured together, so that they compare"
    assert (second[1] > 0).all()
    plain.train(done)
    plain.change(lr=0.05)
    plain.change(batch_size=32)
    plain.train(30)
    assert plain.history.equals(runner.experiment.history)
    runner.close()


@pytest.mark.clock
def test_under_a_speed_limit_both_speeds_are_timed_in_turn(at_once, monkeypatch):
    monkeypatch.setattr("dfa_lab.experiment.runner.bp_throughput.AGAIN", 0.1)
    dial = {"name": "aligned", "angle": 45}
    runner = dfa.Runner(dfa.Experiment(**FAST, record_every=1, feedback_init=dial), compare_speed=True)
    runner.limit(100)
    runner.play(40)
    runner.wait(10)
    history = runner.experiment.history
    own, bp = history.values("samples_per_s"), history.values("bp_samples_per_s")
    assert list(own[0]) == list(bp[0])
    assert own[0][0] == 0
    assert len(own[0]) > 1, "told again while it trains"
    assert (own[1] > 100 * 16 * 2).all(), "not the speed that it is held to"
    runner.close()


@pytest.mark.clock
@pytest.mark.parametrize("limit", [None, 1000, 100])
def test_a_run_and_bp_are_timed_alike_at_every_speed(at_once, monkeypatch, limit):
    monkeypatch.setattr("dfa_lab.experiment.runner.bp_throughput.AGAIN", 0.05)
    runner = dfa.Runner(dfa.Experiment(**FAST, record_every=1), compare_speed=True)
    runner.limit(limit)
    runner.play(40)
    runner.wait(10)  # else the change may come before the first step
    runner.change(batch_size=32)
    runner.play(40)
    runner.wait(10)
    own, bp = (runner.experiment.history.values(metric) for metric in ("samples_per_s", "bp_samples_per_s"))
    assert len(own[0]) > 1
    assert list(own[0]) == list(bp[0]), "never one without the other"
    runner.close()


@pytest.mark.clock
@pytest.mark.parametrize("limit", [None, 100])
@pytest.mark.parametrize("fields", [{}, {"rule": {"name": "bp"}}, {"weight_decay": 1e-3}, {"replicas": 2}], ids=str)
def test_a_run_by_bp_has_the_speed_of_bp(at_once, limit, fields):
    runner = dfa.Runner(dfa.Experiment(**{**FAST, "rule": "bp", **fields}), compare_speed=True)
    runner.limit(limit)
    runner.fork(rule="dfa")
    runner.fork(lr=0.05)
    runner.play(30)
    runner.wait(10)
    lanes = [[lane.history.last(metric) for metric in ("samples_per_s", "bp_samples_per_s")] for lane in runner.lanes]
    assert lanes[0][0] == lanes[0][1] == lanes[2][0] == lanes[2][1] == lanes[1][1]
    assert lanes[1][0] != lanes[0][0]
    runner.close()


@pytest.mark.clock
def test_a_module_under_a_speed_limit_has_its_own_clock():
    runner = dfa.Runner(dfa.Experiment(module=network(), batch_size=16, probe_every=10), compare_speed=True)
    runner.limit(200)
    runner.play(30)
    runner.wait(10)
    assert len(runner.experiment.history.values("samples_per_s")[0])
    runner.close()


@pytest.mark.slow
@pytest.mark.parametrize("fields", KINDS, ids=str)
def test_timing_both_changes_nothing(fields):
    seen, alone = dfa.Experiment(**{**FAST, **fields}), dfa.Experiment(**{**FAST, **fields})
    for _ in range(2):
        assert min(both_rates(seen, seconds=0.004)) > 0
        seen.train(23)
        alone.train(23)
    assert seen.history.equals(alone.history)


@pytest.mark.clock
def test_measuring_keeps_to_its_time():
    run = dfa.Experiment(**FAST, record_every=1)
    run.train(50)
    took = []
    for _ in range(5):
        began = time.perf_counter()
        both_rates(run)
        took.append(time.perf_counter() - began)
    assert min(took) < BUDGET  # the others may have had to share the core


def test_a_run_that_went_back_is_measured_again(at_once):
    runner = dfa.Runner(dfa.Experiment(**FAST, lr=1e4, weight_decay=1.0), compare_speed=True)
    runner.play()
    with pytest.raises(dfa.DivergedError):
        runner.wait(20)
    runner.change(lr=0.01, weight_decay=0.0)
    runner.play(1)
    runner.wait(10)
    assert runner.experiment.history.values("bp_samples_per_s")[0][-1] == runner.status().steps_done - 1
    runner.close()


def test_lanes_of_one_kind_have_one_reference_and_one_speed(at_once):
    runner = dfa.Runner(dfa.Experiment(**FAST), compare_speed=True)
    runner.fork(lr=0.05)
    runner.fork(rule="kp")
    runner.play(30)
    runner.wait(10)
    own, bp = ([lane.history.last(metric) for lane in runner.lanes] for metric in ("samples_per_s", "bp_samples_per_s"))
    assert len(set(bp)) == 1
    assert own[0] == own[1] != own[2]
    runner.close()


def test_a_short_run_has_a_throughput_where_it_rests():
    runner = dfa.Runner(dfa.Experiment(widths=(16,), batch_size=16))
    runner.play(13)
    runner.wait(10)
    steps, rates = runner.experiment.history.values("samples_per_s")
    assert list(steps) == [13]
    assert rates[0, 0] > 0
    runner.close()
