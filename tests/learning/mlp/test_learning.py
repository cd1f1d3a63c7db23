"""Rules, derivatives, functional and the MLP: what is refused, what is kept, what really happens on the way back."""

import copy
import dataclasses
import pickle

import pytest
import torch

import dfa_lab as dfa
from dfa_lab.learning.ops import functional
from dfa_lab.learning.rules import Layerwise
from networks import gradients_of, make_batch, make_net


def test_an_unknown_name_lists_the_known_and_suggests():
    with pytest.raises(
        dfa.DfaLabError, match=r"no learning rule called 'dfaa'; known: bp, brsf, dfa.*Did you mean 'dfa'"
    ):
        make_net(rule="dfaa")
    with pytest.raises(KeyError):
        dfa.RULES["nothing like it"]
    assert dfa.RULES.get("nothing like it") is None
    assert "fa" in dfa.RULES


def test_registering():
    registry = dfa.Registry("thing")
    assert registry.register("one", 1) == 1

    @registry.register("two")
    def two(a, *, width=1.0):
        return a

    assert list(registry) == ["one", "two"]
    assert registry.split({"name": "two", "width": 3}) == ("two", {"width": 3})
    for bad in ("one", "not a name", ""):
        with pytest.raises(dfa.DfaLabError):
            registry.register(bad, 3)
    for choice in ({"name": "two", "with": 3}, {"width": 3}, 7, {"name": "three"}):
        with pytest.raises(dfa.DfaLabError):
            registry.split(choice)


def test_a_rule_needs_what_its_route_needs():
    with pytest.raises(dfa.DfaLabError, match="carrier"):
        dfa.Rule("x", "x", "x", "x", dfa.Route.LAYERWISE)
    with pytest.raises(dfa.DfaLabError, match="'direct'"):
        dfa.Rule("x", "x", "x", "x", route="direct", broadcast=lambda error, lesson: error)
    with pytest.raises(dfa.DfaLabError, match="no rule both"):
        Layerwise("x", "x", "x", "x", route=dfa.Route.DIRECT, broadcast=lambda error, lesson: error)
    with pytest.raises(TypeError, match="route"):
        dfa.Rule("x", "x", "x", "x")


def test_a_subclass_of_rule_is_refused_with_what_to_do():
    class Own(dfa.Rule):
        pass

    with pytest.raises(dfa.DfaLabError, match=r"a class of its own, Own; make it with dfa\.Rule\("):
        Own("own", "t", "p", "e", dfa.Route.LAYERWISE, carrier=lambda weight, feedback: weight)


@pytest.mark.parametrize("name", dfa.RULES)
def test_a_call_of_rule_makes_the_kind_that_the_route_names(name):
    rule = dfa.RULES[name]
    given = {field.name: getattr(rule, field.name) for field in dataclasses.fields(rule)}
    again = dfa.Rule(**given)
    assert again == rule
    assert type(again) is type(rule)
    assert isinstance(rule, dfa.Rule)
    assert dfa.Rule(*given.values()) == rule
    assert pickle.loads(pickle.dumps(again)) is rule
    assert copy.deepcopy(again) == rule
    assert dataclasses.replace(rule, decay=0.5).decay == 0.5


@pytest.mark.parametrize("choice", [{"name": "triangle", "width": 2.0}, lambda a: (1 - a.abs() / 2).clamp_min(0)])
def test_a_derivative_with_a_parameter_or_of_ones_own(choice):
    x, t = make_batch()
    nets = [make_net(activation_derivative=one) for one in (choice, "exact")]
    for net in nets:
        torch.nn.functional.cross_entropy(net(x), t).backward()
    a = x @ nets[0].weights[0].T
    signal_times = (1 - a.abs() / 2).clamp_min(0) / (1 - torch.tanh(a) ** 2)
    error = torch.softmax(nets[1](x), 1) - torch.nn.functional.one_hot(t, 5)
    delta = error / 9 @ nets[1].feedback_matrices()[0] * (1 - torch.tanh(a) ** 2)
    torch.testing.assert_close(nets[0].weights[0].grad, (delta * signal_times).T @ x, rtol=1e-10, atol=1e-12)


