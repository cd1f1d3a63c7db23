"""A derivative per layer: each layer's own g, in the equations, the step in place, autograd and converted modules."""

import copy
import re

import pytest
import torch
from torch import nn

import dfa_lab as dfa
from dfa_lab.learning.mlp import equations
from dfa_lab.learning.mlp.inplace_updates import Descent
from dfa_lab.learning.mlp.stepper import Stepper
from networks import gradients_of, make_batch, make_net

WIDTHS = (6, 8, 7, 9, 5)
CLOSE = {"rtol": 1e-9, "atol": 1e-12}
RULES = ["bp", "fa", "usf", "kp", "dfa", "sdfa", "drtp", "dkp", "shallow"]
MIXED = [
    {"1": "step", "*": "exact"},
    {"*": "triangle", "3": "exact"},
    {"2": "1 - tanh(x)**2"},
    {"[12]": {"name": "triangle", "width": 2.0}, "3": lambda a: torch.cos(a)},
]
LOSS = dfa.LOSSES["cross_entropy"]


def by_hand(net, choices, x, t, rule):
    """FA's, DFA's or BP's gradients with choice l at hidden layer l, written out with torch alone."""
    weights, biases = [w.detach() for w in net.weights], [b.detach() for b in net.biases]
    before, after = [], [x]
    for number, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        before.append(after[-1] @ weight.T + bias)
        after.append(before[-1] if number == len(weights) - 1 else torch.tanh(before[-1]))
    error = (torch.softmax(after[-1], 1) - nn.functional.one_hot(t, WIDTHS[-1])) / len(x)
    deltas = [error]
    for number in reversed(range(len(weights) - 1)):
        matrix = net.feedback_matrices()[number] if rule != "bp" else weights[number + 1]
        signal = (error if rule == "dfa" else deltas[0]) @ matrix
        a = before[number]
        g = {"step": lambda a: (a > 0).double(), "triangle": lambda a: (1 - a.abs()).clamp_min(0)}.get(
            choices[number], lambda a: 1 - torch.tanh(a) ** 2
        )
        deltas.insert(0, signal * g(a))
    return [(delta.T @ h, delta.sum(0)) for delta, h in zip(deltas, after, strict=False)]


@pytest.mark.parametrize("rule", ["bp", "fa", "dfa"])
@pytest.mark.parametrize(
    ("derivative", "choices"),
    [
        ({"1": "step", "*": "exact"}, ["step", "exact", "exact"]),
        ({"2": "triangle"}, ["exact", "triangle", "exact"]),
        ({"*": "step", "2": "triangle"}, ["step", "triangle", "step"]),
    ],
)
def test_each_layer_has_its_own_derivative(rule, derivative, choices):
    net = make_net(WIDTHS, rule=rule, activation_derivative=derivative)
    x, t = make_batch()
    nn.functional.cross_entropy(net(x), t).backward()
    wanted = by_hand(net, choices, x, t, rule)
    _, explicit = equations.gradients(net.layers(), x, t, LOSS)
    for found in (gradients_of(net), explicit):
        for one, two in zip(found, wanted, strict=True):
            torch.testing.assert_close(one, two, **CLOSE)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("activation", ["tanh", "relu", "softplus", "sign"])
@pytest.mark.parametrize("derivative", MIXED, ids=lambda choice: ",".join(choice))
def test_autograd_the_equations_and_the_step_in_place_are_equal(rule, activation, derivative):
    net = make_net(WIDTHS, rule=rule, activation=activation, activation_derivative=derivative)
    x, t = make_batch()
    with dfa.lesson(net, t):
        nn.functional.cross_entropy(net(x), t).backward()
    _, explicit = equations.gradients(net.layers(), x, t, LOSS)
    for one, two in zip(gradients_of(net), explicit, strict=True):
        torch.testing.assert_close(one, two, **CLOSE)
    before = [(w.detach().clone(), b.detach().clone()) for w, b in zip(net.weights, net.biases, strict=True)]
    layers = net.layers()
    Stepper(layers, LOSS, Descent(layers.weights, layers.biases, 0.5, 0.0)).step(x, t)
    for weight, bias, old, gradient in zip(layers.weights, layers.biases, before, explicit, strict=True):
        torch.testing.assert_close(weight, old[0] - 0.5 * gradient[0], **CLOSE)
        torch.testing.assert_close(bias, old[1] - 0.5 * gradient[1], **CLOSE)


