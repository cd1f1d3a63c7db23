"""The arithmetic of one unit: its lines against NumPy and against the gradients of a batch of one."""

import numpy as np
import pytest
import torch
from torch import nn

import dfa_lab as dfa
from dfa_lab.experiment.inspection import unit_numbers
from dfa_lab.learning.activations import Activation
from one_sample import SMALL, by_hand


@pytest.mark.parametrize("rule", ["bp", "fa", "usf", "dfa", "sdfa", "drtp", "kp", "shallow"])
@pytest.mark.parametrize(("layer", "unit"), [(1, 13), (2, 6), (3, 0)])
def test_the_lines_are_the_equations_by_hand(rule, layer, unit):
    run = dfa.Experiment(rule=rule, activation_derivative="triangle", **SMALL)
    run.train(6)
    found, hand = unit_numbers(run, layer, unit, 4), by_hand(run, 4)
    values, place = [line.value for line in found.lines], layer - 1
    near = {"rel": 2e-4, "abs": 1e-7}
    assert values[0] == pytest.approx(list(hand["deltas"][-1]), rel=2e-4, abs=1e-6)
    a = hand["a"][place][unit]
    received = 0.0 if rule == "shallow" else hand["received"][place][unit]
    expected = [a, np.tanh(a), received, hand["g"](a), received * hand["g"](a)]
    bp = hand["bp"][place][unit]
    assert values[1:8] == [pytest.approx(one, **near) for one in [*expected, bp * np.cosh(a) ** 2, bp]]
    below = hand["hs"][place]
    strongest = np.argsort(-np.abs(below), kind="stable")[:3]
    changes = [-0.1 * expected[-1] * below[j] for j in strongest]
    changes.insert(1, -0.1 * bp * below[strongest[0]])
    assert values[8:] == [pytest.approx(one, **near) for one in changes]


def test_the_change_of_a_weight_is_what_a_step_on_that_sample_does():
    run = dfa.Experiment(rule="fa", **SMALL)
    run.train(3)
    for layer in (1, 2, 3, 4):
        found = unit_numbers(run, layer, 2, 1)
        inputs, targets = run.trainer.probe.sample(1)
        _, gradients = dfa.equations.gradients(run.net.layers(), inputs, targets, dfa.LOSSES["cross_entropy"])
        changes = [line for line in found.lines if line.symbol.startswith("ΔW₂")]
        assert len(changes) == 3
        for line in changes:
            j = int(line.symbol.split(",")[1].translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")))
            assert line.value == pytest.approx(-0.1 * float(gradients[layer - 1][0][2, j]), rel=1e-5, abs=1e-12)


def test_the_sum_is_written_out_in_its_largest_products():
    run = dfa.Experiment(task="moons", widths=(3, 2), rule="dfa", probe_size=4)
    found = unit_numbers(run, 1, 1)
    line = found.line("(B e)₁")
    matrix, e = run.net.feedback_matrices()[0][:, 1], found.lines[0].value
    products = [
        part.replace("(", "").replace(")", "").replace("−", "-").split(" · ") for part in line.formula.split(" + ")
    ]
    assert len(products) == 2
    assert sum(float(one) * float(other) for one, other in products) == pytest.approx(line.value, rel=0.02)
    assert line.value == pytest.approx(float(matrix @ torch.tensor(e)), rel=1e-5)
    run = dfa.Experiment(**{**SMALL, "rule": "fa"})
    many, hand = unit_numbers(run, 1, 0, 3).line("(B δ)₀"), by_hand(run, 3)
    assert many.formula.endswith(" + … (4 more)")
    products = hand["deltas"][1] * run.net.feedback_matrices()[0].numpy()[:, 0]
    largest = products[np.argsort(-np.abs(products))[:3]]
    shown = many.formula.replace("(", "").replace(")", "").replace("−", "-").split(" + ")[:3]
    written = [np.prod([float(one) for one in product.split(" · ")]) for product in shown]
    np.testing.assert_allclose(written, largest, rtol=0.02)
    assert found.title == "unit 1 of layer 1, sample 1, rule DFA"


def test_a_derivative_in_place_of_the_slope_is_called_g_and_an_optimizer_is_named(monkeypatch):
    monkeypatch.setitem(dfa.ACTIVATIONS._entries, "own_softsign", Activation(torch.nn.functional.softsign))
    run = dfa.Experiment(rule="bp", **SMALL)
    assert unit_numbers(run, 1, 0).line("f′(a₀)").name == "the activation's own slope"
    softsign = dfa.Experiment(activation="own_softsign", **SMALL)  # its slope by autograd
    assert unit_numbers(softsign, 1, 0).line("f′(a₀)").value > 0
    run.change(activation_derivative="identity", momentum=0.5)
    found = unit_numbers(run, 1, 0)
    assert found.line("g(a₀)").value == 1
    assert found.lines[-1].name.endswith(", by plain descent")
    with pytest.raises(KeyError):
        found.line("f′(a₀)")


def test_outputs_of_classes_and_of_values():
    digits = unit_numbers(dfa.Experiment(**SMALL), 4, 7, 2)
    assert digits.line("δ₇").value == digits.lines[0].value[7]
    assert 0 < digits.line("p₇").value < 1
    run = dfa.Experiment(task={"name": "linear", "outputs": 4}, widths=(6,), probe_size=4)
    values = unit_numbers(run, 2, 3)
    target = float(run.trainer.probe.sample(0)[1][0, 3])
    assert values.line("y₃").value - values.line("δ₃").value == pytest.approx(target, rel=1e-5)
    assert not any("ᴮᴾ" in line.symbol for line in values.lines), "the output learns from e by every rule"


def test_what_is_not_there_is_refused():
    run = dfa.Experiment(**SMALL)
    for given, words in (((5, 0), "layer was given as 5"), ((2, 7), "unit was given as 7"), ((1, 0, 99), "sample")):
        with pytest.raises(dfa.DfaLabError, match=words):
            unit_numbers(run, *given)
    module = dfa.Experiment(module=nn.Sequential(nn.Linear(64, 5), nn.Tanh(), nn.Linear(5, 10)))
    with pytest.raises(dfa.DfaLabError, match="Experiment without module="):
        unit_numbers(module, 1, 0)
