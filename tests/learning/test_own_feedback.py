"""dfa.feedback and dfa.set_feedback: one's own matrices, in MLPs and converted networks, under every rule."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa

LAYERWISE = [name for name, rule in dfa.RULES.items() if rule.route is dfa.Route.LAYERWISE and rule.needs_feedback]
DIRECT = [name for name, rule in dfa.RULES.items() if rule.route is dfa.Route.DIRECT]
WITHOUT = [name for name, rule in dfa.RULES.items() if not rule.needs_feedback]
LEARNED = [name for name, rule in dfa.RULES.items() if rule.move]


class Kinds(nn.Module):
    """A layer of every kind that carries δ: convolutions, attention with one and with three weights, cells."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, groups=2)
        self.up = nn.ConvTranspose2d(4, 4, 3)
        self.act = nn.Tanh()
        self.packed = nn.MultiheadAttention(8, 2, batch_first=True)
        self.apart = nn.MultiheadAttention(8, 2, batch_first=True, kdim=6, vdim=7)
        self.gru, self.lstm, self.rnn = nn.GRUCell(8, 8), nn.LSTMCell(8, 8), nn.RNNCell(8, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        h = self.act(self.up(self.conv(x))).flatten(2).mT.reshape(len(x), -1, 8)
        h, _ = self.packed(h, h, h)
        h, _ = self.apart(h, h[..., :6], h[..., :7])
        h = h.mean(1)
        return self.head(self.rnn(self.lstm(self.gru(h))[0]))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.three = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.two.weight = self.one.weight

    def forward(self, x):
        return self.three(torch.tanh(self.two(torch.tanh(self.one(x)))))


def chain():
    return nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 7), nn.Tanh(), nn.Linear(7, 3))


def mlp(rule, **choices):
    return dfa.MLP([6, 9, 7, 3], rule=rule, dtype=torch.float64, **choices)


def batch():
    stream = torch.Generator().manual_seed(1)
    return torch.randn(5, 6, dtype=torch.float64, generator=stream), torch.tensor([0, 1, 2, 0, 1])


def gradients(net, x, t):
    net.zero_grad()
    with dfa.lesson(net, t):
        F.cross_entropy(net(x), t).backward()
    return {name: one.grad.clone() for name, one in net.named_parameters() if one.grad is not None}


def doubled(net):
    """Other matrices of the same shapes, as arrays."""
    return {name: (2 * one + 1).double().numpy() for name, one in dfa.feedback(net).items()}


def holds(net, matrices):
    found = dfa.feedback(net)
    return found.keys() == matrices.keys() and all(np.allclose(found[name], one) for name, one in matrices.items())


@pytest.mark.parametrize("rule", [*LAYERWISE, *DIRECT])
@pytest.mark.parametrize("kind", ["mlp", "replicas", "module"])
def test_it_is_used_kept_through_redraws_until_asked_and_saved(kind, rule):
    net = dfa.convert(chain().double(), rule) if kind == "module" else mlp(rule, replicas=2 if kind != "mlp" else None)
    (x, t), taught = batch(), torch.optim.SGD(net.parameters(), 0.1)
    dfa.attach(net, taught)
    own_targets = t.expand(2, 5) if kind == "replicas" else t
    run = gradients if kind != "replicas" else _replicated
    before = run(net, x, own_targets)
    given = doubled(net)
    dfa.set_feedback(net, given)
    assert holds(net, given)
    after = run(net, x, own_targets)
    assert any(not torch.allclose(before[name], after[name]) for name in before)
    dfa.redraw_feedback(net, init="normal", scale=2.0, seed=9)
    assert holds(net, given)
    saved = copy.deepcopy(net.state_dict())
    other = dfa.convert(chain().double(), rule) if kind == "module" else mlp(rule, replicas=net.replicas)
    other.load_state_dict(saved)
    assert holds(other, given)
    copied = copy.deepcopy(net)
    dfa.redraw_feedback(copied, seed=3)
    assert holds(copied, given)
    dfa.redraw_feedback(net, own=True)
    drawn = dfa.feedback(net)
    assert not any(np.allclose(drawn[name], one) for name, one in given.items())
    dfa.redraw_feedback(net, seed=10)
    assert rule == "usf" or not any(torch.equal(one, drawn[name]) for name, one in dfa.feedback(net).items())


