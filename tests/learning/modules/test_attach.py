"""attach: the optimizers that training frameworks make, wrapped or stepped with a closure."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import dfa_lab as dfa


class Wrapper(torch.optim.Optimizer):
    """An optimizer around another one, as accelerate's: it never calls hooks of its own."""

    def __init__(self, optimizer):
        self.optimizer = optimizer

    param_groups = property(lambda self: self.optimizer.param_groups)

    def step(self, closure=None):
        return self.optimizer.step(closure)

    def zero_grad(self, set_to_none=True):
        self.optimizer.zero_grad(set_to_none)


class DressedUp(Wrapper):
    """One that takes what the other holds, its hooks too, as Lightning's."""

    def __init__(self, optimizer):
        vars(self).update(vars(optimizer))
        self.optimizer = optimizer


def network(rule):
    torch.manual_seed(0)
    layers = [nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)]
    inputs, targets = torch.randn(8, 4), torch.arange(8) % 3
    return dfa.convert(nn.Sequential(*layers), rule), inputs, targets


def trained(rule, wrap=lambda optimizer: optimizer, attached=lambda wrapped: [wrapped], closure=False, steps=3):
    """The state after some steps."""
    net, inputs, targets = network(rule)
    optimizer = wrap(torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9))
    for one in attached(optimizer):
        dfa.attach(net, one)
    assert net.dfa_conversion.attached == 1

    def loss():
        optimizer.zero_grad()
        value = F.cross_entropy(net(inputs), targets)
        value.backward()
        return value

    for _ in range(steps):
        if closure:
            optimizer.step(loss)
        else:
            loss()
            optimizer.step()
    return copy.deepcopy(net.state_dict())


def assert_same(found, wanted):
    assert list(found) == list(wanted)
    assert all(torch.equal(one, wanted[name]) for name, one in found.items())


RULES = ["kp", "wm", "dkp", "brsf"]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("wrap", [Wrapper, DressedUp, lambda one: Wrapper(DressedUp(one))])
def test_a_wrapped_optimizer_is_the_one_inside(rule, wrap):
    assert_same(trained(rule, wrap), trained(rule))


@pytest.mark.parametrize("wrap", [Wrapper, DressedUp])
def test_feedback_moves_once_where_both_are_attached(wrap):
    assert_same(trained("kp", wrap, lambda wrapped: [wrapped, wrapped.optimizer]), trained("kp"))


@pytest.mark.parametrize("rule", RULES)
def test_a_step_with_a_closure_moves_feedback_from_the_first_one_on(rule):
    assert_same(trained(rule, closure=True), trained(rule))


def test_a_closure_called_many_times_is_one_step_of_the_feedback():
    net, inputs, targets = network({"name": "kp", "decay": 0.0})
    optimizer = torch.optim.LBFGS(net.parameters(), max_iter=4)
    dfa.attach(net, optimizer)

    def loss():
        optimizer.zero_grad()
        value = F.cross_entropy(net(inputs), targets)
        value.backward()
        return value

    before = copy.deepcopy(net.state_dict())
    optimizer.step(loss)
    after = net.state_dict()
    assert after["feedback_steps"] == 1
    for layer in ("2", "4"):
        way, own = (after[f"{layer}.{name}"] - before[f"{layer}.{name}"] for name in ("weight", "layerwise_weight"))
        assert way.norm() > 0
        torch.testing.assert_close(own, way)


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.used, self.unused = nn.Linear(4, 6), nn.Linear(6, 3), nn.Linear(6, 3)

    def forward(self, x):
        hidden = torch.tanh(self.body(x))
        return self.used(hidden), self.unused(hidden)


@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.Adam])
@pytest.mark.parametrize(
    ("rule", "frozen", "kept"),
    [
        ("kp", False, (1 - 0.001) ** 5),
        ({"name": "kp", "decay": 0.1}, False, (1 - 0.1) ** 5),
        ("kp", True, 1.0),
        ({"unused": "bp", "*": "kp"}, False, 1.0),
    ],
)
def test_kp_decays_a_weight_without_a_gradient_unless_it_is_frozen_or_learns_by_bp(rule, frozen, kept, make):
    torch.manual_seed(0)
    net = dfa.convert(TwoHeads().double(), rule)
    net.unused.requires_grad_(not frozen)
    optimizer = make(net.parameters(), lr=0.1, weight_decay=0.2)  # its decay leaves a weight without a gradient alone
    dfa.attach(net, optimizer)
    weight, feedback = net.unused.weight.detach().clone(), dfa.feedback(net).get("unused.weight")
    for _ in range(5):
        optimizer.zero_grad()
        F.cross_entropy(net(torch.randn(8, 4).double())[0], torch.arange(8) % 3).backward()
        optimizer.step()
    assert net.unused.weight.grad is None
    torch.testing.assert_close(net.unused.weight.detach(), kept * weight)
    if feedback is not None:
        torch.testing.assert_close(dfa.feedback(net)["unused.weight"], kept * feedback)
