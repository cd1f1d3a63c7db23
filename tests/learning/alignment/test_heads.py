"""A network with several heads: only those that the loss comes from count in the angle of what carries the signal."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa


class Heads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh())
        self.first, self.second = nn.Linear(8, 3), nn.Sequential(nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 2))

    def forward(self, x):
        h = self.body(x)
        return {"first": self.first(h), "second": self.second(h)}


X = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))


def angle(*pairs):
    matrix, weight = (torch.cat([one.flatten() for one in side]).double() for side in zip(*pairs, strict=True))
    return torch.rad2deg(torch.arccos(F.cosine_similarity(matrix, weight, 0))).item()


@pytest.mark.parametrize("rule", ["fa", "kp"])
@pytest.mark.parametrize(("output", "readers"), [("first", ["first"]), ("second", ["second.0"])])
def test_a_head_that_the_loss_does_not_come_from_does_not_count(rule, output, readers):
    torch.manual_seed(1)
    net = dfa.convert(Heads(), rule, output=output)
    targets = torch.ones(16, 3 if output == "first" else 2)
    found = {row.name: row for row in dfa.measure_alignment(net, X, targets, F.mse_loss)}
    layers = [net.get_submodule(name) for name in readers]
    backward = [net.state_dict()[f"{name}.layerwise_weight"] for name in readers]
    wanted = angle(*zip(backward, [layer.weight.detach() for layer in layers], strict=True))
    assert found["body.2"].weight_alignment == pytest.approx(wanted, abs=1e-4)
    assert found["body.2"].entries == sum(layer.weight.numel() for layer in layers)
    other = {"first": "second.0", "second": "first"}[output]
    assert torch.isnan(torch.tensor(found[other].weight_alignment))


def test_a_loss_of_both_heads_counts_both():
    net = dfa.convert(Heads(), "fa")

    def loss(outputs, targets):
        return sum(F.mse_loss(outputs[name], targets[name]) for name in ("first", "second"))

    targets = {"first": torch.ones(16, 3), "second": torch.ones(16, 2)}
    found = {row.name: row for row in dfa.measure_alignment(net, X, targets, loss)}
    pairs = [(net.first.layerwise_weight, net.first.weight), (net.second[0].layerwise_weight, net.second[0].weight)]
    assert found["body.2"].weight_alignment == pytest.approx(angle(*pairs), abs=1e-4)
    assert found["body.2"].entries == 8 * (3 + 5)
