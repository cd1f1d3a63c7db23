"""A network that reads out with its embedding's weight, as recommenders and language models do."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa

READOUTS = {
    "linear": lambda h, table: F.linear(h, table.weight),
    "matmul": lambda h, table: h @ table.weight.T,
    "einsum": lambda h, table: torch.einsum("nd,kd->nk", h, table.weight),
}


class Recommender(nn.Module):
    def __init__(self, readout, table=nn.Embedding):
        super().__init__()
        self.items, self.layer, self.readout = table(10, 8), nn.Linear(8, 8), readout

    def forward(self, ids):
        h = self.items(ids)
        h = h.mean(1) if h.dim() > 2 else h
        return self.readout(torch.tanh(self.layer(h)), self.items)


class TiedLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.items, self.layer, self.head = nn.Embedding(10, 8), nn.Linear(8, 8), nn.Linear(8, 10, bias=False)
        self.head.weight = self.items.weight

    def forward(self, ids):
        return self.head(torch.tanh(self.layer(self.items(ids).mean(1))))


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return torch.randint(0, 10, (6, 5)), torch.randint(0, 10, (6,))


@pytest.mark.parametrize("rule", ["fa", "kp"])
@pytest.mark.parametrize("table", [nn.Embedding, nn.EmbeddingBag])
@pytest.mark.parametrize("way", READOUTS)
def test_a_readout_with_the_table_is_an_error_with_what_to_paste(batch, way, table, rule):
    module = Recommender(READOUTS[way], table)
    with pytest.raises(
        dfa.DfaLabError, match=rf"items: {table.__name__} sends δ .*\{{'items': 'bp', '\*': '{rule}'\}}"
    ):
        dfa.convert(module, rule, example=batch[0])
    net = dfa.convert(module, {"items": "bp", "*": rule}, example=batch[0])
    assert dfa.audit(net, *batch, F.cross_entropy).clean


@pytest.mark.parametrize("rule", ["bp", "dfa", {"layer": "fa", "*": "bp"}])
def test_where_autograd_carries_it_is_none(batch, rule):
    net = dfa.convert(Recommender(READOUTS["linear"]), rule, points=["layer"] if rule == "dfa" else None)
    assert dfa.audit(net, *batch, F.cross_entropy).clean


@pytest.mark.parametrize("rule", ["fa", {"head": "bp", "*": "fa"}, {"layer": "bp", "*": "fa"}])
def test_a_layer_tied_with_the_table_learns_by_its_own_rule(batch, rule):
    net = dfa.convert(TiedLayer(), rule, example=batch[0])
    assert dfa.audit(net, *batch, F.cross_entropy).clean


def test_a_table_that_is_looked_up_alone_takes_no_rule(batch):
    module = nn.Sequential(nn.EmbeddingBag(10, 8), nn.Tanh(), nn.Linear(8, 10))
    assert dfa.audit(dfa.convert(module, "fa", example=batch[0]), *batch, F.cross_entropy).clean
    with pytest.raises(dfa.DfaLabError, match="matches no layer"):
        dfa.convert(module, {"0": "fa", "2": "fa"})
