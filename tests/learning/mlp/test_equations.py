"""Three implementations of every rule, one comparison: autograd, the explicit equations, NumPy by hand."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

import dfa_lab as dfa
from dfa_lab.experiment.training.mlp_learner import MLPLearner
from dfa_lab.learning.mlp import equations
from dfa_lab.learning.mlp.inplace_updates import Descent
from dfa_lab.learning.mlp.stepper import Stepper
from networks import double_of, gradients_of, make_batch, make_net
from pairs import parametrize_pairs
from reference import cross_entropy_error, squared_error

TOLERANCE = {"rtol": 1e-12, "atol": 1e-13}


@parametrize_pairs(
    rule=dfa.RULES,
    activation=dfa.ACTIVATIONS,
    derivative=dfa.DERIVATIVES,
    size=[1, 7, 64],
    reduction=["mean", "sum"],
    also=[(rule, activation, "exact", 7, "mean") for rule in dfa.RULES for activation in dfa.ACTIVATIONS],
)
def test_three_forms_give_the_same_gradients(rule, activation, derivative, size, reduction):
    """All pairs of the five parameters; every rule with every activation also under the exact derivative."""
    net = make_net(rule=rule, activation=activation, activation_derivative=derivative)
    x, t = make_batch(size)
    loss = dataclasses.replace(dfa.LOSSES["cross_entropy"], reduction=reduction)

    with dfa.lesson(net, t, reduction):
        value = loss(net(x), t)
    value.backward()
    explicit_value, explicit = equations.gradients(net.layers(), x, t, loss)
    by_hand = double_of(net, activation, derivative).gradients(
        rule, x.numpy(), t.numpy(), lambda output, targets: cross_entropy_error(output, targets, reduction), reduction
    )

    assert torch.allclose(value, explicit_value, **TOLERANCE)
    for auto, own, hand in zip(gradients_of(net), explicit, by_hand, strict=True):
        for one, two, three in zip(auto, own, hand, strict=True):
            np.testing.assert_allclose(one.numpy(), three, **TOLERANCE)
            np.testing.assert_allclose(two.numpy(), three, **TOLERANCE)


@pytest.mark.parametrize("rule", list(dfa.RULES))
def test_squared_error_by_hand(rule):
    net, (x, _) = make_net(rule=rule), make_batch()
    t = torch.randn(9, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    loss = dfa.LOSSES["squared_error"]
    with dfa.lesson(net, t):
        loss(net(x), t).backward()
    _, explicit = equations.gradients(net.layers(), x, t, loss)
    by_hand = double_of(net).gradients(rule, x.numpy(), t.numpy().T, lambda o, t: squared_error(o, t, "mean"))
    for auto, own, hand in zip(gradients_of(net), explicit, by_hand, strict=True):
        np.testing.assert_allclose(auto[0].numpy(), hand[0], **TOLERANCE)
        np.testing.assert_allclose(own[0].numpy(), hand[0], **TOLERANCE)


@pytest.mark.parametrize("shared_inputs", [True, False])
@pytest.mark.parametrize("rule", list(dfa.RULES))
def test_replicas_are_the_single_networks(rule, shared_inputs):
    net = make_net(rule=rule, replicas=3, seed=4, feedback_seed=2)
    x, t = make_batch(lead=() if shared_inputs else (3,))
    loss = dfa.LOSSES["cross_entropy"]
    with dfa.lesson(net, t):
        loss(net(x), t).backward()
    values, explicit = equations.gradients(net.layers(), x, t, loss)
    assert values.shape == (3,)
    for k in range(3):
        single = make_net(rule=rule, seed=4 + k, feedback_seed=2 + k)
        own_x, own_t = (x, t) if shared_inputs else (x[k], t[k])
        value, wanted = equations.gradients(single.layers(), own_x, own_t, loss)
        torch.testing.assert_close(values[k], value, rtol=1e-12, atol=1e-13)
        for auto, own, want in zip(gradients_of(net), explicit, wanted, strict=True):
            for one, two, three in zip(auto, own, want, strict=True):
                torch.testing.assert_close(one[k], three, rtol=1e-12, atol=1e-13)
                torch.testing.assert_close(two[k], three, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("replicas", [None, 2])
@pytest.mark.parametrize("rule", list(dfa.RULES))
def test_the_step_in_place_is_its_twin(rule, replicas):
    net = make_net(rule=rule, replicas=replicas)
    x, t = make_batch()
    loss, lr, decay = dfa.LOSSES["cross_entropy"], 0.3, 0.02
    before = copy.deepcopy(net)
    value, gradients = equations.gradients(net.layers(), x, t, loss)
    layers = net.layers()
    stepped = Stepper(layers, loss, Descent(layers.weights, layers.biases, lr, decay)).step(x, t)
    torch.testing.assert_close(stepped, value)
    for number, (weight, bias) in enumerate(gradients):
        frozen = rule == "shallow" and number < len(gradients) - 1
        keep = 1 if frozen else 1 - lr * decay
        for now, then, gradient in (
            (net.weights[number], before.weights[number], weight),
            (net.biases[number], before.biases[number], bias),
        ):
            torch.testing.assert_close(now.detach(), keep * then.detach() - lr * gradient, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("rule", list(dfa.RULES))
def test_a_torch_optimizer_does_the_explicit_step(rule, momentum):
    """Twenty steps of the autograd form under torch.optim.SGD, attached, end where the explicit form ends."""
    auto, own = make_net(rule=rule), make_net(rule=rule)
    optimizer = torch.optim.SGD(auto.parameters(), lr=0.1, weight_decay=0.01, momentum=momentum)
    dfa.attach(auto, optimizer)
    loss = dfa.LOSSES["cross_entropy"]
    updater = MLPLearner(own, loss, dfa.Settings(lr=0.1, weight_decay=0.01, momentum=momentum))
    for seed in range(20):
        x, t = make_batch(seed=seed)
        optimizer.zero_grad()
        with dfa.lesson(auto, t):
            loss(auto(x), t).backward()
        optimizer.step()
        with torch.no_grad():
            updater.update(x, t)
    for one, two in zip(auto.state_dict().values(), own.state_dict().values(), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("rule", list(dfa.RULES))
def test_mean_gradients_do_not_grow_with_the_batch(rule):
    net, (x, t) = make_net(rule=rule), make_batch(8)
    loss = dfa.LOSSES["cross_entropy"]
    _, once = equations.gradients(net.layers(), x, t, loss)
    _, twice = equations.gradients(net.layers(), x.repeat(2, 1), t.repeat(2), loss)
    torch.testing.assert_close(once[0][0], twice[0][0], rtol=1e-12, atol=1e-14)


def test_the_equations_take_tensors_with_a_graph_and_under_vmap():
    net = make_net(rule="dfa")
    x, _ = make_batch()
    layers = net.layers()
    plain = equations.forward(layers, x).output
    recorded = equations.forward(layers, x.clone().requires_grad_()).output
    torch.testing.assert_close(recorded.detach(), plain, rtol=1e-12, atol=1e-13)
    mapped = torch.func.vmap(lambda one: equations.forward(layers, one.unsqueeze(0)).output[0])(x)
    torch.testing.assert_close(mapped, plain, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("replicas", [None, 2])
def test_a_class_that_is_none_is_refused_with_and_without_replicas(replicas):
    net = make_net(rule="dfa", replicas=replicas)
    x, t = make_batch()
    t = t.clone()
    t[0] = -100
    with pytest.raises((IndexError, RuntimeError), match="out of bounds"):
        equations.gradients(net.layers(), x, t, dfa.LOSSES["cross_entropy"])
