"""What autograd does beside the layers is audited too: parameters of blocks, of no dimension; in place."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa
from dfa_lab.learning.networks import network_of


class Scaled(nn.Module):
    """LayerScale and ReZero: a block with parameters, one without dimension, before and behind its layers."""

    def __init__(self, width):
        super().__init__()
        self.gamma, self.alpha = nn.Parameter(torch.ones(width) + 0.1), nn.Parameter(torch.tensor(0.7))
        self.norm, self.one, self.two = nn.LayerNorm(width), nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        return x + self.alpha * self.two(torch.tanh(self.one(self.gamma * self.norm(x))))


class Tokens(nn.Module):
    """A small ViT: a class token, a position embedding, dropout, attention, residuals in place."""

    def __init__(self, width=8):
        super().__init__()
        self.embed, self.cls = nn.Linear(6, width), nn.Parameter(torch.randn(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, 3, width))
        self.drop, self.norm = nn.Dropout(0.3), nn.LayerNorm(width)
        self.attention, self.block = nn.MultiheadAttention(width, 2, batch_first=True), Scaled(width)
        self.head = nn.Linear(width, 5)

    def forward(self, x):
        x = self.embed(x).unsqueeze(1).expand(-1, 2, -1)
        x = self.drop(torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.positions)
        x = x + self.attention(x, x, x, need_weights=False)[0]
        x = self.block(x)
        return self.head(self.norm(x)[:, 0])


class Graph(nn.Module):
    """GCNConv's form: a layer without bias, a sum over neighbours, a bias of the block's own; and a tied readout."""

    def __init__(self):
        super().__init__()
        self.lin, self.bias, self.code = nn.Linear(6, 8, bias=False), nn.Parameter(torch.zeros(8)), nn.Embedding(5, 8)
        self.register_buffer("near", torch.rand(9, 9))

    def forward(self, x):
        h = torch.tanh(self.near @ self.lin(x) + self.bias) + self.code(torch.arange(len(x)) % 5)
        return F.linear(h, self.code.weight)


class Overwritten(nn.Module):
    """Hidden tensors overwritten in place by functions, methods and sums."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.act, self.out = nn.Linear(6, 8), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 5)

    def forward(self, x):
        h = F.silu(self.one(x), inplace=True)
        h = self.act(self.two(h)).mul(2)
        h += 1
        h.mul_(0.5).sigmoid_()
        return F.elu_(self.out(h))


def batch(seed=0):
    torch.manual_seed(seed)
    return torch.randn(9, 6, dtype=torch.float64), torch.randint(0, 5, (9,))


def chain(*blocks):
    return nn.Sequential(*blocks, nn.Linear(8, 5))


