"""Feedback that learns: Kolen–Pollack, the weight mirror, direct Kolen–Pollack, under any optimizer."""

import copy
import pickle

import pytest
import torch

import dfa_lab as dfa
from networks import make_batch, make_net

MOVING = [name for name, rule in dfa.RULES.items() if rule.move]


def train(net, steps, make_optimizer, start=0):
    optimizer = make_optimizer(net.parameters())
    detach = dfa.attach(net, optimizer)
    for seed in range(start, start + steps):
        x, t = make_batch(seed=seed)
        optimizer.zero_grad()
        dfa.LOSSES["cross_entropy"](net(x), t).backward()
        optimizer.step()
    return detach


OPTIMIZERS = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=0.01),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.01),
    "rmsprop": lambda parameters: torch.optim.RMSprop(parameters, lr=0.01),
}


@pytest.mark.parametrize("replicas", [None, 2])
@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_kolen_pollack_shrinks_the_distance_exactly(optimizer, replicas):
    net = make_net(rule="kp", replicas=replicas)

    def distance():
        return [(w - b).norm().item() for w, b in zip(list(net.weights)[1:], net.feedback_matrices(), strict=True)]

    before, steps = distance(), 40
    train(net, steps, OPTIMIZERS[optimizer])
    factor = (1 - dfa.RULES["kp"].decay) ** steps
    assert distance() == pytest.approx([factor * one for one in before], rel=1e-10)


def test_the_mirror_finds_the_weights():
    run = dfa.Experiment(rule="wm", widths=(32, 32))
    run.train(600)
    assert [run.history.last("weight_alignment", layer) < 15 for layer in (1, 2)] == [True, True]
    assert run.history.values("weight_alignment", 1)[1][0, 0] > 70


def test_direct_kolen_pollack_by_hand():
    net, (x, t) = make_net(rule="dkp"), make_batch()
    before = [matrix.clone() for matrix in net.feedback_matrices()]
    layers = net.layers()
    seen = dfa.equations.forward(layers, x)
    error = (torch.softmax(seen.output, 1) - torch.nn.functional.one_hot(t, 5)) / len(x)
    wanted = [
        (1 - dfa.RULES["dkp"].decay) * b - 0.1 * torch.einsum("no,nh->oh", error, h)
        for b, h in zip(before, seen.activities[1:-1], strict=True)
    ]
    train(net, 1, OPTIMIZERS["adam"])
    for own, want in zip(net.feedback_matrices(), wanted, strict=True):
        torch.testing.assert_close(own, want, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("rule", MOVING)
def test_feedback_moves_only_where_it_is_attached_and_only_by_its_rule(rule):
    net = make_net(rule=rule)
    before = [matrix.clone() for matrix in net.feedback_matrices()]
    detach = train(net, 2, OPTIMIZERS["sgd"])
    moved = [matrix.clone() for matrix in net.feedback_matrices()]
    assert not any(torch.equal(a, b) for a, b in zip(before, moved, strict=True))
    detach()
    dfa.set_rule(net, "fa" if dfa.RULES[rule].route is dfa.Route.LAYERWISE else "dfa")
    train(net, 2, OPTIMIZERS["sgd"])
    assert all(torch.equal(a, b) for a, b in zip(moved, net.feedback_matrices(), strict=True))


@pytest.mark.parametrize("rule", MOVING)
def test_a_saved_network_goes_on_to_the_last_bit(rule):
    net = make_net(rule=rule)
    train(net, 5, OPTIMIZERS["rmsprop"])
    again = make_net(rule=rule, seed=7)
    again.load_state_dict(copy.deepcopy(net.state_dict()))
    for one in (net, again):
        train(one, 5, OPTIMIZERS["rmsprop"], start=5)
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), again.state_dict().values(), strict=True))


@pytest.mark.parametrize("rule", MOVING)
def test_experiments_fork_and_go_back_with_what_was_learned(rule):
    run, twin = (dfa.Experiment(rule=rule, widths=(16,), probe_every=20, lr=0.05) for _ in range(2))
    run.train(30)
    fork = run.fork()
    fork.train(30)
    twin.train(60)
    assert fork.history.equals(twin.history)
    twin.change(lr=1e4, weight_decay=1.0)
    with pytest.raises(dfa.DivergedError):
        twin.train(100)
    twin.change(lr=0.05, weight_decay=0.0)
    twin.train(10)
    run.train(30)
    run.change(lr=1e4, weight_decay=1.0)
    run.change(lr=0.05, weight_decay=0.0)
    run.train(10)
    assert run.history.equals(twin.history)


