"""Convolutional networks against NumPy: every convolution unfolded into one matrix product, entry by entry."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa
from convolutions import KINDS, build, by_hand
from pairs import parametrize_pairs


@parametrize_pairs(kind=KINDS, rule=dfa.RULES, size=[1, 7, 32], reduction=["mean", "sum"])
def test_convolutions_are_unfolded_products(kind, rule, size, reduction):
    """All pairs of the kind of convolution, rule, batch size and reduction."""
    module, unfolded = build(kind)
    net = dfa.convert(module, rule, feedback_seed=2)
    generator = torch.Generator().manual_seed(3)
    side = KINDS[kind][1]
    x = torch.randn(size, 2, *[side] * (module[0].weight.dim() - 2), dtype=torch.float64, generator=generator)
    t = torch.randint(0, 5, (size,), generator=generator)
    with dfa.lesson(net, t, reduction):
        F.cross_entropy(net(x), t, reduction=reduction).backward()
    weights, biases = by_hand(net, unfolded, x.numpy(), t.numpy(), rule, reduction)
    for number, layer in enumerate((net[0], net[2], net[5])):
        if layer.weight.grad is None:
            assert rule == "shallow"
            continue
        np.testing.assert_allclose(layer.weight.grad, weights[number], rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(layer.bias.grad, biases[number], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("rule", list(dfa.RULES))
def test_mean_gradients_do_not_grow_with_the_batch(rule):
    net = dfa.convert(build("2d")[0], rule)
    x, t = torch.randn(4, 2, 7, 7, dtype=torch.float64), torch.tensor([0, 1, 2, 3])
    found = []
    for times in (1, 8):
        net.zero_grad()
        with dfa.lesson(net, t.repeat(times)):
            F.cross_entropy(net(x.repeat(times, 1, 1, 1)), t.repeat(times)).backward()
        found.append([p.grad for p in net.parameters() if p.grad is not None])
    for one, eight in zip(*found, strict=True):
        torch.testing.assert_close(one, eight, rtol=1e-10, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "weights", "wanted"),
    [
        ("usf", "uniform", 30.00),
        ("usf", "normal", 37.07),
        pytest.param("brsf", "uniform", 41.41, marks=pytest.mark.exhaustive),
        ("brsf", "normal", 50.46),
        ("frsf", "uniform", 41.41),
        pytest.param("frsf", "normal", 50.46, marks=pytest.mark.exhaustive),
    ],
)
def test_sign_concordant_convolutions_stand_at_their_closed_form(rule, weights, wanted):
    """At 10⁶ entries, from the matrix that the backward pass really used: it is read off a pass of e."""
    layer = nn.Conv2d(250, 1000, 2, bias=False)
    init = {"uniform": lambda w: nn.init.uniform_(w, -0.1, 0.1), "normal": lambda w: nn.init.normal_(w, std=0.1)}
    init[weights](layer.weight)
    family = {"uniform": "torch", "normal": "lecun"}[weights]
    net = dfa.convert(nn.Sequential(nn.Conv2d(1, 250, 1), layer), rule, weight_init=family)
    dfa.attach(net, torch.optim.SGD(net.parameters(), lr=0.1))
    hidden = torch.zeros(1, 250, 2, 2, requires_grad=True)
    used = torch.stack([torch.autograd.grad(net[1](hidden)[0, k, 0, 0], hidden)[0][0] for k in range(1000)])
    angle = torch.rad2deg(torch.acos(F.cosine_similarity(used.flatten(), layer.weight.flatten(), dim=0)))
    assert angle.item() == pytest.approx(wanted, abs=0.1)
