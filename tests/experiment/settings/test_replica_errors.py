"""A value for each replica: what is refused, in words and without a trace, from code as from a page."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import dfa_lab as dfa
from networks import make_batch, make_net

SMALL = {"widths": (12, 9), "batch_size": 16, "probe_every": 0, "record_every": 10}
DRAWN = {
    "seed": (7, 3, 3),
    "feedback_seed": (5, 5, 1),
    "feedback_scale": (1.0, 0.5, 2.0),
    "feedback_init": ("uniform", {"name": "aligned", "angle": 45}, "orthogonal"),
    "activation_derivative": ("triangle", "1/(1 + x**2)", "exact"),
}


def test_parameters_in_a_sequence_are_plain_and_nobody_elses():
    own = {"name": "low_rank", "rank": np.int64(2)}
    settings = dfa.Settings(replicas=2, feedback_init=[own, "uniform"], lr=[torch.tensor(0.5), np.float32(0.25)])
    own["rank"] = 3
    assert settings.feedback_init == ({"name": "low_rank", "rank": 2}, "uniform")
    assert type(settings.feedback_init[0]["rank"]) is int
    assert settings.lr == (0.5, 0.25)
    dfa.Experiment(settings, widths=(4, 4))


SEQUENCE_ERRORS = [
    ({"lr": [0.1, 0.2]}, r"lr was given as 2 values, and there are 3 replicas; expected one value, or replicas=2"),
    ({"feedback_scale": [1.0] * 4}, "feedback_scale was given as 4 values, and there are 3"),
    ({"feedback_seed": ()}, "feedback_seed was given as 0 values, and there are 3"),
    ({"feedback_init": ["uniform"]}, "feedback_init was given as 1 values"),
    ({"activation_derivative": ["exact", "step"]}, "activation_derivative was given as 2 values"),
    ({"lr": [0.1, 0.2, -1]}, r"lr was given as \[0.1, 0.2, -1\]; expected a number above 0.*one for each replica"),
    ({"lr": [0.1, 0.2, "0.3"]}, r"lr was given as .*expected a number"),
    ({"feedback_seed": [1, 2, -1]}, "feedback_seed was given as .*expected a whole number from 0"),
    ({"feedback_seed": [1, 2, 0.5]}, "feedback_seed was given as .*expected a whole number"),
    ({"feedback_scale": [1, 2, float("nan")]}, "feedback_scale was given as"),
    ({"feedback_init": ["uniform", "unifrom", "normal"]}, "no feedback init called 'unifrom'.*'uniform'"),
    ({"feedback_init": ["uniform", {"name": "uniform", "x": 1}, "normal"]}, "no parameter 'x'"),
    ({"feedback_init": ["uniform", {"name": "aligned", "angle": 200}, "normal"]}, "angle was given as 200"),
    ({"activation_derivative": ["exact", "stepp", "exact"]}, "no activation derivative called 'stepp'"),
    ({"activation_derivative": ["exact", "exact", "1 +"]}, "1 +"),
    ({"lr": [[0.1], [0.2], [0.3]]}, "lr was given as"),
    ({"feedback_init": [["uniform"], "uniform", "uniform"]}, "feedback_init was given as"),
    ({"activation_derivative": [("exact",), "exact", "exact"]}, "activation_derivative was given as"),
    ({"momentum": [0.1, 0.2, 0.3]}, "momentum was given as"),
    ({"batch_size": [1, 2, 3]}, "batch_size was given as"),
]


@pytest.mark.parametrize(("fields", "words"), SEQUENCE_ERRORS)
def test_a_bad_sequence_is_refused_and_changes_nothing(fields, words):
    with pytest.raises(dfa.DfaLabError, match=words):
        dfa.Experiment(**{**SMALL, **fields}, replicas=3)
    run, twin = (dfa.Experiment(**SMALL, **DRAWN, replicas=3) for _ in range(2))
    run.train(2)
    with pytest.raises(dfa.DfaLabError, match=words):
        run.change(**fields)
    run.train(8)
    assert run.settings == twin.settings
    assert twin.train(10).equals(run.history)


@pytest.mark.parametrize("name", [*DRAWN, "lr"])
def test_a_sequence_needs_replicas(name):
    value = {**DRAWN, "lr": (0.1, 0.2, 0.3)}[name]
    with pytest.raises(dfa.DfaLabError, match=f"{name} was given as 3 values, and there are no replicas"):
        dfa.Settings(**{name: value})
    module = nn.Sequential(nn.Linear(64, 8), nn.Tanh(), nn.Linear(8, 10))
    with pytest.raises(dfa.DfaLabError, match=f"{name} was given as 3 values"):
        dfa.Experiment(module=module, **{name: value})
    if name != "lr":
        with pytest.raises(dfa.DfaLabError, match=f"{name} was given as 3 values"):
            dfa.MLP([4, 3, 2], **{name: value})
    run = dfa.Experiment(**SMALL, **{name: value}, replicas=3)
    with pytest.raises(dfa.DfaLabError, match="there are no replicas"):
        run.reset(replicas=None)
    assert run.settings.replicas == 3


CHANGES = [
    lambda net: dfa.redraw_feedback(net, init=["uniform", "normal"]),
    lambda net: dfa.redraw_feedback(net, scale=[2.0, 3.0]),
    lambda net: dfa.redraw_feedback(net, seed=[1, 2]),
    lambda net: dfa.set_derivative(net, ["exact", "step"]),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_network_without_such_replicas_refuses_a_sequence_and_stays(change):
    chain = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 5)).double()
    for net in (dfa.convert(chain, rule="fa"), make_net(rule="fa"), make_net(rule="fa", replicas=3)):
        before, (x, t) = copy.deepcopy(net.state_dict()), make_batch(lead=())
        twin = copy.deepcopy(net)
        with pytest.raises(dfa.DfaLabError):
            change(net)
        assert all(torch.equal(one, net.state_dict()[name]) for name, one in before.items())
        for one in (net, twin):
            dfa.LOSSES["cross_entropy"](one(x), t).backward()
        assert all(torch.equal(a.grad, b.grad) for a, b in zip(net.parameters(), twin.parameters(), strict=True))


@pytest.mark.parametrize("choice", [{"feedback_init": ["uniform"]}, {"feedback_scale": [1.0]}, {"feedback_seed": [1]}])
def test_convert_refuses_a_sequence(choice):
    with pytest.raises(dfa.DfaLabError, match=r"was given as|is no feedback init"):
        dfa.convert(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 5)), rule="fa", **choice)


@pytest.fixture
def explorer(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    shown = dfa.Explorer(**SMALL, **DRAWN, lr=[0.1, 0.2, 0.05], replicas=3)
    yield shown
    shown.close()


def test_a_page_sends_lists_for_replicas(explorer):
    run = explorer.experiment
    explorer.act("step", steps=10)
    for fields in ({"lr": [0.01, 0.25, 3]}, {"lr": 0.5}, {"feedback_scale": [1, -1, 0.123456789]}):
        explorer.act("change", fields=fields)
        assert explorer.status()["error"] == ""
    assert run.settings.lr == 0.5
    assert run.settings.feedback_scale == (1.0, -1.0, 0.123456789)
    assert [(event.step, event.field) for event in run.history.events] == [
        (10, "lr"), (10, "lr"), (10, "feedback_scale")
    ]  # fmt: skip
    explorer.act("change", fields={"feedback_init": "normal"})
    assert run.settings.feedback_init == "normal"


@pytest.mark.parametrize("sent", [[0.1, 0.2], [0.1, 0.2, "x"], [], [0.1, 0.2, -3], [[0.1], 0.2], "nan"])
def test_nonsense_is_refused_with_a_message_and_nothing_is_lost(explorer, sent):
    before = explorer.experiment.settings
    explorer.act("step", steps=10)
    explorer.act("change", fields={"lr": sent})
    assert "lr was given as" in explorer.status()["error"]
    assert explorer.experiment.settings == before
    assert explorer.experiment.history.events == []
    explorer.act("change", fields={"lr": [0.3, 0.2, 0.1]})
    assert explorer.experiment.settings.lr == (0.3, 0.2, 0.1)
    assert explorer.status()["error"] == ""
    explorer.act("step", steps=10)
    assert explorer.experiment.steps_done == 20


def test_new_seed_moves_every_seed_of_a_sequence(explorer):
    explorer.act("step", steps=10)
    for times in (1, 2):
        explorer.act("new_seed")
        settings = explorer.experiment.settings
        for name in ("seed", "feedback_seed"):
            span = max(DRAWN[name]) - min(DRAWN[name]) + 1
            assert getattr(settings, name) == tuple(one + times * span for one in DRAWN[name])
    assert explorer.experiment.steps_done == 0
    assert settings.lr == (0.1, 0.2, 0.05)
    explorer.act("step", steps=10)
