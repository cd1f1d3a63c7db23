"""Measuring by hand: wherever a run rests its numbers are those of that step, and it stays the same run."""

import random
import threading

import numpy as np
import pytest
import torch

import dfa_lab as dfa
from dfa_lab.experiment.measurement import probe
from runs import FAST, until

RARE = {**FAST, "probe_every": 1000}
SEEN = ("weight_alignment", "gradient_alignment", "test_loss", "test_accuracy")


@pytest.fixture
def runner():
    made = dfa.Runner(dfa.Experiment(**RARE))
    yield made
    made.close()


def column(run, metric):
    return run.history.values(metric, 1 if "alignment" in metric else None)


def newest(run, metric):
    steps, values = column(run, metric)
    return steps[-1], values[-1].tolist()


def true_values(run):
    """What a fresh probe of the run finds, by ways of their own."""
    tested, (layer,) = run.evaluate(), run.snapshot().layers
    return layer.weight_alignment, tested["test_loss"], tested["test_accuracy"]


def test_a_pause_after_any_number_of_steps_leaves_the_numbers_of_its_step(runner):
    for steps in random.Random(0).sample(range(3, 60), 6):
        runner.play(steps)
        runner.wait(10)
        run = runner.experiment
        assert {newest(run, metric)[0] for metric in SEEN} == {run.steps_done}
        shown = [newest(run, metric)[1][0] for metric in ("weight_alignment", "test_loss", "test_accuracy")]
        assert shown == pytest.approx(true_values(run), rel=1e-4)
    again = dfa.Session.read(run.session().to_text()).replay()
    assert again.history.digest() == run.history.digest()
    assert newest(again, "weight_alignment")[0] < run.steps_done, "nobody paused there"


def test_a_pause_in_full_run_and_a_step_to_stop_at(runner):
    runner.stop_at(333)
    runner.play()
    runner.wait(10)
    assert newest(runner.experiment, "weight_alignment")[0] == 333
    runner.stop_at(None)
    runner.play()
    until(lambda: runner.status().steps_done >= 400)
    runner.pause()
    runner.wait(10)
    run = runner.experiment
    assert {newest(run, metric)[0] for metric in SEEN} == {run.steps_done}
    inline = dfa.Experiment(**RARE)
    inline.train(run.steps_done)
    assert inline.history.equals(run.history)
    assert torch.equal(inline.net.weights[0], run.net.weights[0])


def test_every_lane_is_measured_where_it_rests(runner):
    runner.play(20)
    runner.wait(10)
    runner.fork(rule="bp")
    runner.fork(lr=0.01)
    runner.play(7)
    runner.wait(10)
    assert [newest(run, "weight_alignment")[0] for run in runner.lanes] == [27, 27, 27]
    alone = dfa.Experiment(**RARE)
    alone.train(20)
    other = alone.fork(lr=0.01)
    other.train(7)
    assert runner.lanes[2].history.equals(other.history)


def test_a_change_at_rest_that_moves_the_angles_is_measured_at_once_and_undo_too(runner):
    runner.play(37)
    runner.wait(10)
    _, before = newest(runner.experiment, "weight_alignment")
    runner.change(feedback_init={"name": "aligned", "angle": 30})
    runner.wait(10)
    step, there = newest(runner.experiment, "weight_alignment")
    assert (step, there) == (37, [pytest.approx(30, abs=0.1)])
    runner.undo()
    runner.wait(10)
    assert newest(runner.experiment, "weight_alignment") == (37, before)
    runner.play(5)
    runner.wait(10)
    again = runner.experiment.session().replay()
    assert again.history.equals(runner.experiment.history)


def test_nothing_is_measured_twice_nor_before_the_first_step(runner):
    runner.change(rule="fa")
    runner.wait(10)
    assert not runner.experiment.history.series
    runner.play(37)
    runner.wait(10)
    length = len(runner.experiment.history.to_frame())
    runner.change(lr=0.2)
    runner.measure()
    runner.pause()
    runner.wait(10)
    assert len(runner.experiment.history.to_frame()) == length


def test_measuring_while_it_trains(runner):
    runner.play()
    until(lambda: runner.status().steps_done >= 300)
    before = column(runner.experiment, "weight_alignment")[0]
    runner.measure()
    until(lambda: len(column(runner.experiment, "weight_alignment")[0]) > len(before))
    assert runner.status().running
    runner.pause()
    runner.wait(10)


