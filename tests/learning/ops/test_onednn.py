"""oneDNN's linear layer: what torch's own products give, in every place that uses it; and the ways round it."""

import warnings

import pytest
import torch

import dfa_lab as dfa
from dfa_lab.learning.activations.activations import resolve_activation
from dfa_lab.learning.mlp.inplace_updates import Descent
from dfa_lab.learning.mlp.stepper import Stepper
from dfa_lab.learning.ops import onednn
from dfa_lab.learning.ops.fused_linear import fused_linear, pays_to_fuse

pytestmark = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN")
CLOSE = {"rtol": 2e-5, "atol": 2e-6}
NEVER = 2**62
FUSED = {"none": lambda a: a, "tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}


@pytest.fixture
def everywhere(monkeypatch):
    """Every product is large, and the operator is known to be there: asking would be a product more."""
    onednn.available()
    monkeypatch.setattr(onednn, "LARGE", 1)
    monkeypatch.setattr(onednn, "NARROW", 1)


def operands(samples=96, inputs=70, outputs=130):
    generator = torch.Generator().manual_seed(0)
    shapes = (samples, inputs), (outputs, inputs), (outputs,)
    return [torch.randn(*shape, generator=generator) for shape in shapes]


def test_the_operator_is_there():
    """It has no public name: a torch that took it away would make large layers slower, and nothing else would tell."""
    assert onednn.available()


@pytest.mark.parametrize("then", FUSED)
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("turned", [False, True])
def test_it_is_torchs_product_bias_and_function(then, biased, turned):
    x, weight, bias = operands()
    if turned:
        x, weight = x.mT.contiguous().mT, weight.mT.contiguous().mT
    found = onednn.linear(x, weight, bias if biased else None, then)
    wanted = FUSED[then](x.double() @ weight.double().mT + (bias.double() if biased else 0))
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-5)


def test_every_kernel_is_known_to_it():
    x, weight, bias = operands()
    for activation in dfa.ACTIVATIONS.values():
        if activation.kernel is not None:
            found = onednn.linear(x, weight, bias, activation.kernel.fused)
            torch.testing.assert_close(found, activation.function(torch.addmm(bias, x, weight.mT)), **CLOSE)


def test_it_pays_for_large_products_in_float32_on_a_cpu_only():
    weight = torch.empty(512, 512)
    assert onednn.pays(weight, 64, 512, 512)
    assert not onednn.pays(weight, 63, 512, 512)
    assert not onednn.pays(weight, 2**20, 512, 10)
    assert not onednn.pays(torch.empty(512, 528)[:, :512], 64, 512, 512)
    assert not onednn.pays(weight.double(), 64, 512, 512)
    assert not onednn.pays(weight.bfloat16(), 64, 512, 512)
    assert not onednn.pays(weight.expand(4, 512, 512), 64, 512, 512)
    assert not onednn.pays(weight.to("meta"), 64, 512, 512)


@pytest.mark.parametrize("gone", [AttributeError, RuntimeError, TypeError, "wrong"])
def test_without_the_operator_torchs_own_products_are_used(monkeypatch, gone):
    def broken(*operands):
        if gone == "wrong":
            return torch.zeros(3, 2)
        raise gone("no such operator")

    monkeypatch.setattr(onednn, "linear", broken)
    onednn.available.cache_clear()
    try:
        assert not onednn.pays(torch.empty(512, 512), 64, 512, 512)
    finally:
        onednn.available.cache_clear()


def stepped(net, sizes=(40, 3, 40, 41), lr=0.05):
    layers = net.layers()
    stepper = Stepper(layers, dfa.LOSSES["cross_entropy"], Descent(layers.weights, layers.biases, lr, 0.0))
    generator = torch.Generator().manual_seed(1)
    losses = []
    for size in sizes:
        x, t = torch.randn(size, 12, generator=generator), torch.randint(0, 9, (size,), generator=generator)
        losses.append(stepper.step(x, t).clone())
    return [*losses, *layers.weights, *layers.biases]


