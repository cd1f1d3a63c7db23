"""Feedback points that the output does not come from, such as another head: each is warned of once, with the others."""

import ast
import copy
import warnings

import pytest
import torch
from torch import nn

import dfa_lab as dfa

BODY = ["body.0", "body.1"]


class Heads(nn.Module):
    """Blocks, and heads of which the network returns each one's output."""

    def __init__(self, *, inplace=False, normalised=False):
        super().__init__()
        act = nn.ReLU(inplace=inplace)
        norm = nn.BatchNorm1d(8) if normalised else nn.Identity()
        blocks = (nn.Sequential(nn.Linear(4, 8), norm, nn.Tanh()), nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5), act))
        self.body = nn.ModuleDict({str(number): one for number, one in enumerate(blocks)})
        self.first, self.second = nn.Linear(8, 3), nn.Linear(8, 2)
        self.last = nn.Linear(8, 2)

    def forward(self, x):
        for block in self.body.values():
            x = block(x)
        return {"first": self.first(x), "second": self.second(x), "last": self.last(x)}


def said_by(work):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        work()
    return [str(one.message) for one in caught if "does not come from" in str(one.message)]


def points_in(text):
    return text.partition("feedback points ")[2].partition(" gave")[0].split(", ")


X = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize(
    ("output", "unread"), [("first", ["second"]), ("second", ["first"]), ("last", ["first", "second"])]
)
def test_heads_of_other_outputs_are_named_with_the_points_that_are_left(output, unread, inplace):
    (said,) = said_by(lambda: dfa.convert(Heads(inplace=inplace), "dfa", output=output, example=X))
    assert points_in(said) == unread
    given = ast.literal_eval(said.partition("points=")[2].partition(")")[0])
    assert given[:2] == ["body.0.2", "body.1.2"]
    assert not set(unread) & set(given)
    if output != "last":  # a head that gives the output itself
        given = given[:2]
    assert said_by(lambda: dfa.convert(Heads(inplace=inplace), "dfa", output=output, points=given, example=X)) == []


def test_an_audit_says_it_once_where_no_example_was_given():
    net = dfa.convert(Heads(), "dfa", output="last")
    audited = [said_by(lambda: dfa.audit(net, X, torch.ones(6, 2), nn.functional.mse_loss)) for _ in range(2)]
    assert [len(one) for one in audited] == [1, 0]
    assert len(said_by(lambda: dfa.audit(copy.deepcopy(net), X, torch.ones(6, 2), nn.functional.mse_loss))) == 0


@pytest.mark.parametrize("first", ["dfa", "bp"])
def test_an_experiment_says_it_when_a_direct_rule_is_in_force(first):
    net = dfa.convert(Heads(), first, output="last")
    task, made = dfa.Task.from_arrays(X, torch.ones(6, 2)), []
    said = said_by(lambda: made.append(dfa.Experiment(module=net, task=task, batch_size=2)))
    assert [points_in(one) for one in said] == [["first", "second"]] * (first == "dfa")
    assert len(said_by(lambda: made[0].change(rule="dfa"))) == (first == "bp")


@pytest.mark.parametrize("rule", ["fa", "bp", {"first": "bp", "second": "bp", "*": "dfa"}])
def test_only_points_that_a_direct_rule_delivers_to_are_named(rule):
    assert said_by(lambda: dfa.convert(Heads(), rule, output="last", example=X)) == []


@pytest.mark.parametrize("points", [["first"], [*BODY, "second"]])
def test_points_that_were_given_are_named_too(points):
    (said,) = said_by(lambda: dfa.convert(Heads(), "dfa", output="last", points=points, example=X))
    assert points_in(said) == points[-1:]


def test_nothing_is_said_where_no_gradient_leads_anywhere():
    net = Heads().requires_grad_(False)
    assert said_by(lambda: dfa.convert(net, "dfa", output="last", points=BODY, example=X)) == []


