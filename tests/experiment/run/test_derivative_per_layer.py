"""A derivative per layer in a run: settings, live changes, undo, replicas, sessions, scripts, the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

import dfa_lab as dfa
from dfa_lab.cli import main
from dfa_lab.experiment.inspection import unit_numbers

FAST = {"task": "moons", "widths": (8, 7), "batch_size": 16, "probe_every": 0}
MIXED = {"1": "step", "*": {"name": "triangle", "width": 2.0}}


def weights(run):
    return [tensor.clone() for tensor in run.net.state_dict().values()]


def same(one, two):
    return all(torch.equal(left, right) for left, right in zip(weights(one), weights(two), strict=True))


def test_settings_check_the_choices_and_keep_them_plain():
    text = dfa.DERIVATIVES.resolve("1 - tanh(x)**2")
    settings = dfa.Settings(activation_derivative={1: text, "*": {"name": "triangle", "width": np.float32(2)}})
    assert settings.activation_derivative == {"1": "1 - tanh(x)**2", "*": {"name": "triangle", "width": 2.0}}
    json.dumps(settings.values()["activation_derivative"])
    with pytest.raises(dfa.DfaLabError, match="for '2': no activation derivative called 'stepp'"):
        dfa.Settings(activation_derivative={"1": "step", "2": "stepp"})
    with pytest.raises(dfa.DfaLabError, match="is no activation derivative"):
        dfa.Settings(activation_derivative={"1": {"2": "step"}})


def test_a_live_change_acts_and_is_undone():
    run = dfa.Experiment(**FAST)
    run.train(5)
    other, before = run.fork(), weights(run)
    run.change(activation_derivative=MIXED)
    run.train(5)
    other.change(activation_derivative={"2": {"name": "triangle", "width": 2.0}, "1": "step"})
    other.train(5)
    assert same(run, other)
    assert not torch.equal(before[0], weights(run)[0])
    with pytest.raises(dfa.DfaLabError, match=r"'3', which matches no hidden layer; hidden layers: 1, 2\."):
        run.change(activation_derivative={"3": "step"})
    assert run.settings.activation_derivative == MIXED
    run.train(1)
    assert run.undo() == {"activation_derivative": "exact"}
    assert run.history.changes()[-1] == (11, {"activation_derivative": "exact"})
    with pytest.raises(dfa.DfaLabError, match="hidden layers: 1"):
        run.reset(widths=(5,), activation_derivative={"2": "step"})
    assert run.settings.widths == (8, 7)


def test_replicas_have_mappings_of_their_own():
    choices = [{"1": "step"}, "exact", MIXED]
    together = dfa.Experiment(**FAST, replicas=3, activation_derivative=choices)
    together.train(20)
    for k, choice in enumerate(choices):
        single = dfa.Experiment(**FAST, activation_derivative=choice, seed=k, feedback_seed=k)
        single.train(20)
        for many, one in zip(weights(together), weights(single), strict=True):
            torch.testing.assert_close(many[k], one, rtol=1e-4, atol=1e-5)


def test_sessions_share_texts_and_scripts_hold_it(tmp_path):
    run = dfa.Experiment(**FAST, activation_derivative=MIXED)
    run.train(3)
    run.change(activation_derivative={"2": "step"})
    run.train(3)
    session = run.session()
    for again in (dfa.Session.from_json(session.to_json()), dfa.Session.read(session.to_text())):
        assert again == session
        assert same(again.replay(), run)
    names: dict = {}
    exec(compile(run.to_script(), "script", "exec"), names)
    (made,) = [one for one in names.values() if isinstance(one, dfa.Experiment)]
    assert same(made, run)
    assert made.settings == run.settings


def test_a_units_numbers_name_its_own_layers_derivative():
    run = dfa.Experiment(**FAST, rule="dfa", activation_derivative={"1": "step"})
    assert [unit_numbers(run, layer, 2).line(symbol).formula[0] for layer, symbol in ((1, "g(a₂)"), (2, "f′(a₂)"))]


def test_a_module_takes_its_layers_names():
    module = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 7), nn.Tanh(), nn.Linear(7, 2))
    task = {"task": "moons", "batch_size": 16, "probe_every": 0}
    run = dfa.Experiment(module=module, rule="fa", **task, activation_derivative={"1": "step"})
    converted = dfa.convert(module, "fa", activation_derivative={"1": "step"})
    again = dfa.Experiment(module=converted, **task)
    assert again.settings.activation_derivative == {"1": "step"}
    for one in (run, again):
        one.train(5)
    assert same(run, again)
    run.change(activation_derivative={"3": "triangle"})
    run.train(2)
    assert (run.net[1].derivative, run.net[3].derivative) == ("exact", "triangle")
    run.undo()
    run.train(2)
    assert (run.net[1].derivative, run.net[3].derivative) == ("step", "exact")
    with pytest.raises(dfa.DfaLabError, match="activation layers: 1, 3"):
        run.change(activation_derivative={"2": "step"})


def test_the_command_line_takes_it_as_json(capsys):
    arguments = ["train", "--task", "moons", "--widths", "8,7", "--steps", "3", "--json"]
    with pytest.raises(SystemExit) as end:
        main([*arguments, "--set", 'activation_derivative={"1": "step", "*": "exact"}'])
    assert end.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["settings"]["activation_derivative"] == {"1": "step", "*": "exact"}
