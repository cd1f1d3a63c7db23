"""Uses of converted networks and MLPs that would silently be something else: each is an error or a warning."""

import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa

RULES = list(dfa.RULES)
#: Rules that send something else down than the loss's own gradient.
OTHERS = [name for name in RULES if name not in ("bp", "shallow")]


def batch(size=9):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(size, 6, generator=generator, dtype=torch.float64)
    return x, torch.randint(0, 4, (size,), generator=generator)


def chain(rule, end=None, **options):
    torch.manual_seed(0)
    layers = [nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 7), nn.Tanh(), nn.Linear(7, 4), *([] if end is None else [end])]
    return dfa.convert(nn.Sequential(*layers).double(), rule, **options)


def network(kind, rule, **options):
    if kind == "mlp":
        return dfa.MLP([6, 8, 7, 4], rule=rule, dtype=torch.float64, **options)
    return chain(rule, example=batch()[0], **options)


def loss_of(net, x, t):
    with dfa.lesson(net, t):
        return F.cross_entropy(net(x), t)


def functional_loss(net, x, t):
    def loss(parameters):
        with dfa.lesson(net, t):
            return F.cross_entropy(torch.func.functional_call(net, parameters, (x,)), t)

    return loss, {name: one.detach() for name, one in net.named_parameters()}


def penalty(loss):
    """The squared norm of the gradient of ``loss``, as a function of the parameters."""
    return lambda parameters: sum(one.square().sum() for one in torch.func.grad(loss)(parameters).values())


class End(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.body, self.function = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4)).double(), function

    def forward(self, x):
        return self.function(self.body(x))


SQUASHED = {
    "LogSoftmax": [nn.LogSoftmax(1), lambda o: F.log_softmax(o.view(-1, 2, 2), -1).reshape(-1, 4)],
    "Softmax": [nn.Softmax(-1), lambda o: o.softmax(1)[:, :3].unsqueeze(0).squeeze(0), lambda o: o.softmax(1).float()],
    "Sigmoid": [nn.Sigmoid(), lambda o: torch.cat([o[:, :2].sigmoid(), o[:, 2:].sigmoid()], 1)],
    "LogSigmoid": [nn.LogSigmoid(), F.logsigmoid],
}
SQUASHED["Softmax"] += [lambda o: (o.softmax(1) + 1e-8).log(), lambda o: o.softmax(1).clamp(1e-7, 1).log()]
ENDS = [(name, end) for name, ends in SQUASHED.items() for end in ends]


@pytest.mark.parametrize("rule", ["dfa", "sdfa", "drtp", "dkp"])
@pytest.mark.parametrize(("name", "end"), ENDS)
def test_a_direct_rule_behind_softmax_or_sigmoid_warns_once(rule, name, end):
    x, t = batch()
    net = dfa.convert(End(end), rule, points=["body.1"])
    dfa.attach(net, torch.optim.SGD(net.parameters(), lr=0.1))
    with torch.no_grad():
        net(x)  # nothing learns
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(3):
            with dfa.lesson(net, t.clamp_max(2)):
                net(x)
    assert [f"ends in {name}, " in str(one.message) for one in seen] == [True]
    assert "_" in str(seen[0].message).rsplit("holds it: ", 1)[1]  # names a loss


def test_an_activation_of_another_derivative_is_seen_too():
    net = dfa.convert(End(nn.Sigmoid()), "dfa", points=["body.1"], activation_derivative="step")
    with pytest.warns(UserWarning, match=r"ends in Sigmoid, .*binary_cross_entropy_with_logits"):
        net(batch()[0])


OTHER_ENDS = [torch.tanh, lambda o: 2 * o, lambda o: o.softmax(1) @ o.new_ones(4, 4), lambda o: o + o.sigmoid()]


@pytest.mark.parametrize("end", [*OTHER_ENDS, lambda o: (o.square() + 1).log(), lambda o: o.clamp(-9, 9) + 1])
@pytest.mark.parametrize("rule", ["dfa", "fa", "shallow"])
def test_other_outputs_and_other_rules_do_not_warn(end, rule):
    nets = [dfa.convert(End(end), rule, points=["body.1"])]
    nets += [] if rule == "dfa" else [dfa.convert(End(nn.LogSoftmax(1)), rule, points=["body.1"])]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for net in nets:
            net(batch()[0])


@pytest.mark.parametrize("kind", ["mlp", "converted"])
@pytest.mark.parametrize("rule", OTHERS)
def test_a_gradient_of_a_rules_gradient_is_an_error(kind, rule):
    x, t = batch()
    net = network(kind, rule)
    with pytest.raises(dfa.DfaLabError, match=r"create_graph=True.*true_gradients.*'bp'"):
        torch.autograd.grad(loss_of(net, x, t), list(net.parameters()), create_graph=True, allow_unused=True)
    loss, parameters = functional_loss(net, x, t)
    if dfa.RULES[rule].listens:
        return  # nor is it differentiated once
    torch.func.grad(loss)(parameters)
    torch.func.vjp(loss, parameters)[1](torch.ones((), dtype=torch.float64))
    for twice in (torch.func.grad(penalty(loss)), torch.func.hessian(loss)):
        with pytest.raises(dfa.DfaLabError, match=r"gradient of a gradient|forward-mode"):
            twice(parameters)
    with pytest.raises(dfa.DfaLabError, match="forward-mode"):
        torch.func.jvp(loss, (parameters,), (parameters,))
    outer = penalty(loss)(dict(net.named_parameters()))  # torch.func inside plain autograd
    with pytest.raises(dfa.DfaLabError, match="gradient of a gradient"):
        outer.backward()


