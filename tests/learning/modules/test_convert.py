"""convert: a network of any kind learns by any rule, and stays the user's own in everything else."""

import copy
import functools
import io
import pickle
import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa
from pairs import parametrize_pairs
from zoo import ZOO, Residual, ResNet, Tied, Transformer, make

LAYERWISE = [name for name, rule in dfa.RULES.items() if rule.route is dfa.Route.LAYERWISE]
DIRECT = [name for name, rule in dfa.RULES.items() if rule.route is dfa.Route.DIRECT]


def small(dtype=torch.float64):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 7), nn.Tanh(), nn.Linear(7, 5)).to(dtype)


def batch(size=9):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(size, 6, dtype=torch.float64, generator=generator)
    return x, torch.randint(0, 5, (size,), generator=generator)


def gradients(net, x, t, reduction="mean"):
    net.zero_grad()
    with dfa.lesson(net, t, reduction):
        F.cross_entropy(net(x), t, reduction=reduction).backward()
    return {name: None if p.grad is None else p.grad.clone() for name, p in net.named_parameters()}


@parametrize_pairs(rule=dfa.RULES, init=["uniform", "aligned"], size=[1, 7, 32], reduction=["mean", "sum"])
def test_a_chain_of_linear_layers_is_an_mlp(rule, init, size, reduction):
    """To the last bit, feedback drawn by the same seed included; and the MLP is held to NumPy by hand elsewhere.

    All pairs of rule, init, batch size and reduction.
    """
    module, (x, t) = small(), batch(size)
    mlp = dfa.MLP([6, 8, 7, 5], rule=rule, feedback_init="uniform", feedback_seed=3, weight_init="torch", dtype=x.dtype)
    with torch.no_grad():
        for number, layer in enumerate((module[0], module[2], module[4])):
            mlp.weights[number].copy_(layer.weight)
            mlp.biases[number].copy_(layer.bias)
    dfa.redraw_feedback(mlp, init)
    net = dfa.convert(module, rule, feedback_init=init, feedback_seed=3)
    by_convert, by_mlp = gradients(net, x, t, reduction), gradients(mlp, x, t, reduction)
    for number, layer in enumerate((0, 2, 4)):
        for kind, own in (("weight", f"weights.{number}"), ("bias", f"biases.{number}")):
            found, wanted = by_convert[f"{layer}.{kind}"], by_mlp[own]
            assert (found is None) == (wanted is None)
            assert found is None or torch.equal(found, wanted)


