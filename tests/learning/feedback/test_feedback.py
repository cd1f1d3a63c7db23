"""Feedback matrices: buffers with a generator of their own, kept apart by route, found again after a switch."""

import copy
import math
import pickle

import pytest
import torch

import dfa_lab as dfa
from dfa_lab.learning.feedback.inits import Site
from dfa_lab.learning.ops.seeding import generator
from networks import make_net

BIG = Site(1, dfa.Route.LAYERWISE, (500, 800), (500, 800))
STANDARD_DEVIATIONS = {
    "uniform": 1 / math.sqrt(3 * 500),
    "normal": 1 / math.sqrt(500),
    "xavier": math.sqrt(2 / 1300),
    "kaiming": math.sqrt(2 / 800),
    "orthogonal": 1 / math.sqrt(800),
    "sparse": 1 / math.sqrt(500),
    "low_rank": 1 / math.sqrt(500),
    "repeated": 1 / math.sqrt(500),
    "shared": 1 / math.sqrt(500),
}
LOOKING = {"transpose", "sign_concordant", "aligned"}


@pytest.mark.parametrize("init", list(dfa.FEEDBACK_INITS))
def test_an_init_has_the_spread_its_docstring_gives(init):
    if init in LOOKING:
        assert init not in STANDARD_DEVIATIONS  # these follow the weights: see below
        return
    matrix = dfa.FEEDBACK_INITS[init](BIG, generator(0))
    assert matrix.shape == BIG.shape
    few = init in ("low_rank", "repeated")  # few independent draws: a rank of 1, ten columns
    assert matrix.std().item() == pytest.approx(STANDARD_DEVIATIONS[init], rel=0.1 if few else 0.01)
    assert abs(matrix.mean().item()) < STANDARD_DEVIATIONS[init] * (0.1 if few else 4 / math.sqrt(matrix.numel()))


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


def test_a_redraw_after_some_steps_gives_what_a_new_network_has():
    net, other = make_net(rule="brsf", feedback_seed=3), make_net(rule="brsf", feedback_seed=9)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
    dfa.attach(net, optimizer)
    for _ in range(3):
        net(net.weights[0].new_ones(2, net.weights[0].shape[1])).sum().backward()
        optimizer.step()
    dfa.redraw_feedback(net, seed=9)
    own, others = net.state_dict(), other.state_dict()
    names = [name for name in others if "magnitude" in name]
    assert names
    assert all(torch.equal(own[name], others[name]) for name in names)


def test_feedback_moves_no_other_stream():
    state = torch.get_rng_state()
    one, two = make_net(feedback_seed=1, feedback_init="normal"), make_net(feedback_seed=2)
    dfa.redraw_feedback(two, init="orthogonal")
    assert all(torch.equal(a, b) for a, b in zip(one.weights, two.weights, strict=True))
    assert torch.equal(state, torch.get_rng_state())


def test_one_seed_under_two_inits_gives_independent_matrices():
    """Drawn from one stream, a uniform and an orthogonal matrix stand far from 90 degrees to each other."""
    site = Site(1, dfa.Route.DIRECT, (10, 128), (10, 128))
    net = make_net((64, 128, 10), feedback_init="uniform")
    chance = math.degrees(1 / math.sqrt(site.shape[0] * site.shape[1]))
    drawn = []
    for init in set(dfa.FEEDBACK_INITS) - LOOKING:
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
    for store in ("layerwise", "direct"):
        pairs = zip(
            net.feedback.matrices(net, store),
            other.feedback.matrices(other, store),
            strict=True,
        )
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


@pytest.mark.parametrize("rule", ["fa", "dfa"])
@pytest.mark.parametrize("wanted", range(0, 181, 15))
def test_aligned_stands_at_its_angle(rule, wanted):
    net = dfa.MLP([64, 50, 40, 10], rule=rule, feedback_init={"name": "aligned", "angle": wanted}, replicas=2)
    x, t = torch.rand(4, 64), torch.arange(4)
    rows = dfa.measure_alignment(net, x, t, dfa.LOSSES["cross_entropy"])
    assert [row.weight_alignment for row in rows] == pytest.approx([wanted] * 4, abs=1e-4)
    for matrix, site in zip(net.feedback_matrices(), net.feedback.sites[net.rule.store], strict=True):
        torch.testing.assert_close(
            matrix.flatten(1).norm(dim=1), net.feedback.transported(net, site).flatten(1).norm(dim=1)
        )


