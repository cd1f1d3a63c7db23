"""audit: it passes what is right (test_convert.py tries it on every kind of network) and names what is not."""

import copy
import types

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa
from dfa_lab.learning.ops import functional
from networks import make_batch, make_net
from zoo import make


def chain(rule, **choices):
    torch.manual_seed(0)
    layers = [nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 7), nn.Tanh(), nn.Linear(7, 7), nn.Tanh(), nn.Linear(7, 5)]
    return dfa.convert(nn.Sequential(*layers).double(), rule, **choices)


def named(audit):
    return sorted({row.layer for row in audit.failures()})


def plainly(layer):
    layer.forward = types.MethodType(nn.Linear.forward, layer)


def as_torchs_own(layer):
    layer.__class__ = nn.Linear


def by_another_matrix(layer):
    layer.forward = lambda x: functional.feedback_linear(x, layer.weight, layer.bias, -layer.layerwise_weight)


def wrong_gradient(layer):
    layer.forward = lambda x: F.linear(x, 2 * layer.weight - layer.weight.detach(), layer.bias)


@pytest.mark.parametrize("sabotage", [plainly, as_torchs_own, by_another_matrix, wrong_gradient])
@pytest.mark.parametrize("place", ["0", "2", "4", "6"])
def test_a_layer_whose_rule_is_not_used_is_named_and_no_other(place, sabotage):
    net, (x, t) = chain("fa"), make_batch()
    assert dfa.audit(net, x, t, F.cross_entropy).clean
    sabotage(net.get_submodule(place))
    audit = dfa.audit(net, x, t, F.cross_entropy)
    assert named(audit) == [place]
    row = next(row for row in audit if row.parameter == f"{place}.weight")
    assert row.expected == "fa"
    assert row.error > 0.1
    wanted = () if sabotage in (by_another_matrix, wrong_gradient) else ("bp",)
    assert set(row.explained) & set(dfa.RULES) >= set(wanted)
    assert "fa" not in row.explained
    assert bool(row.explained) == bool(wanted)


@pytest.mark.parametrize("name", ["resnet", "transformer", "lstm", "unet"])
def test_a_sabotaged_layer_is_named_in_any_network(name):
    net, x, t = make(name)
    places = {
        "resnet": "blocks.1.conv1",
        "transformer": "encoder.layers.0.linear2",
        "lstm": "cell",
        "unet": "up",
    }
    net = dfa.convert(net, "fa")
    layer = net.get_submodule(places[name])
    layer.__class__ = plain_class(layer)
    assert named(dfa.audit(net, x, t, F.cross_entropy)) == [places[name]]


def plain_class(layer):
    return next(
        kind for kind in type(layer).__mro__ if kind.__module__.startswith("torch.nn") and kind is not nn.Module
    )


@pytest.mark.parametrize("point", ["1", "3", "5"])
def test_a_feedback_point_that_is_not_cut_is_named_by_what_it_feeds(point):
    net, (x, t) = chain("dfa"), make_batch()
    assert dfa.audit(net, x, t, F.cross_entropy).clean
    net.get_submodule(point)._forward_hooks.clear()
    audit = dfa.audit(net, x, t, F.cross_entropy)
    fed = str(int(point) - 1)
    assert named(audit) == [fed]
    assert "bp" in next(row for row in audit if row.parameter == f"{fed}.weight").explained


def test_a_derivative_that_is_not_used_is_named():
    net, (x, t) = chain("fa", activation_derivative="step"), make_batch()
    assert dfa.audit(net, x, t, F.cross_entropy).clean
    net[3].forward = torch.tanh
    audit = dfa.audit(net, x, t, F.cross_entropy)
    assert [(row.parameter, row.expected, row.explained) for row in audit.failures()] == [
        ("3 (derivative)", "step", ("exact",))
    ]


def test_attention_whose_projections_learn_otherwise_is_named():
    net, x, t = make("transformer")
    net = dfa.convert(net, "fa")
    attention = net.encoder.layers[1].self_attn
    attention.forward = types.MethodType(nn.MultiheadAttention.forward, attention)
    audit = dfa.audit(net, x, t, F.cross_entropy)
    assert set(named(audit)) == {"encoder.layers.1.self_attn", "encoder.layers.1.self_attn.out_proj"}


@pytest.mark.parametrize("rule", list(dfa.RULES))
def test_an_mlp_is_audited(rule):
    net, (x, t) = make_net(rule=rule, activation_derivative="triangle"), make_batch()
    audit = dfa.audit(net, x, t, F.cross_entropy)
    assert audit.clean
    assert [row.parameter for row in audit] == [f"{kind}.{n}" for n in range(3) for kind in ("weights", "biases")]
    hidden = [row.explained for row in audit if row.layer == "1"]
    same = {"fa": {"fa", "kp", "wm"}, "dfa": {"dfa", "dkp", "ldfa"}}  # no B has a rank above its five outputs
    family = next((names for names in same.values() if rule in names), {rule})
    assert all(set(names) == family for names in hidden)
    assert set(audit[-1].explained) == set(dfa.RULES), "the output layer hears e under every rule"