@pytest.mark.parametrize("name", list(ZOO))
def test_by_backpropagation_every_gradient_is_the_originals(name):
    module, x, t = make(name)
    original = copy.deepcopy(module)
    net = dfa.convert(module, "bp")
    output = original(x)
    F.cross_entropy(output, t).backward()
    found = gradients(net, x, t)
    for key, parameter in original.named_parameters():
        torch.testing.assert_close(found[key], parameter.grad, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(net.eval()(x), original.eval()(x), rtol=1e-10, atol=1e-10)


def trained(name, rule, **choices):
    """The network after 60 steps, its losses, and whether it was audited clean before and after."""
    module, x, t = make(name)
    net = dfa.convert(module, rule, **choices)
    normalised = dfa.RULES[rule].normalised  # signals as long as e, whatever the scale: too long for a rate of 0.1
    optimizer = torch.optim.SGD(net.parameters(), lr=0.005 if normalised else 0.1)
    dfa.attach(net, optimizer)
    audits, losses = [dfa.audit(net, x, t, F.cross_entropy)], []
    for _ in range(60):
        optimizer.zero_grad()
        with dfa.lesson(net, t):
            loss = F.cross_entropy(net(x), t)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return net, losses, [*audits, dfa.audit(net, x, t, F.cross_entropy)]


@functools.cache
def frozen_loss(name):
    return trained(name, "shallow")[1][-1]


@pytest.mark.slow
@pytest.mark.parametrize("rule", list(dfa.RULES))
@pytest.mark.parametrize("name", list(ZOO))
def test_a_network_of_any_kind_learns_by_every_rule_and_is_audited_clean(name, rule):
    """The loss falls, by layerwise rules below that of frozen hidden layers: it is not the head alone that learns."""
    net, losses, audits = trained(name, rule, feedback_scale=0.02 if rule in DIRECT else 1.0)
    for audit in audits:
        assert audit.clean, audit.to_frame()
        assert len([row for row in audit if row.checked]) >= len(list(net.parameters()))
    # What B learns from a map by dkp and ldfa is large: it may grow until the loss leaps, whatever the learning rate.
    # By ndfa, as long as e at every place of a map, the U-Net's loss falls by 0.0018 and rises again, at any rate.
    least = 0.001 if (name, rule) == ("unet", "ndfa") else 0.002
    assert (min(losses) if rule in ("dkp", "ldfa") else losses[-1]) < losses[0] - least
    if rule in LAYERWISE:
        assert losses[-1] < frozen_loss(name)
    start = dict(make(name)[0].named_parameters())
    moved = {key for key, one in net.named_parameters() if not torch.equal(one, start[key])}
    assert moved == ({"head.weight", "head.bias"} if rule == "shallow" else set(start))


@pytest.mark.slow
@pytest.mark.parametrize("rule", list(dfa.RULES))
@pytest.mark.parametrize("name", list(ZOO))
def test_a_converted_network_is_copied_pickled_saved_and_loaded(name, rule):
    module, x, t = make(name)
    net = dfa.convert(module, rule)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    dfa.attach(net, optimizer)
    gradients(net, x, t)
    optimizer.step()
    plain = set(module.state_dict())
    assert plain < set(net.state_dict()) or rule in ("bp", "shallow")
    assert set(dfa.plain_state_dict(net)) == plain
    module.load_state_dict(dfa.plain_state_dict(net), strict=True)
    other = dfa.convert(make(name, seed=5)[0], rule, feedback_seed=9)
    file = io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True), strict=True)
    twins = [copy.deepcopy(net), pickle.loads(pickle.dumps(net)), other]
    if rule in ("brsf", "wm"):  # what is drawn follows from the seed, which is no tensor
        twins.pop()
    for twin in twins:
        dfa.attach(twin, torch.optim.SGD(twin.parameters(), lr=0.01))
        assert set(twin.state_dict()) == set(net.state_dict())
    wanted = gradients(net, x, t)
    for twin in twins:
        for key, gradient in gradients(twin, x, t).items():
            assert (gradient is None) == (wanted[key] is None)
            assert gradient is None or torch.equal(gradient, wanted[key])


def test_what_is_the_users_stays_so():
    module = ResNet().double()
    seen = []
    module.head.register_forward_hook(lambda *_: seen.append("head"))
    module.register_forward_hook(lambda layer, args, output: seen.append(tuple(output.shape)))
    module.blocks.eval()
    module.stem.weight.requires_grad_(False)
    before = copy.deepcopy(module.state_dict())
    net = dfa.convert(module, "fa")
    assert type(module.stem) is nn.Conv2d
    assert net is not module
    assert isinstance(net.stem, nn.Conv2d)
    assert not net.stem.weight.requires_grad
    assert net.training
    assert not net.blocks.training
    assert [name for name, _ in net.named_parameters()] == [name for name, _ in module.named_parameters()]
    assert all(torch.equal(before[key], net.state_dict()[key]) for key in before)
    net(torch.randn(3, 1, 8, 8, dtype=torch.float64))
    assert seen == ["head", (3, 10)]
    assert net.stem.layerwise_weight.dtype is torch.float64
    assert not net.stem.layerwise_weight.requires_grad
    net.float()
    assert net.stem.layerwise_weight.dtype is torch.float32
    assert dfa.convert(module, "fa", inplace=True) is module
    assert "rule='fa'" in repr(module)


