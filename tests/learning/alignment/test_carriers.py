"""A row of a converted network shows what carries the signal to its layer, as an MLP's does; points have rows."""

import math
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa
from reference import degrees

#: What the tables of an MLP and of a converted chain define alike: all but the chance band of the gradients.
ALIKE = (
    "weight_alignment",
    "weight_alignment_chance",
    "entries",
    "feedback_product_alignment",
    "signal_alignment",
    "gradient_alignment_per_sample",
    "gradient_alignment_batch",
    "gradient_alignment_weight_gradient",
    "gradient_alignment_batch_mean",
    "gradient_alignment_sd",
    "gradient_norm_ratio",
    "bp_gradient_norm",
    "at_floor",
)


def table(net, x, t):
    return dfa.measure_alignment(net, x, t, F.cross_entropy, draws=0).to_frame()


def batch(width, classes, samples=20):
    stream = torch.Generator().manual_seed(1)
    return torch.randn(samples, width, dtype=torch.float64, generator=stream), torch.arange(samples) % classes


def twin(mlp, x, rule):
    """The MLP as a converted Sequential with its weights, biases and feedback."""
    layers = [nn.Linear(w.shape[1], w.shape[0]).double() for w in mlp.weights]
    parts = [part for layer in layers for part in (layer, nn.Tanh())][:-1]
    with torch.no_grad():
        for layer, weight, bias in zip(layers, mlp.weights, mlp.biases, strict=True):
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
    net = dfa.convert(nn.Sequential(*parts), rule, example=x)
    given = mlp.feedback_matrices() if mlp.rule.needs_feedback else []
    direct = mlp.rule.route is dfa.Route.DIRECT
    with torch.no_grad():
        for number, matrix in enumerate(given):
            own = (
                net[2 * number + 1].direct_output
                if direct
                else net[2 * number + 2]._buffers[f"{mlp.rule.store}_weight"]
            )
            own.copy_(matrix)
    return net


@pytest.mark.parametrize("widths", [(6, 8, 5), (6, 8, 8, 8, 4), (3, 20, 7, 12, 9, 6)])
@pytest.mark.parametrize("rule", ["bp", "fa", "kp", "usf", "dfa", "sdfa", "drtp", "shallow"])
def test_every_column_of_a_chain_is_the_mlp_s(widths, rule):
    mlp = dfa.MLP(widths, rule=rule, activation="tanh", dtype=torch.float64, seed=3)
    x, t = batch(widths[0], widths[-1])
    wanted, found = table(mlp, x, t), table(twin(mlp, x, rule), x, t)
    assert len(found) == len(wanted) + 1
    for name in ALIKE if rule != "shallow" else ALIKE[3:]:
        ours, theirs = (np.asarray(frame[name][: len(wanted)], dtype=float) for frame in (found, wanted))
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=2e-6 if "align" in name else 1e-9, err_msg=name)
    last = found.iloc[-1]
    assert math.isnan(last.weight_alignment)
    assert last.entries == 0


@pytest.mark.parametrize("kind", ["linear", "conv", "branches"])
def test_feedback_that_is_the_weight_stands_at_zero(kind):
    x, t = batch(6, 5)
    torch.manual_seed(2)
    nets = {
        "linear": nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 7), nn.ReLU(), nn.Linear(7, 5)),
        "conv": nn.Sequential(nn.Unflatten(1, (1, 2, 3)), nn.Conv2d(1, 4, 2, padding=1), nn.Tanh(), nn.Conv2d(4, 6, 2),
                              nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Linear(36, 5)),
        "branches": Branches(),
    }  # fmt: skip
    net = dfa.convert(nets[kind].double(), "fa")
    with torch.no_grad():
        for module in net.modules():
            for name in list(module._buffers):
                if name.startswith("layerwise_"):
                    module._buffers[name].copy_(getattr(module, name.removeprefix("layerwise_")))
    rows = dfa.measure_alignment(net, x, t, F.cross_entropy, draws=0)
    for row in rows[:-1]:
        assert row.weight_alignment == pytest.approx(0, abs=1e-6), row.name
        assert row.gradient_alignment == pytest.approx(0, abs=1e-5), row.name
    assert math.isnan(rows[-1].weight_alignment)