@pytest.mark.parametrize("make_one", [lambda: make_net(rule="fa"), lambda: chain("fa")], ids=["mlp", "converted"])
def test_a_reduction_that_is_none_is_refused(make_one):
    with pytest.raises(dfa.DfaLabError, match="reduction was given as 'average'"):
        dfa.audit(make_one(), *make_batch(), F.cross_entropy, reduction="average")


def test_the_seeds_failure_is_caught(monkeypatch):
    """A custom pullback that is silently never used: FA that is really BP."""

    def ignored(x, weight, bias, feedback):
        return F.linear(x, weight, bias)

    mlp, net, (x, t) = make_net((6, 8, 7, 7, 5), rule="fa"), chain("fa"), make_batch()
    monkeypatch.setattr(functional, "feedback_linear", ignored)
    for one, layers in ((mlp, ["0", "1", "2"]), (net, ["0", "2", "4", "6"])):
        audit = dfa.audit(one, x, t, F.cross_entropy)
        assert named(audit) == layers
        assert all("bp" in row.explained for row in audit.failures())
        assert set(audit.to_frame()["clean"]) <= {True, False}
        assert all("bp" in names.split(", ") for names in audit.to_frame().query("not clean")["explained"])


@pytest.mark.slow
@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize("rule", ["fa", "dfa", "brsf", "dkp", "drtp"])
def test_an_audit_and_a_measurement_leave_no_mark(rule, mode):
    net, x, t = make("resnet")
    net = dfa.convert(nn.Sequential(net, nn.Dropout(0.2)).double(), rule, example=x[:2]).train(mode)
    optimizer = torch.optim.Adam(net.parameters())
    dfa.attach(net, optimizer)
    with dfa.lesson(net, t):
        F.cross_entropy(net(x), t).backward()
    optimizer.step()
    state, random = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    grads = [p.grad.clone() for p in net.parameters()]
    modes = [module.training for module in net.modules()]
    hooks = [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.modules()]
    for measure in (dfa.audit, dfa.measure_alignment):
        with torch.no_grad():
            measure(net, x, t, F.cross_entropy)
    assert all(torch.equal(value, net.state_dict()[key]) for key, value in state.items())
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(a, p.grad) for a, p in zip(grads, net.parameters(), strict=True))
    assert modes == [module.training for module in net.modules()]
    assert hooks == [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in net.modules()]


def test_bad_losses_and_networks_are_refused():
    net, (x, t) = chain("fa"), make_batch()
    with pytest.raises(dfa.DfaLabError, match="one finite number"):
        dfa.audit(net, x, t, lambda y, t: y)
    with pytest.raises(dfa.DfaLabError, match="loss_fn failed"):
        dfa.audit(net, x, t[:3], F.cross_entropy)
    with pytest.raises(dfa.DfaLabError, match="expected a dfa_lab MLP or a network"):
        dfa.audit(nn.Linear(6, 5), x, t, F.cross_entropy)


class ByName(nn.Module):
    """Inputs given by name; attention with key and value of other widths."""

    def __init__(self):
        super().__init__()
        self.one = nn.Linear(6, 8)
        self.attention = nn.MultiheadAttention(8, 2, kdim=6, vdim=6, batch_first=True)
        self.cell, self.head = nn.GRUCell(8, 8), nn.Linear(8, 5)

    def forward(self, x):
        h, x = self.one(input=x), x.unsqueeze(1)
        h = h + self.attention(query=h.unsqueeze(1), key=x, value=x, need_weights=False)[0].squeeze(1)
        return self.head(self.cell(h, hx=h))


def test_inputs_given_by_name_are_audited_too():
    torch.manual_seed(0)
    x, t = make_batch()
    for rule in ("fa", "usf", "dfa"):
        net = dfa.convert(ByName().double(), rule, points=["one", "attention"])
        audit = dfa.audit(net, x, t, F.cross_entropy)
        assert audit.clean, audit.to_frame()
    net = dfa.convert(ByName().double(), "fa")
    for name in ("attention", "cell"):
        layer = net.get_submodule(name)
        real = layer.backward_weight
        layer.backward_weight = lambda *given, real=real: -real(*given)
        assert named(dfa.audit(net, x, t, F.cross_entropy)) == [name]
        del layer.backward_weight


