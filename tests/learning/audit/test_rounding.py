"""What an audit must not call wrong: rounding alone, weights estimated in each pass, blocks that ask for gradients."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, spectral_norm

import dfa_lab as dfa


class TalkingHeads(nn.Module):
    """Scores mixed over heads before a softmax (Shazeer et al. 2020): the mixing's bias changes nothing."""

    def __init__(self, heads=4, width=16):
        super().__init__()
        self.heads, self.queries, self.keys = heads, nn.Linear(width, width), nn.Linear(width, width)
        self.mix, self.out = nn.Linear(heads, heads), nn.Linear(width, 3)

    def forward(self, x):
        q, k, v = (one.unflatten(-1, (self.heads, -1)).transpose(1, 2) for one in (self.queries(x), self.keys(x), x))
        scores = self.mix((q @ k.mT).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).flatten(2).mean(1))


def normalised():
    return nn.Sequential(nn.Conv1d(3, 6, 3), nn.BatchNorm1d(6), nn.Tanh(), nn.Flatten(), nn.Linear(6 * 14, 3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rule", ["bp", "fa", "dfa"])
@pytest.mark.parametrize("kind", [TalkingHeads, normalised])
def test_a_gradient_that_is_rounding_alone_is_clean(kind, rule, dtype):
    torch.manual_seed(0)
    net = dfa.convert(kind().to(dtype), rule)
    inputs = torch.randn(32, 12, 16) if kind is TalkingHeads else torch.randn(32, 3, 16)
    audit = dfa.audit(net, inputs.to(dtype), torch.arange(32) % 3, F.cross_entropy)
    assert audit.clean, audit.failures()


def test_a_bias_that_learns_something_else_is_not_clean():
    torch.manual_seed(0)
    net = dfa.convert(TalkingHeads(), "fa")
    net.mix.bias.register_hook(lambda grad: grad + 1e-4)
    audit = dfa.audit(net, torch.randn(32, 12, 16), torch.arange(32) % 3, F.cross_entropy)
    assert [row.parameter for row in audit.failures()] == ["mix.bias"]


@pytest.mark.parametrize("rule", ["bp", "fa", "kp", "dfa"])
@pytest.mark.parametrize("norm", [parametrizations.spectral_norm, spectral_norm])
def test_a_spectral_norm_is_that_of_the_pass(norm, rule):
    torch.manual_seed(0)
    layers = [norm(nn.Conv2d(2, 8, 3)), nn.LeakyReLU(), nn.Flatten(), norm(nn.Linear(288, 16)), nn.Tanh()]
    net = dfa.convert(nn.Sequential(*layers, norm(nn.Linear(16, 3))), rule)
    dfa.attach(net, torch.optim.SGD(net.parameters(), lr=0.1))
    before = {name: one.clone() for name, one in net.state_dict().items()}
    assert net.training  # each pass in training improves the estimate
    audit = dfa.audit(net, torch.randn(16, 2, 8, 8), torch.arange(16) % 3, F.cross_entropy)
    assert audit.clean, audit.failures()
    assert all(torch.equal(one, before[name]) for name, one in net.state_dict().items() if name in before)


class AsksForAGradient(nn.Module):
    """A block that makes its input need a gradient, as speech models do for checkpoints: its input must be a leaf."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(5, 6)

    def forward(self, x):
        x = x[:, None]
        if self.training:
            x.requires_grad = True
        return self.layer(x)[:, 0].tanh()


@pytest.mark.parametrize("rule", ["bp", "fa", "dfa"])
def test_a_block_may_ask_for_its_input_s_gradient(rule):
    torch.manual_seed(0)
    net = dfa.convert(nn.Sequential(AsksForAGradient(), nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 3)), rule)
    audit = dfa.audit(net, torch.randn(16, 5), torch.arange(16) % 3, F.cross_entropy)
    assert audit.clean, audit.failures()
