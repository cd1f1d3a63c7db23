"""What rules hear of targets: an empty batch, and targets that are not to be heard (ignore_index)."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa
from zoo import ZOO, make

RULES = list(dfa.RULES)
HEARING = [name for name, rule in dfa.RULES.items() if rule.needs_lesson]
DIRECT = [name for name, rule in dfa.RULES.items() if rule.route is dfa.Route.DIRECT]
pytestmark = pytest.mark.filterwarnings("ignore:rule '.*' changes its feedback")


def gradients(net, x, t, reduction="mean", ignore_index=-100):
    net.zero_grad()
    with dfa.lesson(net, t, reduction, ignore_index=ignore_index):
        output = net(x)
        F.cross_entropy(output, t, reduction=reduction, ignore_index=ignore_index).backward()
    return [torch.zeros_like(one) if one.grad is None else one.grad.clone() for one in net.parameters()]


def assert_zero(found):
    assert [float(one.abs().max()) for one in found] == [0.0] * len(found)


def assert_close(found, wanted):
    for one, two in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-12)


class Tagger(nn.Module):
    """A class for each token: (N, T, 6) to (N, T, 4)."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh())
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        return self.head(self.body(x))


def tokens_loss(output, t, reduction="mean"):
    return F.cross_entropy(output.reshape(-1, 4), t.reshape(-1), reduction=reduction)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("rule", RULES)
def test_an_empty_batch_gives_an_mlp_zero_gradients(rule, reduction):
    for replicas, lead in ((None, ()), (2, (2,))):
        net = dfa.MLP([6, 8, 7, 4], rule=rule, replicas=replicas)
        x, t = torch.randn(*lead, 0, 6), torch.zeros(*lead, 0, dtype=torch.long)
        with dfa.lesson(net, t, reduction):
            output = net(x)
        F.cross_entropy(output.reshape(-1, 4), t.reshape(-1), reduction=reduction).backward()
        assert_zero([torch.zeros(1) if one.grad is None else one.grad for one in net.parameters()])


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("rule", RULES)
def test_an_empty_batch_gives_converted_networks_zero_gradients(name, rule):
    module, x, t = make(name, size=3)
    net = dfa.convert(module, rule, example=x)
    net.eval()  # batch statistics of nothing are an error of torch's own
    assert_zero(gradients(net, x[:0], t[:0], "sum"))
    dfa.attach(net, optimizer := torch.optim.SGD(net.parameters(), lr=0.1))
    assert_zero(gradients(net, x[:0], t[:0], "sum"))
    before = {key: value.clone() for key, value in net.state_dict().items()}
    optimizer.step()
    if not dfa.RULES[rule].changes_feedback:
        assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items() if value.dim())
    assert all(bool(value.isfinite().all()) for value in net.state_dict().values())


@pytest.mark.parametrize("rule", RULES)
def test_the_equations_of_an_empty_batch(rule):
    net = dfa.MLP([6, 8, 7, 4], rule=rule)
    for loss, t in (("cross_entropy", torch.zeros(0, dtype=torch.long)), ("squared_error", torch.zeros(0, 4))):
        _, found = dfa.equations.gradients(net.layers(), torch.randn(0, 6), t, dfa.LOSSES[loss])
        assert_zero([one for pair in found for one in pair])


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", ["mlp", "converted"])
def test_ignored_samples_are_as_if_they_were_not_there(kind, rule, reduction):
    x = torch.randn(9, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    t = torch.arange(9) % 4
    torch.manual_seed(0)
    if kind == "mlp":
        net = dfa.MLP([6, 8, 7, 4], rule=rule, dtype=torch.float64)
    else:
        layers = nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 7), nn.Tanh(), nn.Linear(7, 4)
        net = dfa.convert(nn.Sequential(*layers).double(), rule, example=x)
    kept = torch.tensor([0, 2, 3, 7])
    wanted = gradients(net, x[kept], t[kept], reduction)
    for ignored in (-100, -1, 99):
        hidden = torch.full_like(t, ignored).scatter(0, kept, t[kept])
        assert_close(gradients(net, x, hidden, reduction, ignored), wanted)
    assert_zero(gradients(net, x, torch.full_like(t, -100), "sum"))


