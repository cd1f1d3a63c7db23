"""The line of words: what it says of each rule, before the first step and after, of replicas, regression, modules."""

import re
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


@pytest.mark.parametrize(("rule", "stop"), [("dfa", 360), ("bp", 12_000)])
def test_a_run_that_was_shared_says_up_to_which_step_play_makes_it(rule, stop):
    run = dfa.Experiment(**FAST, rule=rule)
    words = f"Press Play: the run trains to step {stop:,} and pauses there; the network learns by {RULES[rule].title}."
    assert sentence(run, stop) == words
    run.train(5)
    assert sentence(run, stop) == sentence(run)


SOME = ["bp", "dfa", "fa", *[name for name in MLP_RULES if RULES[name].route is Route.NONE][:1]]


@pytest.mark.parametrize("rule", SOME)
def test_a_rule_says_how_well_it_learns_and_aligns(rule):
    said = sentence(trained(rule=rule))
    assert re.match(r"At step 4: \d+ % of the test data right\. ", said)
    assert said.endswith(".")
    if RULES[rule].route is Route.NONE:
        assert "The hidden layers receive nothing and stay as they are." in said
    elif rule == "bp":
        assert said.endswith("Every layer has exactly backpropagation's learning signal.")
    else:
        assert re.search(r"[Tt]he learning signals are \d+° from backpropagation's: ", said)


@pytest.mark.parametrize("rule", ["bp", "fa"])
@pytest.mark.parametrize("derivative", ["exact", "step", "identity"])
def test_only_backpropagation_with_another_derivative_differs_because_of_it(rule, derivative):
    said = sentence(trained(rule=rule, activation_derivative=derivative))
    assert ("° from backpropagation's, because of the derivative: " in said) == (rule == "bp" and derivative != "exact")


def test_a_rule_with_a_parameter_is_called_by_its_name_and_a_mapping_is_not():
    parameter = dfa.Experiment(**FAST, rule={"name": "kp", "decay": 0.1})
    assert RULES["kp"].title in sentence(parameter)
    mapping = dfa.Experiment(
        module=nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2)),
        task="moons",
        rule={"1": "dfa", "4": "fa"},
    )
    assert "the network learns by rules chosen layer by layer" in sentence(mapping)
    mapping.train(5)
    assert sentence(mapping).startswith("At step 4: ")


def test_replicas_are_said_as_their_mean():
    run = trained(replicas=3)
    accuracy = run.history.series["test_accuracy", None].since(0, 3)[1][-1].mean()
    assert f"At step 4: {100 * accuracy:.0f} % of the test data right." in sentence(run)


def test_a_task_without_classes_says_its_loss():
    assert sentence(trained(task="linear")).startswith("After 5 steps: loss ")


def test_the_output_of_a_module_is_no_hidden_layer():
    run = dfa.Experiment(module=nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2)), task="moons", rule="dfa")
    run.train(5)
    assert run.history.last("gradient_alignment", 2) == 0, "the output's own angle"
    assert f"At step 4 the learning signal is {run.history.last('gradient_alignment', 1):.0f}°" in sentence(run)


def test_a_module_without_a_hidden_layer_has_no_angle_to_tell():
    run = dfa.Experiment(module=nn.Sequential(nn.Linear(2, 2)), task="moons", rule="fa")
    run.train(5)
    assert sentence(run).endswith("of the test data right.")


@pytest.mark.parametrize(
    ("angles", "words"),
    [
        ([], ""),
        ([60.0], "The learning signal is 60° from backpropagation's: better than chance."),
        ([88.0], "The learning signal is 88° from backpropagation's: no better than chance yet."),
        ([60.0, 70.0], "The learning signals are 65° from backpropagation's: better than chance."),
        ([60.0, 89.0], "beats chance in 1 of 2 layers."),
        ([0.0, 0.0], "Every layer has exactly backpropagation's learning signal."),
        ([float("nan")], ""),
    ],
)
def test_the_angle_is_compared_with_chance(angles, words):
    run = SimpleNamespace(settings=dfa.Settings(rule="dfa"), history=History(), steps_done=1, module=None)
    for layer, angle in enumerate(angles, 1):
        run.history.record("gradient_alignment", angle, step=1, samples=1, layer=layer)
        run.history.record("gradient_alignment_chance", 2.0, step=1, samples=1, layer=layer)
    run.history.record("train_loss", 0.5, step=1, samples=1)
    said = sentence(run)
    assert said.startswith("After 1 step: loss 0.5.")
    assert words in said


def test_a_loss_far_above_the_first_is_called_that():
    run = dfa.Experiment(**FAST)
    for step, loss in ((0, 2.0), (10, 9.0)):
        run.history.record("train_loss", loss, step=step, samples=step)
    run.train(1)
    assert "the loss is higher than it began" in sentence(run)


def test_what_was_measured_at_an_earlier_step_is_said_with_that_step():
    run = SimpleNamespace(settings=dfa.Settings(rule="dfa"), history=History(), steps_done=745, module=None)
    run.history.record("test_accuracy", 0.14, step=740, samples=740)
    run.history.record("gradient_alignment", 60.0, step=744, samples=744, layer=1)
    assert sentence(run).startswith("At step 740: 14 % of the test data right. At step 744 the learning signal is 60°")
    run.steps_done = 740
    assert sentence(run).startswith("After 740 steps: 14 %")


def test_layers_of_a_module_with_exactly_bps_signal_are_no_hidden_layers():
    run = SimpleNamespace(settings=dfa.Settings(rule="dfa"), history=History(), steps_done=1, module=nn.Linear(2, 2))
    for layer, angle in enumerate((60.0, 70.0, 0.0, float("nan")), 1):
        run.history.record("gradient_alignment", angle, step=1, samples=1, layer=layer)
        run.history.record("gradient_alignment_chance", 2.0, step=1, samples=1, layer=layer)
    run.history.record("train_loss", 0.5, step=1, samples=1)
    assert sentence(run).endswith("The learning signals are 65° from backpropagation's: better than chance.")
