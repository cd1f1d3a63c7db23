"""PyTorch Geometric: one graph of 40 nodes in four communities; the input is (features, edges)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from foreign.architecture import Built, architecture


def graph() -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Features (40, 8) and edges (2, E), more within a community than between; communities (40,)."""
    generator = torch.Generator().manual_seed(0)
    community = torch.arange(40) % 4
    chance = torch.where(community[:, None] == community, 0.5, 0.05)
    edges = (torch.rand(40, 40, generator=generator) < chance).triu(1)
    edges = (edges | edges.T).nonzero().T.contiguous()
    return (torch.randn(40, 8, generator=generator), edges), community


def _nodes(module: nn.Module) -> Built:
    inputs, targets = graph()
    return Built(module, inputs, targets, F.cross_entropy)


@architecture("torch_geometric", "GCN")
def gcn() -> Built:
    from torch_geometric.nn import GCN

    return _nodes(GCN(8, 16, 3, 4, norm="batch"))


@architecture("torch_geometric", "GraphSAGE")
def sage() -> Built:
    from torch_geometric.nn import GraphSAGE

    return _nodes(GraphSAGE(8, 16, 3, 4))


@architecture("torch_geometric", "GAT (attention vectors)")
def gat() -> Built:
    from torch_geometric.nn import GAT

    return _nodes(GAT(8, 16, 2, 4, heads=2))


@architecture("torch_geometric", "GIN")
def gin() -> Built:
    from torch_geometric.nn import GIN

    return _nodes(GIN(8, 16, 2, 4, train_eps=True))


@architecture("torch_geometric", "PNA")
def pna() -> Built:
    from torch_geometric.nn import PNA

    degree = torch.zeros(20, dtype=torch.long)
    degree[4:12] = 5
    return _nodes(PNA(8, 16, 2, 4, aggregators=["mean", "max"], scalers=["identity", "amplification"], deg=degree))


@architecture("torch_geometric", "graph Transformer (TransformerConv)")
def transformer() -> Built:
    from torch_geometric.nn import Sequential, TransformerConv

    layers: list[Any] = [
        (TransformerConv(8, 8, heads=2), "x, edges -> x"),
        nn.ReLU(),
        (TransformerConv(16, 4, heads=1), "x, edges -> x"),
    ]
    return _nodes(Sequential("x, edges", layers))


@architecture("torch_geometric", "ChebNet")
def cheb() -> Built:
    from torch_geometric.nn import ChebConv, Sequential

    layers: list[Any] = [(ChebConv(8, 16, K=3), "x, edges -> x"), nn.ReLU(), (ChebConv(16, 4, K=2), "x, edges -> x")]
    built = _nodes(Sequential("x, edges", layers))
    built.remark = "the `forward` of a third linear is called in place of the layer, which an audit cannot see"
    return built