class Rejoined(nn.Module):
    """A branch that comes back by a sum in place, and one that is not differentiable after its point."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(3))
        self.last = nn.Linear(4, 2)

    def forward(self, x):
        x = self.blocks[0](x)
        x = x + self.blocks[1](x)
        x += self.blocks[2](x)
        return self.last(x)


class OverTokens(nn.Module):
    """Linear layers over tokens, which return views, and functions in place on what they gave."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x):
        h = self.b(nn.functional.relu(self.a(x), inplace=True))
        h += 1
        return self.c(nn.functional.relu(h, inplace=True))


def test_views_that_are_changed_in_place_are_read():
    assert said_by(lambda: dfa.convert(OverTokens(), "dfa", example=torch.ones(5, 7, 4))) == []


class Beside(nn.Module):
    """An auxiliary head of another kind, whose point is left out, and how often it was called in a buffer."""

    def __init__(self):
        super().__init__()
        self.body = nn.ModuleList([nn.Linear(4, 8), nn.Linear(8, 8)])
        self.aux, self.last = nn.Conv2d(1, 2, 1), nn.Linear(8, 3)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        for block in self.body:
            x = torch.relu(block(x))
        return {"y": self.last(x), "aux": self.aux(x[:, None])}


@pytest.mark.parametrize("inplace", [False, True])
def test_a_point_that_is_left_out_is_not_warned_of_twice_and_the_look_keeps_buffers(inplace):
    net = []
    x = torch.ones(5, 7, 4)
    convert = lambda: net.append(dfa.convert(Beside(), "dfa", output="y", example=x, inplace=inplace))  # noqa: E731
    assert said_by(convert) == []
    assert net[0].calls == 1


def test_branches_that_come_back_are_read():
    assert said_by(lambda: dfa.convert(Rejoined(), "dfa", example=X)) == []


def test_looking_changes_nothing():
    given, random = Heads(normalised=True).train(), torch.get_rng_state()
    with_example = dfa.convert(given, "dfa", output="last", example=X.clone().requires_grad_())
    without = dfa.convert(given, "dfa", output="last")
    assert torch.equal(torch.get_rng_state(), random)
    assert with_example.training
    without(X)
    got, expected = with_example.state_dict(), without.state_dict()
    assert got.keys() == expected.keys()
    changed = {name for name in got if not torch.equal(got[name], expected[name])}
    assert changed == {name for name in got if "running_" in name or "num_batches" in name}  # by the pass in train mode
    net = copy.deepcopy(with_example)
    dfa.audit(net, X, torch.ones(6, 2), nn.functional.mse_loss)
    assert all(torch.equal(one, net.state_dict()[name]) for name, one in got.items())
    for before, after in zip(with_example.modules(), net.modules(), strict=True):
        assert before._forward_hooks.keys() == after._forward_hooks.keys()


class OwnHead(nn.Module):
    """The head in use is held, and called, before or after one that has a hidden layer."""

    def __init__(self, order):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh())
        made = {"used": nn.Linear(8, 3), "other": nn.Sequential(nn.Linear(8, 5), nn.Tanh(), nn.Linear(5, 2))}
        for name in order:
            self.add_module(name, made[name])
        self.order = order

    def forward(self, x):
        h = self.trunk(x)
        return {name: self.get_submodule(name)(h) for name in self.order}


@pytest.mark.parametrize("with_example", [False, True])
@pytest.mark.parametrize("rule", ["dfa", "dkp", "shallow"])
@pytest.mark.parametrize("order", [("used", "other"), ("other", "used")])
def test_the_output_layer_learns_by_the_error_itself_wherever_it_is_held(order, rule, with_example):
    torch.manual_seed(0)
    module, targets = OwnHead(order), torch.tensor([0, 1, 2, 0, 1, 2])
    example = {"example": X} if with_example else {}
    net, said = None, []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net = dfa.convert(module, rule, output="used", **example)
        nn.functional.cross_entropy(net(X)["used"], targets).backward()
    said = [str(one.message) for one in caught if "point" in str(one.message)]
    if rule != "shallow" and (with_example or order[0] == "used"):  # else nothing shows that a point is another head's
        (words,) = said
        assert "other.1" in words.partition("points=")[0]
        pasted = ast.literal_eval(words.partition("points=")[2].partition(")")[0])
        assert pasted == ["trunk.1", "trunk.3"]
        again = dfa.convert(module, rule, output="used", points=pasted, **example)
        assert said_by(lambda: nn.functional.cross_entropy(again(X)["used"], targets).backward()) == []
        assert again.other[0].weight.grad is None
    nn.functional.cross_entropy(module(X)["used"], targets).backward()
    assert torch.allclose(net.used.weight.grad, module.used.weight.grad)


