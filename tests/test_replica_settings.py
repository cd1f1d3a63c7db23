"""A value for each replica: replica k is the single run with the k-th values, whatever happens on the way."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import dfa_lab as dfa
from dfa_lab.experiment import batches as batches_module
from dfa_lab.experiment.batches import Batches, IndexStreams
from dfa_lab.experiment.updater import Updater
from dfa_lab.learning.generators import generator
from networks import make_batch, make_net

REPLICAS = 3
DRAWN = {
    "seed": (7, 3, 3),
    "feedback_seed": (5, 5, 1),
    "feedback_scale": (1.0, 0.5, 2.0),
    "feedback_init": ("uniform", {"name": "aligned", "angle": 45}, "orthogonal"),
    "activation_derivative": ("triangle", "1/(1 + x**2)", "exact"),
}
RULES = ["dfa", "fa", "bp", "brsf", "kp", "dkp", "wm", "sdfa", "shallow"]
#: Optimizer, momentum, weight decay, and learning rates it learns at.
OPTIMIZING = [
    ("sgd", 0.0, 0.0, (0.1, 0.02, 0.3)),
    ("sgd", 0.0, 0.01, (0.1, 0.02, 0.3)),
    ("sgd", 0.9, 0.01, (0.01, 0.02, 0.05)),
    ("adam", 0.0, 0.0, (0.001, 0.01, 0.003)),
    ("adam", 0.0, 0.01, (0.001, 0.01, 0.003)),
    ("rmsprop", 0.0, 0.01, (0.001, 0.0003, 0.002)),
    ("rmsprop", 0.9, 0.0, (0.001, 0.0003, 0.0005)),
]
SMALL = {"widths": (12, 9), "batch_size": 16, "probe_every": 0, "record_every": 10}


def of(sequences, k):
    """The settings of replica k as a single run has them."""
    return {name: value[k] if isinstance(value, list | tuple) else value for name, value in sequences.items()}


def close(one, two, tolerance):
    assert float((one - two).norm()) <= tolerance * max(float(two.norm()), 1e-3)


def assert_replicas_are(together, singles, tolerance=1e-5):
    for k, single in enumerate(singles):
        for (name, many), one in zip(together.net.state_dict().items(), single.net.state_dict().values(), strict=True):
            if not name.endswith("steps"):
                close(many[k], one, tolerance)
        many, one = (run.history.values("train_loss")[1] for run in (together, single))
        np.testing.assert_allclose(many[:, k], one[:, 0], rtol=tolerance)


def runs(**fields):
    """A run with replicas, and the single runs it stands for."""
    fields = {**SMALL, **DRAWN, **fields}
    singles = [dfa.Experiment(**of({**fields, "widths": None}, k) | {"widths": SMALL["widths"]}) for k in range(3)]
    return dfa.Experiment(**fields, replicas=REPLICAS), singles


def train(together, singles, steps, **change):
    for k, run in enumerate([together, *singles], -1):
        if change:
            run.change(**(change if k < 0 else of(change, k)))
        run.train(steps)


@pytest.mark.parametrize(("optimizer", "momentum", "decay", "lr"), OPTIMIZING)
@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "sdfa"])  # whose sign turns a last bit into more
def test_replica_k_is_the_single_run_with_its_settings(rule, optimizer, momentum, decay, lr):
    together, singles = runs(rule=rule, optimizer=optimizer, momentum=momentum, weight_decay=decay, lr=lr)
    train(together, singles, 100)
    assert_replicas_are(together, singles)


@pytest.mark.parametrize(("optimizer", "momentum", "decay", "lr"), OPTIMIZING)
@pytest.mark.parametrize("rule", RULES)
def test_replica_k_is_the_single_network_to_the_last_bits(rule, optimizer, momentum, decay, lr):
    given = {"rule": rule, "optimizer": optimizer, "momentum": momentum, "weight_decay": decay}

    def updater(replicas, lr, drawn):
        return Updater(
            make_net(rule=rule, replicas=replicas, **drawn),
            dfa.LOSSES["cross_entropy"],
            dfa.Settings(**given, lr=lr, replicas=replicas),
        )

    together = updater(REPLICAS, lr, DRAWN)
    singles = [updater(None, lr[k], of(DRAWN, k)) for k in range(REPLICAS)]
    with torch.no_grad():
        for seed in range(40):
            x, t = make_batch(seed=seed, lead=(REPLICAS,))
            values = together.update(x, t)
            for k, single in enumerate(singles):
                close(values[k], single.update(x[k], t[k]), 1e-12)
    for k, single in enumerate(singles):
        for many, one in zip(together.net.parameters(), single.net.parameters(), strict=True):
            close(many[k].detach(), one.detach(), 1e-12)


@pytest.mark.parametrize(
    ("optimizer", "momentum"), [("sgd", 0.0), ("sgd", 0.9), ("adam", 0.0), ("rmsprop", 0.0), ("rmsprop", 0.9)]
)
def test_lr_goes_from_a_number_to_a_sequence_and_back(optimizer, momentum):
    """What the optimizer holds goes on: the single runs, changed likewise, keep theirs."""
    together, singles = runs(optimizer=optimizer, momentum=momentum, lr=0.003)
    train(together, singles, 20)
    train(together, singles, 20, lr=[0.001, 0.002, 0.004])
    train(together, singles, 20, lr=0.002)
    train(together, singles, 20, lr=(0.001, 0.001, 0.0005))
    assert_replicas_are(together, singles)
    assert [event.new for event in together.history.events] == [
        (0.001, 0.002, 0.004), 0.002, (0.001, 0.001, 0.0005)
    ]  # fmt: skip


@pytest.mark.parametrize("lr", [0.002, (0.002, 0.002)])
@pytest.mark.parametrize(("optimizer", "momentum"), [("sgd", 0.9), ("adam", 0.0), ("rmsprop", 0.0), ("rmsprop", 0.9)])
def test_a_change_of_lr_is_torchs(optimizer, momentum, lr):
    """As in the autograd form under torch's optimizer, which goes on with what it holds."""
    given = {"optimizer": optimizer, "momentum": momentum, "replicas": 2}
    first, second = dfa.Settings(**given, lr=0.01), dfa.Settings(**given, lr=lr)
    auto, own, loss = make_net(replicas=2), make_net(replicas=2), dfa.LOSSES["cross_entropy"]
    torchs = dfa.OPTIMIZERS[optimizer](auto.parameters(), lr=0.01, momentum=momentum, weight_decay=0.0)
    updater = Updater(own, loss, first)
    for seed in range(20):
        if seed == 10:
            updater.adopt(second, first)
            torchs.param_groups[0]["lr"] = 0.002
        x, t = make_batch(seed=seed)
        torchs.zero_grad()
        loss(auto(x), t).backward()
        torchs.step()
        with torch.no_grad():
            updater.update(x, t)
    for one, two in zip(own.parameters(), auto.parameters(), strict=True):
        close(one.detach(), two.detach(), 1e-12)


