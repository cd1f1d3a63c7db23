"""ldfa: direct feedback of low rank that learns, B = Q P, in both forms of a network, against its factors by hand."""

import copy
import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa
from dfa_lab.learning.mlp.inplace_updates import Descent
from dfa_lab.learning.mlp.stepper import Stepper
from dfa_lab.learning.rules import UpdateContext
from dfa_lab.learning.rules.low_rank import low_rank_learning, of_rank, onto_strongest
from networks import double_of, make_batch, make_net
from reference import LowRank, cross_entropy_error, degrees
from reference import of_rank as of_rank_by_hand

LR, DECAY = 0.5, 1e-3


def ldfa(rank, **parameters):
    return {"name": "ldfa", "rank": rank, **parameters}


def by_autograd(net, steps):
    optimizer = torch.optim.SGD(net.parameters(), lr=LR)
    dfa.attach(net, optimizer)
    for seed in range(steps):
        x, t = make_batch(seed=seed)
        optimizer.zero_grad()
        with dfa.lesson(net, t):
            F.cross_entropy(net(x), t).backward()
        optimizer.step()


def by_the_step_in_place(net, steps):
    layers, loss = net.layers(), dfa.LOSSES["cross_entropy"]
    stepper = Stepper(layers, loss, Descent(layers.weights, layers.biases, LR, 0.0))
    for seed in range(steps):
        stepper.step(*make_batch(seed=seed), lambda seen, error: net.listen(seen.activities[1:-1], error))
        net.move_feedback({})


def by_hand(net, steps, rank):
    """The NumPy network after these steps; its feedback is Q P of factors that it keeps apart."""
    twin = double_of(net)
    twin.weights, twin.biases = [one.copy() for one in twin.weights], [one.copy() for one in twin.biases]
    factors = [LowRank(matrix, rank) for matrix in twin.direct]
    for seed in range(steps):
        x, t = (one.numpy() for one in make_batch(seed=seed))
        twin.direct = [one.b for one in factors]
        _, activities = twin.forward(x)
        error = cross_entropy_error(activities[-1], t, "mean")
        for number, (weight, bias) in enumerate(
            twin.gradients("dfa", x, t, lambda output, t: cross_entropy_error(output, t, "mean"))
        ):
            twin.weights[number] -= LR * weight
            twin.biases[number] -= LR * bias
        for one, hidden in zip(factors, activities[1:-1], strict=True):
            one.learn(error, hidden, DECAY)
    return twin, factors


@pytest.mark.parametrize("train", [by_autograd, by_the_step_in_place])
@pytest.mark.parametrize("rank", [1, 2, 4, 5, 9])
def test_both_forms_learn_as_the_two_factors_by_hand(train, rank):
    net = make_net(rule=ldfa(rank))
    twin, factors = by_hand(net, 8, rank)
    before = [one.clone() for one in net.feedback_matrices()]
    train(net, 8)
    for own, old, one in zip(net.feedback_matrices(), before, factors, strict=True):
        np.testing.assert_allclose(own.numpy().T, one.b, rtol=1e-10, atol=1e-10)
        assert np.linalg.matrix_rank(own.numpy(), tol=1e-8) == min(rank, 5)
        assert (own - of_rank(old, rank)).norm() > 1e-2
    for own, weight in zip(net.weights, twin.weights, strict=True):
        np.testing.assert_allclose(own.detach().numpy(), weight, rtol=1e-10, atol=1e-10)


