"""A choice for each layer in an explorer: a mapping of rules or derivatives from code, from a menu, from a page."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

import dfa_lab as dfa
from dfa_lab.learning.rules import leaves_some_to_bp, with_rule
from dfa_lab.widgets.controls import check_fields
from dfa_lab.widgets.controls.derivative_curves import curves

MIXED = {"1": "step", "*": "exact"}


class Gated(nn.Module):
    """Holds a parameter that no layerwise rule can reach, and a part."""

    def __init__(self):
        super().__init__()
        self.gain, self.below = nn.Parameter(torch.ones(8)), nn.Linear(6, 8)
        self.part = nn.Sequential(nn.Tanh(), nn.Linear(8, 8), nn.ReLU())
        self.top = nn.Linear(8, 4)

    def forward(self, x):
        return self.top(self.part(self.gain * torch.tanh(self.below(x))))


@pytest.fixture
def explorer(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")

    def make(**fields):
        task = dfa.Task.from_arrays(torch.randn(40, 6), torch.arange(40) % 4)
        return dfa.Explorer(module=Gated(), task=task, batch_size=8, **fields)

    return make


def test_a_rule_from_the_menu_is_for_the_layers_that_are_not_left_to_bp(explorer):
    shown = explorer(rule={"": "bp", "part.*": {"name": "bp"}, "*": "fa"})
    for rule in ("frsf", {"name": "kp", "decay": 0.01}, "bp", "usf"):
        shown.act("change", fields={"rule": rule})
        assert shown.status()["error"] == ""
        assert shown.experiment.settings.rule == {"": "bp", "part.*": {"name": "bp"}, "*": rule}
        shown.act("step", steps=2)
    assert shown.experiment.net.dfa_conversion.rules["top"].name == "usf"
    assert shown.experiment.net.dfa_conversion.rules["part.1"].name == "bp"
    shown.act("undo")
    assert shown.experiment.settings.rule["*"] == "bp"
    shown.act("new_run", fields={"rule": "fa", "lr": 0.05})
    assert (shown.status()["error"], shown.experiment.settings.rule["*"]) == ("", "fa")
    shown.act("fork", fields={"rule": "usf"})
    lanes = list(shown.runner.by_number.values())
    assert (shown.status()["error"], lanes[1].settings.rule["*"], lanes[0].settings.rule["*"]) == ("", "usf", "fa")


def test_a_mapping_from_a_page_and_a_rule_from_code_stay_what_they_are(explorer):
    shown = explorer(rule={"": "bp", "*": "fa"})
    shown.act("change", fields={"rule": {"": "bp", "top": "fa", "*": "usf"}})
    assert (shown.status()["error"], shown.experiment.settings.rule["top"]) == ("", "fa")
    shown.act("change", fields={"rule": {"": "bp", "tpo": "fa"}})
    assert "Did you mean 'top'?" in shown.status()["error"]
    shown.experiment.change(rule="bp")
    assert shown.experiment.settings.rule == "bp"
    shown.act("change", fields={"rule": "nope"})
    assert "no learning rule called 'nope'" in shown.status()["error"]


def test_a_mapping_that_names_no_bp_gives_way_to_a_rule_for_all():
    assert [leaves_some_to_bp(one) for one in ({"a": "bp", "*": "fa"}, {"a": "kp"}, {"*": "bp"}, "fa")] == [1, 0, 0, 0]
    assert with_rule({"a": "bp", "*": "fa"}, "dfa") == {"a": "bp", "*": "dfa"}
    assert with_rule({"a": "bp", "*": "fa"}, {"a": "fa"}) == {"a": "fa"}
    assert with_rule({"a": "bp", "*": "fa"}, "nope") == "nope"


def test_a_derivative_per_layer_on_the_screen(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    shown = dfa.Explorer(task="moons", widths=(8, 8))
    shown.act("change", fields={"activation_derivative": MIXED})
    assert shown.status()["error"] == ""
    assert "derivative 1: step; *: exact" in shown.status()["settings"]
    shown.act("change", fields={"lr": 0.05})
    shown.act("step", steps=3)
    assert shown.experiment.settings.activation_derivative == MIXED
    assert shown.experiment.history.changes()[0] == (0, {"activation_derivative": MIXED})
    again = dfa.History.from_json(shown.experiment.history.to_json())
    assert again.events[0].new == MIXED
    for wrong in ({"3": "step"}, {"1": "nope"}, {"1": "x" * 600}, {"1": {"name": "triangle", "width": "2"}}):
        shown.act("change", fields={"activation_derivative": wrong})
        assert shown.status()["error"]
        assert shown.experiment.settings.activation_derivative == MIXED
    shown.act("new_run", fields={"widths": [8, 8, 8]})
    assert shown.experiment.settings.activation_derivative == MIXED
    shown.act("change", fields={"activation_derivative": "exact"})
    shown.act("undo")
    assert shown.experiment.settings.activation_derivative == MIXED


def test_the_curves_are_of_the_first_layer_with_another_derivative():
    assert curves("tanh", {"1": "exact", "2": "step"})["g"] == curves("tanh", "step")["g"]
    assert curves("tanh", ({"*": "exact"}, "step"))["g"] == curves("tanh", "exact")["g"]


def test_a_page_may_send_names_for_layers_and_no_long_lists():
    fields = {"activation_derivative": {"1": "step", "2": {"name": "triangle", "width": 2.0}}, "rule": {"*": "fa"}}
    assert check_fields(fields) == fields
    wrong = [
        {"1": {"name": "points", "points": [[0, 0]] * 1000}},
        {"1": "y" * 501},
        {str(n): "step" for n in range(600)},
    ]
    for one in wrong:
        assert json.dumps(one)
        with pytest.raises(dfa.DfaLabError):
            check_fields({"activation_derivative": one})