KINDS = {
    "blocks": lambda: chain(nn.Linear(6, 8), Scaled(8), nn.Tanh(), Scaled(8)),
    "tokens": Tokens,
    "graph": lambda: nn.Sequential(Graph(), nn.Tanh(), nn.Linear(5, 5)),
    "overwritten": lambda: chain(Overwritten(), nn.ReLU(inplace=True), nn.Linear(5, 8)),
    "batch norm": lambda: chain(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.PReLU(), nn.Dropout(0.2)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rule", ["bp", "dfa"])
def test_every_parameter_is_checked_and_clean(kind, rule):
    x, t = batch()
    net = dfa.convert(KINDS[kind]().double(), rule)
    audit = dfa.audit(net, x, t, F.cross_entropy)
    assert audit.clean is True, audit
    assert not audit.unchecked()
    assert {row.parameter for row in audit} >= {name for name, _ in net.named_parameters()}


@pytest.mark.parametrize("kind", ["blocks", "tokens"])
@pytest.mark.parametrize("rule", ["bp", "dfa"])
def test_a_wrong_gradient_of_a_block_s_own_parameter_is_named_and_no_other(kind, rule):
    """The first pass has the same values and another gradient, as a wrong pullback would."""
    x, t = batch()
    module = KINDS[kind]().double()
    net = dfa.convert(module, rule, example=x)
    name, block = ("1.gamma", net[1]) if kind == "blocks" else ("block.gamma", net.block)
    real, calls = block.forward, []

    def wrong(x):
        calls.append(1)
        gamma = block.gamma
        if len(calls) == 1:
            del block._parameters["gamma"]
            block.gamma = 1.5 * gamma - 0.5 * gamma.detach()
        result = real(x)
        block.__dict__.pop("gamma", None)
        block._parameters["gamma"] = gamma
        return result

    block.forward = wrong
    audit = dfa.audit(net, x, t, F.cross_entropy)
    assert len(calls) == 2
    assert [row.parameter for row in audit.failures()] == [name]
    assert audit.clean is False
    assert "1 NOT clean" in repr(audit)


IN_PLACE = [
    nn.SiLU,
    nn.Hardswish,
    nn.Mish,
    nn.ELU,
    nn.CELU,
    nn.SELU,
    nn.Hardsigmoid,
    nn.ReLU,
    nn.LeakyReLU,
    nn.Hardtanh,
]


@pytest.mark.parametrize("derivative", ["exact", "step"])
@pytest.mark.parametrize("kind", IN_PLACE)
def test_activations_in_place(kind, derivative):
    x, t = batch()
    for rule in ("bp", "fa", "dfa"):
        module = nn.Sequential(nn.Linear(6, 8), kind(inplace=True), nn.Linear(8, 5)).double()
        audit = dfa.audit(dfa.convert(module, rule, activation_derivative=derivative), x, t, F.cross_entropy)
        assert audit.clean is True, audit


class Forgetful(nn.Module):
    """A state of its own that no pass before knows of."""

    def __init__(self):
        super().__init__()
        self.scale, self.calls = nn.Parameter(torch.ones(8)), 0

    def forward(self, x):
        self.calls += 1
        return x * self.scale + self.calls


class Failing(Forgetful):
    def forward(self, x):
        if self.calls:
            raise ValueError("only once")
        return super().forward(x)


def test_what_cannot_be_repeated_is_not_checked_and_the_reason_is_said():
    x, t = batch()
    module = nn.Sequential(nn.Linear(6, 8), Forgetful(), nn.Tanh(), nn.Linear(8, 5), nn.LayerNorm(5)).double()
    audit = dfa.audit(dfa.convert(module, "bp"), x, t, F.cross_entropy)
    (row,) = audit.unchecked()
    assert (row.parameter, row.clean, audit.clean) == ("1.scale", True, True)
    assert "other values" in row.reason
    audit = dfa.audit(dfa.convert(nn.Sequential(*module[:1], Failing().double()), "bp"), x, t, lambda y, t: y.sum())
    assert [row.reason for row in audit.unchecked()] == ["what uses it could not be run again (ValueError: only once)"]
    lone = dfa.audit(dfa.convert(nn.Sequential(Failing()), "bp"), torch.ones(2, 8), t[:2], lambda y, t: y.sum())
    assert lone.clean is None
    for shown in (repr(lone), lone._repr_html_()):
        assert "1 not checked: what uses it could not be run again (ValueError: only once)" in shown
        assert "cannot be said" in shown


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("kind", KINDS)
def test_low_precision_is_no_false_alarm_and_hides_no_wrong_rule(kind, dtype):
    x, t = batch()
    net = dfa.convert(KINDS[kind](), "dfa").to(dtype)
    audit = dfa.audit(net, x.to(dtype), t, F.cross_entropy)
    assert audit.clean is True, audit
    assert max(row.error for row in audit) < 0.01
    points = [one for one in net.modules() if "direct_output" in one._buffers]
    if len(points) > 1:  # the only one that is not reached is an error
        points[0]._forward_hooks.clear()
        assert dfa.audit(net, x.to(dtype), t, F.cross_entropy).clean is False


def test_checkpointed_blocks_are_checked():
    class Checkpointed(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.block, self.out = nn.Linear(6, 8), Scaled(8), nn.Linear(8, 5)

        def forward(self, x):
            h = torch.utils.checkpoint.checkpoint(self.block, torch.tanh(self.first(x)), use_reentrant=False)
            return self.out(h)

    x, t = batch()
    audit = dfa.audit(dfa.convert(Checkpointed().double(), "bp"), x, t, F.cross_entropy)
    assert audit.clean is True
    assert not audit.unchecked(), audit


def test_an_audit_runs_the_network_again_and_leaves_no_mark():
    x, t = batch()
    net = dfa.convert(KINDS["batch norm"]().double(), "dfa", example=x)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    random, attributes = torch.get_rng_state(), [set(one.__dict__) for one in net.modules()]
    hooks = [len(one._forward_hooks) + len(one._forward_pre_hooks) for one in net.modules()]
    dfa.audit(net, x, t, F.cross_entropy)
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in before.items())
    assert torch.equal(random, torch.get_rng_state())
    assert attributes == [set(one.__dict__) for one in net.modules()]
    assert hooks == [len(one._forward_hooks) + len(one._forward_pre_hooks) for one in net.modules()]
    assert {rule.name for rule in network_of(net).rules.values()} == {"dfa"}


def test_a_console_shows_a_table_and_its_sum():
    x, t = batch()
    text = repr(dfa.audit(dfa.convert(KINDS["blocks"]().double(), "dfa"), x, t, F.cross_entropy))
    lines = text.splitlines()
    assert lines[0].split() == ["parameter", "expected", "rule", "explained", "by", "relative", "error", "clean"]
    assert lines[1].split()[0] == "0.weight"
    assert lines[-1].endswith("rows clean. Clean: yes.")
    assert str(len(lines) - 2) in lines[-1]


class Beside(nn.Module):
    """A weight that is used past its layer too, in a product that is another each time."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        h = torch.tanh(self.a(x))
        return self.b(h) + next(self.numbers) * F.linear(h, self.b.weight)


@pytest.mark.parametrize("rule", ["dfa", {"b": "bp", "*": "fa"}])
def test_a_row_with_an_infinite_error_has_a_reason(rule):
    net = dfa.convert(Beside(), rule)
    net.numbers = iter([0.3, 0.7, 0.1, 0.9])
    rows = {row.parameter: row for row in dfa.audit(net, torch.ones(3, 4), torch.tensor([0, 1, 2]), F.cross_entropy)}
    for row in rows.values():
        assert row.reason or (row.checked and row.error < float("inf")), row
