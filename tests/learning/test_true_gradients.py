"""dfa.true_gradients against the same network in plain torch, and what it must leave as it was."""

import copy
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa
from zoo import ResNet

RULES = list(dfa.RULES)
DERIVATIVES = ["exact", "triangle"]


class Recurrent(nn.Module):
    """A cell over time and attention over what it gave: two layers of other kinds, and a point in a tuple."""

    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(4, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.act = nn.GELU()
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        state, found = None, []
        for step in x.unbind(1):
            state = self.cell(step, state)
            found.append(state[0])
        h = torch.stack(found, 1)
        h, _ = self.attention(h, h, h)
        return self.head(self.act(h.mean(1)))


def chain():
    return nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 7), nn.ReLU(inplace=True), nn.Linear(7, 3))


MODULES = {"chain": (chain, (5, 6)), "resnet": (lambda: ResNet(classes=3), (5, 1, 8, 8)), "rnn": (Recurrent, (5, 3, 4))}


def plain_mlp(net):
    """The same numbers in torch's own layers."""
    layers = []
    for weight, bias in zip(net.weights, net.biases, strict=True):
        linear = nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
        linear.weight.data, linear.bias.data = weight.data.clone(), bias.data.clone()
        layers += [linear, nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def gradients(net, x, t, twice=False):
    """Of the input and of every parameter; ``twice`` of a penalty on the input's gradient."""
    z, parameters = x.clone().requires_grad_(), list(net.parameters())
    value = F.cross_entropy(net(z), t)
    if twice:
        (slope,) = torch.autograd.grad(value, z, create_graph=True)
        value = slope.square().sum()
    return torch.autograd.grad(value, [z, *parameters], materialize_grads=True)


def batch(shape, classes=3, seed=1):
    stream = torch.Generator().manual_seed(seed)
    x = torch.randn(shape, dtype=torch.float64, generator=stream)
    return x, torch.randint(0, classes, (shape[0],), generator=stream)


def assert_same(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        assert torch.allclose(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("derivative", DERIVATIVES)
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", MODULES)
def test_a_converted_network_has_the_modules_own_gradients(kind, rule, derivative):
    make, shape = MODULES[kind]
    torch.manual_seed(0)
    module = make().double().eval()
    x, t = batch(shape)
    g = {} if kind == "rnn" and derivative != "exact" else {"activation_derivative": derivative}
    net = dfa.convert(module, rule, **g)
    if rule != "bp":
        with dfa.lesson(net, t):
            outside = gradients(net, x, t)
        assert not torch.allclose(outside[0], gradients(module, x, t)[0], rtol=1e-3)  # else nothing is shown
    with dfa.true_gradients(net):
        assert_same(gradients(net, x, t), gradients(module, x, t))
        assert_same(gradients(net, x, t, twice=True), gradients(module, x, t, twice=True))


@pytest.mark.parametrize("rule", ["fa", "kp", "dfa"])
@pytest.mark.parametrize("kind", MODULES)
def test_the_first_pass_of_all_may_be_inside(kind, rule):
    make, shape = MODULES[kind]
    torch.manual_seed(0)
    module, (x, t) = make().double().eval(), batch(shape)
    net = dfa.convert(module, rule)
    with dfa.true_gradients(net):
        assert_same(gradients(net, x, t), gradients(module, x, t))
    assert dfa.audit(net, x, t, F.cross_entropy).clean


@pytest.mark.parametrize("derivative", DERIVATIVES)
@pytest.mark.parametrize("rule", RULES)
def test_an_mlp_has_the_plain_networks_gradients(rule, derivative):
    net = dfa.MLP([6, 9, 7, 3], rule=rule, activation_derivative=derivative, dtype=torch.float64)
    (x, t), module = batch((5, 6)), plain_mlp(net)
    names = [name for name, _ in net.named_parameters()]
    order = [names.index(f"{kind}.{layer}") + 1 for layer in range(3) for kind in ("weights", "biases")]
    with dfa.true_gradients(net):
        for twice in (False, True):
            found = gradients(net, x, t, twice)
            assert_same([found[0], *(found[place] for place in order)], gradients(module, x, t, twice))


@pytest.mark.parametrize("wide", [8, 512])  # products of large layers take another way
def test_replicas_and_large_layers(wide):
    net = dfa.MLP([6, wide, wide, 3], rule="dfa", replicas=2, dtype=torch.float64)
    x, t = batch((64, 6))
    with dfa.true_gradients(net):
        z = x.clone().requires_grad_()
        F.cross_entropy(net(z)[1], t).backward()
    single = dfa.MLP([6, wide, wide, 3], seed=1, dtype=torch.float64)
    (wanted, *_) = gradients(plain_mlp(single), x, t)
    assert_same([z.grad], [wanted])
    with dfa.true_gradients(single):
        assert_same(gradients(single, x, t)[:1], [wanted])


def moved(net):
    """All that a pass of the network could move."""
    network = dfa.learning.networks.network_of(net)
    held = [one.clone() for one in network.root.state_dict().values()]
    kept = network._correlations if isinstance(net, dfa.MLP) else list(network.conversion.correlations.values())
    sends = [sorted(one.sends_through) for one in net.modules() if hasattr(one, "sends_through")]
    return [*held, *kept, torch.get_rng_state()], sends


@pytest.mark.parametrize("rule", ["dfa", "kp", "dkp", "brsf", "drtp", "shallow"])
@pytest.mark.parametrize("kind", ["mlp", "module"])
def test_it_leaves_all_as_it_was(kind, rule):
    net = dfa.MLP([6, 9, 3], rule=rule) if kind == "mlp" else dfa.convert(chain(), rule)
    x, t = torch.randn(5, 6), torch.tensor([0, 1, 2, 0, 1])
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    detach = dfa.attach(net, optimizer)
    for _ in range(2):  # brsf is stale then, dkp has correlations
        with dfa.lesson(net, t):
            F.cross_entropy(net(x), t).backward()
        optimizer.step()
    with dfa.lesson(net, t):
        F.cross_entropy(net(x), t).backward()
    optimizer.zero_grad()
    before, sends = moved(net)
    detach()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with dfa.true_gradients(net):
            gradients(net, x, t)
    after, sends_after = moved(net)
    assert sends == sends_after
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize("kind", ["mlp", "module"])
def test_nested_in_eval_mode_and_after_an_error(kind):
    net = dfa.MLP([6, 9, 3], rule="fa") if kind == "mlp" else dfa.convert(chain(), "fa")
    x, t = torch.randn(5, 6), torch.tensor([0, 1, 2, 0, 1])
    own = gradients(net, x, t)[0]
    with dfa.true_gradients(net):
        true = gradients(net, x, t)[0]
        with dfa.true_gradients(net):
            pass
        assert torch.equal(gradients(net, x, t)[0], true)
        assert torch.equal(gradients(net.eval(), x, t)[0], true)
    with pytest.raises(ValueError, match="target"), dfa.true_gradients(net):
        gradients(net, x, t[:2])
    assert not torch.allclose(own, true)
    assert torch.equal(gradients(net, x, t)[0], own)


@pytest.mark.parametrize("kind", ["mlp", "module"])
def test_a_rule_set_inside_counts_from_the_end_on_and_a_copy_learns_by_its_rule(kind):
    net = dfa.MLP([6, 9, 3], rule="fa") if kind == "mlp" else dfa.convert(chain(), "fa")
    x, t = torch.randn(5, 6), torch.tensor([0, 1, 2, 0, 1])
    with dfa.true_gradients(net):
        true = gradients(net, x, t)[0]
        dfa.set_rule(net, "usf")
        dfa.set_derivative(net, "step")
        assert torch.equal(gradients(net, x, t)[0], true)
        copied = copy.deepcopy(net)
        inside = gradients(copied, x, t)[0]
    after = gradients(net, x, t)[0]
    assert torch.equal(inside, after)
    assert not torch.allclose(after, true)


@pytest.mark.parametrize("kind", ["mlp", "module"])
def test_measuring_inside_measures_the_rule(kind):
    net = dfa.MLP([6, 9, 7, 3], rule="fa") if kind == "mlp" else dfa.convert(chain(), "fa")
    x, t = torch.randn(5, 6), torch.tensor([0, 1, 2, 0, 1])
    before = dfa.measure_alignment(net, x, t, F.cross_entropy).to_frame()
    with dfa.true_gradients(net):
        assert dfa.measure_alignment(net, x, t, F.cross_entropy).to_frame().equals(before)
        assert all("fa" in row.explained for row in dfa.audit(net, x, t, F.cross_entropy) if row.expected == "fa")
        assert dfa.audit(net, x, t, F.cross_entropy).clean


def test_an_activation_without_a_derivative_keeps_its_surrogate():
    module = nn.Sequential(nn.Linear(6, 9), dfa.ActivationLayer("sign"), nn.Linear(9, 3)).double()
    net = dfa.convert(module, "fa", activation_derivative="identity")
    x, t = batch((5, 6))
    with dfa.true_gradients(net):
        assert_same(gradients(net, x, t), gradients(module, x, t))
    mlp = dfa.MLP([6, 9, 3], activation="sign", rule="dfa", dtype=torch.float64)
    bp = dfa.MLP([6, 9, 3], activation="sign", rule="bp", dtype=torch.float64)
    with dfa.true_gradients(mlp):
        assert_same(gradients(mlp, x, t), gradients(bp, x, t))


def test_behind_torch_compile():
    torch._dynamo.reset()
    net = dfa.convert(chain(), "fa", activation_derivative="triangle")
    compiled = torch.compile(net, backend="eager")
    x, t = torch.randn(5, 6), torch.tensor([0, 1, 2, 0, 1])
    for _ in range(2):
        own, eager = gradients(compiled, x, t), gradients(net, x, t)
        with dfa.true_gradients(compiled):
            true, wanted = gradients(compiled, x, t), gradients(net, x, t)
        for found, right in ((own, eager), (true, wanted)):
            assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(found, right, strict=True))
    assert not torch.allclose(own[0], true[0])


@pytest.mark.parametrize("rule", ["fa", "kp", {"0": "usf", "*": "bp"}])
@pytest.mark.parametrize("module", ["linear", "convolution", "attention"])
def test_the_first_pass_may_be_inside(module, rule):
    layers = {
        "linear": [nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)],
        "convolution": [nn.Conv1d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)],
        "attention": [nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, batch_first=True), nn.Linear(6, 3)],
    }[module]
    shape = {"linear": (5, 6), "convolution": (5, 2, 6), "attention": (5, 4, 6)}[module]
    plain, x = nn.Sequential(*layers).double(), torch.randn(shape, dtype=torch.float64)
    net = dfa.convert(plain, {"0.linear1" if module == "attention" else "0": "usf"} if isinstance(rule, dict) else rule)
    with dfa.true_gradients(net):
        net(x).square().sum().backward()
    plain(x).square().sum().backward()
    for one, other in zip(plain.parameters(), net.parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad, rtol=1e-9, atol=1e-11)
    net(x).square().sum().backward()  # and what is found in the next pass is as it was
