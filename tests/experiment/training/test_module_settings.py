"""The settings of a module's run: a table of what applies, and otherwise settings like any others."""

from __future__ import annotations

import pickle

import pytest
from torch import nn

import dfa_lab as dfa

OF_AN_MLP = ("widths", "activation", "weight_init", "replicas")


def cells(settings):
    return settings._repr_html_().replace("<th>", "<td>").replace("</th>", "</td>")


def in_table(settings, name):
    return f">{name}<" in cells(settings)


@pytest.fixture
def run():
    module = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
    return dfa.Experiment(module=module, task="moons", rule="fa", batch_size=16)


def test_the_table_of_a_modules_run_has_what_applies(run):
    mlp = dfa.Experiment(task="moons", widths=(8,))
    run.change(lr=0.03)
    everywhere = [run, run.fork(rule="usf")]
    run.reset(seed=3)
    for one in everywhere:
        assert not any(in_table(one.settings, name) for name in OF_AN_MLP)
        assert all(in_table(one.settings, name) for name in ("rule", "lr", "activation_derivative"))
    for plain in (mlp.settings, dfa.Settings()):
        assert all(in_table(plain, name) for name in dfa.Settings.model_fields)
    assert in_table(dfa.Experiment(run.settings).settings, "widths")


def test_they_are_equal_where_their_values_are(run):
    same = dfa.Settings(**run.settings.values())
    assert run.settings == same
    assert same == run.settings
    assert hash(same) == hash(run.settings)
    assert run.settings.changed(lr=0.5) != same
    assert run.settings != run.settings.values()
    assert pickle.loads(pickle.dumps(run.settings)) == run.settings
    assert not in_table(pickle.loads(pickle.dumps(run.settings)), "widths")