class Branches(nn.Module):
    """Several readers, a concatenation, attention and a cell that reads its own state."""

    def __init__(self):
        super().__init__()
        self.first, self.left, self.right = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 4)
        self.attention, self.norm = nn.MultiheadAttention(8, 2, batch_first=True), nn.LayerNorm(8)
        self.cell, self.head = nn.GRUCell(8, 8), nn.Linear(12, 5)

    def forward(self, x):
        h = torch.tanh(self.first(x))
        side = F.relu(self.right(h))
        h = (self.norm(self.left(h)) + h).unsqueeze(1)
        h = self.attention(h, h, h, need_weights=False)[0][:, 0]
        state = self.cell(h)
        state = self.cell(h, state)
        return self.head(torch.cat([state, side], 1))


#: Layer -> what reads it: the reader and the rows of its weight, all where there are none.
READERS = {
    "first": [("left", "weight"), ("right", "weight"), ("attention", "in_proj_weight")],
    "left": [("attention", "in_proj_weight")],
    "right": [("head", "weight")],
    "attention": [("attention.out_proj", "weight")],
    "attention.out_proj": [("cell", "weight_ih")],
    "cell": [("cell", "weight_hh"), ("head", "weight")],
    "head": [],
}


def test_all_readers_of_a_layer_count_as_one_vector():
    torch.manual_seed(0)
    x, t = batch(6, 5)
    net = dfa.convert(Branches().double(), {"head": "bp", "*": "fa"})
    rows = {row.name: row for row in dfa.measure_alignment(net, x, t, F.cross_entropy, draws=0)}
    assert set(rows) == set(READERS)
    for name, readers in READERS.items():
        layers = [(net.get_submodule(reader), parameter) for reader, parameter in readers]
        own = [getattr(layer, parameter).detach().numpy().ravel() for layer, parameter in layers]
        carried = [
            (getattr(layer, parameter if layer is net.head else f"layerwise_{parameter}")).detach().numpy().ravel()
            for layer, parameter in layers
        ]
        if not readers:
            assert math.isnan(rows[name].weight_alignment)
            continue
        angle = degrees(np.concatenate(carried), np.concatenate(own))
        assert rows[name].weight_alignment == pytest.approx(angle, abs=1e-5), name
        assert rows[name].entries == sum(len(one) for one in own)
        by_bp = any(reader == "head" for reader, _ in readers)
        assert math.isnan(rows[name].weight_alignment_chance) == by_bp, "BP's part is no chance"


def test_cross_attention_is_read_by_its_own_projections():
    class Cross(nn.Module):
        def __init__(self):
            super().__init__()
            self.asks, self.told = nn.Linear(6, 8), nn.Linear(6, 8)
            self.attention, self.head = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 5)

        def forward(self, x):
            asks, told = self.asks(x).unsqueeze(1), torch.tanh(self.told(x)).unsqueeze(1).flip(0)
            return self.head(self.attention(asks, told, value=told, need_weights=False)[0][:, 0])

    torch.manual_seed(0)
    x, t = batch(6, 5)
    net = dfa.convert(Cross().double(), "fa")
    rows = {row.name: row for row in dfa.measure_alignment(net, x, t, F.cross_entropy, draws=0)}
    weight, matrix = net.attention.in_proj_weight.detach().numpy(), net.attention.layerwise_in_proj_weight.numpy()
    assert rows["asks"].weight_alignment == pytest.approx(degrees(matrix[:8], weight[:8]), abs=1e-5)
    assert rows["told"].weight_alignment == pytest.approx(degrees(matrix[8:], weight[8:]), abs=1e-5)