@pytest.mark.slow
def test_everything_can_be_changed_at_any_time_and_the_optimizer_stays_valid():
    module, x, t = make("resnet")
    net = dfa.convert(module, "bp")
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    dfa.attach(net, optimizer)
    parameters = [id(p) for p in net.parameters()]

    def step():
        before = [p.detach().clone() for p in net.parameters()]
        optimizer.zero_grad()
        with dfa.lesson(net, t):
            F.cross_entropy(net(x), t).backward()
        optimizer.step()
        assert any(not torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))

    for rule in [*dfa.RULES, *reversed(list(dfa.RULES))]:
        dfa.set_rule(net, rule)
        step()
        assert dfa.audit(net, x, t, F.cross_entropy).clean
    for derivative in ("step", "1 - tanh(x)**2", {"name": "triangle", "width": 2.0}, "exact"):
        dfa.set_derivative(net, derivative)
        step()
        assert dfa.audit(net, x, t, F.cross_entropy).clean
    dfa.set_rule(net, "fa")
    feedback = {key: value.clone() for key, value in net.state_dict().items() if "layerwise" in key}
    dfa.set_rule(net, "dfa")
    step()
    dfa.set_rule(net, "fa")
    assert all(torch.equal(net.state_dict()[key], value) for key, value in feedback.items())
    for init in dfa.FEEDBACK_INITS:
        dfa.redraw_feedback(net, init, seed=4)
        step()
        assert dfa.audit(net, x, t, F.cross_entropy).clean
    with pytest.raises(dfa.DfaLabError, match="no chain of linear layers"):
        dfa.set_rule(net, "dfa")
    dfa.redraw_feedback(net, "uniform")
    dfa.set_rule(net, "dfa")
    step()
    with pytest.raises(dfa.DfaLabError, match="no chain of linear layers"):
        dfa.redraw_feedback(net, "transpose")
    dfa.set_rule(net, "fa")
    dfa.redraw_feedback(net, {"name": "aligned", "angle": 30}, scale=2.0)
    rows = dfa.measure_alignment(net, x, t, F.cross_entropy)
    assert [row.weight_alignment for row in rows[:-1]] == pytest.approx([30.0] * (len(rows) - 1), abs=1e-4)
    assert parameters == [id(p) for p in net.parameters()]


def test_a_rule_for_each_layer():
    x, t = batch()
    by_bp, mixed = dfa.convert(small(), "bp"), dfa.convert(small(), {"0": "bp", "2": "fa"})
    plain, found = gradients(by_bp, x, t), gradients(mixed, x, t)
    assert torch.equal(plain["4.weight"], found["4.weight"])
    assert torch.equal(plain["2.weight"], found["2.weight"])
    assert not torch.allclose(plain["0.weight"], found["0.weight"])
    rows = {row.parameter: row for row in dfa.audit(mixed, x, t, F.cross_entropy)}
    assert [rows[f"{layer}.weight"].expected for layer in (0, 2, 4)] == ["bp", "fa", "bp"]
    assert "fa" in rows["2.weight"].explained
    assert "bp" not in rows["2.weight"].explained
    dfa.set_rule(mixed, {"[024]": {"name": "kp", "decay": 0.5}, "4": "usf"})
    assert [mixed[layer].rule.name for layer in (0, 2, 4)] == ["kp", "kp", "usf"]
    assert mixed[0].rule.decay == 0.5
    dfa.set_rule(mixed, {"1": "dfa", "4": "frsf"})  # one point direct, the rest autograd or layerwise
    assert dfa.audit(mixed, x, t, F.cross_entropy).clean
    for bad, words in (
        ({"7": "fa"}, "'7', which matches no layer. Layers and points: 0, 2, 4, 1, 3"),
        ({"1": "fa"}, "'1', a feedback point and no layer .* such as '0', '2', '4'\\."),
        ({"[13]": "usf", "0": "bp"}, "a layerwise rule was given for '.13.'"),
        ({"0": "fax"}, "no learning rule"),
        ({"2": "dfa"}, "no feedback point is .the points are: 1, 3"),
        ({}, "no learning rule"),
    ):
        with pytest.raises(dfa.DfaLabError, match=words):
            dfa.set_rule(mixed, bad)
    with pytest.raises(dfa.DfaLabError, match="one rule for all its layers"):
        dfa.MLP([3, 2], rule={"0": "fa"})


class Odd(nn.Module):
    """Two layers that cannot carry δ by another matrix, one that shows it in its first pass, one that can."""

    class OwnLinear(nn.Linear):
        def forward(self, x):
            return super().forward(x).relu()

    def __init__(self):
        super().__init__()
        self.place = nn.Parameter(torch.zeros(4))
        self.known = nn.Linear(4, 4)
        self.own = Odd.OwnLinear(4, 4)
        self.lstm = nn.LSTM(4, 4, batch_first=True)
        self.both = nn.Bilinear(4, 4, 3)

    def forward(self, x):
        h = self.own(self.known(x) + self.place)
        h = self.lstm(h)[0][:, -1]
        return self.both(h, h)