def test_a_converted_network_learns_as_the_mlp():
    mlp = make_net(rule=ldfa(2))
    layers = [nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 7), nn.Tanh(), nn.Linear(7, 5)]
    net = dfa.convert(nn.Sequential(*layers).double(), ldfa(2), example=make_batch()[0])
    with torch.no_grad():
        for layer, weight, bias in zip((net[0], net[2], net[4]), mlp.weights, mlp.biases, strict=True):
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
    dfa.set_feedback(net, dict(zip(("1", "3"), mlp.feedback_matrices(), strict=True)))
    for one in (mlp, net):
        by_autograd(one, 6)
    for own, wanted in zip(dfa.feedback(net).values(), dfa.feedback(mlp).values(), strict=True):
        torch.testing.assert_close(own, wanted, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(net[0].weight, mlp.weights[0], rtol=1e-11, atol=1e-12)


def test_the_positions_of_an_output_are_samples():
    torch.manual_seed(0)
    x, t = torch.randn(4, 5, 6, dtype=torch.float64), torch.randint(0, 3, (4, 5))
    body = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    whole, rows = dfa.convert(body, ldfa(2), example=x), dfa.convert(body, ldfa(2), example=x[:, 0])
    for net, inputs in ((whole, x), (rows, x.reshape(-1, 6))):
        optimizer = torch.optim.SGD(net.parameters(), lr=LR)
        dfa.attach(net, optimizer)
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(net(inputs).reshape(-1, 3), t.reshape(-1)).backward()
            optimizer.step()
    torch.testing.assert_close(whole[1].direct_output, rows[1].direct_output, rtol=1e-11, atol=1e-12)


def test_at_full_rank_it_is_direct_kolen_pollack():
    nets = [make_net(rule=rule) for rule in ("dkp", ldfa(5))]
    for net in nets:
        by_autograd(net, 10)
    for one, two in zip(*(net.state_dict().values() for net in nets), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-11, atol=1e-12)


def moved(matrix, activities, errors, rank, times=1, decay=0.0):
    matrix = matrix.clone()
    heard = torch.cat([activities, errors], -1)
    for _ in range(times):
        low_rank_learning(UpdateContext([], [], [matrix], [heard], lambda *_: torch.empty(0), decay, rank))
    return matrix


def test_what_is_sent_becomes_the_strongest_directions_of_the_error():
    generator = torch.Generator().manual_seed(0)
    axes = torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64))[0]
    errors = axes @ torch.diag(torch.tensor([9.0, 7, 1, 0.5, 0.2, 0.1], dtype=torch.float64)) @ axes.mT
    matrix, still = torch.randn(6, 20, generator=generator, dtype=torch.float64), torch.zeros(6, 20).double()
    wanted = axes[:, :2] @ axes[:, :2].mT
    assert (onto_strongest(matrix, 2) - wanted).norm() > 0.9
    for scale in (1, 1e-6):  # the size of the error, and with it the reduction of the loss, does not count
        turned = moved(matrix, still, scale * errors, 2, times=800)
        torch.testing.assert_close(onto_strongest(turned, 2), wanted, rtol=0, atol=1e-8)
        assert torch.linalg.matrix_rank(turned) == 2


def test_without_an_error_it_only_decays_and_what_is_not_finite_stays_so():
    matrix, nothing = torch.randn(5, 8, dtype=torch.float64), torch.zeros(5, 13, dtype=torch.float64)
    found = moved(matrix, nothing[:, :8], nothing[:, 8:], 2, decay=0.25)
    torch.testing.assert_close(found, 0.75 * of_rank(matrix, 2))
    assert not moved(nothing[:, :8], nothing[:, :8], nothing[:, 8:], 2).any()
    matrix[0, 0] = float("nan")
    assert of_rank(matrix, 2).isnan().any()
    matrix[0, 0] = float("inf")
    assert not of_rank(matrix, 2).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_the_part_of_a_rank_is_the_papers_and_in_the_matrix_own_type(dtype):
    matrix = torch.randn(3, 6, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(3)).to(dtype)
    found = of_rank(matrix, 2)
    assert found.dtype is dtype
    for own, one in zip(found.double().numpy(), matrix.double().numpy(), strict=True):
        error = {torch.bfloat16: 0.02, torch.float32: 1e-6, torch.float64: 1e-13}[dtype]
        np.testing.assert_allclose(own, of_rank_by_hand(one.T, 2).T, atol=error)
    assert of_rank(matrix, 6) is matrix