@pytest.mark.slow
@pytest.mark.parametrize("rule", [name for name in dfa.RULES if name != "wm"])
@pytest.mark.parametrize(
    ("activation", "derivative"), [("tanh", "exact"), ("relu", "exact"), ("tanh", "hard_tanh"), ("softplus", "exact")]
)
@pytest.mark.parametrize("hidden", [(20, 16, 18), (5, 20, 24), (24, 20, 5)])
def test_a_step_is_the_same_by_either_product(monkeypatch, rule, activation, derivative, hidden):
    def net():
        return dfa.MLP((12, *hidden, 9), rule=rule, activation=activation, activation_derivative=derivative)

    monkeypatch.setattr(onednn, "LARGE", NEVER)
    plain = stepped(net())
    monkeypatch.setattr(onednn, "NARROW", 1)
    # Every layer; some with smaller ones below them, and above; a product never lets go of one that others hold on to.
    for large in (1, 12 * 20 * 40, 16 * 18 * 40, 20 * 16 * 40, 20 * 16 * 40 + 1):
        monkeypatch.setattr(onednn, "LARGE", large)
        for one, two in zip(stepped(net()), plain, strict=True):
            torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_the_stepper_really_uses_it(monkeypatch, everywhere):
    calls, linear = [], onednn.linear
    monkeypatch.setattr(onednn, "linear", lambda *given: calls.append(given[3:]) or linear(*given))
    stepped(dfa.MLP((12, 20, 16, 9), rule="bp"), sizes=(40,))
    assert calls == [("tanh",), ("tanh",), (), (), ()]  # forward, and δ through two layers


def gradients(net, x, t):
    torch.nn.functional.cross_entropy(net(x), t).backward()
    return [parameter.grad for parameter in net.parameters()]


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid", "softplus"])
@pytest.mark.parametrize("rule", ["dfa", "drtp", "shallow", "bp", "fa", "usf", "kp"])
def test_autograd_gets_the_same_gradients(monkeypatch, everywhere, rule, activation):
    x, t = torch.randn(40, 12), torch.randint(0, 9, (40,))

    def found():
        net = dfa.MLP((12, 20, 16, 9), rule=rule, activation=activation)
        with dfa.lesson(net, t, reduction="mean"):
            return gradients(net, x, t)

    one = found()
    monkeypatch.setattr(onednn, "LARGE", NEVER)
    for ours, plain in zip(one, found(), strict=True):
        assert (ours is None) == (plain is None)
        if ours is not None:
            torch.testing.assert_close(ours, plain, **CLOSE)


def test_dense_has_gradients_of_its_own_and_gradients_of_those(everywhere):
    generator = torch.Generator().manual_seed(3)
    x, weight, bias = (torch.randn(*shape, generator=generator).requires_grad_() for shape in ((5, 4), (3, 4), (3,)))

    def penalty(h):
        first = torch.autograd.grad((h**2).sum(), [x, weight, bias], create_graph=True)
        return torch.autograd.grad(sum((one**2).sum() for one in first), [x, weight, bias])

    kernel = resolve_activation("tanh").kernel
    ours = penalty(fused_linear(x, weight, bias, weight, kernel))
    for one, two in zip(ours, penalty(torch.tanh(torch.nn.functional.linear(x, weight, bias))), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


def test_other_things_than_plain_autograd_go_torchs_way(everywhere):
    x, weight, _ = operands()
    assert pays_to_fuse(x, weight)
    assert not pays_to_fuse(x[None], weight)
    with torch.autocast("cpu"):
        assert not pays_to_fuse(x, weight)
    seen = []
    torch.func.vmap(lambda one: seen.append(pays_to_fuse(x, one)) or one.sum())(weight[None])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit.trace is on its way out
        torch.jit.trace(lambda one: seen.append(pays_to_fuse(one, weight)) or one * 2, x, check_trace=False)
    assert set(seen) == {False}
    net = dfa.MLP((70, 80, 9))
    with net.unchanged() as preactivations:
        net(x)
    assert [tuple(a.shape) for a in preactivations] == [(96, 80), (96, 9)]


def test_wide_runs_are_the_same_to_the_last_bit():
    settings = {"widths": (600, 512), "batch_size": 64, "rule": "fa", "probe_every": 3}
    runs = [dfa.Experiment(task="digits", **settings) for _ in range(2)]
    assert onednn.pays(runs[0].net.weights[1], 64, 600, 512)
    for run in runs:
        run.train(6)
    assert runs[0].history.digest() == runs[1].history.digest()


def test_dense_sends_down_what_it_is_told():
    x, weight, bias = operands(5, 4, 3)
    carrier, x = torch.randn(3, 4), x.requires_grad_()
    fused_linear(x, weight, bias, carrier, resolve_activation("relu").kernel).sum().backward()
    a = torch.addmm(bias, x.detach(), weight.mT)
    torch.testing.assert_close(x.grad, (a > 0).float() @ carrier, **CLOSE)


@pytest.mark.parametrize("rule", ["fa", "dfa"])
def test_weights_may_move_between_forward_and_backward(everywhere, rule):
    net = dfa.MLP((12, 20, 16, 9), rule=rule)
    x, t = torch.randn(40, 12), torch.randint(0, 9, (40,))
    loss = torch.nn.functional.cross_entropy(net(x), t)
    with torch.no_grad():
        net.weights[1].mul_(2)
    loss.backward()
    assert all(weight.grad is not None for weight in net.weights)