def test_what_cannot_be_converted_is_named_in_one_error():
    with pytest.raises(dfa.DfaLabError) as caught:
        dfa.convert(Odd(), "fa")
    words = str(caught.value)
    assert "2 layers cannot learn by a layerwise rule" in words
    for one in (
        "lstm: LSTM runs in one fused kernel; write its loop with nn.LSTMCell",
        "both: Bilinear multiplies two signals",
        "rule={'lstm': 'bp', 'both': 'bp', '*': 'fa'}",
    ):
        assert one in words
    x, t = torch.randn(5, 3, 4), torch.randint(0, 3, (5,))
    with pytest.raises(dfa.DfaLabError, match=r"own: OwnLinear sends δ through its own weight.*'own': 'bp', 'lstm'"):
        dfa.convert(Odd(), {"lstm": "bp", "both": "bp", "*": "fa"}, example=x)
    net = dfa.convert(Odd(), {"known": "fa"})
    audit = dfa.audit(net, x, t, F.cross_entropy)
    assert audit.clean, audit
    assert not audit.unchecked()
    direct = dfa.convert(Odd(), "dfa", points=["known", "own"])
    assert dfa.audit(direct, x, t, F.cross_entropy).clean


@pytest.mark.parametrize(
    ("module", "choices", "words"),
    [
        (3, {}, "given a int; expected a torch.nn.Module"),
        (dfa.MLP([3, 2]), {}, "use dfa.set_rule"),
        (nn.ReLU(), {}, "without parameters"),
        (nn.Linear(3, 2), {"rule": "dfa"}, "direct rule.*none was found"),
        (small(), {"rule": "dfa", "points": "1"}, r"points were given as '1'; .*\['1'\]"),
        (small(), {"points": ["9", "1"]}, "No module is called '9'.*Modules: 0, 1, 2"),
        (small(), {"feedback_init": "nothing"}, "no feedback init"),
        (small(), {"weight_init": "nothing"}, "no weight init"),
        (small(), {"sharing": "all"}, "'auto', 'flat' or 'shared'"),
        (small(), {"feedback_scale": "x"}, "feedback_scale"),
        (nn.Linear(3, 2), {"activation_derivative": "step"}, "no activation layers"),
        (small(), {"activation_derivative": "steps"}, "no activation derivative"),
        (nn.LazyLinear(3), {}, "run one batch through the network first"),
        (small(), {"rule": "dfa", "example": torch.zeros(2, 7)}, "failed on the example"),
    ],
)
def test_what_convert_refuses(module, choices, words):
    with pytest.raises(dfa.DfaLabError, match=words):
        dfa.convert(module, **choices)


def test_a_network_is_converted_once():
    net = dfa.convert(small(), "fa")
    for module in (net, nn.Sequential(net)):
        with pytest.raises(dfa.DfaLabError, match="converted already"):
            dfa.convert(module, "fa")
    for call in (dfa.set_rule, dfa.set_derivative):
        with pytest.raises(dfa.DfaLabError, match=r"expected a dfa_lab MLP or a network from dfa\.convert"):
            call(small(), "fa")


def test_points_are_found_where_blocks_end():
    found = {
        "resnet": ["norm", "blocks.0", "blocks.1", "blocks.2"],
        "transformer": ["embed", "encoder.layers.0", "encoder.layers.1"],
        "lstm": ["embed", "cell"],
        "unet": ["down1.2", "down2.2", "up", "merge.1"],
    }
    for name, points in found.items():
        assert list(dfa.convert(make(name)[0], "dfa").dfa_conversion.points) == points
    ends_with_one = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2), nn.Sigmoid())
    assert dfa.convert(ends_with_one, "dfa").dfa_conversion.points == ("1",)


def test_a_direct_rule_says_what_it_cannot_do():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(3, 4), nn.Linear(4, 2)

        def forward(self, x, how="tuple"):
            if how == "other":
                return self.two(x)
            h = self.one(x)
            return (self.two(h), h) if how == "tuple" else self.two(h)

    net = dfa.convert(Pair(), "dfa")
    with pytest.raises(dfa.DfaLabError, match=r"gave a tuple; say where the output is, such as convert\(…, output=0\)"):
        net(torch.zeros(2, 3))
    with pytest.raises(dfa.DfaLabError, match="none of the feedback points one was reached"):
        net(torch.zeros(2, 4), "other")
    with pytest.raises(dfa.DfaLabError, match="outside the network's own forward pass"):
        net.one(torch.zeros(2, 3))
    with torch.no_grad():
        net.one(torch.zeros(2, 3))
    net(torch.zeros(2, 3), "plain").sum().backward()
    with pytest.raises(dfa.DfaLabError, match="outside the network's own forward pass"):
        net.one(torch.zeros(2, 3))  # after a whole pass too
    dfa.set_rule(net, "drtp")
    with pytest.raises(dfa.DfaLabError, match=r"with dfa\.lesson"):
        net(torch.zeros(2, 3), "plain")
    swapped = dfa.convert(Transformer(), "dfa", points=["encoder"], sharing="flat")
    swapped(torch.zeros(4, 6, 5))
    with pytest.raises(dfa.DfaLabError, match="A point has one matrix"):
        swapped(torch.zeros(4, 7, 5))


