"""The explicit step in place: it is its twin ``equations.gradients`` and torch's arithmetic, step after step."""

import dataclasses
import warnings

import pytest
import torch
from torch.multiprocessing.reductions import StorageWeakRef

import dfa_lab as dfa
from dfa_lab.learning.activations.activations import resolve_activation
from dfa_lab.learning.mlp import equations
from dfa_lab.learning.mlp.inplace_updates import Descent, Gradients, Momentum
from dfa_lab.learning.mlp.stepper import Stepper
from networks import make_batch, make_net
from pairs import parametrize_pairs

CLOSE = {"rtol": 1e-12, "atol": 1e-13}
SIZES = [9, 70, 3, 9, 1, 70]
LR, DECAY, MU = 0.3, 0.02, 0.9
KERNELS = [name for name, activation in dfa.ACTIVATIONS.items() if activation.kernel]


def loss_of(name="cross_entropy", reduction="mean"):
    return dataclasses.replace(dfa.LOSSES[name], reduction=reduction)


def batches_for(net, loss, sizes=SIZES, own=False):
    """One batch a size; ``own`` gives each replica one of its own."""
    lead = (net.replicas,) if own and net.replicas else ()
    for seed, size in enumerate(sizes):
        x, t = make_batch(size, net.widths[0], net.widths[-1], seed=seed, lead=lead)
        if loss.by_hand is dfa.LOSSES["squared_error"].by_hand:
            t = make_batch(size, net.widths[-1], seed=seed + 50, lead=lead)[0]
        yield x, t


def torchs_sgd(tensors, velocities, gradients, lr=LR, decay=0.0, mu=0.0):
    """torch.optim.SGD by hand, with a learning rate for each replica where ``lr`` is a tensor."""
    for n, gradient in enumerate(gradients):
        gradient = gradient + decay * tensors[n]
        velocities[n] = mu * velocities[n] + gradient
        rate = lr.reshape(-1, *[1] * (gradient.dim() - 1)) if isinstance(lr, torch.Tensor) else lr
        tensors[n] = tensors[n] - rate * velocities[n]


def flat(pairs):
    return [tensor for pair in pairs for tensor in pair]


def check_steps(net, loss, batches, *, lr=LR, decay=0.0, mu=0.0):
    """One stepper through all the batches: after each the weights are what the twin's gradients make of those before.

    Gradients of a second stepper are compared as they are.
    """
    layers = net.layers()
    velocities = [
        (torch.zeros_like(w), torch.zeros_like(b)) for w, b in zip(layers.weights, layers.biases, strict=True)
    ]
    found = [(torch.full_like(w, 7.0), torch.full_like(b, 7.0)) for w, b in velocities]
    tensors = layers.weights, layers.biases
    update = Momentum(*tensors, velocities, lr, mu, decay) if mu else Descent(*tensors, lr, decay)
    stepper, finder = Stepper(layers, loss, update), Stepper(layers, loss, Gradients(found))
    frozen = 2 * (len(net.weights) - 1) if net.rule.name == "shallow" else 0
    before = [torch.zeros_like(tensor) for tensor in flat(velocities)]
    for x, t in batches:
        value, twin = equations.gradients(layers, x, t, loss)
        wanted = [tensor.clone() for tensor in flat(zip(*tensors, strict=True))]
        gradients = flat(twin)[frozen:]
        torch.testing.assert_close(finder.step(x, t), value, **CLOSE)
        for one, two in zip(flat(found)[frozen:], gradients, strict=True):
            torch.testing.assert_close(one, two, **CLOSE)
        learning, moving = wanted[frozen:], before[frozen:]
        torchs_sgd(learning, moving, gradients, lr, decay, mu)
        wanted[frozen:], before[frozen:] = learning, moving
        torch.testing.assert_close(stepper.step(x, t), value, **CLOSE)
        for one, two in zip(flat(zip(*tensors, strict=True)), wanted, strict=True):
            torch.testing.assert_close(one, two, **CLOSE)
        if mu:
            for one, two in zip(flat(velocities), before, strict=True):
                torch.testing.assert_close(one, two, **CLOSE)


@parametrize_pairs(rule=dfa.RULES, activation=dfa.ACTIVATIONS, replicas=[None, 3], mu=[0.0, MU])
def test_steps_of_changing_size_are_the_twins(rule, activation, replicas, mu):
    """All pairs of rule, activation, replicas and momentum."""
    net = make_net(rule=rule, activation=activation, replicas=replicas)
    check_steps(net, loss_of(), batches_for(net, loss_of(), own=True), decay=DECAY, mu=mu)


