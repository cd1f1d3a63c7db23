"""Layers that are no classes of torch's own: subclasses, classes that were taught, weights made from other parameters.

Two ways to the same number: with B = W every rule's gradient is backpropagation's, and ``audit`` recomputes each.
"""

import copy
import io
import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm, weight_norm

import dfa_lab as dfa
from dfa_lab.learning.layers import effective_weight

LAYERWISE = [name for name, rule in dfa.RULES.items() if rule.route is dfa.Route.LAYERWISE]


class OfLinear(nn.Linear):
    """A subclass that keeps the forward pass, and something of its own."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.scale = 3


class OfConv(nn.Conv2d):
    pass


class OfReLU(nn.ReLU):
    pass


class Scaled(nn.Module):
    """A linear layer with a scale of its own, taught with a product."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * 0.3)
        self.scale = nn.Parameter(torch.rand(outputs) + 0.5)

    def forward(self, x):
        return F.linear(x, self.weight) * self.scale


class Transposed(nn.Module):
    """A linear layer with its weight (in, out), taught without a product."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) * 0.3)
        self.shift = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return x @ self.weight + self.shift


class LowRank(nn.Module):
    """W and a product of two thin matrices, both carried."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.up, self.down = nn.Parameter(torch.randn(outputs, 2)), nn.Parameter(torch.randn(2, inputs))

    def forward(self, x):
        return x @ self.down.T @ self.up.T


class Square(nn.Module):
    def forward(self, a):
        return a.relu().square()


@pytest.fixture(scope="module", autouse=True)
def _taught():
    """The classes are known here alone."""
    before = dict(dfa.LAYERS._entries)
    dfa.LAYERS.register(Scaled, dfa.LayerKind(lambda layer, x, weight: F.linear(x, weight) * layer.scale.detach()))
    dfa.LAYERS.register(Transposed, dfa.LayerKind(transposed=True))
    dfa.LAYERS.register(LowRank, dfa.LayerKind(carries=("up", "down")))
    dfa.LAYERS.register(Square, dfa.LayerKind(elementwise=True))
    yield
    dfa.LAYERS._entries.clear()
    dfa.LAYERS._entries.update(before)


def batch():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(9, 1, 8, 8, dtype=torch.float64, generator=generator)
    return x, torch.randint(0, 3, (9,), generator=generator)


def mixed():
    torch.manual_seed(0)
    return nn.Sequential(
        OfConv(1, 4, 3),
        OfReLU(inplace=True),
        nn.Flatten(),
        OfLinear(144, 9),
        Square(),
        Scaled(9, 8),
        nn.Tanh(),
        Transposed(8, 7),
        nn.Tanh(),
        LowRank(7, 6),
        nn.Linear(6, 3),
    ).double()


def gradients(net, x, t):
    net.zero_grad()
    with dfa.lesson(net, t):
        F.cross_entropy(net(x), t).backward()
    return {name: one.grad.clone() for name, one in net.named_parameters() if one.grad is not None}


def originals(module, x, t):
    module.zero_grad()
    F.cross_entropy(module(x), t).backward()
    return {name: one.grad.clone() for name, one in module.named_parameters()}


def compare(found, wanted):
    assert set(found) == set(wanted)
    for name, one in found.items():
        torch.testing.assert_close(one, wanted[name], rtol=1e-9, atol=1e-12)


def test_subclasses_and_taught_classes_learn_and_keep_their_class():
    module, (x, t) = mixed(), batch()
    wanted = originals(module, x, t)
    net = dfa.convert(module, "fa", feedback_init="transpose")
    compare(gradients(net, x, t), wanted)
    assert [type(one) for one in module] != [type(one) for one in net]
    assert all(isinstance(one, type(own)) for one, own in zip(net, module, strict=True))
    assert net[3].scale == 3
    assert net.dfa_conversion.points == ("1", "4", "6", "8", "9")
    assert net[7].layerwise_weight.shape == (8, 7)
    assert [net[9].layerwise_up.shape, net[9].layerwise_down.shape] == [(6, 2), (2, 7)]
    dfa.redraw_feedback(net, "uniform")
    assert all(not torch.allclose(gradients(net, x, t)[name], wanted[name]) for name in ("0.weight", "3.weight"))