def test_direct_feedback_is_drawn_by_the_example_or_by_the_first_pass():
    module, x, _ = make("resnet")
    early, late = dfa.convert(module, "dfa", example=x[:2]), dfa.convert(module, "dfa")
    assert "blocks.0.direct_output" in early.state_dict()
    assert "blocks.0.direct_output" not in late.state_dict()
    state = torch.get_rng_state()
    late(x)
    assert torch.equal(state, torch.get_rng_state())
    for key, value in early.state_dict().items():
        if "direct" in key:
            assert torch.equal(value, late.state_dict()[key])
    assert early.blocks[0].direct_output.shape == (10, 8 * 8 * 8)
    assert all(torch.equal(v, early.state_dict()[k]) for k, v in module.state_dict().items())


def test_in_place_activations_and_recurrent_points():
    torch.manual_seed(0)
    nets = []
    for inplace in (False, True):
        torch.manual_seed(0)
        nets.append(
            nn.Sequential(nn.Linear(6, 8), nn.ReLU(inplace), nn.Linear(8, 7), nn.ReLU(inplace), nn.Linear(7, 5))
        )
    x, t = batch()
    for rule in ("fa", "dfa", "dkp"):
        for derivative in ("exact", "triangle"):
            found = []
            for module in nets:
                net = dfa.convert(module, rule, activation_derivative=derivative)
                dfa.attach(net, torch.optim.SGD(net.parameters(), lr=0.1))
                found.append(gradients(net, x.float(), t))
                assert dfa.audit(net, x.float(), t, F.cross_entropy).clean
            assert all(torch.equal(a, b) for a, b in zip(*(one.values() for one in found), strict=True))


def test_rules_that_change_feedback_say_when_nothing_is_attached():
    net, (x, _) = dfa.convert(small(), "kp"), batch()
    with pytest.warns(UserWarning, match="use dfa.attach|Use dfa.attach"):
        net(x)
    detach = dfa.attach(net, torch.optim.SGD(net.parameters(), lr=0.1))
    detach()
    with pytest.warns(UserWarning, match="Use dfa.attach"):
        net(x)


def test_a_block_of_ones_own_is_one_point():
    net = dfa.convert(nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), Residual(4), nn.Flatten(), nn.Linear(256, 3)), "dfa")
    assert net.dfa_conversion.points == ("0", "1")


OPTIMIZERS = [
    lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9, weight_decay=0.01),
    lambda parameters: torch.optim.Adam(parameters, lr=0.01),
]


@pytest.mark.slow
@pytest.mark.parametrize("make_optimizer", OPTIMIZERS)
@pytest.mark.parametrize("rule", list(dfa.RULES))
def test_a_chain_trains_as_the_mlp_does(rule, make_optimizer):
    """Ten attached steps, to the last bit: feedback that learns or is drawn anew does so in both alike."""
    module = small()
    mlp = dfa.MLP([6, 8, 7, 5], rule=rule, feedback_seed=3, weight_init="torch", dtype=torch.float64)
    with torch.no_grad():
        for number, layer in enumerate((module[0], module[2], module[4])):
            mlp.weights[number].copy_(layer.weight)
            mlp.biases[number].copy_(layer.bias)
    net = dfa.convert(module, rule, feedback_seed=3)
    for one in (mlp, net):
        optimizer = make_optimizer(one.parameters())
        dfa.attach(one, optimizer)
        dfa.attach(one, optimizer)  # once more changes nothing
        for size in range(2, 12):
            x, t = batch(size)
            gradients(one, x, t)
            optimizer.step()
    for number, layer in enumerate((net[0], net[2], net[4])):
        assert torch.equal(layer.weight, mlp.weights[number])
        assert torch.equal(layer.bias, mlp.biases[number])
    if dfa.RULES[rule].needs_feedback:
        store = dfa.RULES[rule].store
        own = [net[1].direct_output, net[3].direct_output] if rule in DIRECT else None
        own = own or [layer._buffers[f"{store}_weight"] for layer in (net[2], net[4])]
        for one, two in zip(own, mlp.feedback_matrices(), strict=True):
            assert torch.equal(one, two)
        if dfa.RULES[rule].changes_feedback:
            fresh = dfa.MLP([6, 8, 7, 5], rule=rule, feedback_seed=3, weight_init="torch", dtype=torch.float64)
            assert not any(torch.equal(a, b) for a, b in zip(own, fresh.feedback_matrices(), strict=True))