@pytest.mark.parametrize("replicas", [None, 3])
@pytest.mark.parametrize(
    "derivative",
    [*dfa.DERIVATIVES, {"name": "triangle", "width": 2.0}, "1/(1 + x**2)", torch.cos],
    ids=lambda choice: choice if isinstance(choice, str) else "other",
)
@pytest.mark.parametrize("activation", ["tanh", "softplus"])
@pytest.mark.parametrize("rule", ["bp", "dfa", "kp", "drtp"])
def test_any_derivative_is_the_twins(rule, activation, derivative, replicas):
    net = make_net(rule=rule, activation=activation, activation_derivative=derivative, replicas=replicas)
    check_steps(net, loss_of(), batches_for(net, loss_of(), sizes=[9, 4, 9]))


@parametrize_pairs(rule=dfa.RULES, loss=dfa.LOSSES, outputs=[5, 70], own=[False, True], reduction=["mean", "sum"])
def test_any_loss_over_few_and_many_classes_is_the_twins(rule, loss, outputs, own, reduction):
    """All pairs of the five parameters; ``test_a_loss_by_hand_is_autograds`` has the product of all but the rule."""
    net, loss = make_net((6, 8, 7, outputs), rule=rule, replicas=2), loss_of(loss, reduction)
    check_steps(net, loss, batches_for(net, loss, sizes=[5, 64, 66], own=own), lr=0.01, mu=MU)


@pytest.mark.parametrize("mu", [0.0, MU])
@pytest.mark.parametrize("decay", [0.0, DECAY])
@pytest.mark.parametrize("rule", list(dfa.RULES))
def test_each_replica_steps_at_its_own_rate(rule, decay, mu):
    net, rates = make_net(rule=rule, replicas=3), torch.tensor([0.5, 0.01, 1.5], dtype=torch.float64)
    check_steps(net, loss_of(), batches_for(net, loss_of(), sizes=[9, 4, 9]), lr=rates, decay=decay, mu=mu)


@pytest.mark.parametrize("mu", [0.0, MU])
@pytest.mark.parametrize("rule", list(dfa.RULES))
def test_weights_kept_by_columns_are_the_twins(rule, mu):
    """As the runs of a sweep have them."""
    net = make_net(rule=rule, replicas=3)
    for weight in list(net.weights)[:-1]:
        weight.data = weight.data.mT.contiguous().mT
    assert not net.weights[0].is_contiguous()
    check_steps(net, loss_of(), batches_for(net, loss_of(), sizes=[9, 4, 9]), decay=DECAY, mu=mu)


@pytest.mark.parametrize("replicas", [None, 2])
@pytest.mark.parametrize("rule", list(dfa.RULES))
def test_a_network_without_hidden_layers_steps(rule, replicas):
    net = make_net((6, 5), rule=rule, replicas=replicas)
    check_steps(net, loss_of(), batches_for(net, loss_of()), decay=DECAY, mu=MU)


@pytest.mark.parametrize("mu", [0.0, MU])
@pytest.mark.parametrize("rule", ["bp", "dfa"])
def test_few_samples_and_rows_a_page_apart_are_the_twins(rule, mu):
    """Two and three samples are added one by one there."""
    net = make_net((6, 1024, 5, 4), rule=rule)
    check_steps(net, loss_of(), batches_for(net, loss_of(), sizes=[1, 2, 3, 4, 2]), decay=DECAY, mu=mu)


@pytest.mark.parametrize("lr", [LR, [LR, 0.1]])
@pytest.mark.parametrize(
    ("optimizer", "momentum"), [(name, mu) for name in dfa.OPTIMIZERS for mu in (0.0, MU) if (name, mu) != ("adam", MU)]
)
def test_shallow_leaves_hidden_layers_as_they_were(optimizer, momentum, lr):
    run = dfa.Experiment(
        rule="shallow", replicas=2, optimizer=optimizer, momentum=momentum, lr=lr, weight_decay=DECAY, widths=(8, 8)
    )
    before = [parameter.detach().clone() for parameter in run.net.parameters()]
    run.train(3)
    kept = [torch.equal(one, two) for one, two in zip(before, run.net.parameters(), strict=True)]
    assert kept == [True, True, False, True, True, False]


def test_the_step_writes_no_other_tensor():
    """What it is given, and the feedback, stay as they were."""
    net = make_net(rule="dfa", replicas=2)
    x, t = make_batch(lead=(2,))
    kept = [tensor.clone() for tensor in (x, t, *net.feedback_matrices())]
    layers = net.layers()
    Stepper(layers, loss_of(), Descent(layers.weights, layers.biases, LR, DECAY)).step(x, t)
    assert all(torch.equal(one, two) for one, two in zip(kept, (x, t, *net.feedback_matrices()), strict=True))


