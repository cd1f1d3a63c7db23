"""A rule's choice: what of it a rule and its networks show, and what a misspelt one is told."""

import pytest
import torch

import dfa_lab as dfa


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ("dfa", "dfa"),
        ({"name": "dfa"}, "dfa"),
        ({"name": "kp", "decay": 0.001}, "kp"),
        ({"name": "kp", "decay": 0.5}, {"name": "kp", "decay": 0.5}),
        ({"name": "ldfa", "rank": 5, "error_channel": "sign"}, {"name": "ldfa", "rank": 5, "error_channel": "sign"}),
        (
            {"name": "dfa", "error_channel": {"name": "quantised", "bits": 3}},
            {"name": "dfa", "error_channel": {"name": "quantised", "bits": 3}},
        ),
    ],
)
def test_a_rule_and_its_networks_show_the_parameters_that_were_chosen(given, short):
    rule = dfa.RULES.resolve(given)
    assert rule.choice == short
    assert repr(rule) == f"{type(rule).__name__}({short!r})"
    assert dfa.RULES.resolve(rule.choice) == rule
    assert f"rule={short!r}" in repr(dfa.MLP([4, 3, 2], rule=given))
    assert f"rule={short!r}" in repr(dfa.convert(torch.nn.Sequential(torch.nn.Linear(4, 3)), given, points=["0"]))


def test_a_rule_that_is_not_registered_has_a_repr():
    own = dfa.Rule("half", "half", "", "", dfa.Route.LAYERWISE, carrier=lambda weight, feedback: weight / 2, decay=0.5)
    assert repr(own) == "Layerwise({'name': 'half', 'decay': 0.5})"


@pytest.mark.parametrize("rule", [{"nme": "dfa"}, {"nme": "dfa", "error_channel": "sign"}, {"nme": "sign"}])
def test_a_misspelt_key_of_a_choice_is_said(rule):
    message = "Did you mean 'name' in place of 'nme'"
    for use in (
        lambda: dfa.Experiment(task="moons", rule=rule),
        lambda: dfa.MLP([2, 3, 2], rule=rule),
        lambda: dfa.convert(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2)), rule),
        lambda: dfa.RULES.resolve(rule),
        lambda: dfa.Experiment(task="moons", error_channel=rule),
        lambda: dfa.Experiment(task="moons", rule={"name": "dfa", "error_channel": rule}),
    ):
        with pytest.raises(dfa.DfaLabError, match=message):
            use()
    with pytest.raises(dfa.DfaLabError) as refused:
        dfa.RULES.check({"first": "sing"})
    assert "'name'" not in str(refused.value)