@pytest.mark.parametrize("rule", ["kp", "wm"])
def test_an_optimizer_moves_the_feedback_of_its_own_weights_only(rule):
    module, (x, t) = small(), batch()
    module[2].weight.requires_grad_(False)
    net = dfa.convert(module, rule)
    head = torch.optim.SGD(net[4].parameters(), lr=0.1)
    detach = dfa.attach(net, head)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    for _ in range(3):
        gradients(net, x, t)
        head.step()
    now = net.state_dict()
    moved = {key for key, value in before.items() if not torch.equal(value, now[key])}
    assert moved == {"4.weight", "4.bias", "4.layerwise_weight"}
    detach()
    again = dfa.attach(net, head)
    detach()  # used up: it must not end the new one
    assert net.dfa_conversion.attached == 1
    again()
    assert net.dfa_conversion.attached == 0
    for bad in (None, torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)):
        with pytest.raises(dfa.DfaLabError, match="attach was given"):
            dfa.attach(net, bad)


def test_tied_weights_share_one_feedback_after_a_change_of_dtype_too():
    net = dfa.convert(Tied(), "kp").double()
    x, t = torch.randn(9, 6, dtype=torch.float64), torch.randint(0, 5, (9,))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    dfa.attach(net, optimizer)
    apart = (net.one.weight - net.one.layerwise_weight).norm().item()
    for _ in range(5):
        gradients(net, x, t)
        optimizer.step()
    assert net.one.layerwise_weight is net.three.layerwise_weight
    factor = (1 - dfa.RULES["kp"].decay) ** 5
    assert (net.three.weight - net.three.layerwise_weight).norm().item() == pytest.approx(factor * apart, rel=1e-10)
    assert {row.parameter for row in dfa.audit(net, x, t, F.cross_entropy)} >= {"one.weight", "three.weight"}


def test_a_module_with_two_names_is_saved_into_the_original():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.spare = small(), nn.Linear(5, 5).double()
            self.again = self.body[0]

        def forward(self, x):
            return self.body(x)

    module = Two()
    for rule in ("fa", "dfa"):
        net = dfa.convert(module, rule, points=["body.1", "body.3"], example=batch()[0])
        module.load_state_dict(dfa.plain_state_dict(net), strict=True)


class Sequence(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(6, 6, batch_first=True), nn.Linear(6, 5)

    def forward(self, x):
        _, (h, _) = self.lstm(x.unsqueeze(1))
        return self.head(h[-1])


def test_every_tensor_of_a_point_is_cut_however_deep():
    x, t = batch()
    net = dfa.convert(Sequence().double(), "shallow", points=["lstm"])
    assert all(one is None for name, one in gradients(net, x, t).items() if "lstm" in name)
    dfa.set_rule(net, "dfa")
    assert gradients(net, x, t)["lstm.weight_ih_l0"].abs().max() > 0
    assert dfa.audit(net, x, t, F.cross_entropy).clean


def test_a_point_that_is_the_output_or_is_not_reached_is_said():
    x, _ = batch()
    with pytest.raises(dfa.DfaLabError, match="gives the network's own output"):
        dfa.convert(small(), "dfa", points=["1", "4"])(x)

    class Spare(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.spare = small(), nn.Linear(5, 5)

        def forward(self, x):
            return self.body(x)

    net = dfa.convert(Spare(), "dfa", points=["body.1", "body.3", "spare"])
    with pytest.warns(UserWarning, match="points spare were not reached"):
        net(x)
    module = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 5), nn.Softplus())
    net = dfa.convert(module.double(), "dfa", points=["1", "2"])
    with pytest.warns(UserWarning, match="nothing after feedback point '2'"):
        net(x)


class Called(nn.ModuleList):
    """A list of modules with a forward pass of its own."""

    def forward(self, x):
        for one in self:
            x = torch.tanh(one(x))
        return x


class Listed(nn.Module):
    def __init__(self, chain):
        super().__init__()
        self.chain, self.out = chain, nn.Linear(6, 5)

    def forward(self, x):
        return self.out(self.chain(x) if isinstance(self.chain, Called) else Called.forward(self.chain.children(), x))