def test_the_value_beside_a_functional_gradient_may_be_differentiated():
    x, t = batch()
    net = network("converted", "fa")
    loss_of(net, x, t).backward()
    wanted = [one.grad.clone() for one in net.parameters()]
    net.zero_grad()
    _, value = torch.func.grad_and_value(functional_loss(net, x, t)[0])(dict(net.named_parameters()))
    value.backward()
    for one, two in zip(net.parameters(), wanted, strict=True):
        torch.testing.assert_close(one.grad, two, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", ["mlp", "converted"])
@pytest.mark.parametrize("rule", ["bp", "fa"])
def test_a_derivative_of_ones_own_has_no_second_either(kind, rule):
    net = network(kind, rule, activation_derivative="step")
    with pytest.raises(dfa.DfaLabError, match="gradient of a gradient"):
        torch.autograd.grad(loss_of(net, *batch()), list(net.parameters()), create_graph=True)


def second(loss, parameters):
    first = torch.autograd.grad(loss, parameters, create_graph=True)
    return torch.autograd.grad(sum(one.square().sum() for one in first), parameters)


@pytest.mark.parametrize("kind", ["mlp", "converted", "activation"])
def test_backpropagation_has_its_second_derivative(kind):
    """Against torch's own layers with the same numbers, by autograd and by torch.func."""
    x, t = batch()
    if kind == "activation":
        plain = nn.Sequential(nn.Linear(6, 8), dfa.ActivationLayer("tanh"), nn.Linear(8, 4)).double()
        net = dfa.convert(plain, "bp")
        plain = nn.Sequential(net[0], nn.Tanh(), net[2])
    elif kind == "mlp":
        net = dfa.MLP([6, 8, 7, 4], rule="bp", dtype=torch.float64)
        (a, b, c), biases = net.weights, net.biases

        def plain(x):
            h = torch.tanh(F.linear(x, a, biases[0]))
            return F.linear(torch.tanh(F.linear(h, b, biases[1])), c, biases[2])
    else:
        net = chain("bp")
        plain = nn.Sequential(*net)
    parameters = list(net.parameters())
    wanted = second(F.cross_entropy(plain(x), t), parameters)
    for one, two in zip(second(loss_of(net, x, t), parameters), wanted, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-12)
    loss, named = functional_loss(net, x, t)
    for one, two in zip(torch.func.grad(penalty(loss))(named).values(), wanted, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-12)


def test_functional_layers_differentiate_once():
    x, weight, matrix = (torch.randn(*shape).requires_grad_() for shape in ((5, 4), (3, 4), (3, 4)))
    calls = (
        lambda: dfa.functional.feedback_linear(x, weight, None, matrix),
        lambda: dfa.functional.direct_feedback(x.detach() @ weight.mT, [x], [torch.ones(3, 4)]),
        lambda: dfa.functional.activate(x, torch.tanh, lambda a, h: a.sign()),
    )
    for call in calls:
        (gradient,) = torch.autograd.grad(call().square().sum(), x)
        assert gradient.norm() > 0
        with pytest.raises(dfa.DfaLabError, match="gradient of a gradient"):
            torch.autograd.grad(call().square().sum(), x, create_graph=True)
    exact = second(dfa.functional.feedback_linear(x, weight, None, weight).square().sum(), [x, weight])
    for one, two in zip(exact, second(F.linear(x, weight).square().sum(), [x, weight]), strict=True):
        torch.testing.assert_close(one, two)


@pytest.mark.parametrize("rule", ["dfa", "kp"])
def test_an_optimizer_made_before_the_conversion_is_told_apart(rule):
    x, t = batch()
    module = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4)).double()
    early = torch.optim.Adam(module.parameters())
    net = dfa.convert(module, rule)
    for use in (
        lambda: dfa.attach(net, early),
        lambda: dfa.Monitor(net, F.cross_entropy, probe=(x, t), optimizer=early),
    ):
        with pytest.raises(dfa.DfaLabError, match=r"convert gives a copy.*after it, of net\.parameters\(\)"):
            use()
    strangers = torch.optim.SGD(nn.Linear(2, 2).parameters())
    with pytest.raises(dfa.DfaLabError, match=r"other parameters; expected some of net\.parameters\(\)\.$"):
        dfa.attach(net, strangers)
    dfa.Monitor(net, F.cross_entropy, probe=(x, t), optimizer=torch.optim.SGD(net.parameters(), lr=0.1))
    inplace = dfa.convert(module, rule, inplace=True)
    dfa.attach(inplace, early)  # they are the same parameters
    assert dfa.Monitor(inplace, F.cross_entropy, probe=(x, t), optimizer=early).steps_done == 0
