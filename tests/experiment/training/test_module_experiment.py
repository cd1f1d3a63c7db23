"""Experiments on networks and data of one's own: everything an Experiment has."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import dfa_lab as dfa
from zoo import LeNet, Loop, ResNet

DIGITS = {"name": "digits", "flat": False}
NET = {"task": DIGITS, "lr": 0.02, "probe_every": 20, "batch_size": 32}


def small():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Dropout(0.1), nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 10),
    )  # fmt: skip


@pytest.mark.slow
def test_the_small_resnet_on_fashion_mnist_changed_live():
    """Rule, derivative, feedback and batch size, live; the history and the events are right."""
    try:
        task = dfa.TASKS["fashion_mnist"](flat=False)
    except dfa.DfaLabError as missing:
        pytest.skip(str(missing))
    part = dfa.Task.from_arrays(
        task.train_inputs[:2000], task.train_targets[:2000], task.test_inputs[:300], task.test_targets[:300]
    )
    torch.manual_seed(0)
    run = dfa.Experiment(module=ResNet(), task=part, rule="fa", batch_size=16, lr=0.05, probe_every=10, probe_size=32)
    changes = [
        {"rule": "frsf"},
        {"activation_derivative": "step"},
        {"rule": "dfa", "feedback_scale": 0.05},
        {"feedback_init": "orthogonal", "feedback_seed": 3},
        {"batch_size": 24, "lr": 0.02},
        {"rule": {"blocks.0.*": "kp", "head": "bp"}, "activation_derivative": "exact"},
        {"optimizer": "adam", "lr": 0.001},
    ]
    run.train(10)
    for change in changes:
        run.change(**change)
        run.train(5)
        inputs, targets = part.test_inputs[:8], part.test_targets[:8]
        assert dfa.audit(run.net, inputs, targets, part.objective).clean
    assert run.history.changes() == [(10 + 5 * number, change) for number, change in enumerate(changes)]
    assert run.steps_done == 45
    assert run.samples_seen == 30 * 16 + 15 * 24
    steps, angles = run.history.values("weight_alignment", 2)
    assert set(steps.tolist()) >= {10, 15, 25, 30}, "a probe at each change of what the angles depend on"
    by_step = dict(zip(steps.tolist(), angles[:, 0].tolist(), strict=True))
    assert 35 < by_step[10] < 50, "frSF's closed form, from the probe at the change"
    assert np.isnan(by_step[25]), "a direct rule's B has no downstream product in a ResNet"
    assert run.history.last("gradient_alignment", len(run.history.layers("gradient_alignment"))) == pytest.approx(0)
    again = dfa.Experiment(module=run.fork().net, task=part)
    assert again.settings.rule == changes[5]["rule"]
    torch.manual_seed(0)
    replayed = dfa.Experiment(
        module=ResNet(), task=part, rule="fa", batch_size=16, lr=0.05, probe_every=10, probe_size=32
    )
    for step, fields in run.history.changes():
        replayed.train(step - replayed.steps_done)
        replayed.change(**fields)
    replayed.train(run.steps_done - replayed.steps_done)
    assert replayed.history.equals(run.history)


@pytest.mark.slow
@pytest.mark.parametrize("rule", list(dfa.RULES))
def test_the_same_module_and_settings_give_the_same_history(rule):
    runs = [dfa.Experiment(module=small(), rule=rule, feedback_scale=0.1, **NET) for _ in range(3)]
    runs[0].train(40)
    runs[1].train(15)
    fork = runs[1].fork()
    fork.train(25)
    torch.rand(5)  # somebody else draws from torch's own stream
    with Trained(runs[2]) as runner:
        runner.play(40)
        runner.wait(60)
    assert runs[0].history.equals(fork.history)
    assert runs[0].history.equals(runs[2].history)
    assert runs[0].evaluate() == fork.evaluate()


class Trained:
    def __init__(self, experiment):
        self.runner = dfa.Runner(experiment)

    def __enter__(self):
        return self.runner

    def __exit__(self, *_):
        self.runner.close()


def test_probing_a_module_changes_nothing():
    losses = []
    for every in (1, 10**6):
        run = dfa.Experiment(module=small(), rule="fa", **{**NET, "probe_every": every}, record_every=1)
        run.train(30)
        losses.append(run.history.values("train_loss")[1].tolist())
    assert losses[0] == losses[1]


def test_a_module_that_diverges_goes_back_to_its_last_probe():
    run = dfa.Experiment(module=small(), rule="kp", **NET)
    run.train(25)
    run.change(lr=1e6, weight_decay=1.0)
    with pytest.raises(dfa.DivergedError, match="back at step 20"):
        run.train(30)
    run.change(lr=0.02, weight_decay=0.0)
    run.train(10)
    assert np.isfinite(run.evaluate()["test_loss"])


def test_the_users_module_is_not_touched_and_a_reset_begins_with_it():
    module = small()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    run = dfa.Experiment(module=module, rule="dfa", **NET)
    run.train(10)
    assert all(torch.equal(value, module.state_dict()[key]) for key, value in before.items())
    assert set(module.state_dict()) == set(before)
    assert set(dfa.plain_state_dict(run.net)) == set(before)
    first = run.history
    run.reset()
    run.train(10)
    assert run.history.equals(first)


def test_what_a_converted_network_has_stays_unless_it_is_given():
    net = dfa.convert(small(), {"name": "kp", "decay": 0.01}, feedback_init="orthogonal", feedback_seed=5)
    run = dfa.Experiment(module=net, **NET)
    assert run.settings.rule == {"name": "kp", "decay": 0.01}
    assert (run.settings.feedback_init, run.settings.feedback_seed) == ("orthogonal", 5)
    assert torch.equal(run.net[6].layerwise_weight, net[6].layerwise_weight)
    other = dfa.Experiment(module=net, rule="fa", feedback_seed=6, **NET)
    assert not torch.equal(other.net[6].layerwise_weight, net[6].layerwise_weight)
    other.train(5)
    dfa.set_rule(other.net, "bp")
    with pytest.raises(dfa.DfaLabError, match="changed from outside"):
        other.train(20)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"module": 3}, "expected a torch.nn.Module of your own"),
        ({"module": dfa.MLP([4, 2])}, "An MLP is made from widths"),
        ({"module": nn.Linear(64, 10), "widths": (3,)}, "widths was given beside module"),
        ({"module": nn.Linear(64, 10), "replicas": 2}, "replicas was given beside module"),
        ({"module": nn.Linear(64, 9), "task": "digits", "rule": "fa"}, r"gave \(2, 9\) for 2 samples.*\(2, 10\)"),
        ({"module": nn.Linear(60, 10), "task": "digits", "rule": "fa"}, "failed on"),
        ({"module": nn.Linear(64, 10), "task": "digits", "rule": "dfa"}, "none was found"),
        ({"task": {"name": "digits", "flat": 1, "x": 2}}, "no parameter 'x'"),
        ({"rule": {"0": "fa"}}, "one rule for all its layers"),
    ],
)
def test_what_cannot_be_run_is_refused(choices, words):
    with pytest.raises(dfa.DfaLabError, match=words):
        dfa.Experiment(**choices)


def test_a_bad_change_leaves_a_run_on_a_module_as_it_is():
    run = dfa.Experiment(module=small(), rule="fa", **NET)
    twin = dfa.Experiment(module=small(), rule="fa", **NET)
    for one in (run, twin):
        one.train(10)
    for bad in ({"rule": {"9": "fa"}}, {"rule": "x"}, {"optimizer": "adam", "momentum": 0.5}, {"task": "moons"}):
        with pytest.raises(dfa.DfaLabError):
            run.change(**bad)
    run.train(10)
    twin.train(10)
    assert run.history.equals(twin.history)


X = np.random.default_rng(0).normal(size=(60, 5))
CLASSES = np.random.default_rng(1).integers(0, 3, 60)


@pytest.mark.parametrize(
    ("inputs", "targets", "outputs", "loss"),
    [
        (X, CLASSES, 3, "cross_entropy"),
        (torch.from_numpy(X), torch.from_numpy(CLASSES), 3, "cross_entropy"),
        (X.tolist(), CLASSES.tolist(), 3, "cross_entropy"),
        (pd.DataFrame(X), pd.Series(CLASSES), 3, "cross_entropy"),
        (X, np.array(["a", "b", "c"])[CLASSES], 3, "cross_entropy"),
        (X, CLASSES > 0, 2, "cross_entropy"),
        (X, X[:, 0], 1, "squared_error"),
        (X, X[:, :2].astype(np.float32), 2, "squared_error"),
        ((X * 100).astype(np.uint8), CLASSES, 3, "cross_entropy"),
    ],
)
def test_a_task_from_arrays(inputs, targets, outputs, loss):
    task = dfa.Task.from_arrays(inputs, targets, name="mine")
    assert (task.outputs, task.loss, len(task.train_inputs), len(task.test_inputs)) == (outputs, loss, 48, 12)
    run = dfa.Experiment(task=task, widths=(8,), batch_size=8)
    run.train(20)
    run.change(rule="fa")
    run.train(5)
    assert "test_loss" in run.evaluate()
    assert run.fork().task is task
    assert repr(task) == "Task('mine', 48 + 12 samples)"
    assert '"<Task>"' in run.history.to_json()


def test_a_registered_task_of_ones_own(monkeypatch):
    monkeypatch.setattr(dfa.TASKS, "_entries", dict(dfa.TASKS._entries))
    dfa.TASKS.register("mine", dfa.Task.from_arrays(X, CLASSES))
    run = dfa.Experiment(task="mine", widths=(8,))
    run.train(5)
    assert run.settings.task == "mine"


def test_a_test_set_of_ones_own_tokens_and_shapes():
    task = dfa.Task.from_arrays(X, CLASSES, X[:7], CLASSES[:7])
    assert len(task.train_inputs) == 60
    assert len(task.test_inputs) == 7
    images = dfa.Task.from_arrays(np.zeros((20, 3, 4)), np.arange(20) % 2)
    assert dfa.Experiment(task=images, widths=(4,)).net.widths == (12, 4, 2)
    tokens = dfa.Task.from_arrays(np.random.default_rng(0).integers(0, 9, (40, 6)), np.arange(40) % 4, tokens=True)
    with pytest.raises(dfa.DfaLabError, match="give Experiment a module that embeds them"):
        dfa.Experiment(task=tokens)

    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.loop = nn.Embedding(9, 5), Loop()

        def forward(self, x):
            return self.loop(self.table(x))

    for rule in ("fa", "dfa"):
        run = dfa.Experiment(module=Reader(), task=tokens, rule=rule, batch_size=8)
        run.train(5)
        assert dfa.audit(run.net, tokens.test_inputs, tokens.test_targets, tokens.objective).clean


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((X, CLASSES[:5]), "as many targets"),
        ((X[:, 0], CLASSES), "two dimensions at least"),
        ((X, -CLASSES - 1), "class numbers from 0"),
        ((X, CLASSES, X[:3]), "give both or neither"),
        ((X * np.nan, CLASSES), "NaN"),
        ((np.array([["a", "b"]] * 4), [0, 1, 0, 1]), "inputs cannot be numbers"),
        ((X, CLASSES[:, None]), r"expected \(N,\) classes"),
        (([[1, 2], [3]], [0, 1]), "cannot be read as an array"),
    ],
)
def test_arrays_that_make_no_task_are_refused(given, words):
    with pytest.raises(dfa.DfaLabError, match=words):
        dfa.Task.from_arrays(*given)
    with pytest.raises(dfa.DfaLabError, match="test_share"):
        dfa.Task.from_arrays(X, CLASSES, test_share="x")


def test_the_explorer_takes_a_module_and_a_task(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    task = dfa.TASKS["digits"](flat=False)
    explorer = dfa.Explorer(module=small(), task=task, rule={"0": "fa", "6": "kp"}, lr=0.02)
    explorer.act("play")
    assert explorer.experiment.steps_done == 200
    explorer.act("change", fields={"rule": "dfa"})
    explorer.act("step", steps=10)
    assert explorer.experiment.net.dfa_conversion.choice == "dfa"
    assert explorer.status()["error"] == ""
    explorer.act("change", fields={"feedback_init": "transpose"})
    assert "no chain of linear layers" in explorer.status()["error"]
    explorer.act("step", steps=10)
    assert explorer.experiment.steps_done > 210
    explorer.close()


def test_lenet_takes_flat_images_as_they_are():
    task = dfa.Task.from_arrays(np.zeros((20, 784)), np.arange(20) % 10)
    run = dfa.Experiment(module=LeNet(), task=task, rule="usf", batch_size=4)
    run.train(3)
    assert run.net.dfa_conversion.points == ("2", "5", "9", "11")


def test_a_refused_change_leaves_no_feedback_matrix_behind():
    run = dfa.Experiment(**NET, module=small(), rule="dfa")
    run.train(3)
    keys = list(run.net.state_dict())
    with pytest.raises(dfa.DfaLabError, match="adam"):
        run.change(rule="fa", optimizer="adam", momentum=0.9)
    assert list(run.net.state_dict()) == keys
