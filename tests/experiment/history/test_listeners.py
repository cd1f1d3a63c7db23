"""Listeners are given every row of a history as it is recorded, from whatever trains, and never disturb the run."""

import copy
import pickle

import numpy as np
import pytest
import torch

import dfa_lab as dfa
from dfa_lab.errors import DfaLabError


def rows_in(history, after=-1):
    """Every row that a history holds."""
    return {
        (metric, layer, step): tuple(values.tolist())
        for metric, layer in history.series
        for step, values in zip(*history.values(metric, layer), strict=True)
        if step > after
    }


@pytest.mark.parametrize("settings", [{}, {"replicas": 3}, {"rule": "bp", "optimizer": "adam"}, {"widths": (4, 4)}])
def test_each_row_is_given_once_and_in_order(settings):
    run = dfa.Experiment(**{"task": "moons", "widths": (8,), **settings})
    run.train(5)
    given = []
    end = run.history.listen(given.append)
    run.train(40)
    found = {(row.metric, row.layer, row.step): row.values for row in given}
    there = rows_in(run.history, after=5)
    assert found.keys() == there.keys()
    for key, values in there.items():
        np.testing.assert_array_equal(found[key], values)
    assert [row.step for row in given] == sorted(row.step for row in given)
    assert len(given) == len(there)
    end()
    run.train(20)
    assert len(given) == len(there)


def test_a_row_has_a_name_and_the_mean_over_replicas():
    run = dfa.Experiment(task="moons", widths=(8, 8), replicas=2)
    given = []
    run.history.listen(given.append)
    run.train(10)
    layered = next(row for row in given if row.metric == "weight_alignment" and row.layer == 1)
    assert layered.name == "weight_alignment/1"
    loss = next(row for row in given if row.metric == "train_loss")
    assert loss.name == "train_loss"
    assert loss.value == pytest.approx(np.mean(loss.values))
    assert loss.samples == loss.step * run.settings.batch_size


def test_a_listener_changes_nothing_of_the_run():
    runs = [dfa.Experiment(task="moons", widths=(8,)) for _ in range(2)]
    runs[0].history.listen(lambda row: None)
    assert len({run.train(50).digest() for run in runs}) == 1


def test_one_that_raises_is_called_no_more_and_the_others_are():
    run, calls, good = dfa.Experiment(task="moons", widths=(8,)), [], []

    def fails(row):
        calls.append(row)
        raise RuntimeError("the tracker is down")

    run.history.listen(fails)
    run.history.listen(good.append)
    with pytest.warns(RuntimeWarning, match="called no more: RuntimeError: the tracker is down"):
        run.train(30)
    assert len(calls) == 1
    assert len(good) > 5
    assert run.steps_done == 30


def test_copies_forks_and_files_have_no_listeners(tmp_path):
    run, given = dfa.Experiment(task="moons", widths=(8,)), []
    run.history.listen(given.append)
    run.train(10)
    before = len(given)
    others = [
        pickle.loads(pickle.dumps(run.history)),
        copy.deepcopy(run.history),
        run.history.copy(),
        dfa.History.from_json(run.history.to_json()),
        run.fork().history,
    ]
    run.save(tmp_path / "run.safetensors")
    others.append(dfa.Experiment.load(tmp_path / "run.safetensors").history)
    for other in others:
        other.record("train_loss", 1.0, step=100, samples=1)
    assert len(given) == before


def test_the_same_function_twice_is_called_twice_and_ended_apart():
    history, given = dfa.History(), []
    ends = [history.listen(given.append) for _ in range(2)]
    history.record("train_loss", 1.0, step=1, samples=1)
    ends[0](), ends[0]()
    history.record("train_loss", 1.0, step=2, samples=2)
    assert [row.step for row in given] == [1, 1, 2]


def test_a_monitor_and_a_runner_are_listened_to_as_well():
    given = []
    net = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    inputs, targets = torch.randn(16, 2, generator=torch.Generator().manual_seed(0)), torch.arange(16) % 2
    monitor = dfa.Monitor(dfa.convert(net, "fa"), torch.nn.functional.cross_entropy, (inputs, targets), record_every=1)
    monitor.history.listen(given.append)
    monitor.step(0.5, samples=16)
    assert ("train_loss", 1) in {(row.name, row.step) for row in given}
    runner = dfa.Runner(dfa.Experiment(task="moons", widths=(4,)), threaded=False)
    runner.experiment.history.listen(given.append)
    runner.play(12)
    assert ("train_loss", 10) in {(row.name, row.step) for row in given}


@pytest.mark.parametrize("given", [None, 3, "print"])
def test_what_is_no_listener(given):
    with pytest.raises(DfaLabError, match="listen got"):
        dfa.History().listen(given)