@pytest.mark.parametrize("rule", ["fa", "dfa"])
def test_transpose_is_bps_own_and_sign_concordant_has_its_signs(rule):
    net = make_net(rule=rule, feedback_init="transpose")
    own = [net.feedback.transported(net, site) for site in net.feedback.sites[net.rule.store]]
    assert all(torch.equal(a, b) for a, b in zip(net.feedback_matrices(), own, strict=True))
    dfa.redraw_feedback(net, init="sign_concordant")
    for matrix, partner in zip(net.feedback_matrices(), own, strict=True):
        assert torch.equal(matrix.sign(), partner.sign())
        assert not torch.equal(matrix, partner)


def test_what_the_parameters_of_an_init_do():
    sparse = dfa.FEEDBACK_INITS["sparse"](BIG, generator(0), density=0.3)
    assert (sparse != 0).double().mean().item() == pytest.approx(0.3, abs=0.01)
    assert torch.linalg.matrix_rank(dfa.FEEDBACK_INITS["low_rank"](BIG, generator(0), rank=7)) == 7
    repeated = dfa.FEEDBACK_INITS["repeated"](BIG, generator(0), period=3)
    assert torch.equal(repeated[:, 0:3], repeated[:, 3:6])
    assert not torch.equal(repeated[:, 0], repeated[:, 1])
    net = dfa.MLP([6, 9, 7, 5], rule="dfa", feedback_init="shared", dtype=torch.float64)
    one, two = net.feedback_matrices()
    assert torch.equal(one[:, :7], two)


@pytest.mark.parametrize(
    "choice",
    [
        {"name": "sparse", "density": 0},
        {"name": "sparse", "density": 1.5},
        {"name": "low_rank", "rank": 0},
        {"name": "repeated", "period": 2.5},
        {"name": "aligned", "angle": 181},
        {"name": "aligned", "angle": "45"},
    ],
)
def test_parameters_an_init_cannot_use_are_refused(choice):
    with pytest.raises(dfa.DfaLabError, match="was given as"):
        make_net(feedback_init=choice)


def test_nothing_is_aligned_with_nothing():
    with pytest.raises(dfa.DfaLabError, match="all zero"):
        make_net(weight_init="zeros", feedback_init="aligned")


@pytest.mark.parametrize(
    ("rule", "weight_init", "wanted"),
    [("usf", "torch", 30.00), ("usf", "lecun", 37.07)]
    + [(rule, *case) for rule in ("brsf", "frsf") for case in (("torch", 41.41), ("lecun", 50.46))],
)
def test_sign_concordant_rules_stand_at_their_closed_form(rule, weight_init, wanted):
    """At 10⁶ entries, from the matrix that the backward pass really uses; uniform and Gaussian weights."""
    net = dfa.MLP([2, 1000, 1000, 2], rule=rule, weight_init=weight_init)
    first, _ = dfa.measure_alignment(net, torch.rand(4, 2), torch.zeros(4).long(), torch.nn.functional.cross_entropy)
    assert first.weight_alignment == pytest.approx(wanted, abs=0.1)


def test_sign_concordant_feedback_follows_the_weights():
    net = make_net(rule="frsf")
    with torch.no_grad():
        net.weights[1].neg_()
    first, _ = dfa.measure_alignment(
        net, torch.rand(4, 6, dtype=torch.float64), torch.zeros(4).long(), torch.nn.functional.cross_entropy
    )
    assert first.weight_alignment < 60
    assert all((matrix >= 0).all() for matrix in net.feedback_matrices())


def test_magnitudes_need_weights_that_have_some():
    with pytest.raises(dfa.DfaLabError, match="gives none but 0"):
        make_net(rule="usf", weight_init="zeros")
