"""A rule's choice: what of it a rule and its networks show, and what a misspelt one is told."""

import pytest
import torch

import dfa_lab as dfa
from dfa_lab.learning.rules import not_used_by


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


@pytest.mark.parametrize("key", ["Name", "nmae", "nam", "naame"])
def test_name_in_other_letters_is_said(key):
    with pytest.raises(dfa.DfaLabError, match=f"Did you mean 'name' in place of '{key}'"):
        dfa.RULES.resolve({key: "dfa"})


@pytest.mark.parametrize("layer", ["frame", "same", "game", "mean", "frames.*"])
def test_a_layer_whose_name_is_like_it_is_a_layer(layer):
    with pytest.raises(dfa.DfaLabError) as refused:
        dfa.RULES.check({layer: "sing"})
    assert "Did you mean 'name'" not in str(refused.value)
    with pytest.raises(dfa.DfaLabError, match="matches no layer") as refused:
        dfa.convert(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2)), {layer: "fa"})
    assert "Did you mean 'name'" not in str(refused.value)


#: Setting -> another value than the default.
OTHERS = {
    "activation_derivative": "triangle",
    "error_channel": "sign",
    "feedback_init": "normal",
    "feedback_scale": -3.0,
    "feedback_seed": 7,
}
#: What a rule uses, and what is the same by both: the sign of a sign, or of a target that is 0 or 1.
SAME = {"sdfa": {"error_channel"}, "drtp": {"error_channel"}}


@pytest.mark.parametrize("rule", dfa.RULES)
def test_what_a_rule_does_not_use_changes_nothing(rule):
    def weights(**settings):
        run = dfa.Experiment(task="moons", widths=(6, 5), batch_size=16, rule=rule, probe_every=0, **settings)
        run.train(4)
        return torch.cat([weight.detach().flatten() for weight in run.net.weights])

    before = weights()
    found = {field for field, other in OTHERS.items() if torch.equal(weights(**{field: other}), before)}
    assert found - SAME.get(rule, set()) == set(not_used_by(rule))
    assert set(not_used_by(rule).values()) <= {f"Not used by {rule}."}


def test_what_one_layers_rule_uses_is_used():
    assert not_used_by({"0": "bp", "2": "dfa"}) == {}
    assert not_used_by({"0": "bp", "2": "fa"}) == {"error_channel": "Not used by bp+fa."}
    assert "Not used by fa." in dfa.Settings(rule="fa", error_channel="sign")._repr_html_()
    assert "Not used" not in dfa.Settings(rule="dfa", error_channel="sign")._repr_html_()