def two():
    return {"0": nn.Linear(6, 6), "1": nn.Linear(6, 6)}


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("chain", [lambda: nn.ModuleList(two().values()), lambda: nn.ModuleDict(two())])
def test_a_list_of_modules_is_no_point_and_its_items_are_named(chain, inplace):
    x, _ = batch()
    module = Listed(chain()).double()
    with pytest.raises(dfa.DfaLabError, match=r"itself; name its items: 'chain\.0', 'chain\.1'\.$") as said:
        dfa.convert(module, "dfa", points=["out", "chain"], inplace=inplace)
    assert type(module.out) is nn.Linear  # still as it was
    points = re.findall(r"'(chain\.\d)'", str(said.value))
    assert list(dfa.feedback(dfa.convert(module, "dfa", points=points, example=x))) == points


def test_a_list_of_modules_that_is_called_is_a_point():
    x, _ = batch()
    net = dfa.convert(Listed(Called(two().values())).double(), "dfa", points=["chain"], example=x)
    assert list(dfa.feedback(net)) == ["chain"]
    taught = nn.ModuleList(two().values())
    taught.forward = functools.partial(Called.forward, taught)  # by the instance alone
    assert dfa.convert(Listed(taught), "dfa", points=["chain"]) is not None


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        (nn.ModuleList(), "'chain' is a ModuleList, which is never called itself; leave it out."),
        (nn.ModuleList(nn.Linear(6, 6) for _ in range(15)), "'chain.10', 'chain.11', …."),
    ],
)
def test_a_list_without_items_or_with_many_is_said_in_short(chain, words):
    with pytest.raises(dfa.DfaLabError, match=re.escape(words)):
        dfa.convert(Listed(chain), "dfa", points=["chain"])


@pytest.mark.filterwarnings("error")
def test_a_frozen_point_beside_direct_ones_is_reached():
    net = dfa.convert(small(), {"[12]": "shallow", "[34]": "dfa"}, points=["1", "3"])
    net(batch()[0])


def test_outputs_without_a_dimension_of_their_own_and_lessons_that_do_not_fit():
    x, t = batch()
    net = dfa.convert(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0)).double(), "dfa")
    with pytest.raises(dfa.DfaLabError, match=r"feedback point '1' .* leave out squeeze"):
        net(x)
    net = dfa.convert(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1)).double(), "drtp")
    wanted = torch.randint(0, 2, (9,))
    with dfa.lesson(net, wanted):
        F.binary_cross_entropy_with_logits(net(x).squeeze(1), wanted.double()).backward()
    signal = wanted.double()[:, None] / 9 * net[1].direct_output
    delta = signal * (1 - torch.tanh(net[0](x)) ** 2)
    torch.testing.assert_close(net[0].weight.grad, delta.T @ x, rtol=1e-10, atol=1e-12)
    for net in (dfa.convert(small(), "drtp"), dfa.MLP([6, 8, 5], rule="drtp", dtype=x.dtype)):
        for bad, words in (
            (t[:5], r"shape \(5,\)"),
            (t + 5, "run from 5 to"),
            (t.tolist(), "given as a list"),
            (F.one_hot(t, 5).bool(), "torch.bool"),
        ):
            with dfa.lesson(net, bad), pytest.raises(dfa.DfaLabError, match=words):
                net(x)


def test_layers_put_in_later_and_weights_made_anew_are_named():
    net = dfa.convert(small(), "fa")
    net[4] = nn.Linear(7, 5)
    with pytest.raises(dfa.DfaLabError, match="4: put in after the conversion"):
        dfa.set_rule(net, "kp")
    for wrap in (nn.utils.spectral_norm, nn.utils.parametrizations.weight_norm):
        module = nn.Sequential(wrap(nn.Linear(6, 8)), nn.Tanh(), nn.Linear(8, 5))
        net = dfa.convert(module, "fa", inplace=True)
        x, t = torch.randn(9, 6), torch.randint(0, 5, (9,))
        assert gradients(net, x, t)["2.bias"] is not None
        assert net[0].rule.name == "fa"


def test_what_follows_may_change_an_output_in_place():
    x, t = batch()
    for rule in ("fa", "dfa"):
        module = nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Dropout(0.1, inplace=True), nn.Linear(8, 5)).double()
        net = dfa.convert(module, rule, activation_derivative="step")
        y = net(x)
        y /= 2
        F.cross_entropy(y, t).backward()


