"""expect: silent where it holds, one sentence where it does not, a DfaLabError where the check itself is wrong."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import dfa_lab as dfa

INPUTS, TARGETS = torch.rand(16, 2, generator=torch.Generator().manual_seed(0)), torch.arange(16) % 2


def trained(steps=300, **fields):
    run = dfa.Experiment(**{"task": "moons", "widths": (16, 8), "seed": 1, **fields})
    run.train(steps)
    return run


def message(check):
    """What a check that fails says, in one sentence."""
    with pytest.raises(AssertionError) as caught:
        check()
    text = str(caught.value)
    assert "\n" not in text
    assert "expected" in text
    assert text[-1] in ".?"
    return text


@pytest.mark.parametrize("replicas", [None, 3])
def test_learning_is_more_than_so_much_on_the_test_split(replicas):
    run = trained(replicas=replicas)
    found = run.evaluate()["test_accuracy"]
    mean = sum(found) / 3 if replicas else found
    digest = run.history.digest()
    assert dfa.expect.learns(run, above=mean - 1e-6) is None
    text = message(lambda: dfa.expect.learns(run, above=mean))
    assert f"{mean:.3f}" in text
    assert "step 300" in text
    assert ("3 replicas" in text) == (replicas == 3)
    assert run.history.digest() == digest


def test_a_run_that_was_not_trained_is_told_so():
    run = dfa.Experiment(task="moons", widths=(16,))
    assert "run.train(steps)" in message(lambda: dfa.expect.learns(run, above=0.99))
    assert "never measured" in message(lambda: dfa.expect.angle(run, 1, below=60))


@pytest.mark.parametrize("metric", ["gradient_alignment", "weight_alignment"])
@pytest.mark.parametrize(("layer", "replicas"), [(1, None), (2, None), (2, 3)])
def test_the_last_angle_counts(metric, layer, replicas):
    run = trained(replicas=replicas)
    found = run.history.last(metric, layer)
    for source in (run, run.history):
        assert dfa.expect.angle(source, layer, below=found + 0.01, above=found - 0.01, metric=metric) is None
    for wrong in ({"below": found - 0.01}, {"above": found + 0.01}, {"below": found}, {"above": found}):
        text = message(lambda wrong=wrong: dfa.expect.angle(run, layer, metric=metric, **wrong))
        assert f"{found:.1f}°" in text
        assert f"layer {layer}" in text
        assert "step 300" in text


UNTRAINED = {
    "one layer": (lambda: dfa.Experiment(task="moons", widths=(8,)), 1),
    "two layers": (lambda: dfa.Experiment(task="moons", widths=(8, 4)), 2),
    "replicas": (lambda: dfa.Experiment(task="moons", widths=(8, 4), replicas=3), 2),
    "a module, the output counted": (lambda: dfa.Experiment(task="moons", module=chain(), rule="fa"), 3),
    "no layer": (lambda: dfa.Experiment(task="moons", widths=()), 0),
}


@pytest.mark.parametrize("metric", ["gradient_alignment", "weight_alignment"])
@pytest.mark.parametrize("kind", UNTRAINED)
def test_before_any_measurement_too_a_layer_that_is_not_there_is_no_failed_answer(kind, metric):
    made, layers = UNTRAINED[kind]
    run = made()
    digest = run.history.digest()
    expected = f"one of {', '.join(map(str, range(1, layers + 1)))}" if layers else "hidden layers"
    for layer in (layers + 1, 7, 0, -1, True):
        with pytest.raises(dfa.DfaLabError, match=f"expected .*{expected}"):
            dfa.expect.angle(run, layer, below=80, metric=metric)
    for layer in range(1, layers + 1):
        assert "never measured" in message(lambda layer=layer: dfa.expect.angle(run, layer, below=80, metric=metric))
    assert "never measured" in message(lambda: dfa.expect.angle(run.history, 7, below=80, metric=metric))
    assert (run.history.digest(), run.steps_done) == (digest, 0)


def test_an_angle_that_is_not_defined_fails():
    run = trained(rule="shallow")
    assert "not defined" in message(lambda: dfa.expect.angle(run, 1, below=180))


def chain(rule="fa"):
    torch.manual_seed(0)
    return dfa.convert(nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 2)), rule)


@pytest.mark.parametrize("rule", ["fa", "dfa", "usf", "bp", "drtp"])
@pytest.mark.parametrize("made", [chain, lambda rule: dfa.MLP([2, 6, 5, 2], rule=rule)])
def test_the_rule_in_use_is_found(made, rule):
    net = made(rule)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert dfa.expect.rule_is_used(net, INPUTS, TARGETS, cross_entropy) is None
    assert dfa.expect.rule_is_used(net, INPUTS, TARGETS, cross_entropy, rule=rule) is None
    assert all(torch.equal(net.state_dict()[name], value) for name, value in before.items())
    text = message(lambda: dfa.expect.rule_is_used(net, INPUTS, TARGETS, cross_entropy, rule="frsf"))
    assert rule in text
    assert "expected frsf" in text


def test_a_layer_that_does_not_use_its_rule_is_named():
    net = chain()
    net[2].__class__ = nn.Linear
    text = message(lambda: dfa.expect.rule_is_used(net, INPUTS, TARGETS, cross_entropy))
    assert "2.weight" in text
    assert "expected fa" in text


def test_rules_of_several_layers_are_all_named():
    net = chain({"2": "fa", "4": "usf", "*": "bp"})
    text = message(lambda: dfa.expect.rule_is_used(net, INPUTS, TARGETS, cross_entropy, rule="fa"))
    assert "bp and fa and usf" in text


WRONG = {
    "accuracy in per cent": (lambda: dfa.expect.learns(trained(5), above=93), "0.93 for 93 %"),
    "accuracy as text": (lambda: dfa.expect.learns(trained(5), above="high"), "from 0 to 1"),
    "accuracy that is true": (lambda: dfa.expect.learns(trained(5), above=True), "from 0 to 1"),
    "accuracy of nan": (lambda: dfa.expect.learns(trained(5), above=math.nan), "from 0 to 1"),
    "no classes": (lambda: dfa.expect.learns(trained(5, task="linear"), above=0.9), "no classes"),
    "a history that learns": (lambda: dfa.expect.learns(dfa.History(), above=0.9), "an Experiment"),
    "a runner": (lambda: dfa.expect.learns(dfa.Runner(trained(1), threaded=False), above=0.9), ".experiment"),
    "no bound": (lambda: dfa.expect.angle(trained(5), 1), "neither below nor above"),
    "degrees": (lambda: dfa.expect.angle(trained(5), 1, below=200), "from 0 to 180"),
    "layer 3": (lambda: dfa.expect.angle(trained(5), 3, below=60), "one of 1, 2"),
    "layer 0": (lambda: dfa.expect.angle(dfa.History(), 0, below=60), "from 1"),
    "another metric": (lambda: dfa.expect.angle(trained(5), 1, below=60, metric="test_loss"), "gradient_alignment"),
    "no run": (lambda: dfa.expect.angle(None, 1, below=60), "a History"),
    "a plain network": (lambda: dfa.expect.rule_is_used(nn.Linear(2, 2), INPUTS, TARGETS, cross_entropy), "convert"),
    "no rule": (
        lambda: dfa.expect.rule_is_used(chain(), INPUTS, TARGETS, cross_entropy, rule="x"),
        "no learning rule called",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_check_that_is_wrong_is_no_failed_answer(name):
    call, words = WRONG[name]
    with pytest.raises(dfa.DfaLabError, match=words):
        call()