@pytest.mark.parametrize("activation", ["tanh", "relu", "sign"])
@pytest.mark.parametrize("choice", ["exact", "step", "cos(x)"])
def test_one_choice_for_all_is_the_same_to_the_last_bit(activation, choice):
    x, t = make_batch(size=70)
    found = []
    for derivative in (choice, {"*": choice}, {"1": choice, "[23]": choice}):
        net = make_net(WIDTHS, rule="fa", activation=activation, activation_derivative=derivative)
        nn.functional.cross_entropy(net(x), t).backward()
        layers = net.layers()
        gradients = [one.clone() for pair in gradients_of(net) for one in pair]
        Stepper(layers, LOSS, Descent(layers.weights, layers.biases, 0.5, 0.0)).step(x, t)
        found.append([*gradients, *layers.weights, *layers.biases])
    for other in found[1:]:
        assert all(torch.equal(one, two) for one, two in zip(found[0], other, strict=True))


@pytest.mark.parametrize("rule", ["fa", "dfa"])
def test_replicas_may_have_mappings_of_their_own(rule):
    choices = [{"1": "step"}, "exact", {"*": "triangle", "2": "step"}]
    together = make_net(WIDTHS, rule=rule, activation_derivative=choices, replicas=3)
    x, t = make_batch()
    output = together(x)
    sum(nn.functional.cross_entropy(one, t) for one in output).backward()
    for k, choice in enumerate(choices):
        single = make_net(WIDTHS, rule=rule, activation_derivative=choice, seed=k, feedback_seed=k)
        nn.functional.cross_entropy(single(x), t).backward()
        for (many, many_b), (one, one_b) in zip(gradients_of(together), gradients_of(single), strict=True):
            torch.testing.assert_close(many[k], one, **CLOSE)
            torch.testing.assert_close(many_b[k], one_b, **CLOSE)
        own = equations.gradients(together.layers().of_replica(k), x, t, LOSS)[1]
        for (one, _), (two, _) in zip(own, gradients_of(single), strict=True):
            torch.testing.assert_close(one, two, **CLOSE)