class Popped(nn.Module):
    """A U-Net's way: the encoder gives a list, from which the decoder takes what it has used."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.ModuleList(
            [nn.Sequential(nn.Linear(4, 8), nn.Tanh()), nn.Sequential(nn.Linear(8, 8), nn.Tanh())]
        )
        self.pair, self.last = Pair(), nn.Linear(8, 3)

    def forward(self, x):
        for block in self.encoder:
            x = block(x)
        kept = self.pair(x)
        h = kept.pop()
        return self.last(h + kept.pop())


class Pair(nn.Module):
    """Gives a list of two tensors."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x):
        return [torch.tanh(self.a(x)), torch.tanh(self.b(x))]


class Extended(nn.Module):
    """The network puts its output into the mapping that a point gave, beside the rest or in its place."""

    def __init__(self, key):
        super().__init__()
        self.body, self.named, self.last, self.key = nn.Linear(4, 8), Named(), nn.Linear(8, 3), key

    def forward(self, x):
        found = self.named(torch.tanh(self.body(x)))
        found[self.key] = self.last(found["h"])
        return found


class Named(nn.Module):
    """Gives a mapping."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, x):
        return {"h": torch.tanh(self.linear(x))}


@pytest.mark.parametrize("points", [None, ["encoder.1", "pair"]])
def test_a_list_that_is_used_up_after_its_point(points):
    torch.manual_seed(0)
    module = Popped()
    net = dfa.convert(module, "dfa", points=points)
    net(X).square().sum().backward()
    module(X).square().sum().backward()
    assert torch.allclose(net(X), module(X))
    assert torch.allclose(net.last.weight.grad, module.last.weight.grad)


@pytest.mark.parametrize("points", [None, ["body", "named"]])
@pytest.mark.parametrize("key", ["logits", "h"])
def test_an_output_put_into_what_a_point_gave(key, points):
    torch.manual_seed(0)
    module = Extended(key)
    net = dfa.convert(module, "dfa", output=key, points=points)
    assert torch.equal(net(X)[key], module(X)[key])
    net(X)[key].square().sum().backward()
    module(X)[key].square().sum().backward()
    assert torch.allclose(net.last.weight.grad, module.last.weight.grad)


def test_an_audit_before_the_first_pass_says_of_the_network_that_trains():
    torch.manual_seed(0)
    net = dfa.convert(OwnHead(("used", "other")), "dfa", output="used")
    targets = torch.tensor([0, 1, 2, 0, 1, 2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = {row.parameter: row for row in dfa.audit(net, X, targets, nn.functional.cross_entropy)}
    assert "bp" in rows["used.weight"].explained
    assert "used.direct_output" not in net.state_dict()


def test_a_compiled_pass_before_any_other_is_an_error_where_a_point_gives_the_output():
    net = dfa.convert(OwnHead(("used", "other")), "dfa", output="used")
    with pytest.raises(dfa.DfaLabError, match="'used' gives the network's own output"):
        torch.compile(net, backend="eager")(X)


class Kept(nn.Module):
    """A hook of the user's keeps what a block gave, and the head reads that."""

    def __init__(self):
        super().__init__()
        self.body = nn.ModuleList([nn.Linear(4, 8), nn.Linear(8, 8)])
        self.last = nn.Linear(8, 3)
        self.body[1].register_forward_hook(lambda module, args, given: setattr(module, "kept", given))

    def forward(self, x):
        for block in self.body:
            x = block(x)
        return self.last(self.body[1].kept)


def test_what_a_hook_of_the_users_kept_is_read():
    assert said_by(lambda: dfa.convert(Kept(), "dfa", points=["body.0", "body.1"], example=X)) == []
