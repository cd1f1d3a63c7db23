"""The drawn network's message: its types, its size, its words."""

import json
import typing

import numpy as np
import pytest
import torch
from torch import nn

import dfa_lab as dfa
from dfa_lab.experiment.inspection import network_state, unit_numbers
from dfa_lab.widgets.network import messages, network_message
from dfa_lab.widgets.network.network_message import rounded
from one_sample import SMALL
from zoo import ResNet


def check(value, hint, where="message"):
    """That a value is of the TypedDict, list, union or literal it is said to be, nothing missing and nothing more."""
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if typing.is_typeddict(hint):
        hints = typing.get_type_hints(hint)
        assert value.keys() == hints.keys(), where
        for name, one in hints.items():
            check(value[name], one, f"{where}.{name}")
    elif origin is list:
        assert type(value) is list, where
        for number, one in enumerate(value):
            check(one, inside[0], f"{where}[{number}]")
    elif origin is typing.Literal:
        assert value in inside, where
    elif inside:
        kinds = [one for one in inside if typing.is_typeddict(one) or typing.get_origin(one) is list]
        if value is None:
            assert type(None) in inside, where
        else:
            check(value, kinds[0] if kinds else next(one for one in inside if one is not type(None)), where)
    else:
        assert type(value) is hint, f"{where}: {value!r} is no {hint}"


def length(message):
    return len(json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())


def modules():
    torch.manual_seed(0)
    fields = {"task": {"name": "digits", "flat": False}, "batch_size": 8, "probe_every": 2, "probe_size": 6}
    yield dfa.Experiment(module=ResNet(), rule="dfa", lr=0.01, **fields)
    net = nn.Sequential(nn.Linear(64, 9), nn.Tanh(), nn.Linear(9, 10))
    yield dfa.Experiment(module=net, rule={"2": "fa"}, probe_every=2)


@pytest.mark.parametrize(
    ("derivative", "symbols"),
    [
        ("exact", "f′ f′ f′"),
        ("step", "g g g"),
        ({"name": "triangle", "width": 2.0}, "g g g"),
        ({"2": "step"}, "f′ g f′"),
    ],
)
def test_the_slope_is_called_g_where_a_derivative_stands_in_its_place(derivative, symbols):
    run = dfa.Experiment(rule="dfa", **{**SMALL, "activation_derivative": derivative})
    assert [layer["slope_symbol"] for layer in network_message(run)["layers"]] == [*symbols.split(), "f′"]
    run.change(activation_derivative="exact")
    assert [layer["slope_symbol"] for layer in network_message(run)["layers"]][:2] == ["f′", "f′"]


class Shared(nn.Module):
    """Two hidden layers behind which one and the same activation is called, made before or after them."""

    def __init__(self, first):
        super().__init__()
        names = ["act", "one", "two", "out"] if first else ["one", "two", "out", "act"]
        layers = {"act": nn.Tanh(), "one": nn.Linear(64, 9), "two": nn.Linear(9, 8), "out": nn.Linear(8, 10)}
        for name in names:
            self.add_module(name, layers[name])

    def forward(self, x):
        return self.out(self.act(self.two(self.act(self.one(x)))))


def chain():
    layers = (nn.Linear(64, 9), nn.Tanh(), nn.Linear(9, 8), nn.Tanh(), nn.Linear(8, 10))
    return nn.Sequential(*layers)


@pytest.mark.parametrize(
    ("module", "derivative", "symbols"),
    [
        (chain, "exact", "f′ f′ f′"),
        (chain, "step", "g g f′"),
        (chain, {"1": "step"}, "g f′ f′"),
        (chain, {"3": {"name": "triangle", "width": 2.0}}, "f′ g f′"),
        (chain, {"1": "exact", "*": "1 - abs(x)"}, "f′ g f′"),
        (lambda: Shared(True), {"act": "step"}, "g g f′"),
        (lambda: Shared(False), "step", "g g f′"),
        (lambda: nn.Sequential(*chain()[:3], nn.Identity(), chain()[4]), "step", "g f′ f′"),
    ],
)
def test_the_slope_of_a_modules_layer_is_that_of_the_activation_behind_it(module, derivative, symbols):
    run = dfa.Experiment(module=module(), rule="fa", activation_derivative=derivative)
    hooks = [len(one._forward_hooks) for one in run.net.modules()]
    assert " ".join(layer["slope_symbol"] for layer in network_message(run)["layers"]) == symbols
    assert [len(one._forward_hooks) for one in run.net.modules()] == hooks
    run.change(activation_derivative="exact")
    assert {layer["slope_symbol"] for layer in network_message(run)["layers"]} == {"f′"}


@pytest.mark.parametrize("rule", list(dfa.RULES))
def test_the_message_is_of_its_type_for_every_rule(rule):
    run = dfa.Experiment(rule=rule, **SMALL)
    for _ in range(2):  # before any angle and after
        check(network_message(run, layer=2, unit=3), messages.NetworkState)
        run.train(5)