@pytest.mark.parametrize("rule", ["dfa", "fa", "kp"])
def test_sequences_change_live(rule):
    together, singles = runs(rule=rule, lr=(0.1, 0.2, 0.05))
    train(together, singles, 20)
    train(together, singles, 20, activation_derivative=["exact", "exact", "hard_tanh"])
    drawn = {"feedback_seed": (1, 2, 9), "feedback_init": ["aligned", "normal", "uniform"]}
    train(together, singles, 20, **drawn, feedback_scale=[2, 3, 0.9])
    train(together, singles, 20, activation_derivative="identity", feedback_scale=1.0)
    for k, single in enumerate(singles):  # one seed in common is counted up
        single.change(feedback_seed=4 + k)
    together.change(feedback_seed=4)
    train(together, singles, 20)
    assert_replicas_are(together, singles)


def test_a_fork_and_a_reset_keep_sequences():
    together, singles = runs(lr=(0.1, 0.2, 0.05), optimizer="sgd", momentum=0.5)
    train(together, singles, 30)
    forks = [run.fork() for run in (together, *singles)]
    train(forks[0], forks[1:], 20)
    assert_replicas_are(forks[0], forks[1:])
    assert forks[0].settings == together.settings
    first = together.train(20)
    assert forks[0].history.equals(first)
    together.reset()
    assert together.settings == forks[0].settings
    assert together.train(50).equals(first)


def test_a_history_with_sequences_comes_back_from_json():
    together, _ = runs(lr=(0.1, 0.2, 0.05))
    together.train(10)
    together.change(lr=[0.3, 0.2, 0.1], activation_derivative=["exact", {"name": "triangle", "width": 2.0}, "cos(x)"])
    together.train(10)
    text = together.history.to_json()
    back = dfa.History.from_json(text)
    assert back.to_json() == text
    replayed = dfa.Experiment(**back.settings)
    for step, fields in back.changes():
        replayed.train(step - replayed.steps_done)
        replayed.change(**fields)
    replayed.train(20 - replayed.steps_done)
    assert replayed.settings == together.settings
    assert replayed.history.equals(together.history)


@pytest.mark.parametrize(("probe_every", "rule"), [(20, "dfa"), (1, "shallow")])
def test_a_replica_that_diverges_is_named_and_the_run_goes_on(probe_every, rule):
    """By its loss, or where a probe finds its weights before a loss does."""
    run = dfa.Experiment(**{**SMALL, "probe_every": probe_every}, rule=rule, replicas=3)
    run.train(45)
    run.change(lr=[0.1, 1e5, 0.1], weight_decay=1.0)  # every weight of replica 1 is multiplied with -99,999 a step
    with pytest.raises(dfa.DivergedError, match="of replicas 1 was no longer finite"):
        run.train(1000)
    run.change(lr=(0.1, 1e-4, 0.2), weight_decay=0.0)
    run.train(50)
    assert np.isfinite(run.history.values("train_loss")[1]).all()


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


