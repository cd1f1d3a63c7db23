"""The parts that the angles are made of, each against its own formula."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import dfa_lab as dfa
from dfa_lab.learning.alignment.angles import GradientPair, angle
from dfa_lab.learning.alignment.rounding_floor import LIMIT, Rounding
from dfa_lab.learning.feedback.sampling import shuffled
from networks import make_batch, make_net
from reference import degrees

loss_fn = nn.functional.cross_entropy


@pytest.mark.parametrize("sizes", [(1.0, 1.0), (1e-25, 1.0), (1.0, 1e-25), (1e-25, 1e-25)])
@pytest.mark.parametrize(("samples", "wide", "deep"), [(4, 40, 40), (40, 7, 9)], ids=["gram", "product"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_weight_gradients_by_gram_matrices_and_by_products(samples, wide, deep, sizes, dtype):
    stream = torch.Generator().manual_seed(0)
    ours, theirs = (torch.randn(3, samples, wide, generator=stream, dtype=torch.float64).to(dtype) for _ in range(2))
    h = torch.randn(samples, deep, generator=stream, dtype=torch.float64).to(dtype)
    theirs = theirs + ours
    ours, theirs = ours * sizes[0], theirs * sizes[1]
    wide_enough = [one if one.abs().max() > 1e-10 else one.double() for one in (ours, theirs)]
    found = GradientPair.of_products(*wide_enough, h.expand(3, samples, deep))
    close = {"rel": 1e-12 if dtype is torch.float64 else 1e-5}
    for number in range(3):
        own, bp = (one[number].double().numpy().T @ h.double().numpy() for one in (ours, theirs))
        assert found.rule_norm[number].item() == pytest.approx(np.linalg.norm(own), **close)
        assert found.bp_norm[number].item() == pytest.approx(np.linalg.norm(bp), **close)
        assert found.angle[number].item() == pytest.approx(degrees(own, bp), **close)


@pytest.mark.parametrize("size", [1e-38, 1e-25, 1.0, 1e25])
@pytest.mark.parametrize("shape", [(7,), (5, 7), (2, 3, 40), (3, 50, 700), (2, 300_001)])
def test_angles_of_float32_are_those_of_the_same_numbers_in_float64(shape, size):
    """By dot products, and in blocks where there are many entries: (3, 50, 700) and (2, 300001) are split."""
    stream = torch.Generator().manual_seed(0)
    left = torch.randn(shape, generator=stream) * size
    for turned in (
        torch.randn(shape, generator=stream) * size,
        left * (1 + 1e-4 * torch.randn(shape)),
        -left,
        3 * left,
    ):
        found = angle(left, turned)
        wanted = angle(left.double(), turned.double())  # Kahan's formula
        assert found.shape == shape[:-1]
        assert torch.allclose(found, wanted, rtol=0, atol=3e-6)


def test_a_zero_vector_has_no_angle():
    some, none = torch.randn(4, 6), torch.zeros(4, 6)
    for dtype in (torch.float32, torch.float64):
        assert angle(some.to(dtype), none.to(dtype)).isnan().all()


@pytest.mark.parametrize("samples", [4, 40])
def test_equal_gradients_stand_at_0_and_opposite_ones_at_180(samples):
    delta, h = torch.randn(samples, 40), torch.randn(samples, 40)
    assert GradientPair.of_products(delta, 3 * delta, h).angle.item() == pytest.approx(0, abs=1e-4)
    assert GradientPair.of_products(delta, -delta, h).angle.item() == pytest.approx(180, abs=1e-4)
    none = GradientPair.of_products(torch.zeros_like(delta), delta, h)
    assert none.rule_norm.item() == 0
    assert math.isnan(none.angle.item())


def test_shuffled_feedback_is_another_draw():
    matrix = torch.arange(1.0, 61).reshape(5, 12)
    stream = torch.Generator().manual_seed(0)
    draws = [shuffled(matrix, stream) for _ in range(200)]
    for draw in draws[:5]:
        assert sorted(draw.abs().flatten().tolist()) == matrix.flatten().tolist()
        rows = sorted(sorted(row) for row in draw.abs().tolist())
        assert rows == sorted(sorted(row) for row in matrix.tolist())
        assert not torch.equal(draw.abs(), matrix)
        assert 10 < (draw > 0).sum() < 50
    mean = torch.stack(draws).mean(0)
    assert (mean.abs() < 4 * 35 / math.sqrt(200)).all()  # signs cancel, and places mix


@pytest.mark.parametrize("scale", [1.0, 1 / 7])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rounding_adds_up_as_the_formula_says(dtype, scale):
    output, error = 3 * torch.randn(7, 5, dtype=dtype), 1e-3 * torch.randn(7, 5, dtype=dtype)
    rounding, eps = Rounding(output, error, scale), torch.finfo(dtype).eps

    def rms(values):
        return math.sqrt(float((values.double() ** 2).mean()))

    wanted = eps * scale * max(1, rms(output)) / rms(error)
    assert float(rounding.found) == pytest.approx(wanted, rel=1e-5)
    assert float(Rounding(output / 100, error, scale).found) == pytest.approx(eps * scale / rms(error), rel=1e-5)
    for signal, delta in ((2.0, 0.5), (3.0, 1e-4)):
        wanted += eps * signal / delta
        found = rounding.through(torch.tensor(signal).double(), torch.tensor(delta).double())
        assert float(found) == pytest.approx(wanted, rel=1e-5)
    assert LIMIT == 0.1
    tiny = torch.finfo(dtype).tiny
    lost = Rounding(output, error, scale).through(torch.tensor(0.0).double(), torch.tensor(tiny * eps).double())
    assert float(lost) > 0.5  # below the smallest normal number


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_what_saturates_spoils_the_layers_below_it(layer):
    net, (x, t) = make_net((6, 8, 8, 8, 5), rule="fa"), make_batch()
    with torch.no_grad():
        net.weights[layer - 1].mul_(0.01)
        net.biases[layer - 1].fill_(-0.5 * math.log(torch.finfo(torch.float64).eps / 4))
    rows = dfa.measure_alignment(net, x, t, loss_fn)
    assert [row.at_floor for row in rows] == [number <= layer for number in (1, 2, 3)]


@pytest.mark.parametrize("derivative", ["exact", "step"])
@pytest.mark.parametrize("rule", ["dfa", "drtp"])
def test_a_converted_chain_has_the_products_of_the_mlp(rule, derivative):
    mlp = make_net((6, 8, 7, 9, 5), rule=rule, weight_init="torch", activation_derivative=derivative)
    layers = [nn.Linear(*pair) for pair in ((6, 8), (8, 7), (7, 9), (9, 5))]
    parts = [part for layer in layers[:-1] for part in (layer, dfa.ActivationLayer("tanh"))]
    module, (x, t) = nn.Sequential(*parts, layers[-1]).double(), make_batch(20)
    with torch.no_grad():
        for number, layer in enumerate(layers):
            layer.weight.copy_(mlp.weights[number])
            layer.bias.copy_(mlp.biases[number])
    net = dfa.convert(module, rule, activation_derivative=derivative, example=x)
    for linearised in (False, True):
        wanted = dfa.measure_alignment(mlp, x, t, loss_fn, linearised=linearised, draws=0)
        found = dfa.measure_alignment(net, x, t, loss_fn, linearised=linearised, draws=0)
        for row, want in zip(found, wanted, strict=False):
            for name in ("weight_alignment", "feedback_product_alignment", "signal_alignment", "entries"):
                assert getattr(row, name) == pytest.approx(getattr(want, name), abs=1e-9, nan_ok=True), name


def test_a_product_through_maps_or_a_shared_activation_is_linearised_or_left_out():
    bend, (x, t) = nn.Tanh(), make_batch(7)
    maps = nn.Sequential(nn.Unflatten(1, (1, 2, 3)), nn.Conv2d(1, 4, 2), nn.Tanh(), nn.Flatten(), nn.Linear(8, 5))
    shared = nn.Sequential(nn.Linear(6, 8), bend, nn.Linear(8, 8), bend, nn.Linear(8, 5))
    for module, points in ((maps, ["2"]), (shared, ["1"])):
        net = dfa.convert(module.double(), "dfa", example=x, points=points)
        rows = dfa.measure_alignment(net, x, t, loss_fn, linearised=True)
        assert all(math.isnan(row.weight_alignment) or 0 <= row.weight_alignment <= 180 for row in rows)


def test_all_calls_of_a_layer_are_one_vector():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.same, self.head, self.seen = nn.Linear(6, 6), nn.Linear(6, 5), []

        def forward(self, x):
            one = self.same(x)
            two = self.same(torch.tanh(one))
            self.seen = [one, two]
            return self.head(torch.tanh(two))

    torch.manual_seed(0)
    net, (x, t) = dfa.convert(Twice().double(), "fa"), make_batch()
    row = dfa.measure_alignment(net, x, t, loss_fn)[0]
    deltas = []
    for rule in ("fa", "bp"):
        dfa.set_rule(net, rule)
        loss = loss_fn(net(x), t)
        deltas.append(torch.cat(torch.autograd.grad(loss, net.seen), 1).numpy())
    wanted = np.mean([degrees(ours, theirs) for ours, theirs in zip(*deltas, strict=True)])
    assert row.gradient_alignment == pytest.approx(wanted, abs=1e-9)


def test_a_modules_probe_is_in_eval_mode():
    module = nn.Sequential(nn.Linear(64, 12), nn.BatchNorm1d(12), nn.Tanh(), nn.Dropout(0.5), nn.Linear(12, 10))
    run = dfa.Experiment(module=module, rule="fa", probe_every=10)
    run.train(10)
    net = run.net.eval()
    rows = dfa.measure_alignment(net, *run.trainer.probe.batch(), loss_fn, draws=0)
    recorded = [run.history.last("gradient_alignment", row.layer) for row in rows]
    assert recorded == pytest.approx([row.gradient_alignment for row in rows], abs=1e-9)


def test_large_maps_under_a_direct_rule_make_no_product_of_their_feedback():
    """A product of two B of such maps has 10¹² entries, more than any memory takes."""
    layers = nn.Conv2d(1, 1, 1), nn.ReLU(), nn.Conv2d(1, 1, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()
    net = dfa.convert(nn.Sequential(*layers, nn.Linear(4, 2)), "dfa")
    rows = dfa.measure_alignment(net, torch.randn(1, 1, 1000, 1000), torch.tensor([1]), nn.functional.cross_entropy)
    assert [row.name for row in rows] == ["0", "2", "6"]
    assert all(math.isnan(row.feedback_product_alignment) for row in rows)