class Own(nn.Module):
    """A layer that convert does not know."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in) / n_in**0.5)

    def forward(self, x):
        return torch.einsum("oi,ni->no", self.weight, x)


def test_feedback_points_without_a_layer_have_rows_of_their_own():
    torch.manual_seed(0)
    x, t = batch(6, 5)
    known = [
        nn.Linear(6, 8, bias=False),
        nn.Tanh(),
        nn.Linear(8, 7, bias=False),
        nn.Tanh(),
        nn.Linear(7, 5, bias=False),
    ]
    own = [Own(6, 8), nn.Tanh(), Own(8, 7), nn.Tanh(), Own(7, 5)]
    for theirs, ours in zip(known, own, strict=True):
        if isinstance(ours, Own):
            ours.weight = nn.Parameter(theirs.weight.detach().clone())
    wanted = dfa.convert(nn.Sequential(*known).double(), "dfa", example=x)
    found = dfa.convert(nn.Sequential(*own).double(), "dfa", example=x)
    rows, like = (dfa.measure_alignment(net, x, t, F.cross_entropy, draws=0) for net in (found, wanted))
    assert [row.name for row in rows] == ["1", "3"]
    for row, other in zip(rows, like, strict=False):
        assert row.signal_alignment == pytest.approx(other.signal_alignment, abs=1e-9)
        assert row.gradient_alignment == pytest.approx(row.signal_alignment, abs=1e-9)
        assert row.gradient_norm_ratio == pytest.approx(other.gradient_norm_ratio, rel=1e-9)
        assert row.bp_gradient_norm == pytest.approx(other.bp_gradient_norm, rel=1e-9)
    mixed = dfa.convert(nn.Sequential(known[0], nn.Tanh(), own[2], nn.Tanh(), known[4]).double(), "dfa", example=x)
    rows = dfa.measure_alignment(mixed, x, t, F.cross_entropy, draws=0)
    assert [row.name for row in rows] == ["0", "4", "3"]
    weight = mixed[4].weight.detach().numpy()
    assert rows[2].weight_alignment == pytest.approx(degrees(mixed[3].direct_output.numpy(), weight), abs=1e-5)
    for rule, net, names in (("shallow", mixed, ["0", "4", "3"]), ("bp", mixed, ["0", "4"]), ("bp", found, ["1", "3"])):
        dfa.set_rule(net, rule)
        assert [row.name for row in dfa.measure_alignment(net, x, t, F.cross_entropy, draws=0)] == names


def test_an_empty_table_is_said():
    x, t = batch(6, 5)
    net = dfa.convert(nn.Sequential(Own(6, 5)).double(), "bp")
    with pytest.warns(UserWarning, match="no row for this network"):
        rows = dfa.measure_alignment(net, x, t, F.cross_entropy)
    assert list(rows) == []
    assert repr(rows).startswith("no row")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dfa.measure_alignment(dfa.convert(nn.Linear(6, 5).double(), "bp"), x, t, F.cross_entropy)


def test_a_console_shows_a_table():
    x, t = batch(6, 5)
    text = repr(dfa.measure_alignment(dfa.MLP([6, 8, 5], rule="fa", dtype=torch.float64), x, t, F.cross_entropy))
    head, row = text.splitlines()
    assert head.startswith("layer  weight alignment  gradient alignment")
    assert row.split()[0] == "1"
    assert row.count("°") == 4


def test_a_picture_has_the_matrices_of_the_row():
    torch.manual_seed(0)
    images, classes = torch.randn(60, 6), torch.randint(0, 5, (60,))
    run = dfa.Experiment(module=Branches(), task=dfa.Task.from_arrays(images, classes), rule="fa", lr=0.01)
    run.train(3)
    rows = dfa.measure_alignment(run.net.eval(), *run.trainer.probe.batch(), F.cross_entropy, draws=0)
    pictured = run.snapshot().layers
    assert [layer.name for layer in pictured] == [row.name for row in rows]
    angles = [layer.weight_alignment for layer in pictured]
    assert angles == pytest.approx([row.weight_alignment for row in rows], abs=1e-4, nan_ok=True)
    assert run.history.layers("gradient_alignment") == [row.layer for row in rows]


def test_a_layer_that_is_not_called_keeps_its_number():
    class Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.idle, self.one, self.two = nn.Linear(6, 8), nn.Linear(6, 8), nn.Linear(8, 5)

        def forward(self, x):
            return self.two(torch.tanh(self.one(x)))

    x, t = batch(6, 5)
    run = dfa.Experiment(module=Idle(), task=dfa.Task.from_arrays(x.float(), t), rule="fa", lr=0.01)
    run.train(2)
    assert [(layer.number, layer.name) for layer in run.snapshot().layers] == [(2, "one"), (3, "two")]
    assert np.isfinite(run.history.last("weight_alignment", 2))


def test_a_change_of_the_rule_may_bring_rows_for_points():
    x, t = batch(6, 5)
    module = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.PReLU(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 5))
    run = dfa.Experiment(module=module, task=dfa.Task.from_arrays(x.float(), t), rule="fa", lr=0.01)
    run.train(3)
    assert run.history.layers("gradient_alignment") == [1, 2, 3]
    run.change(rule="dfa")
    run.train(3)
    assert run.history.layers("gradient_alignment") == [1, 2, 3, 4]
    assert run.snapshot().layers[-1].name == "2"
    assert len(run.history.to_frame()) > 0
    dfa.figure(run.history)
