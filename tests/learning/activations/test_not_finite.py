"""A derivative g that gives NaN or infinity is named, and what was good stays."""

import pickle

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa

#: Not finite at preactivations that every network has.
REFUSED = ["sqrt(x)", "log(x)", "x**0.5", "1/(x - x)", "exp(exp(x*x*40))", lambda a: a.sqrt(), lambda a: a / 0]
#: Not finite at 0 alone, or far away.
RARE = ["1/x", "log(abs(x))", lambda a: torch.where(a.abs() > 0.01, a, torch.full_like(a, torch.nan))]


def converted(g):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 8, bias=False), nn.Tanh(), nn.Linear(8, 3))
    return dfa.convert(module, "fa", activation_derivative=g)


def mlp(g):
    return dfa.MLP([4, 8, 3], rule="fa", activation_derivative=g)


@pytest.mark.parametrize("make", [converted, mlp])
@pytest.mark.parametrize("g", REFUSED, ids=lambda g: g if isinstance(g, str) else "a function")
def test_it_is_refused_where_every_network_meets_it(make, g):
    with pytest.raises(
        dfa.DfaLabError, match=r"activation derivative .* gives -?(nan|inf) at x = -2\.1; expected finite"
    ):
        make(g)
    net = make("step")
    with pytest.raises(dfa.DfaLabError, match="expected finite"):
        dfa.set_derivative(net, g)
    net(torch.randn(2, 4)).sum().backward()  # it goes on with the one it had
    assert all(bool(one.grad.isfinite().all()) for one in net.parameters())


@pytest.mark.parametrize("make", [converted, mlp])
@pytest.mark.parametrize("g", RARE, ids=lambda g: g if isinstance(g, str) else "a function")
def test_elsewhere_it_is_named_in_the_backward_pass(make, g):
    net = make(g)
    F.cross_entropy(net(torch.ones(2, 4)), torch.tensor([0, 1])).backward()
    net.zero_grad()
    weights = [one.clone() for one in net.parameters()]
    loss = F.cross_entropy(net(torch.zeros(2, 4)), torch.tensor([0, 1]))  # no bias yet: every preactivation is 0
    with pytest.raises(dfa.DfaLabError, match=r"activation derivative .* gives -?(nan|inf) at x = 0; expected finite"):
        loss.backward()
    assert all(torch.equal(one, two) for one, two in zip(net.parameters(), weights, strict=True))


def test_a_run_goes_on_from_its_last_good_step():
    run = dfa.Experiment(widths=(8,), task="moons", batch_size=4)
    run.train(3)
    with pytest.raises(dfa.DfaLabError, match=r"'sqrt\(x\)' gives nan at x = -2\.1"):
        run.change(activation_derivative="sqrt(x)")
    assert run.settings.activation_derivative == "exact"
    run.train(2)
    run.change(activation_derivative=lambda a: torch.where(a.abs() > 0.01, a, torch.full_like(a, torch.nan)))
    with pytest.raises(dfa.DivergedError, match=r"A reason: the activation derivative .* gives nan at x = 0"):
        run.train(20)
    back = run.steps_done
    assert 5 <= back < 25
    assert all(bool(one.isfinite().all()) for one in run.net.parameters())
    run.change(activation_derivative="exact")
    run.train(3)
    assert run.steps_done == back + 3


def test_a_run_of_a_module_names_it_before_the_step():
    task = dfa.Task.from_arrays(torch.zeros(20, 4), torch.arange(20) % 3)
    module = nn.Sequential(nn.Linear(4, 8, bias=False), nn.Tanh(), nn.Linear(8, 3))
    run = dfa.Experiment(module=module, task=task, rule="fa", batch_size=4, activation_derivative="1/x")
    with pytest.raises(dfa.DfaLabError, match="'1/x' gives inf at x = 0"):
        run.train(3)
    assert all(bool(one.isfinite().all()) for one in run.net.parameters())


def test_a_network_with_a_derivative_of_ones_own_is_pickled():
    net = pickle.loads(pickle.dumps(mlp("1 - tanh(x)**2")))
    assert net(torch.ones(2, 4)).shape == (2, 3)