def test_what_a_taught_layer_sends_is_by_its_own_feedback():
    """By hand: δ ⊙ scale through B, and δ through Bᵀ's own layout."""
    torch.manual_seed(0)
    scaled, transposed = Scaled(5, 4).double(), Transposed(5, 4).double()
    x, delta = torch.randn(3, 5, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    for layer, sent in (
        (dfa.convert(scaled, "fa"), lambda b: (delta * scaled.scale) @ b),
        (dfa.convert(transposed, "fa"), lambda b: delta @ b.T),
    ):
        leaf = x.clone().requires_grad_()
        (found,) = torch.autograd.grad(layer(leaf), leaf, delta)
        torch.testing.assert_close(found, sent(layer.layerwise_weight))
    magnitudes = dfa.convert(nn.Sequential(Transposed(400, 4)), "frsf")[0].drawn_magnitude_weight
    assert magnitudes.max() <= 1 / 20 + 1e-6  # fan_in is 400


@pytest.mark.parametrize("rule", list(dfa.RULES))
def test_they_learn_by_every_rule_and_are_audited_copied_and_pickled(rule):
    module, (x, t) = mixed(), batch()
    net = dfa.convert(module, rule, feedback_scale=0.5)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    dfa.attach(net, optimizer)
    for _ in range(3):
        found = gradients(net, x, t)
        optimizer.step()
    audit = dfa.audit(net, x, t, F.cross_entropy)
    assert audit.clean, audit.to_frame()
    assert all(row.checked for row in audit)
    found = gradients(net, x, t)
    file = io.BytesIO()
    torch.save(net, file)
    file.seek(0)
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), torch.load(file, weights_only=False)):
        assert [type(one) for one in twin] == [type(one) for one in net]
        dfa.attach(twin, torch.optim.SGD(twin.parameters(), lr=0.01))
        compare(gradients(twin, x, t), found)
    module.load_state_dict(dfa.plain_state_dict(net), strict=True)
    assert len(dfa.measure_alignment(net, x, t, F.cross_entropy)) == len(net.dfa_conversion.buffers.carrying)


def test_an_audit_sees_a_taught_layer_that_does_not_use_its_rule(monkeypatch):
    net, (x, t) = dfa.convert(mixed(), "fa"), batch()
    monkeypatch.setattr(type(net[5]), "is_plain", lambda self: True)
    monkeypatch.setattr(type(net[5]), "forward", Scaled.forward)
    assert {row.layer for row in dfa.audit(net, x, t, F.cross_entropy).failures()} == {"5"}


def test_compiled_and_by_torch_func_they_are_as_they_are():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(6, 9), nn.Tanh(), Scaled(9, 8), nn.Tanh(), OfLinear(8, 3)).double()
    x, t = torch.randn(5, 6, dtype=torch.float64), torch.randint(0, 3, (5,))
    net = dfa.convert(module, "fa")
    wanted = gradients(net, x, t)

    def loss(parameters):
        return F.cross_entropy(torch.func.functional_call(net, parameters, (x,)), t)

    own = {name: one.detach() for name, one in net.named_parameters()}
    compare(torch.func.grad(loss)(own), wanted)
    compare(torch.compile(torch.func.grad(loss), backend="eager")(own), wanted)
    net.zero_grad()
    F.cross_entropy(torch.compile(net, backend="aot_eager")(x), t).backward()
    compare({name: one.grad for name, one in net.named_parameters()}, wanted)
    # Without a product= the compiler leaves the layer as it is.
    untold = dfa.convert(nn.Sequential(Transposed(6, 4), nn.Tanh(), Transposed(4, 3)).double(), "fa")
    wanted = gradients(untold, x, t)
    untold.zero_grad()
    F.cross_entropy(torch.compile(untold, backend="eager")(x), t).backward()
    compare({name: one.grad for name, one in untold.named_parameters()}, wanted)


class Thin(nn.Module):
    """LoRA: what is added to a weight."""

    def __init__(self, rows, columns):
        super().__init__()
        self.up, self.down = nn.Parameter(torch.randn(rows, 2)), nn.Parameter(torch.randn(2, columns) / 5)

    def forward(self, weight):
        return weight + self.up @ self.down


def lora(layer):
    parametrize.register_parametrization(layer, "weight", Thin(*layer.weight.shape))
    return layer


