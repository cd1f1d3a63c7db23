"""The line of words: what it says of each rule, before the first step and after, of replicas, regression, modules."""

from types import SimpleNamespace

import pytest
from torch import nn

import dfa_lab as dfa
from dfa_lab.experiment.history import History
from dfa_lab.learning.rules import RULES, Route, Rule
from dfa_lab.widgets.explorer.words import sentence

FAST = {"task": "moons", "widths": (8, 8), "batch_size": 16, "probe_every": 5, "probe_size": 16, "record_every": 5}
MLP_RULES = [name for name in RULES if isinstance(RULES[name], Rule)]


def trained(steps=5, **settings):
    run = dfa.Experiment(**{**FAST, **settings})
    run.train(steps)
    return run


@pytest.mark.parametrize("rule", MLP_RULES)
def test_each_rule_is_called_by_its_title_before_the_first_step(rule):
    said = sentence(dfa.Experiment(**FAST, rule=rule))
    assert said == f"Press Play: the network learns by {RULES[rule].title}. Nothing has been learnt yet."


SOME = ["bp", "dfa", "fa", *[name for name in MLP_RULES if RULES[name].route is Route.NONE][:1]]


@pytest.mark.parametrize("rule", SOME)
def test_a_rule_says_how_well_it_learns_and_aligns(rule):
    said = sentence(trained(rule=rule))
    assert said.startswith("After 5 steps it is right on ")
    assert said.endswith(".")
    if RULES[rule].route is Route.NONE:
        assert "The hidden layers receive nothing and stay as they are." in said
    elif rule == "bp":
        assert said.endswith("Every layer receives exactly backpropagation's signal.")
    else:
        assert "from backpropagation's signal" in said or "exactly" in said


def test_a_rule_with_a_parameter_is_called_by_its_name_and_a_mapping_is_not():
    parameter = dfa.Experiment(**FAST, rule={"name": "kp", "decay": 0.1})
    assert RULES["kp"].title in sentence(parameter)
    mapping = dfa.Experiment(
        module=nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2)),
        task="moons",
        rule={"1": "dfa", "3": "fa"},
    )
    assert "the network learns by a rule of each layer's own" in sentence(mapping)
    mapping.train(5)
    assert sentence(mapping).startswith("After 5 steps")


def test_replicas_are_said_as_their_mean():
    run = trained(replicas=3)
    accuracy = run.history.series["test_accuracy", None].since(0, 3)[1][-1].mean()
    assert f"right on {100 * accuracy:.0f} %" in sentence(run)


def test_a_task_without_classes_says_its_loss():
    assert sentence(trained(task="linear")).startswith("After 5 steps the loss is ")


def test_a_module_of_ones_own():
    run = dfa.Experiment(module=nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2)), task="moons", rule="dfa")
    run.train(5)
    assert "What the hidden layer" in sentence(run)


@pytest.mark.parametrize(
    ("angles", "words"),
    [
        ([], ""),
        ([60.0], "What the hidden layer receives is 60° from backpropagation's signal: far better than chance."),
        ([88.0], "What the hidden layer receives is 88° from backpropagation's signal: no better than chance so far."),
        ([60.0, 70.0], "What the hidden layers on average receive is 65° from backpropagation's signal: far better"),
        ([60.0, 89.0], "no better than chance so far."),
        ([0.0, 0.0], "Every layer receives exactly backpropagation's signal."),
        ([float("nan")], ""),
    ],
)
def test_the_angle_is_compared_with_chance(angles, words):
    run = SimpleNamespace(settings=dfa.Settings(rule="dfa"), history=History(), steps_done=1)
    for layer, angle in enumerate(angles, 1):
        run.history.record("gradient_alignment", angle, step=1, samples=1, layer=layer)
        run.history.record("gradient_alignment_chance", 2.0, step=1, samples=1, layer=layer)
    run.history.record("train_loss", 0.5, step=1, samples=1)
    said = sentence(run)
    assert said.startswith("After 1 step the loss is 0.5.")
    assert words in said
