"""A value for each replica: replica k is the single run with the k-th values, whatever happens on the way."""

import numpy as np
import pytest
import torch

import dfa_lab as dfa
from dfa_lab.experiment.training.mlp_learner import MLPLearner
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
    ("sgd", 0.0, 0.0, (0.1, 0.02, 0.05)),
    ("sgd", 0.0, 0.01, (0.1, 0.02, 0.05)),
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


@pytest.mark.slow
@pytest.mark.parametrize(("optimizer", "momentum", "decay", "lr"), OPTIMIZING)
@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "sdfa"])  # whose sign turns a last bit into more
def test_replica_k_is_the_single_run_with_its_settings(rule, optimizer, momentum, decay, lr):
    together, singles = runs(rule=rule, optimizer=optimizer, momentum=momentum, weight_decay=decay, lr=lr)
    # RMSprop divides by the size of small gradients, and so lets a last bit grow fast.
    train(together, singles, 50 if optimizer == "rmsprop" else 100)
    assert_replicas_are(together, singles)


@pytest.mark.slow
@pytest.mark.parametrize(("optimizer", "momentum", "decay", "lr"), OPTIMIZING)
@pytest.mark.parametrize("rule", RULES)
def test_replica_k_is_the_single_network_to_the_last_bits(rule, optimizer, momentum, decay, lr):
    given = {"rule": rule, "optimizer": optimizer, "momentum": momentum, "weight_decay": decay}

    def updater(replicas, lr, drawn):
        return MLPLearner(
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
    updater = MLPLearner(own, loss, first)
    for seed in range(20):
        if seed == 10:
            updater.adopt(second, ["lr"])
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
    with pytest.raises(dfa.DivergedError, match="of replica 1 was no longer finite"):
        run.train(1000)
    run.change(lr=(0.1, 1e-4, 0.2), weight_decay=0.0)
    run.train(50)
    assert np.isfinite(run.history.values("train_loss")[1]).all()


def test_a_run_never_goes_back_to_weights_whose_test_loss_is_no_number():
    run = dfa.Experiment(widths=(20, 16), replicas=3, lr=[0.01, 0.1, 1e4], task="linear")
    with pytest.raises(dfa.DivergedError, match="of replica 2 was"):
        run.train(100)
    assert np.isfinite(run.evaluate()["test_loss"]).all()
    run.change(lr=[0.01, 0.1, 1e-6])
    run.train(50)
    assert run.evaluate()["test_loss"][0] < 45