class Twice(nn.Module):
    """One activation module under two names, another in a part."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 5)
        self.act = self.same = nn.Tanh()
        self.part = nn.Sequential(nn.Linear(8, 8), nn.ReLU())

    def forward(self, x):
        return self.c(self.part(self.same(self.b(self.act(self.a(x))))))


def chain():
    layers = [nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 7), nn.Tanh(), nn.Linear(7, 9), nn.Tanh(), nn.Linear(9, 5)]
    return nn.Sequential(*layers).double()


@pytest.mark.parametrize("rule", ["bp", "fa", "dfa"])
def test_a_converted_chain_is_the_mlp(rule):
    x, t = make_batch()
    mlp = make_net(WIDTHS, rule=rule, activation_derivative={"2": "step", "3": "triangle"})
    net = chain()
    for place, (weight, bias) in enumerate(zip(mlp.weights, mlp.biases, strict=True)):
        net[2 * place].load_state_dict({"weight": weight.detach(), "bias": bias.detach()})
    net = dfa.convert(net, rule, activation_derivative={"3": "step", "5": "triangle"}, example=x)
    for place, matrix in enumerate(mlp.feedback_matrices()):
        own = net[2 * place + 2].layerwise_weight if rule == "fa" else net[2 * place + 1].direct_output
        own.copy_(matrix)
    nn.functional.cross_entropy(mlp(x), t).backward()
    nn.functional.cross_entropy(net(x), t).backward()
    for place, (weight, bias) in enumerate(gradients_of(mlp)):
        torch.testing.assert_close(net[2 * place].weight.grad, weight, **CLOSE)
        torch.testing.assert_close(net[2 * place].bias.grad, bias, **CLOSE)


def test_an_activation_layer_of_two_names_goes_by_either():
    for name in ("act", "same"):
        net = dfa.convert(Twice(), "fa", activation_derivative={name: "step"})
        assert net.act.derivative == ("step" if name == "act" else net.act.derivative)
    net = dfa.convert(Twice(), "fa", activation_derivative={"act": "step", "part.*": "triangle"})
    assert (net.act.derivative, net.part[1].derivative) == ("step", "triangle")
    dfa.set_derivative(net, {"*": "identity"})
    assert (net.act.derivative, net.part[1].derivative) == ("identity", "identity")
    again = copy.deepcopy(net)
    assert again.dfa_conversion.derivative == {"*": "identity"}


@pytest.mark.parametrize("rule", ["fa", "dfa"])
def test_audit_and_alignment_know_each_layers_own(rule):
    x, t = make_batch()
    loss = nn.functional.cross_entropy
    mixed = {"1": "step", "2": "triangle"}
    mlp = make_net(WIDTHS, rule=rule, activation_derivative=mixed)
    assert dfa.audit(mlp, x, t, loss).clean
    net = dfa.convert(chain(), rule, activation_derivative={"1": "step", "3": "triangle"})
    result = dfa.audit(net, x, t, loss)
    assert result.clean
    expected = {row.parameter: row.expected for row in result if "derivative" in row.parameter}
    assert expected == {"1 (derivative)": "step", "3 (derivative)": "triangle", "5 (derivative)": "exact"}
    exact = make_net(WIDTHS, rule="bp", activation_derivative={"2": "step"})
    rows = dfa.measure_alignment(exact, x, t, loss)
    angles = [row.gradient_alignment for row in rows]
    # From the output down BP's own until a layer's g is another.
    assert angles[2] < 1e-3
    assert min(angles[:2]) > 1


WRONG = [
    ({"7": "step", "x": "exact"}, "'7', 'x', which match no hidden layer; hidden layers: 1, 2, 3."),
    ({"1": "stepp"}, "activation derivative called 'stepp'"),
    ({"1": {"2": "step"}}, "is no activation derivative"),
    ({"1": ["step", "exact"]}, "is no activation derivative"),
    ({"width": 2.0}, "is no activation derivative"),
    ({}, "is no activation derivative"),
]


@pytest.mark.parametrize(("derivative", "words"), WRONG, ids=str)
def test_what_matches_no_layer_is_said_once(derivative, words):
    with pytest.raises(dfa.DfaLabError, match=re.escape(words)):
        make_net(WIDTHS, activation_derivative=derivative)
    net = make_net(WIDTHS, activation_derivative={"1": "step"})
    slopes = net.slopes
    with pytest.raises(dfa.DfaLabError, match=re.escape(words)):
        dfa.set_derivative(net, derivative)
    assert net.slopes is slopes
    assert net.derivative == {"1": "step"}


def test_a_converted_network_lists_its_activation_layers():
    with pytest.raises(dfa.DfaLabError, match=r"'prat\.1', which matches no activation layer; .*part\.1.*Did you mean"):
        dfa.convert(Twice(), "fa", activation_derivative={"prat.1": "step"})


def test_what_is_set_is_a_copy():
    mapping = {"1": "step"}
    net = make_net(WIDTHS, activation_derivative=mapping)
    mapping["1"] = "triangle"
    assert net.derivative == {"1": "step"}
    dfa.set_derivative(net, mapping)
    a = torch.tensor([0.5], dtype=torch.float64)
    assert float(net.slopes[0](a, a)) == 0.5
