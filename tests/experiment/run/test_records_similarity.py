"""A run that records how alike its hidden layers are to the untrained network's, where it was asked to."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

import dfa_lab as dfa
from resumed import SMALL, resumed

METRIC = "untrained_similarity"


def module():
    """Dropout draws at random, batch norm has buffers."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Linear(2, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Dropout(0.2), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 2)
    )


KINDS = {
    "an MLP": lambda **how: dfa.Experiment(**{**SMALL, **how}),
    "replicas": lambda **how: dfa.Experiment(**{**SMALL, **how}, replicas=2),
    "a module": lambda **how: dfa.Experiment(
        **{name: value for name, value in {**SMALL, **how}.items() if name != "widths"}, module=module()
    ),
}


def columns(run):
    """Steps and values of each layer."""
    return [[one.tolist() for one in run.history.values(METRIC, layer)] for layer in run.history.layers(METRIC)]


def newest(run):
    return [run.history.values(METRIC, layer)[1][-1] for layer in run.history.layers(METRIC)]


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_diagonal_of_the_table_of_similarity(kind):
    run = KINDS[kind](lr=0.5)
    run.record_similarity()
    run.train(30)
    run.measure()
    table = dfa.similarity(run).to_numpy().reshape(run.history.replicas, 2, 2)
    np.testing.assert_array_equal(newest(run), np.stack([np.diag(one) for one in table], 1))
    for layer in (1, 2):
        np.testing.assert_allclose(run.history.values(METRIC, layer)[1][0], 1, atol=1e-12)
    assert (np.array(newest(run)) < 0.9999).all()


def test_a_module_is_compared_with_the_one_that_was_given():
    given = module()
    run = dfa.Experiment(**{name: value for name, value in SMALL.items() if name != "widths"}, module=given, lr=0.5)
    run.record_similarity()
    run.train(16)
    inputs = run.trainer.probe.batch()[0]
    with torch.no_grad():
        parts = [[net[:3](inputs), net[:6](inputs)] for net in (given.eval(), copy.deepcopy(run.net).eval())]

    def cka(x, y):
        x, y = ((one - one.mean(0)).double().numpy() for one in (x, y))
        k, m = x @ x.T, y @ y.T
        return (k * m).sum() / math.sqrt((k * k).sum() * (m * m).sum())

    wanted = [[cka(x, y)] for x, y in zip(*parts, strict=True)]
    np.testing.assert_allclose(newest(run), wanted, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_recorded_where_angles_are_and_the_run_is_the_same_without(kind):
    asked, left = KINDS[kind](), KINDS[kind]()
    asked.record_similarity()
    for run in (asked, left):
        torch.manual_seed(5)
        run.train(40)
    assert asked.history.layers(METRIC) == [1, 2]
    assert columns(asked)[0][0] == asked.history.values("weight_alignment", 1)[0].tolist()
    assert left.history.layers(METRIC) == []
    assert asked.history.equals(left.history)
    assert all(map(torch.equal, asked.net.state_dict().values(), left.net.state_dict().values()))


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_forked_in_the_middle_it_goes_on_to_the_last_bit(kind, tmp_path):
    run = KINDS[kind]()
    run.record_similarity()
    run.train(9)
    run.change(rule="fa", lr=0.2, probe_size=12)
    run.train(4)
    others = [resumed(run, tmp_path, **({"module": module()} if kind == "a module" else {})), run.fork(name="dfa")]
    assert all(one.records_similarity and columns(one) == columns(run) for one in others)
    for one in (run, *others):
        one.train(40)
        one.measure()
    assert columns(run)[0][0][-1] == 53
    assert all(columns(one) == columns(run) for one in others)


def test_a_file_of_a_run_that_was_not_asked_is_as_it_was(tmp_path):
    run = KINDS["an MLP"]()
    run.train(3)
    path = run.save(tmp_path / "run.safetensors")
    assert b"records_similarity" not in path.read_bytes()
    assert not dfa.Experiment.load(path).records_similarity


def test_a_reset_keeps_it_beside_the_new_first_weights():
    run = KINDS["an MLP"]()
    run.record_similarity()
    run.train(20)
    run.reset(seed=8, rule="bp", widths=(4, 3, 2))
    assert run.records_similarity
    run.train(20)
    run.measure()
    np.testing.assert_array_equal(np.ravel(newest(run)), np.diag(dfa.similarity(run)))
    assert columns(run)[2][1][0] == pytest.approx([1])
    run.reset(widths=())  # which has no hidden layer
    run.train(2)
    assert run.history.layers(METRIC) == []


def test_asked_for_later_it_begins_there_and_it_ends_where_it_is_no_longer_wanted():
    run = KINDS["an MLP"](probe_every=10)
    run.train(20)
    run.measure()
    run.record_similarity()
    run.measure()
    assert columns(run)[0][0] == [20]
    run.train(20)
    run.record_similarity(False)
    run.train(20)
    assert columns(run)[0][0] == [20, 30, 40]


def test_what_a_diverged_run_takes_back_is_taken_back_here_too():
    run = KINDS["an MLP"](activation="relu", task="linear", optimizer="sgd")
    run.record_similarity()
    run.train(8)
    run.change(lr=1e6)
    with pytest.raises(dfa.DivergedError):
        run.train(60)
    assert max(columns(run)[0][0]) <= run.steps_done
    assert columns(run)[0][0] == run.history.values("weight_alignment", 1)[0].tolist()


def test_a_layer_that_says_nothing_is_nan():
    run = KINDS["an MLP"]()
    run.record_similarity()
    with torch.no_grad():
        run.net.weights[1].zero_()
    run.measure()
    assert newest(run)[0] == [pytest.approx(1)]
    assert np.isnan(newest(run)[1]).all()
    run.change(probe_size=2)
    run.train(1)
    assert np.isnan(newest(run)).all()


def test_runs_that_were_asked_are_freed_at_once():
    import weakref

    run = KINDS["an MLP"]()
    run.record_similarity()
    run.train(2)
    gone = weakref.ref(run.trainer)
    del run
    assert gone() is None


@pytest.mark.parametrize(
    ("how", "given", "words"),
    [
        ({"widths": ()}, True, "has no hidden layer"),
        ({"probe_size": 2}, True, "probe batch of 2; expected 3 samples at least"),
        ({}, "yes", "got 'yes'; expected True or False"),
    ],
)
def test_where_it_cannot_be_had_is_said_at_once(how, given, words):
    run = KINDS["an MLP"](**how)
    with pytest.raises(dfa.DfaLabError, match=words):
        run.record_similarity(given)
    assert not run.records_similarity