@pytest.mark.parametrize("derivative", ["exact", "step"])
def test_who_watches_is_told_the_activities_and_the_error_unscaled(derivative):
    net = make_net(rule="dkp", replicas=2, activation_derivative=derivative)
    layers, (x, t), told = net.layers(), make_batch(), []
    seen = equations.forward(layers, x)
    error = loss_of().value_and_error(seen.output, t)[1]
    update = Descent(layers.weights, layers.biases, torch.tensor([0.5, 2.0], dtype=torch.float64), 0.0)
    Stepper(layers, loss_of(), update).step(x, t, lambda seen, e: told.extend([*seen.activities[1:], e.clone()]))
    for one, two in zip(told, [*seen.activities[1:], error], strict=True):
        torch.testing.assert_close(one, two, **CLOSE)


ENDS = [0.0, -0.0, 1e-30, -1e-30, 1e-4, -1e-4, 0.3, -0.3, 5.0, -5.0, 40.0, -40.0, 1e30, -1e30]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_is_what_it_stands_for(name, in_place, dtype, tolerance):
    activation = resolve_activation(name)
    generator = torch.Generator().manual_seed(0)
    a = torch.cat([torch.tensor(ENDS, dtype=dtype), 3 * torch.randn(500, dtype=dtype, generator=generator)])
    h, slope = activation.function(a), activation.derivative(a, activation.function(a))
    out = a.clone() if in_place else torch.full_like(a, 7.0)
    activation.kernel.into(out if in_place else a, out)()
    torch.testing.assert_close(out, h, rtol=tolerance, atol=0)  # relative: tiny inputs too
    signal = torch.randn(a.shape, dtype=dtype, generator=generator)
    wanted = signal * slope
    activation.kernel.back(signal, out)()
    torch.testing.assert_close(signal, wanted, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(activation.apply(a), h, rtol=tolerance, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_lets_infinity_and_nan_pass_in_silence(name, dtype):
    a = torch.tensor([torch.inf, -torch.inf, torch.nan, 1.0] * 9, dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        h = dfa.ACTIVATIONS[name].apply(a)
    torch.testing.assert_close(h, dfa.ACTIVATIONS[name].function(a), equal_nan=True)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("lead", [(), (3,)])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("size", [1, 63, 64])
@pytest.mark.parametrize("outputs", [1, 5, 63, 64])
@pytest.mark.parametrize("name", list(dfa.LOSSES))
def test_a_loss_by_hand_is_autograds(name, outputs, size, shared, lead, reduction):
    loss, generator = loss_of(name, reduction), torch.Generator().manual_seed(0)
    output = (4 * torch.randn(*lead, size, outputs, dtype=torch.float64, generator=generator)).requires_grad_()
    rows = (size,) if shared else (*lead, size)
    t = torch.randint(0, outputs, rows, generator=generator)
    if name == "squared_error":
        t = torch.randn(*rows, outputs, dtype=torch.float64, generator=generator)
    kept = output.detach().clone()
    value, error = loss.value_and_error(output.detach(), t)
    summed = loss(output, t)
    summed.backward()
    assert value.shape == lead
    torch.testing.assert_close(value.sum(), summed.detach(), **CLOSE)
    torch.testing.assert_close(error, output.grad, **CLOSE)
    assert torch.equal(output.detach(), kept)


@pytest.mark.parametrize("replicas", [None, 2])
@pytest.mark.parametrize("derivative", ["exact", "step"])
@pytest.mark.parametrize("rule", [name for name, rule in dfa.RULES.items() if rule.route.value == "direct"])
def test_backward_lets_go_of_each_activity_with_its_layer(rule, derivative, replicas, monkeypatch):
    """Though loss and output are still held. What listens to the activities holds them as long."""
    net, (x, t) = make_net(rule=rule, activation_derivative=derivative, replicas=replicas), make_batch()
    hiddens, when_first_learns = [], []
    activate = net._activate

    def noted(a, number):
        h = activate(a, number)
        hiddens.append(StorageWeakRef(h.untyped_storage()))
        return h

    def alive():
        return [number for number, hidden in enumerate(hiddens, 1) if not hidden.expired()]

    monkeypatch.setattr(net, "_activate", noted)
    net.weights[0].register_post_accumulate_grad_hook(lambda _: when_first_learns.extend(alive()))
    with dfa.lesson(net, t):
        output = net(x)
    loss = loss_of()(output, t)
    assert alive() == [1, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loss.backward()
    if not net.rule.listens:
        assert 2 not in when_first_learns
        assert alive() == []
    del output, loss
    assert alive() == []