MADE = {
    "weight_norm": parametrizations.weight_norm,
    "weight_norm by a hook": weight_norm,
    "spectral_norm": parametrizations.spectral_norm,
    "spectral_norm by a hook": spectral_norm,
    "orthogonal": parametrizations.orthogonal,
    "prune": lambda layer: prune.random_unstructured(layer, "weight", 0.4),
    "prune twice": lambda layer: prune.l1_unstructured(prune.random_unstructured(layer, "weight", 0.4), "weight", 0.3),
    "LoRA": lora,
}


def made(name):
    torch.manual_seed(0)
    if name == "LoRA":
        return nn.Sequential(nn.Linear(6, 6), nn.Tanh(), lora(OfLinear(6, 8)), nn.Tanh(), nn.Linear(8, 3)).double()
    own = MADE[name]
    return nn.Sequential(nn.Linear(6, 6), nn.Tanh(), own(nn.Linear(6, 8)), nn.Tanh(), nn.Linear(8, 3)).double()


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
@pytest.mark.parametrize("rule", LAYERWISE)
@pytest.mark.parametrize("name", list(MADE))
def test_weights_that_are_made_carry_by_their_rule(name, rule):
    x, t = torch.randn(9, 6, dtype=torch.float64), torch.randint(0, 3, (9,))
    plain, net = made(name), dfa.convert(made(name), rule)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    dfa.attach(net, optimizer)
    assert torch.equal(net(x), plain(x))
    for _ in range(3):
        optimizer.zero_grad()
        before = effective_weight(net[2], "weight").detach().clone()
        feedback = net[2]._buffers.get("layerwise_weight", torch.zeros(())).clone()
        F.cross_entropy(net(x), t).backward()
        if "spectral" in name:  # estimated anew in each pass
            before = effective_weight(net[2], "weight").detach().clone()
        optimizer.step()
        if rule == "kp":  # W − B shrinks by 1 − λ, whatever the weight is made from
            apart = effective_weight(net[2], "weight") - net[2].layerwise_weight
            torch.testing.assert_close(apart, (before - feedback) * (1 - dfa.RULES["kp"].decay))
    audit = dfa.audit(net, x, t, F.cross_entropy)
    assert audit.clean, audit.to_frame()
    assert all(row.checked for row in audit)
    rows = dfa.measure_alignment(net, x, t, F.cross_entropy)
    assert all(torch.isfinite(torch.tensor([row.weight_alignment, row.gradient_alignment])).all() for row in rows[:-1])
    if rule in ("bp", "fa"):
        plain = made(name).train("spectral" not in name)  # B is the weight only while its estimate stays
        again = dfa.convert(plain, "fa", feedback_init="transpose")
        again[2].layerwise_weight.copy_(effective_weight(again[2], "weight"))
        compare(gradients(again, x, t), originals(plain, x, t))


def test_parametrized_layers_are_copied_and_saved_and_given_back():
    net = dfa.convert(made("weight_norm"), "fa")
    twin = copy.deepcopy(net)
    x, t = torch.randn(9, 6, dtype=torch.float64), torch.randint(0, 3, (9,))
    compare(gradients(twin, x, t), gradients(net, x, t))
    made("weight_norm").load_state_dict(dfa.plain_state_dict(net), strict=True)
    wanted = net(x)
    parametrize.remove_parametrizations(net[2], "weight")
    assert type(net[2]) is type(net[0])
    torch.testing.assert_close(net(x), wanted)
    assert dfa.audit(net, x, t, F.cross_entropy).clean


@pytest.mark.parametrize(
    ("key", "entry", "words"),
    [
        (3, dfa.LayerKind(), "expected a class of torch modules, or its full dotted name"),
        ("Linear", dfa.LayerKind(), "expected a class of torch modules, or its full dotted name"),
        (nn.Linear, dfa.LayerKind(), "already"),
        (nn.Bilinear, 3, "expected a dfa.LayerKind"),
    ],
)
def test_what_the_registry_refuses(key, entry, words):
    with pytest.raises(dfa.DfaLabError, match=words):
        dfa.LAYERS.register(key, entry)
    with pytest.raises(dfa.DfaLabError, match="expected names of parameters"):
        dfa.LayerKind(carries="weight")


def test_a_class_that_is_defined_anew_takes_the_place_of_the_former():
    def fresh():
        class Anew(nn.Linear):
            def forward(self, x):
                return F.linear(x, self.weight, self.bias)

        return Anew

    for kind in (fresh(), fresh()):
        dfa.LAYERS.register(kind, dfa.LayerKind())
        assert dfa.convert(nn.Sequential(kind(3, 2)), "fa")[0].rule.name == "fa"
