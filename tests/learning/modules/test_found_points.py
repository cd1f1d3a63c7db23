"""Feedback points that are found: in the encoder that a model wraps, and what is said where f′ is no part of δ."""

import pickle
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa

X, Y = torch.randn(9, 6, generator=torch.Generator().manual_seed(0)), torch.arange(9) % 3


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.below, self.above = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x):
        return x + self.above(torch.tanh(self.below(x)))


class Encoder(nn.Module):
    def __init__(self, chain):
        super().__init__()
        self.stem = nn.Linear(6, 8)
        self.layers = chain(Block() for _ in range(3))

    def forward(self, x):
        x = self.stem(x)
        for layer in self.layers:
            x = layer(x)
        return x


class Body(nn.Module):
    def __init__(self, chain):
        super().__init__()
        self.encoder, self.norm = Encoder(chain), nn.LayerNorm(8)

    def forward(self, x):
        return self.norm(self.encoder(x))


class Model(nn.Module):
    def __init__(self, chain=nn.ModuleList):
        super().__init__()
        self.body, self.head = Body(chain), nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.body(x))


@pytest.mark.parametrize("chain", [nn.ModuleList, lambda blocks: nn.Sequential(*blocks)])
def test_every_block_of_a_wrapped_encoder_has_a_point(chain):
    net = dfa.convert(Model(chain), "dfa", example=X)
    layers = [f"body.encoder.layers.{number}" for number in range(2)]
    assert list(dfa.feedback(net)) == ["body.encoder.stem", *layers, "body.norm"]
    F.cross_entropy(net(X), Y).backward()
    assert all(one.grad is not None for one in net.parameters())
    assert dfa.audit(net, X, Y, F.cross_entropy).clean


def test_a_block_that_is_a_link_is_not_looked_into():
    class Expert(nn.Module):
        def __init__(self):
            super().__init__()
            self.experts, self.out = nn.ModuleList(Block() for _ in range(2)), nn.Linear(8, 8)

        def forward(self, x):
            return self.out(sum(one(x) for one in self.experts))

    net = dfa.convert(nn.Sequential(nn.Linear(6, 8), Expert(), Expert(), nn.Linear(8, 3)), "dfa", example=X)
    assert list(dfa.feedback(net)) == ["0", "1", "2"]


class Own(nn.Module):
    def __init__(self, shared):
        super().__init__()
        self.fc1, self.act1 = nn.Linear(6, 8), nn.ReLU()
        self.fc2, self.act2 = nn.Linear(8, 8), nn.ReLU()
        self.fc3 = nn.Linear(8, 3)
        if shared:
            self.act2 = self.act1

    def forward(self, x):
        return self.fc3(self.act2(self.fc2(self.act1(self.fc1(x)))))


def said(net):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        F.cross_entropy(net(X), Y).backward()
    return [str(one.message) for one in seen]


def test_an_activation_behind_a_point_is_said_once_with_the_points_to_give():
    net = dfa.convert(Own(shared=False), "dfa")
    (text,) = said(net)
    assert "act1 behind point fc1, act2 behind point fc2" in text
    assert "points=['act1', 'act2']" in text
    assert said(net) == []
    assert said(dfa.convert(Own(shared=False), "dfa", points=["act1", "act2"])) == []
    assert said(dfa.convert(Own(shared=False), "fa")) == []


def test_with_these_points_the_derivative_counts():
    def gradient(points, derivative):
        net = dfa.convert(Own(shared=False), "dfa", points=points, activation_derivative=derivative, example=X)
        torch.manual_seed(1)
        for one in [*net.parameters(), *net.buffers()]:
            one.data.copy_(torch.randn(one.shape))
        F.cross_entropy(net(X), Y).backward()
        return net.fc1.weight.grad

    found, given = ["fc1", "fc2"], ["act1", "act2"]
    assert torch.equal(gradient(found, "exact"), gradient(found, "identity"))
    assert not torch.allclose(gradient(given, "exact"), gradient(given, "identity"))


def test_an_activation_that_serves_two_layers():
    (text,) = said(dfa.convert(Own(shared=True), "dfa"))
    assert "give each layer an activation layer of its own" in text


def test_a_chain_says_nothing():
    assert said(dfa.convert(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), "dfa")) == []


def test_a_layer_that_is_not_called_is_not_checked():
    class Unused(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Linear(6, 3), nn.Linear(6, 3)

        def forward(self, x):
            return self.used(x)

    audit = dfa.audit(dfa.convert(Unused(), "fa"), X, Y, F.cross_entropy)
    assert {(row.parameter, row.reason) for row in audit.unchecked()} == {
        (f"unused.{name}", "its layer was not called") for name in ("weight", "bias")
    }
    assert audit.failures() == []


def test_no_signal_is_read_beyond_a_point():
    """The activation is behind the cut: what it receives is no signal of the layer's."""
    net = dfa.convert(Own(shared=False), "dfa", points=["fc1", "fc2"])
    rows = {row.name: row for row in dfa.measure_alignment(net, X, Y, F.cross_entropy)}
    assert all(rows[name].signal_alignment != rows[name].signal_alignment for name in ("fc1", "fc2"))
    net = dfa.convert(Own(shared=False), "dfa", points=["act1", "act2"])
    rows = {row.name: row for row in dfa.measure_alignment(net, X, Y, F.cross_entropy)}
    assert all(rows[name].signal_alignment > 1 for name in ("fc1", "fc2"))


class Softer(nn.ReLU):
    """A subclass that keeps its forward pass."""


@pytest.mark.parametrize("derivative", ["step", {"1": "step"}])
def test_a_derivative_for_the_subclass_of_an_activation(derivative):
    net = dfa.convert(nn.Sequential(nn.Linear(6, 8), Softer(), nn.Linear(8, 3)), "fa", activation_derivative=derivative)
    assert net[1].derivative == "step"


def test_a_first_pass_that_fails_leaves_nothing_behind():
    net = dfa.convert(Own(shared=False), "dfa")
    with pytest.raises(RuntimeError):
        net(torch.randn(3, 7))
    pickle.loads(pickle.dumps(net))
    assert len(said(net)) == 1


def test_tokens_that_are_put_into_one_vector_have_no_downstream_product():
    layers = nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 5), nn.ReLU(), nn.Flatten(), nn.Linear(35, 3)
    net = dfa.convert(nn.Sequential(*layers), "dfa")
    x = torch.randn(9, 7, 6, generator=torch.Generator().manual_seed(0))
    assert dfa.audit(net, x, Y, F.cross_entropy).clean
    assert [tuple(one.shape) for one in dfa.feedback(net).values()] == [(3, 8), (3, 5)]
    dfa.measure_alignment(net, x, Y, F.cross_entropy)
    with pytest.raises(dfa.DfaLabError, match="no chain of linear layers"):
        dfa.convert(nn.Sequential(*layers), "dfa", feedback_init="transpose")