def test_one_activation_for_many_layers_is_no_point():
    act = nn.Tanh()
    net = dfa.convert(nn.Sequential(nn.Linear(6, 8), act, nn.Linear(8, 7), act, nn.Linear(7, 5)), "dfa")
    assert net.dfa_conversion.points == ("0", "2")
    named = nn.ModuleDict({"[0]": nn.Linear(5, 5)})
    assert dfa.convert(nn.Sequential(named), {"0.[0]": "fa"})[0]["[0]"].rule.name == "fa"


def test_a_conversion_in_place_that_fails_leaves_the_module_as_it_was():
    module = small()
    with pytest.raises(dfa.DfaLabError, match="failed on the example"):
        dfa.convert(module, "dfa", example=torch.zeros(2, 7), inplace=True)
    assert type(module[0]) is nn.Linear
    assert dfa.convert(module, "dfa", example=(batch()[0],), inplace=True) is module


def test_measuring_keeps_the_derivative_of_each_layer():
    net, (x, t) = dfa.convert(small(), "fa"), batch()
    net[1].set_derivative("step")
    dfa.measure_alignment(net, x, t, F.cross_entropy)
    assert net[1].__dict__["derivative"] == "step"
    assert dfa.audit(net, x, t, F.cross_entropy).clean


def test_targets_with_positions_must_have_the_outputs_own():
    torch.manual_seed(0)
    net = dfa.convert(make("unet")[0], "drtp")
    x = torch.randn(2, 1, 8, 8, dtype=torch.float64)
    for bad in (torch.zeros(2, 64).long(), torch.zeros(128).long(), torch.zeros(2, 8, 8, 3)):
        with dfa.lesson(net, bad), pytest.raises(dfa.DfaLabError, match=r"expected class numbers \(2, 8, 8\)"):
            net(x)
    with dfa.lesson(net, torch.zeros(2, 8, 8).long()):
        net(x)


def test_a_head_that_is_held_before_its_body_is_said():
    class Upside(nn.Module):
        def __init__(self):
            super().__init__()
            self.head, self.body = nn.Linear(8, 5), nn.Sequential(nn.Linear(6, 8), nn.Tanh())

        def forward(self, x):
            return self.head(self.body(x))

    for rule in ("dfa", "shallow"):
        with pytest.raises(dfa.DfaLabError, match="in which the modules are held"):
            dfa.convert(Upside(), rule)(torch.randn(3, 6))
    dfa.convert(Upside(), "dfa", points=["body"])(torch.randn(3, 6)).sum().backward()


class HeldInAnotherOrder(nn.Module):
    """All layers before those that stand between them, as graph networks hold their normalisations."""

    def __init__(self, pack=lambda output: output):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(5, 6), nn.Linear(6, 6), nn.Linear(6, 3)])
        self.between = nn.ModuleList([nn.Linear(6, 6), nn.Linear(6, 6)])
        self.pack = pack

    def forward(self, x):
        for layer, between in zip(self.layers, self.between, strict=False):
            x = between(layer(x)).tanh()
        return self.pack(self.layers[-1](x))


@pytest.mark.parametrize("rule", ["dfa", "drtp", "dkp", "shallow"])
@pytest.mark.parametrize("pack", [None, "logits"])
def test_a_point_that_was_found_and_gives_the_output_is_none(rule, pack):
    torch.manual_seed(0)
    x, t = torch.randn(8, 5).double(), torch.arange(8) % 3
    nets = []
    for points in (None, ["layers.0", "layers.1", "between.0"]):
        torch.manual_seed(0)
        module = HeldInAnotherOrder() if pack is None else HeldInAnotherOrder(lambda output: {pack: output})
        nets.append(dfa.convert(module.double(), rule, points=points, output=pack))
    assert nets[0].dfa_conversion.points == ("layers.0", "layers.1", "layers.2", "between.0")
    found = []
    for net in nets:
        dfa.attach(net, torch.optim.SGD(net.parameters(), lr=0.1))
        with dfa.lesson(net, t):
            net(x)  # draws B, and by its point's number
            net.load_state_dict(nets[0].state_dict())
            output = net(x) if pack is None else net(x)[pack]
            F.cross_entropy(output, t).backward()
        found.append([one.grad for one in net.parameters()])
        assert dfa.audit(net, x, t, F.cross_entropy).clean
    assert found[0][4].abs().max() > 0  # the last layer learns from e
    for one, other in zip(*found, strict=True):
        assert one is other or torch.equal(one, other)