def test_a_pause_does_not_wait_for_its_measurement(runner, monkeypatch):
    measuring, go_on = threading.Event(), threading.Event()

    def slow(self, *given, **named):
        measuring.set()
        assert go_on.wait(10)
        return {}

    runner.play(33)
    runner.wait(10)
    monkeypatch.setattr(probe.Probe, "alignment", slow)
    runner.play(30)
    assert measuring.wait(10)
    assert not runner.status().running
    assert runner.status().steps_done == 63
    go_on.set()
    runner.wait(10)


def test_what_cannot_be_measured_is_said_and_ends_nothing(runner, monkeypatch):
    def broken(self, *given, **named):
        raise RuntimeError("no room")

    runner.play(33)
    runner.wait(10)
    monkeypatch.setattr(probe.Probe, "alignment", broken)
    runner.play(3)
    with pytest.raises(RuntimeError, match="no room"):
        runner.wait(10)
    assert runner.status().error == "this step could not be measured: RuntimeError: no room."
    monkeypatch.undo()
    runner.play(1)
    runner.wait(10)
    assert newest(runner.experiment, "weight_alignment")[0] == 37


def test_after_a_divergence_the_numbers_are_those_of_the_step_it_went_back_to():
    runner = dfa.Runner(dfa.Experiment(task="linear", activation="identity", lr=0.01, **RARE), threaded=False)
    runner.play(33)
    runner.change(rule="fa", lr=1e6, feedback_scale=1e6)
    runner.play(50)
    with pytest.raises(dfa.DivergedError):
        runner.wait()
    run = runner.experiment
    assert run.steps_done == 33
    assert {newest(run, metric)[0] for metric in SEEN[:3]} == {33}
    assert all(np.all(np.diff(series.steps) >= 0) for series in run.history.series.values())
    assert run.session().replay().history.equals(run.history)


def test_settings_decide_what_is_measured(monkeypatch):
    run = dfa.Experiment(**{**RARE, "probe_every": 0})
    run.train(5)
    run.measure()
    assert not run.history.layers("weight_alignment")
    assert newest(run, "test_loss")[0] == 5
    monkeypatch.setattr("dfa_lab.experiment.run.trainer.QUICK", 1)
    run.train(6)
    run.measure()
    assert newest(run, "test_loss")[0] < 11, "the test split would keep somebody waiting"


def test_rows_by_hand_are_kept_in_files_and_copies():
    run = dfa.Experiment(**RARE, replicas=2)
    run.train(37)
    run.measure()
    again = dfa.History.from_json(run.history.to_json())
    assert again.digest() == run.history.copy().digest() == run.history.digest()
    assert again.to_frame().equals(run.history.to_frame())
    plain = dfa.Experiment(**RARE, replicas=2)
    plain.train(37)
    assert plain.history.digest() == again.digest()
    assert len(plain.history.to_frame()) < len(again.to_frame())
    run.history.truncate(36)
    assert not any(series.by_hand for series in run.history.series.values())


def test_a_text_with_rows_by_hand_that_are_not_there_is_refused():
    run = dfa.Experiment(**RARE)
    run.train(3)
    run.measure()
    text = run.history.to_json()
    assert '"by_hand": [3]' in text
    for damaged in ("[9]", "[-1]", "[2, 1]", "[1, 1]", '"x"'):
        with pytest.raises(dfa.DfaLabError, match=r"damaged|no history"):
            dfa.History.from_json(text.replace('"by_hand": [3]', f'"by_hand": {damaged}'))


def test_a_module_is_measured_by_hand_and_stays_as_it_was():
    net = torch.nn.Sequential(torch.nn.Linear(64, 8), torch.nn.BatchNorm1d(8), torch.nn.Tanh(), torch.nn.Linear(8, 10))
    one, other = (dfa.Experiment(module=net, rule="dfa", probe_every=100) for _ in range(2))
    for steps in (3, 10, 7):
        one.train(steps)
        other.train(steps)
        one.measure()
    assert newest(one, "weight_alignment")[0] == 20
    assert one.history.equals(other.history)
    for name, tensor in one.net.state_dict().items():
        assert torch.equal(tensor, other.net.state_dict()[name])