def _replicated(net, x, t):
    net.zero_grad()
    with dfa.lesson(net, t):
        sum(F.cross_entropy(one, t[0]) for one in net(x)).backward()
    return {name: one.grad.clone() for name, one in net.named_parameters()}


@pytest.mark.parametrize("kind", ["mlp", "module"])
def test_own_matrices_equal_to_the_weights_give_backpropagation(kind):
    net = mlp("fa") if kind == "mlp" else dfa.convert(chain().double(), "fa")
    x, t = batch()
    weights = dict(net.named_parameters())
    dfa.set_feedback(net, {name: weights[name] for name in dfa.feedback(net)})
    found = gradients(net, x, t)
    dfa.set_rule(net, "bp")
    for name, one in gradients(net, x, t).items():
        assert torch.allclose(found[name], one, rtol=1e-9, atol=1e-12)


def test_direct_matrices_deliver_e_b():
    net = mlp("dfa", activation="identity")
    x, t = batch()
    own = {name: torch.randn(one.shape, dtype=one.dtype) for name, one in dfa.feedback(net).items()}
    dfa.set_feedback(net, own)
    found = gradients(net, x, t)
    error = (net(x).softmax(1) - F.one_hot(t, 3)) / 5
    assert torch.allclose(found["weights.0"], (error @ own["1"]).mT @ x)
    assert torch.allclose(found["biases.1"], (error @ own["2"]).sum(0))


@pytest.mark.parametrize("rule", LAYERWISE)
def test_every_kind_of_layer_has_its_matrices_in_the_layout_of_its_weights(rule):
    net = dfa.convert(Kinds(), rule)
    found, weights = dfa.feedback(net), dict(net.named_parameters())
    assert {name for name in weights if weights[name].dim() > 1} == set(found)
    assert all(one.shape == weights[name].shape or rule == "usf" for name, one in found.items())
    given = doubled(net)
    dfa.set_feedback(net, given)
    assert holds(net, given)
    assert dfa.audit(net, torch.randn(3, 2, 6, 6), torch.tensor([0, 1, 2]), F.cross_entropy).clean


@pytest.mark.parametrize("rule", LEARNED)
def test_feedback_that_learns_starts_from_them(rule):
    nets = [mlp(rule), dfa.convert(chain().double(), rule)]
    for net in nets:
        x, t = batch()
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        dfa.attach(net, optimizer)
        gradients(net, x, t)
        given = {name: np.ones(one.shape) for name, one in dfa.feedback(net).items()}
        dfa.set_feedback(net, given)
        for _ in range(2):
            gradients(net, x, t)
            optimizer.step()
        moved = dfa.feedback(net)
        used = [name for name in moved if name != "0.weight"]  # no layer is below the first
        assert all(0 < float((moved[name] - 1).abs().max()) < 0.5 for name in used)
        dfa.redraw_feedback(net, seed=7)
        assert all(torch.equal(moved[name], one) for name, one in dfa.feedback(net).items())


def test_brsf_no_longer_draws_what_is_ones_own():
    net = mlp("brsf")
    (x, t), optimizer = batch(), torch.optim.SGD(net.parameters(), 0.1)
    dfa.attach(net, optimizer)
    given = doubled(net)
    dfa.set_feedback(net, {"weights.1": given["weights.1"]})
    before = dfa.feedback(net)["weights.2"]
    for _ in range(2):
        gradients(net, x, t)
        optimizer.step()
    found = dfa.feedback(net)
    assert np.array_equal(found["weights.1"], given["weights.1"])
    assert not torch.equal(found["weights.2"], before)


def test_points_before_the_first_pass():
    x, t = batch()
    net = dfa.convert(chain().double(), "dfa")
    with pytest.raises(dfa.DfaLabError, match="example"):
        dfa.feedback(net)
    own = np.arange(21.0).reshape(3, 7)
    dfa.set_feedback(net, {"3": own})
    gradients(net, x, t)
    assert np.array_equal(dfa.feedback(net)["3"], own)
    assert list(dfa.feedback(net)) == ["1", "3"]
    wrong = dfa.convert(chain().double(), "dfa")
    dfa.set_feedback(wrong, {"3": own.T})
    with pytest.raises(dfa.DfaLabError, match=r"\(7, 3\).*\(3, 7\).*set_feedback"):
        wrong(x)
    with pytest.raises(dfa.DfaLabError, match=r"expected \(7, 3\)"):
        dfa.set_feedback(wrong, {"3": own})
    dfa.redraw_feedback(wrong, own=True)