@pytest.mark.parametrize("seeds", [None, 4, (7, 2, 7)])
@pytest.mark.parametrize("shape", [(32,), (5,), (4, 4, 3), (48,)])
def test_batches_gathered_ahead_are_those_of_their_indices(shape, seeds, monkeypatch):
    monkeypatch.setattr(batches_module, "AHEAD", 16 * 3 * 100)  # blocks that end before an epoch does
    inputs = torch.randn(203, *shape, generator=torch.Generator().manual_seed(0))
    targets = torch.arange(203) % 3
    task = dfa.Task("own", "…", inputs, targets, inputs, targets, 3)
    replicas = None if seeds is None else 3
    settings = dfa.Settings(seed=seeds or 0, replicas=replicas)
    own = seeds if isinstance(seeds, tuple) else range(seeds or 0, (seeds or 0) + (replicas or 1))
    batches, streams = Batches(task, settings), IndexStreams(203, [generator(seed, "batches") for seed in own])
    sizes = np.random.default_rng(0).choice([1, 2, 3, 7, 10, 16, 40, 60, 203, 500], 120).tolist()

    def check(sizes):
        for size in sizes:
            index = streams.take(size) if replicas else streams.take(size)[0]
            found, wanted = batches.take(size)
            assert torch.equal(found, inputs[index])
            assert torch.equal(wanted, targets[index])

    check([3, 3])
    assert (batches._block is not None) == (shape != (5,))
    for _ in range(3):  # from the middle of a block, here and in another
        kept = batches.state(), streams.state()
        check(sizes)
        batches.restore(kept[0])
        streams.restore(kept[1])
        check(sizes[:20])
    kept = batches.state()
    batches = Batches(task, settings.changed(seed=99))
    batches.take(3)
    batches.restore(kept)
    check(sizes)


@pytest.fixture
def explorer(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    shown = dfa.Explorer(**SMALL, **DRAWN, lr=[0.1, 0.2, 0.05], replicas=3)
    yield shown
    shown.close()


def test_a_sequence_has_a_text_and_typing_changes_it(explorer):
    lr, run = explorer.controls["lr"], explorer.experiment
    assert lr.widget.value == "0.1, 0.2, 0.05"
    explorer.buttons["step_10"].click()
    lr.widget.value = "0.01,0.25, 3"
    assert run.settings.lr == (0.01, 0.25, 3.0)
    lr.widget.value = "0.5"
    assert run.settings.lr == 0.5
    explorer.controls["feedback_scale"].widget.value = "(1, -1, 0.123456789)"
    assert run.settings.feedback_scale == (1.0, -1.0, 0.123456789)
    assert [(event.step, event.field) for event in run.history.events] == [
        (10, "lr"), (10, "lr"), (10, "feedback_scale")
    ]  # fmt: skip


@pytest.mark.parametrize("typed", ["0.1, 0.2", "0.1, 0.2, x", "", "0.1, 0.2, -3", "[[0.1], 0.2]", "nan"])
def test_nonsense_is_refused_with_a_message_and_nothing_is_lost(explorer, typed):
    before = explorer.experiment.settings
    explorer.buttons["step_10"].click()
    explorer.controls["lr"].widget.value = typed
    assert "lr was given as" in explorer.status()["error"]
    assert explorer.experiment.settings == before
    assert explorer.experiment.history.events == []
    explorer.controls["lr"].widget.value = "0.3, 0.2, 0.1"
    assert explorer.experiment.settings.lr == (0.3, 0.2, 0.1)
    assert explorer.status()["error"] == ""
    explorer.buttons["step_10"].click()
    assert explorer.experiment.steps_done == 20


def test_a_menu_shows_the_sequence_in_force_and_takes_a_name(explorer):
    menu = explorer.controls["feedback_init"].widget
    assert menu.value == DRAWN["feedback_init"]
    assert menu.label == "[uniform, aligned(angle=45), orthogonal]"
    menu.value = "normal"
    assert explorer.experiment.settings.feedback_init == "normal"


def test_new_seed_moves_every_seed_of_a_sequence(explorer):
    explorer.buttons["step_10"].click()
    for times in (1, 2):
        explorer.buttons["new_seed"].click()
        settings = explorer.experiment.settings
        for name in ("seed", "feedback_seed"):
            assert getattr(settings, name) == tuple(one + 3 * times for one in DRAWN[name])
    assert explorer.experiment.steps_done == 0
    assert settings.lr == (0.1, 0.2, 0.05)
    explorer.buttons["step_10"].click()