def test_where_all_directions_are_as_strong_replicas_send_what_the_single_run_does():
    choices = {"rule": ldfa(2), "widths": (16, 12), "feedback_init": "orthogonal", "lr": 0.05}
    together = dfa.Experiment(**choices, replicas=3)
    single = dfa.Experiment(**choices, seed=2, feedback_seed=2)
    for run in (together, single):
        run.train(15)
    for many, one in zip(together.net.feedback_matrices(), single.net.feedback_matrices(), strict=True):
        torch.testing.assert_close(many[2], one, rtol=1e-3, atol=1e-5)


def test_alignment_and_audit_take_b_as_q_p():
    net, (x, t) = make_net(rule=ldfa(2)), make_batch(20)
    rows = dfa.measure_alignment(net, x, t, F.cross_entropy)
    w2, w3 = (one.detach().numpy() for one in list(net.weights)[1:])
    for row, matrix, partner in zip(rows, double_of(net).direct, [(w3 @ w2).T, w3.T], strict=True):
        assert row.weight_alignment == pytest.approx(degrees(of_rank_by_hand(matrix, 2), partner), abs=1e-5)
    audit = dfa.audit(net, x, t, F.cross_entropy)
    assert audit.clean
    assert next(iter(audit)).explained == ("ldfa",)


def test_it_goes_through_an_error_channel():
    net, (x, t) = make_net(rule=ldfa(2, error_channel="sign")), make_batch()
    with dfa.lesson(net, t):
        F.cross_entropy(net(x), t).backward()
    wanted = double_of(net).gradients(
        "ldfa",
        x.numpy(),
        t.numpy(),
        lambda output, t: cross_entropy_error(output, t, "mean"),
        channel=lambda sent: np.sign(sent) / 9,
        rank=2,
    )
    for weight, (gradient, _) in zip(net.weights, wanted, strict=True):
        np.testing.assert_allclose(weight.grad.numpy(), gradient, rtol=1e-11, atol=1e-13)


def test_a_pass_by_dkp_before_a_step_by_ldfa_is_forgotten():
    net, (x, t) = make_net(rule="dkp"), make_batch()
    optimizer = torch.optim.SGD(net.parameters(), lr=LR)
    dfa.attach(net, optimizer)
    F.cross_entropy(net(x), t).backward()
    before = [one.clone() for one in net.feedback_matrices()]
    dfa.set_rule(net, ldfa(2))
    optimizer.step()
    assert all(torch.equal(one, two) for one, two in zip(before, net.feedback_matrices(), strict=True))


def test_the_rank_is_live_saved_pickled_and_checked(tmp_path):
    run = dfa.Experiment(widths=(16,), rule=ldfa(3), lr=0.05)
    run.train(5)
    assert torch.linalg.matrix_rank(run.net.feedback_matrices()[0]) == 3
    run.change(rule=ldfa(2, decay=0.25))
    run.train(5)
    assert torch.linalg.matrix_rank(run.net.feedback_matrices()[0]) == 2
    again = dfa.Experiment.load(run.save(tmp_path / "run"))
    assert (again.net.rule.rank, again.net.rule.decay) == (2, 0.25)
    for one in (run, again):
        one.train(20)
    assert again.history.equals(run.history)
    state = zip(run.net.state_dict().values(), again.net.state_dict().values(), strict=True)
    assert all(torch.equal(one, two) for one, two in state)
    for rule in (run.net.rule, dfa.RULES["ldfa"]):
        assert pickle.loads(pickle.dumps(rule)) == rule == copy.deepcopy(rule)
    for rank in (0, -1, 1.5, True, "two"):
        with pytest.raises(dfa.DfaLabError, match=r"rank was given as .*expected a whole number from 1"):
            run.change(rule=ldfa(rank))
    with pytest.raises(dfa.DfaLabError, match="no parameter 'rank'"):
        run.change(rule={"name": "dkp", "rank": 2})
    assert run.settings.rule == ldfa(2, decay=0.25)