def test_the_message_is_of_its_type_for_modules():
    for run in modules():
        run.train(2)
        message = network_message(run, layer=1, unit=0)
        check(message, messages.NetworkState)
        assert message["numbers"] is None
        assert length(message) < 30_000


def test_numbers_are_the_states_to_four_digits():
    run = dfa.Experiment(rule="dfa", **SMALL)
    run.train(5)
    message, state = (
        network_message(run, sample=3, layer=1, unit=2, most_units=6),
        network_state(run, sample=3, most_units=6),
    )
    for drawn, layer in zip(message["layers"], state.layers, strict=True):
        assert drawn["units"] == layer.units.tolist()
        np.testing.assert_allclose(drawn["delta"], layer.sample.delta, rtol=5e-4)
        np.testing.assert_allclose(drawn["weights"]["values"], layer.weights.ravel(), rtol=5e-4)
        assert (drawn["weights"]["rows"], drawn["weights"]["columns"]) == layer.weights.shape
        assert drawn["weights"]["scale"] == pytest.approx(np.abs(layer.weights).max(), rel=5e-4)
        if layer.angles.gradient is not None:
            assert drawn["gradient_angle"] == pytest.approx(layer.angles.gradient, rel=5e-4)
            assert drawn["gradient_chance"]["sd"] == pytest.approx(layer.angles.gradient_chance.sd, rel=5e-4)
    assert message["sample"]["input"] == [float(f"{one:.4g}") for one in state.sample.pixels.ravel()]
    assert message["sample"]["shape"] == [8, 8]
    lines = unit_numbers(run, 1, 2, 3).lines
    shown = message["numbers"]["lines"]
    assert [line["symbol"] for line in shown] == [line.symbol for line in lines]
    assert float(shown[1]["value"].replace("−", "-")) == pytest.approx(lines[1].value, rel=5e-4)
    assert shown[0]["value"].count(",") == 9
    assert all("-" not in line["value"] for line in shown)


def test_all_numbers_at_once_are_rounded_as_one_by_one():
    random = np.random.default_rng(0)
    values = np.concatenate(
        [random.normal(size=4000) * 10.0 ** random.uniform(-20, 20, 4000), [0, 9.9999, -9.99949, 1e4]]
    )
    one_by_one = [float(f"{value:.4g}") for value in values]
    assert sum(one != other for one, other in zip(rounded(values), one_by_one, strict=True)) == 0


def test_a_wide_network_on_pictures_takes_at_most_30_kilobytes():
    pictures = np.random.default_rng(0).random((40, 1, 28, 28), np.float32)
    task = dfa.Task.from_arrays(pictures, list(range(10)) * 4)
    for rule in ("fa", "dfa"):
        run = dfa.Experiment(task=task, rule=rule, widths=(1024, 1024), probe_size=8, batch_size=8)
        run.step()
        message = network_message(run, layer=1, unit=1000)
        assert [layer["size"] for layer in message["layers"]] == [1024, 1024, 10]
        assert len(message["sample"]["input"]) == 784
        assert length(message) <= 30_000


def test_what_is_not_finite_is_left_out():
    run = dfa.Experiment(rule="dfa", **SMALL)
    with torch.no_grad():
        run.net.weights[1][0, 0] = torch.inf
    message = network_message(run, most_units=64)
    length(message)  # JSON without NaN
    assert message["layers"][1]["weights"] is None
    assert message["layers"][0]["weights"] is not None


WORDS = {
    "dfa": "To every hidden layer the error comes straight from the output through B.",
    "drtp": "To every hidden layer the target comes straight from the output through B.",
    "sdfa": "To every hidden layer the sign of the error comes straight from the output through B.",
    "bp": "To every hidden layer the error comes back through Wᵀ, layer by layer.",
    "shallow": "The hidden layers receive nothing and stay as they are.",
}


@pytest.mark.parametrize("rule", list(WORDS))
def test_the_summary_says_what_the_picture_shows(rule):
    run = dfa.Experiment(rule=rule, **SMALL)
    message = network_message(run)
    assert WORDS[rule] in message["summary"]
    assert "3 hidden layers of 20, 7, 5 units" in message["summary"]
    assert "No angle to backpropagation is measured yet." in message["summary"]
    run.train(5)
    message = network_message(run)
    if rule != "shallow":
        angle = message["layers"][0]["gradient_angle"]
        assert f"Angle to backpropagation at step 5: {angle:.0f}° in layer 1" in message["summary"]
    sample = message["sample"]
    assert "Sample 1 of " in message["summary"]
    assert message["summary"].endswith(f"is {sample['target']}; the network says {sample['prediction']}.")


def test_the_summary_of_a_mapping_names_the_layers():
    _, run = modules()
    assert "through B, layer by layer" in network_message(run)["summary"]
    resnet, _ = modules()
    summary = network_message(resnet)["summary"]
    assert "To stem the error comes straight from the output through B" in summary
    assert " …" in summary