def test_replicas_move_as_the_single_runs_do():
    for rule in MOVING:
        together = dfa.Experiment(rule=rule, widths=(16,), replicas=2, lr=0.05)
        together.train(40)
        single = dfa.Experiment(rule=rule, widths=(16,), seed=1, feedback_seed=1, lr=0.05)
        single.train(40)
        for many, one in zip(together.net.feedback_matrices(), single.net.feedback_matrices(), strict=True):
            torch.testing.assert_close(many[1], one, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("rule", MOVING)
def test_a_run_that_falls_back_to_before_its_feedback_moved_is_replayed(rule):
    run = dfa.Experiment(rule="bp", widths=(16,), probe_every=1000, feedback_init="aligned", lr=0.05)
    run.train(520)
    run.change(probe_every=10**6, rule=rule)
    run.train(5)
    run.change(lr=1e4, weight_decay=1.0)
    with pytest.raises(dfa.DivergedError):
        run.train(100)
    run.change(lr=0.05, weight_decay=0.0)
    run.train(20)
    replayed = dfa.Experiment(rule="bp", widths=(16,), probe_every=1000, feedback_init="aligned", lr=0.05)
    for step, fields in run.history.changes():
        replayed.train(step - replayed.steps_done)
        replayed.change(**fields)
    replayed.train(run.steps_done - replayed.steps_done)
    assert replayed.history.equals(run.history)
    for one, two in zip(replayed.net.state_dict().values(), run.net.state_dict().values(), strict=True):
        assert torch.equal(one, two)


def magnitudes_of(net):
    return [matrix.clone() for matrix in net.feedback_matrices()]


def test_magnitudes_are_drawn_anew_once_a_step_and_a_probe_sees_those_of_the_last():
    net, (x, t) = make_net(rule="brsf"), make_batch()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    dfa.attach(net, optimizer)
    seen = []
    for _ in range(3):
        for _ in range(2):  # gradient accumulation: two passes, one step
            torch.nn.functional.cross_entropy(net(x), t).backward()
            seen.append(magnitudes_of(net))
        optimizer.step()
        before = magnitudes_of(net)
        dfa.measure_alignment(net, x, t, torch.nn.functional.cross_entropy)
        net.eval()(x)
        net.train()
        assert all(torch.equal(a, b) for a, b in zip(before, magnitudes_of(net), strict=True))
        assert all(torch.equal(a, b) for a, b in zip(before, seen[-1], strict=True))
    assert all(torch.equal(a, b) for a, b in zip(seen[0], seen[1], strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(seen[1], seen[2], strict=True))


def test_redrawn_magnitudes_go_on_to_the_last_bit():
    net = make_net(rule="brsf")
    train(net, 5, OPTIMIZERS["sgd"])
    again = make_net(rule="brsf", seed=7)
    again.load_state_dict(copy.deepcopy(net.state_dict()))
    for one in (net, again):
        train(one, 5, lambda parameters: torch.optim.SGD(parameters, lr=0.1), start=5)
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), again.state_dict().values(), strict=True))


def test_an_experiment_with_redrawn_magnitudes_forks_and_probes_as_it_trains():
    run, twin = (dfa.Experiment(rule="brsf", widths=(16, 16), lr=0.05) for _ in range(2))
    often = dfa.Experiment(rule="brsf", widths=(16, 16), lr=0.05, probe_every=1)
    run.train(7)
    fork = run.fork()
    fork.train(23)
    twin.train(30)
    often.train(30)
    assert fork.history.equals(twin.history)
    assert often.history.last("train_loss") == twin.history.last("train_loss")
    _, angles = often.history.values("weight_alignment", 1)
    assert len({float(angle) for angle in angles[1:, 0]}) == 30, "another draw at every step"


@pytest.mark.parametrize("rule", MOVING)
def test_the_decay_is_a_parameter_of_the_rule(rule):
    net = make_net(rule={"name": rule, "decay": 0.5})
    assert net.rule.decay == 0.5
    assert dfa.RULES[rule].decay < 0.5
    run = dfa.Experiment(rule={"name": rule, "decay": 0.25}, widths=(8,))
    run.train(3)
    run.change(rule={"name": rule, "decay": 0.125})
    assert run.net.rule.decay == 0.125
    assert run.history.name == rule
    for bad in (
        {"name": rule, "decay": 2},
        {"name": rule, "decay": "x"},
        {"name": rule, "rate": 1},
        {"name": "fa", "decay": 1},
    ):
        with pytest.raises(dfa.DfaLabError):
            run.change(rule=bad)
    assert run.settings.rule == {"name": rule, "decay": 0.125}
    run.train(3)


@pytest.mark.parametrize("rule", list(dfa.RULES))
def test_a_network_is_copied_and_pickled_with_its_rule(rule):
    net = make_net(rule=rule)
    again = pickle.loads(pickle.dumps(net))
    assert again.rule == net.rule
    assert copy.deepcopy(net).rule == net.rule