def test_a_way_around_a_point_is_named():
    class Around(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.mid, self.out = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(16, 5)

        def forward(self, x):
            h = torch.tanh(self.first(x))
            return self.out(torch.cat([h, torch.tanh(self.mid(h))], 1))

    x, t = make_batch()
    net = dfa.convert(Around().double(), "dfa", points=["mid"])
    rows = {row.parameter: row for row in dfa.audit(net, x, t, F.cross_entropy)}
    assert rows["first.weight"].expected == "dfa+bp"
    assert rows["first.weight"].explained == ("dfa+bp", "dkp+bp", "ldfa+bp")
    assert rows["out.weight"].expected == "dfa"


def test_networks_with_other_outputs_tied_heads_and_frozen_parts_are_audited():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.one = nn.Embedding(5, 6, sparse=True), nn.Linear(6, 6)
            self.attention = nn.MultiheadAttention(6, 2, add_bias_kv=True, batch_first=True)
            self.head = nn.Linear(6, 5)

        def forward(self, t):
            h = torch.tanh(self.one(self.table(t))).unsqueeze(1)
            h = self.attention(h, h, h, need_weights=False)[0].squeeze(1)
            return self.head(h), h

    torch.manual_seed(0)
    t = torch.randint(0, 5, (9,))
    net = dfa.convert(Pair(), "fa")
    audit = dfa.audit(net, t, t, lambda output, t: F.cross_entropy(output[0], t))
    assert audit.clean, audit.to_frame()
    assert not audit.unchecked(), "what attention adds to keys and values learns too"
    dfa.measure_alignment(net, t, t, lambda output, t: F.cross_entropy(output[0], t))
    mlp, (x, t) = make_net(rule="fa"), make_batch()
    mlp.weights[1].requires_grad_(False)
    audit = dfa.audit(mlp, x, t, F.cross_entropy)
    assert audit.clean
    assert "weights.1" not in [row.parameter for row in audit]
    optimizer = torch.optim.SGD([p for p in mlp.parameters() if p.requires_grad], lr=0.1)
    dfa.set_rule(mlp, "kp")
    dfa.attach(mlp, optimizer)
    frozen = mlp.weights[1].clone()
    F.cross_entropy(mlp(x), t).backward()
    optimizer.step()
    optimizer.step()
    assert torch.equal(mlp.weights[1], frozen)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_low_precision_is_no_false_alarm(dtype):
    module, x, t = make("transformer")
    for rule in ("fa", "dfa"):
        net = dfa.convert(module, rule).to(dtype)
        assert dfa.audit(net, x.to(dtype), t, F.cross_entropy).clean


def test_masks_by_place_and_states_in_lists_are_no_false_alarm():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.attention = nn.Linear(6, 8), nn.MultiheadAttention(8, 2, batch_first=True)
            self.cell, self.head = nn.LSTMCell(8, 8), nn.Linear(8, 5)

        def forward(self, x):
            h = torch.tanh(self.one(x)).unsqueeze(1)
            h = self.attention(h, h, h, None, False, torch.zeros(1, 1, dtype=x.dtype))[0].squeeze(1)
            return self.head(self.cell(h, [h, h])[0])

    torch.manual_seed(0)
    x, t = make_batch()
    for rule in ("fa", "usf"):
        audit = dfa.audit(dfa.convert(Masked().double(), rule), x, t, F.cross_entropy)
        assert audit.clean, audit.to_frame()


def test_a_frozen_layer_that_sends_by_another_rule_is_named():
    net, (x, t) = chain("fa"), make_batch()
    net[4].requires_grad_(False)
    assert dfa.audit(net, x, t, F.cross_entropy).clean
    plainly(net[4])
    audit = dfa.audit(net, x, t, F.cross_entropy)
    assert named(audit) == ["4"]
    net[4].bias.requires_grad_(True)
    assert {row.parameter for row in dfa.audit(net, x, t, F.cross_entropy).failures()} == {"4.weight", "4.bias"}


def test_a_way_around_a_frozen_point_is_named_too():
    class Skip(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.h = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 5)

        def forward(self, x):
            u = torch.tanh(self.a(x))
            return self.h(u + torch.tanh(self.b(u)))

    x, t = make_batch()
    rows = dfa.audit(dfa.convert(Skip().double(), "shallow", points=["b"]), x, t, F.cross_entropy)
    assert {row.parameter: row.expected for row in rows}["a.weight"] == "shallow+bp"


@pytest.mark.parametrize("rule", ["fa", "dfa", "kp", "usf"])
def test_an_audit_between_forward_and_backward_does_not_disturb(rule):
    net, (x, t) = chain(rule), make_batch()
    dfa.attach(net, torch.optim.SGD(net.parameters(), lr=0.1))
    F.cross_entropy(net(x), t).backward()
    wanted = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    loss = F.cross_entropy(net(x), t)
    dfa.audit(net, x, t, F.cross_entropy)
    dfa.measure_alignment(net, x, t, F.cross_entropy)
    loss.backward()
    assert all(torch.equal(a, p.grad) for a, p in zip(wanted, net.parameters(), strict=True))
