"""Feedback points that are found: in the encoder that a model wraps, and what is said where f′ is no part of δ."""

import ast
import pickle
import re
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


class Autoencoder(nn.Module):
    """Holds its last chain before ``mu`` and ``logvar``, as monai's does, and ends in a function, or in nothing."""

    def __init__(self, last=torch.sigmoid, kind=tuple):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(6, 8), nn.ReLU())
        self.decode = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 6))
        self.mu, self.logvar, self.spare = nn.Linear(8, 3), nn.Linear(8, 3), nn.Linear(8, 3)
        self.last, self.kind = last, kind

    def forward(self, x):
        hidden = self.encode(x)
        mu, logvar = self.mu(hidden), self.logvar(hidden)
        made = self.last(self.decode(mu + 0.1 * logvar + 0.1 * self.spare(hidden)))
        return self.kind((made, mu, [logvar]))


def by_name(parts):
    return dict(zip(("made", "mu", "logvar"), parts, strict=True))


def pasted(words):
    return ast.literal_eval(re.search(r"give convert\(…, points=(\[.*?\])\)", words).group(1))


@pytest.mark.parametrize("rule", ["dfa", "dkp", {"enc*": "shallow", "*": "dfa"}])
@pytest.mark.parametrize("last", [torch.sigmoid, torch.tanh, F.softplus])
def test_a_point_found_behind_the_output_layer_is_said_with_the_points_to_paste(last, rule):
    torch.manual_seed(0)
    module = Autoencoder(last)
    net = dfa.convert(module, rule, output=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net(X)
        net(X)
    words = [str(one.message) for one in caught if "nothing after" in str(one.message)]
    assert len(words) == 1
    assert "'decode.2' gets a gradient: what feeds it learns by a random matrix" in words[0]
    assert "or the loss is not of output=0." in words[0]
    assert pasted(words[0]) == ["encode.1", "decode.1", "mu", "logvar"]
    net = dfa.convert(module, rule, output=0, points=pasted(words[0]))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        F.mse_loss(net(X)[0], X.sigmoid()).backward()
    assert not [one for one in caught if "nothing after" in str(one.message)]
    F.mse_loss(module(X)[0], X.sigmoid()).backward()
    assert torch.allclose(net.decode[2].weight.grad, module.decode[2].weight.grad)


def test_a_point_that_was_given_there_is_said_without_output():
    net = dfa.convert(nn.Sequential(nn.Linear(6, 3), nn.Softplus()), "dfa", points=["0"])
    with pytest.warns(UserWarning, match=r"which was given, comes behind .* name other points.*reentrant=True\.$"):
        net(X)


@pytest.mark.parametrize(("kind", "output"), [(tuple, 1), (by_name, "mu"), (by_name, lambda made: made["mu"])])
def test_an_output_that_an_earlier_point_gave_is_said(kind, output):
    net = dfa.convert(Autoencoder(kind=kind), "dfa", output=output)
    place = r"a function" if callable(output) else repr(output)
    with pytest.warns(UserWarning, match=rf"output={place} is what point 'mu' gave.*another tensor, say so by output="):
        net(X)


@pytest.mark.parametrize("kind", [tuple, list, by_name])
@pytest.mark.parametrize("rule", ["dfa", "dkp"])
def test_a_loss_on_what_a_point_gave_is_said_once(rule, kind):
    torch.manual_seed(0)
    module = Autoencoder(last=nn.Identity(), kind=kind)
    names = ("made", "mu", "logvar") if kind is by_name else (0, 1, 2)
    net = dfa.convert(module, rule, output=names[0])
    ours, own = net(X), module(X)
    assert all(torch.equal(ours[name], own[name]) for name in names[:2])
    assert torch.equal(ours[names[2]][0], own[names[2]][0])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            returned = net(X)
            (F.mse_loss(returned[names[0]], X) + returned[names[1]].square_().sum()).backward()
    (words,) = [str(one.message) for one in caught if "beside its output" in str(one.message)]
    assert "points mu, logvar gave beside its output" in words
    assert pasted(words) == ["encode.1", "decode.1"]
    net = dfa.convert(module, rule, output=names[0], points=pasted(words))
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="the network returns what")
        net(X)[names[1]].square().sum().backward()
    assert net.mu.weight.grad.abs().sum() > 0


@pytest.mark.filterwarnings("error:the network returns what")
def test_what_a_point_gave_and_no_loss_uses_is_no_matter():
    net = dfa.convert(Autoencoder(last=nn.Identity()), "dfa", output=0, example=X)
    F.mse_loss(net(X)[0], X).backward()
    assert dfa.audit(net, X, X, F.mse_loss).clean
    assert len(dfa.measure_alignment(net, X, X, F.mse_loss))
    own = {name: one.detach() for name, one in net.named_parameters()}
    found = torch.func.grad(lambda p: F.mse_loss(torch.func.functional_call(net, p, (X,))[0], X))(own)
    assert torch.allclose(found["mu.weight"], net.mu.weight.grad)
    again = pickle.loads(pickle.dumps(net))
    with pytest.warns(UserWarning, match="a loss of that was differentiated"):
        again(X)[1].sum().backward()


def test_tokens_that_are_put_into_one_vector_have_no_downstream_product():
    layers = nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 5), nn.ReLU(), nn.Flatten(), nn.Linear(35, 3)
    net = dfa.convert(nn.Sequential(*layers), "dfa")
    x = torch.randn(9, 7, 6, generator=torch.Generator().manual_seed(0))
    assert dfa.audit(net, x, Y, F.cross_entropy).clean
    assert [tuple(one.shape) for one in dfa.feedback(net).values()] == [(3, 8), (3, 5)]
    dfa.measure_alignment(net, x, Y, F.cross_entropy)
    with pytest.raises(dfa.DfaLabError, match="no chain of linear layers"):
        dfa.convert(nn.Sequential(*layers), "dfa", feedback_init="transpose")


def test_a_loss_of_that_alone_can_be_differentiated_at_each_step():
    net = dfa.convert(Autoencoder(last=nn.Identity()), "dfa", output=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            net(X)[1].square().sum().backward()
    assert sum("beside its output" in str(one.message) for one in caught) == 1