@pytest.mark.parametrize("rule", RULES)
def test_ignored_samples_of_replicas_are_counted_by_each(rule):
    net = dfa.MLP([6, 8, 4], rule=rule, dtype=torch.float64, replicas=2)
    x, t = torch.randn(2, 6, 6, dtype=torch.float64), torch.arange(12).reshape(2, 6) % 4
    t[0, 1:4], t[1, 5] = -100, -100
    with dfa.lesson(net, t):
        output = net(x)
    sum(F.cross_entropy(one, own) for one, own in zip(output, t, strict=True)).backward()
    for k in range(2):
        alone = dfa.MLP([6, 8, 4], rule=rule, dtype=torch.float64, seed=k, feedback_seed=k)
        for mine, theirs in zip(gradients(alone, x[k], t[k]), net.parameters(), strict=True):
            torch.testing.assert_close(mine, torch.zeros_like(mine) if theirs.grad is None else theirs.grad[k])


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("rule", RULES)
def test_ignored_tokens_send_nothing(rule, reduction):
    """Against the same tokens as rows of their own, without those that are ignored."""
    x = torch.randn(3, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    t = torch.randint(0, 4, (3, 5), generator=torch.Generator().manual_seed(2))
    t[0, 2:], t[2] = -100, -100
    net, rows = (dfa.convert(Tagger().double(), rule, points=["body.1", "body.3"], example=one) for one in (x, x[0]))
    with dfa.lesson(net, t, reduction):
        tokens_loss(net(x), t, reduction).backward()
    heard = t != -100
    wanted = gradients(rows, x[heard], t[heard], reduction)
    found = [torch.zeros_like(one) if one.grad is None else one.grad for one in net.parameters()]
    assert_close(found, wanted)
    assert found[0].norm() > 0 or rule == "shallow"


@pytest.mark.parametrize("rule", HEARING)
def test_ignored_pixels_send_nothing(rule):
    module, x, t = make("unet", size=3)
    net = dfa.convert(module, rule, example=x)
    half = t.clone()
    half[:, :4] = -100
    assert gradients(net, x, half)[0].norm() > 0
    assert_zero(gradients(net, x, torch.full_like(t, -100), "sum"))
    # To a sum over all pixels, each half adds its own.
    other = t.clone()
    other[:, 4:] = -100
    whole = gradients(net, x, t, "sum")
    parts = [gradients(net, x, one, "sum") for one in (half, other)]
    assert_close([one + two for one, two in zip(*parts, strict=True)], whole)


@pytest.mark.parametrize("rule", HEARING)
def test_ignored_samples_under_torch_func(rule):
    x, t = torch.randn(6, 6, dtype=torch.float64), torch.tensor([0, -100, 2, 3, -100, 1])
    net = dfa.MLP([6, 8, 7, 4], rule=rule, dtype=torch.float64)
    wanted = gradients(net, x, t)
    named = {name: one.detach() for name, one in net.named_parameters()}

    def loss(named, x, t):
        with dfa.lesson(net, t):
            return F.cross_entropy(torch.func.functional_call(net, named, (x,)), t, reduction="sum")

    def mean(named, x, t):
        with dfa.lesson(net, t):
            return F.cross_entropy(torch.func.functional_call(net, named, (x,)), t)

    assert_close(torch.func.grad(mean)(named, x, t).values(), wanted)
    each = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0, 0))(named, x.unsqueeze(1), t.unsqueeze(1))
    assert_close([one.sum(0) / 4 for one in each.values()], wanted)


@pytest.mark.parametrize("rule", HEARING)
@pytest.mark.parametrize("wrong", [[0, 1, -1], [0, 4, -100], [-100, -101, 0]])
def test_other_numbers_that_are_no_class_are_errors(rule, wrong):
    net = dfa.MLP([6, 8, 4], rule=rule)
    with dfa.lesson(net, torch.tensor(wrong)), pytest.raises(dfa.DfaLabError, match=r"from 0 to 3 .*-100"):
        net(torch.randn(3, 6))


@pytest.mark.parametrize("index", [None, 1.0, True, "pad"])
def test_an_ignore_index_is_a_whole_number(index):
    net = dfa.MLP([6, 8, 4])
    with pytest.raises(dfa.DfaLabError, match="ignore_index was given as"):
        dfa.lesson(net, torch.tensor([0]), ignore_index=index).__enter__()