def test_a_rule_switched_to_later_finds_its_own():
    x, t = batch()
    for net in (mlp("bp"), dfa.convert(chain().double(), "bp", example=x)):
        assert dfa.feedback(net) == {}
        layer, point = ("weights.1", "1") if isinstance(net, dfa.MLP) else ("2.weight", "1")
        dfa.set_feedback(net, {layer: np.ones((7, 9)), point: np.full((3, 9), 2.0)})
        dfa.set_rule(net, "fa")
        assert float(dfa.feedback(net)[layer].mean()) == 1
        dfa.set_rule(net, "dfa")
        gradients(net, x, t)
        assert float(dfa.feedback(net)[point].mean()) == 2


def test_rules_mixed_by_layer():
    net = dfa.convert(chain(), {"2": "usf", "4": "fa", "*": "bp"})
    assert {name: tuple(one.shape) for name, one in dfa.feedback(net).items()} == {
        "2.weight": (1, 1),
        "4.weight": (3, 7),
    }


def test_tied_weights_share_one():
    net = dfa.convert(Tied(), "fa")
    assert list(dfa.feedback(net)) == ["one.weight", "three.weight"]
    dfa.set_feedback(net, {"two.weight": np.ones((6, 6))})
    assert net.one.layerwise_weight is net.two.layerwise_weight
    assert float(dfa.feedback(net)["one.weight"].mean()) == 1
    with pytest.raises(dfa.DfaLabError, match="tied"):
        dfa.set_feedback(net, {"one.weight": np.ones((6, 6)), "two.weight": np.zeros((6, 6))})
    moved = net.to(torch.float64)
    dfa.set_feedback(moved, {"one.weight": np.zeros((6, 6))})
    assert not moved.two.layerwise_weight.any()
    assert moved.one.layerwise_weight.dtype is torch.float64


def test_they_are_copies():
    net, own = mlp("fa"), torch.ones(7, 9, dtype=torch.float64)
    dfa.set_feedback(net, {"weights.1": own})
    own.zero_()
    dfa.feedback(net)["weights.1"].zero_()
    assert float(net.feedback_matrices()[0].mean()) == 1


WRONG = {
    "no such name": {"weights.9": np.ones((7, 9))},
    "no text": {3: np.ones((7, 9))},
    "another shape": {"weights.1": np.ones((9, 7))},
    "a number": {"weights.1": 1.0},
    "a text": {"weights.1": "uniform"},
    "None": {"weights.1": None},
    "texts": {"weights.1": np.array([["a"]])},
    "truths": {"weights.1": np.ones((7, 9), dtype=bool)},
    "complex": {"weights.1": np.ones((7, 9), dtype=complex)},
    "not finite": {"weights.1": np.full((7, 9), np.inf)},
    "ragged": {"weights.1": [[1.0], [1.0, 2.0]]},
    "no mapping": [np.ones((7, 9))],
}


@pytest.mark.parametrize("given", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("more", [{}, {"weights.2": np.ones((3, 7))}])
def test_what_does_not_fit_is_one_error_with_all_names_and_changes_nothing(given, more):
    net = mlp("fa")
    before = dfa.feedback(net)
    given = {**more, **given} if isinstance(given, dict) else given
    with pytest.raises(dfa.DfaLabError, match=r"weights.1 \(7, 9\), weights.2 \(3, 7\), 1 \(3, 9\), 2 \(3, 7\)"):
        dfa.set_feedback(net, given)
    assert all(torch.equal(before[name], one) for name, one in dfa.feedback(net).items())
    dfa.redraw_feedback(net, seed=4)
    assert not any(torch.equal(before[name], one) for name, one in dfa.feedback(net).items())


def test_numbers_that_the_dtype_cannot_hold_are_refused():
    net = dfa.MLP([6, 9, 3], rule="fa", dtype=torch.float16)
    with pytest.raises(dfa.DfaLabError, match="cannot hold"):
        dfa.set_feedback(net, {"weights.1": np.full((3, 9), 1e6)})
    dfa.set_feedback(net, {"weights.1": np.ones((3, 9), dtype=int)})


@pytest.mark.parametrize("rule", WITHOUT)
def test_rules_without_feedback_have_none(rule):
    assert dfa.feedback(mlp(rule)) == {}
    assert dfa.feedback(dfa.convert(chain(), rule)) == {}