def test_the_derivative_of_an_activation_of_ones_own_comes_from_autograd():
    x, t = make_batch()
    own, known = make_net(activation=torch.sigmoid), make_net(activation="sigmoid")
    for net in (own, known):
        torch.nn.functional.cross_entropy(net(x), t).backward()
    loss = dfa.LOSSES["cross_entropy"]
    for net in (own, known):
        for auto, explicit in zip(gradients_of(net), dfa.equations.gradients(net.layers(), x, t, loss)[1], strict=True):
            torch.testing.assert_close(auto[0], explicit[0], rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(own.weights[0].grad, known.weights[0].grad, rtol=1e-12, atol=1e-13)


def test_the_derivative_can_be_changed_at_any_time():
    net, (x, t) = make_net(), make_batch()
    dfa.set_derivative(net, torch.zeros_like)
    torch.nn.functional.cross_entropy(net(x), t).backward()
    assert net.weights[0].grad.abs().max() == 0
    assert net.weights[-1].grad.abs().max() > 0


@pytest.mark.parametrize(
    "derivative",
    [
        lambda a: a.sum(),
        lambda a: 3,
        lambda: 0,
        lambda a: a[:, :1],
        "steps",
        {"name": "step", "x": 1},
        {"name": "triangle", "width": "x"},
    ],
)
def test_a_derivative_that_cannot_be_used_is_refused_and_the_old_one_stays(derivative):
    net = make_net(activation_derivative="step")
    with pytest.raises(dfa.DfaLabError):
        dfa.set_derivative(net, derivative)
    assert net.derivative == "step"


def test_feedback_linear_is_linear_with_another_pullback():
    x = torch.randn(4, 3, 6, dtype=torch.float64, requires_grad=True)
    weight, feedback = torch.randn(2, 5, 6, dtype=torch.float64)
    weight.requires_grad_()
    bias = torch.randn(5, dtype=torch.float64, requires_grad=True)
    output = functional.feedback_linear(x, weight, bias, feedback)
    assert torch.equal(output, torch.nn.functional.linear(x, weight, bias))
    delta = torch.randn_like(output)
    output.backward(delta)
    torch.testing.assert_close(x.grad, delta @ feedback)
    torch.testing.assert_close(weight.grad, torch.einsum("abo,abi->oi", delta, x.detach()))
    torch.testing.assert_close(bias.grad, delta.sum((0, 1)))
    with pytest.raises(dfa.DfaLabError, match="layout"):
        functional.feedback_linear(x, weight, bias, feedback.T)


def test_direct_feedback_sends_e_and_e_times_b():
    output = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    hidden = torch.randn(4, 8, dtype=torch.float64, requires_grad=True)
    matrix, error = torch.randn(5, 8, dtype=torch.float64), torch.randn(4, 5, dtype=torch.float64)
    functional.direct_feedback(output, [hidden], [matrix]).backward(error)
    assert torch.equal(output.grad, error)
    torch.testing.assert_close(hidden.grad, error @ matrix)
    for hiddens, matrices in (([hidden], []), ([hidden], [matrix.T])):
        with pytest.raises(dfa.DfaLabError):
            functional.direct_feedback(output, hiddens, matrices)


def test_frozen_layers_get_no_gradient_at_all():
    net, (x, t) = make_net(rule="shallow"), make_batch()
    torch.nn.functional.cross_entropy(net(x), t).backward()
    assert [weight.grad is None for weight in net.weights] == [True, True, False]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (torch.zeros(3, 7, dtype=torch.float64), "shape"),
        (torch.zeros(2, 3, 6, dtype=torch.float64), "shape"),
        (torch.zeros(3, 6, dtype=torch.int64), "int64"),
        ([[0.0] * 6], "list"),
        (torch.zeros(3, 6), "float32, the network torch.float64"),
        (torch.full((3, 6), torch.nan, dtype=torch.float64), "NaN"),
        (torch.full((3, 6), torch.inf, dtype=torch.float64), "NaN or infinity"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(inputs, words):
    with pytest.raises(dfa.DfaLabError, match=words):
        make_net()(inputs)


@pytest.mark.parametrize("widths", [[], [5], [5, 0, 3], [5, 2.5, 3], ["a", 2], 7, [3, -1]])
def test_widths_that_make_no_network_are_refused(widths):
    with pytest.raises(dfa.DfaLabError, match="widths"):
        dfa.MLP(widths)


@pytest.mark.parametrize(
    "choices", [{"replicas": 0}, {"seed": -1}, {"seed": 1.5}, {"seed": "a"}, {"feedback_scale": "big"}]
)
def test_other_choices_that_are_refused(choices):
    with pytest.raises(dfa.DfaLabError):
        make_net(**choices)


@pytest.mark.parametrize("init", list(dfa.WEIGHT_INITS))
def test_weights_are_drawn_as_asked(init):
    net = make_net((300, 400, 5), weight_init=init)
    wanted = {"zeros": 0.0, "lecun": 1 / 300**0.5, "torch": 1 / 900**0.5, "orthogonal": 1 / 400**0.5}
    wanted |= {"xavier": (2 / 700) ** 0.5, "kaiming": (2 / 300) ** 0.5, "small": 0.01 / 3**0.5}
    assert net.weights[0].std().item() == pytest.approx(wanted[init], rel=0.02)
    assert all(bias.abs().max() == 0 for bias in net.biases)


def test_a_network_says_what_it_is():
    assert "6-8-7-5, rule='dfa'" in repr(make_net())


@pytest.mark.parametrize("rule", ["sdfa", "drtp"])
def test_a_rule_that_needs_a_lesson_asks_for_it(rule):
    net, (x, t) = make_net(rule=rule), make_batch()
    with pytest.raises(dfa.DfaLabError, match=r"with dfa.lesson"):
        net(x)
    with dfa.lesson(net, t):
        net(x)
    assert net.lesson is None
    with pytest.raises(dfa.DfaLabError, match="reduction was given as"), dfa.lesson(net, t, "average"):
        pass


def test_what_stands_in_for_the_error_by_hand():
    """sDFA hears sign(e)/N and DRTP t/N under a mean: δ_2 of a net with the identity as g is that times B_2."""
    x, t = make_batch(9)
    for rule in ("sdfa", "drtp"):
        net = make_net(rule=rule, activation_derivative="identity")
        with dfa.lesson(net, t):
            torch.nn.functional.cross_entropy(net(x), t).backward()
            error = torch.softmax(net(x), 1) - torch.nn.functional.one_hot(t, 5)
        heard = error.sign() if rule == "sdfa" else torch.nn.functional.one_hot(t, 5).double()
        torch.testing.assert_close(net.biases[1].grad, (heard / 9 @ net.feedback_matrices()[1]).sum(0))
