"""Feedback matrices: buffers with a generator of their own, kept apart by route, found again after a switch."""

import copy
import math
import pickle

import pytest
import torch

import dfa_lab as dfa
from dfa_lab.learning.feedback import Site
from dfa_lab.learning.generators import generator
from networks import make_net

BIG = Site(1, dfa.Route.LAYERWISE, (500, 800))
STANDARD_DEVIATIONS = {
    "uniform": 1 / math.sqrt(3 * 500),
    "normal": 1 / math.sqrt(500),
    "xavier": math.sqrt(2 / 1300),
    "kaiming": math.sqrt(2 / 800),
    "orthogonal": 1 / math.sqrt(800),
}


@pytest.mark.parametrize("init", list(dfa.FEEDBACK_INITS))
def test_an_init_has_the_spread_its_docstring_gives(init):
    matrix = dfa.FEEDBACK_INITS[init](BIG, generator(0))
    assert matrix.shape == BIG.shape
    assert matrix.std().item() == pytest.approx(STANDARD_DEVIATIONS[init], rel=0.01)
    assert abs(matrix.mean().item()) < 4 * STANDARD_DEVIATIONS[init] / math.sqrt(matrix.numel())


def test_an_orthogonal_matrix_has_orthonormal_rows():
    matrix = dfa.FEEDBACK_INITS["orthogonal"](BIG, generator(0))
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(500, dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize("rule", ["fa", "dfa"])
def test_feedback_is_a_buffer(rule):
    net = make_net(rule=rule)
    route = net.rule.route.value
    assert [name for name in net.state_dict() if name.startswith("feedback")] == [
        f"feedback.{route}_1",
        f"feedback.{route}_2",
    ]
    assert not any("feedback" in name for name, _ in net.named_parameters())
    assert all(matrix.dtype == torch.float32 for matrix in net.to(torch.float32).feedback_matrices())
    assert all(matrix.device.type == "meta" for matrix in net.to("meta").feedback_matrices())


def test_shapes_are_those_of_what_is_replaced():
    assert [m.shape for m in make_net((6, 8, 7, 5), rule="fa").feedback_matrices()] == [(7, 8), (5, 7)]
    assert [m.shape for m in make_net((6, 8, 7, 5), rule="dfa").feedback_matrices()] == [(5, 8), (5, 7)]
    assert make_net(rule="bp").feedback_matrices() == []


def test_a_rule_switched_away_and_back_finds_its_matrices():
    net = make_net(rule="fa")
    net.feedback_matrices()[0].mul_(3)  # as if it had learned
    before = [matrix.clone() for matrix in net.feedback_matrices()]
    for rule in ("dfa", "bp", "shallow", "fa"):
        dfa.set_rule(net, rule)
    assert all(torch.equal(one, two) for one, two in zip(before, net.feedback_matrices(), strict=True))


def test_redrawing_gives_the_same_for_the_same_and_another_for_another_seed():
    net, other = make_net(feedback_seed=3), make_net(feedback_seed=9)
    first = [matrix.clone() for matrix in net.feedback_matrices()]
    dfa.redraw_feedback(net, seed=9)
    assert all(torch.equal(a, b) for a, b in zip(net.feedback_matrices(), other.feedback_matrices(), strict=True))
    dfa.redraw_feedback(net, seed=3, scale=2.0)
    assert all(torch.equal(2 * a, b) for a, b in zip(first, net.feedback_matrices(), strict=True))


def test_feedback_moves_no_other_stream():
    state = torch.get_rng_state()
    one, two = make_net(feedback_seed=1, feedback_init="normal"), make_net(feedback_seed=2)
    dfa.redraw_feedback(two, init="orthogonal")
    assert all(torch.equal(a, b) for a, b in zip(one.weights, two.weights, strict=True))
    assert torch.equal(state, torch.get_rng_state())


def test_one_seed_under_two_inits_gives_independent_matrices():
    """Drawn from one stream, a uniform and an orthogonal matrix stand far from 90 degrees to each other."""
    site = Site(1, dfa.Route.DIRECT, (10, 128))
    net = make_net((64, 128, 10), feedback_init="uniform")
    chance = math.degrees(1 / math.sqrt(site.shape[0] * site.shape[1]))
    drawn = []
    for init in dfa.FEEDBACK_INITS:
        dfa.redraw_feedback(net, init=init)
        drawn.append(net.feedback_matrices()[0].flatten().clone())
    for number, one in enumerate(drawn):
        for two in drawn[number + 1 :]:
            angle = math.degrees(math.acos(torch.nn.functional.cosine_similarity(one, two, dim=0).item()))
            assert abs(angle - 90) < 4 * chance


def test_state_goes_into_another_network_strictly():
    net = make_net(rule="fa")
    dfa.set_rule(net, "dfa")
    other = make_net(rule="dfa", feedback_seed=5)
    other.load_state_dict(net.state_dict())
    for route in (dfa.Route.LAYERWISE, dfa.Route.DIRECT):
        pairs = zip(net.feedback.matrices(route), other.feedback.matrices(route), strict=True)
        assert all(torch.equal(one, two) for one, two in pairs)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_network_can_be_copied(copied):
    net = make_net(rule="fa", activation="relu")
    x = torch.randn(3, 6, dtype=torch.float64)
    net(x).sum().backward()
    again = copied(net)
    assert torch.equal(net(x), again(x))
    assert all(torch.equal(a, b) for a, b in zip(net.feedback_matrices(), again.feedback_matrices(), strict=True))


def test_a_bad_redraw_changes_nothing():
    net = make_net()
    before = [matrix.clone() for matrix in net.feedback_matrices()]

    def broken(site, generator):
        return torch.zeros(1)

    dfa.FEEDBACK_INITS.register("broken_for_test", broken)
    try:
        for arguments in ({"init": "broken_for_test"}, {"init": "unifrom"}, {"scale": math.nan}, {"seed": -1}):
            with pytest.raises(dfa.DfaLabError):
                dfa.redraw_feedback(net, **arguments)
    finally:
        del dfa.FEEDBACK_INITS._entries["broken_for_test"]
    assert all(torch.equal(one, two) for one, two in zip(before, net.feedback_matrices(), strict=True))
    assert (net.feedback.init, net.feedback.scale, net.feedback.seed) == ("uniform", 1.0, 0)
