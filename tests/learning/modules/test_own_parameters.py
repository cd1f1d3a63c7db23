"""Which parameters of a module of one's own carry δ: seen on the first pass, said once, with the mapping to paste."""

import ast
import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa


class Tokens(nn.Module):
    """A class token, position embeddings and a table that is looked up: nothing of them carries δ."""

    def __init__(self):
        super().__init__()
        self.cls_token = nn.Parameter(torch.randn(1, 1, 8))
        self.position = nn.Parameter(torch.randn(1, 5, 8))
        self.table = nn.Parameter(torch.randn(7, 8))
        self.gamma = nn.Parameter(torch.ones(8))
        self.body, self.head = nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x):
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.position
        x = x + self.table[torch.arange(5)]
        return self.head(torch.tanh(self.gamma * self.body(x))[:, 0])


class Own(nn.Module):
    """A matrix of its own."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) * 0.3)

    def forward(self, x):
        return F.linear(x, self.weight)


class Standardised(Own):
    def forward(self, x):
        return F.linear(x, (self.weight - self.weight.mean()) / self.weight.std())


class Convolving(nn.Module):
    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(8, 8, 1) * 0.3)

    def forward(self, x):
        return F.conv1d(x.unsqueeze(-1), self.kernel).squeeze(-1)


class Thin(Own):
    """W and a product of thin matrices."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.up, self.down = nn.Parameter(torch.randn(outputs, 2)), nn.Parameter(torch.randn(2, inputs))

    def forward(self, x):
        return F.linear(x, self.weight + self.up @ self.down)


class Attending(nn.Module):
    """Attention whose queries and keys come from matrices of its own; its input is the network's."""

    def __init__(self):
        super().__init__()
        self.q, self.k = nn.Parameter(torch.randn(8, 8)), nn.Parameter(torch.randn(8, 8))
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(((x @ self.q) @ (x @ self.k).mT @ x).mean(1))


class Past(nn.Module):
    """Uses the weight of a layer past the layer itself."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.three = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, x):
        return self.three(torch.tanh(F.linear(self.one(x), self.two.weight)))


def test_parameters_that_carry_nothing_are_left_to_autograd():
    module, x = Tokens(), torch.randn(6, 4, 8)
    for rule in dfa.RULES:
        net = dfa.convert(module, rule, points=["body"])
        with dfa.lesson(net, torch.arange(6) % 3):
            F.cross_entropy(net(x), torch.arange(6) % 3).backward()
        if dfa.RULES[rule].route is dfa.Route.LAYERWISE:
            assert all(one.grad is not None for one in net.parameters())
    assert dfa.convert(Attending(), "fa")(torch.randn(2, 5, 8)).shape == (2, 3)  # no δ goes to its input


@pytest.mark.parametrize(("make", "own"), [(Own, "weight"), (Standardised, "weight"), (Thin, "up")])
def test_a_matrix_of_ones_own_is_said_with_a_mapping_that_can_be_pasted(make, own):
    module = nn.Sequential(make(8, 8), nn.Tanh(), make(8, 8), nn.Tanh(), Convolving(), nn.Linear(8, 3))
    x = torch.randn(4, 8)
    net = dfa.convert(module, "fa")
    for _ in range(2):  # until another rule is chosen
        with pytest.raises(dfa.DfaLabError, match="2 layers cannot learn by a layerwise rule") as caught:
            net(x)
    words = str(caught.value)
    assert f"2: {make.__name__} sends δ through its own" in words
    assert own in words.split("4: ")[0]
    assert "4: Convolving sends δ through its own kernel" in words
    mapping = re.search(r"rule=(\{.*?\});", words).group(1)
    assert mapping == "{'2': 'bp', '4': 'bp', '*': 'fa'}"
    dfa.set_rule(net, ast.literal_eval(mapping))
    net(x).sum().backward()
    with torch.no_grad():
        dfa.convert(module, "fa")(x)  # nothing to be seen yet
    with pytest.raises(dfa.DfaLabError, match="2 layers cannot"):
        dfa.convert(module, "fa", example=x)
    dfa.convert(module, "bp")(x)
    dfa.convert(module, "dfa")(x)


def test_a_weight_that_is_used_past_its_layer_is_said():
    with pytest.raises(dfa.DfaLabError, match=r"1 layer .*two: Linear sends .* past the layer itself.*'two': 'bp'"):
        dfa.convert(Past(), "fa", example=torch.randn(4, 8))
    dfa.convert(Past(), {"two": "bp", "*": "fa"}, example=torch.randn(4, 8))


class Root(nn.Module):
    def __init__(self):
        super().__init__()
        self.matrix, self.below, self.above = nn.Parameter(torch.randn(8, 8)), nn.Linear(6, 8), nn.Linear(8, 3)

    def forward(self, x):
        return self.above(self.below(x) @ self.matrix)


@pytest.mark.parametrize("name", ["", "the module itself", "matrix", "mat*"])
def test_the_root_and_parameters_have_names(name):
    with pytest.raises(dfa.DfaLabError, match=r"the module itself: Root .*\{'the module itself': 'bp', '\*': 'fa'\}"):
        dfa.convert(Root(), "fa", example=torch.randn(4, 6))
    net = dfa.convert(Root(), {name: "bp", "*": {"name": "kp", "decay": 0.1}}, example=torch.randn(4, 6))
    assert net.above.rule.decay == 0.1
    with pytest.raises(dfa.DfaLabError, match=r"'matrx', which matches no layer\. Layers and points: below, above"):
        dfa.convert(Root(), {"matrx": "bp", "*": "fa"})


def test_nothing_is_looked_at_by_compilers_and_torch_func():
    net = dfa.convert(Root(), "fa")
    x = torch.randn(4, 6)
    own = {name: one.detach() for name, one in net.named_parameters()}
    torch.func.grad(lambda p: torch.func.functional_call(net, p, (x,)).sum())(own)
    with pytest.raises(dfa.DfaLabError, match="the module itself"):
        net(x)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.Sequential(nn.Linear(6, 8), torch.jit.script(nn.Linear(8, 3))), r"1: scripted.*before torch.jit"),
        (lambda: nn.Sequential(nn.Linear(6, 8), nn.LazyConv1d(3, 1)), "1: no weights yet; run one batch"),
        (lambda: nn.Sequential(nn.Linear(6, 8), nn.Linear(8, 3, dtype=torch.complex64)), "1: complex parameters"),
        (lambda: Root().to(torch.complex64), "the module itself, below, above: complex"),
    ],
)
def test_what_no_rule_can_be_used_in_is_refused_by_every_rule(make, words):
    for rule in ("bp", "fa", "dfa", {"0": "fa"}):
        with pytest.raises(dfa.DfaLabError, match=words):
            dfa.convert(make(), rule)


@pytest.mark.parametrize(
    "act", [nn.ReLU, nn.SiLU, nn.ELU, nn.CELU, nn.SELU, nn.Mish, nn.Hardswish, nn.Hardsigmoid, nn.LeakyReLU]
)
def test_another_derivative_leaves_what_an_activation_in_place_does(act):
    class Side(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.act, self.b = nn.Linear(4, 8), act(inplace=True), nn.Linear(8, 3)

        def forward(self, x):
            h = self.a(x)
            self.act(h)
            return self.b(h)

    module, x = Side().double(), torch.randn(5, 4, dtype=torch.float64)
    net = dfa.convert(module, "bp", activation_derivative="step")
    assert torch.equal(net(x), module(x))
    net(x).sum().backward()
    gate = (module.a(x) > 0).double()
    delta = torch.ones(5, 3, dtype=torch.float64) @ module.b.weight * gate
    torch.testing.assert_close(net.a.weight.grad, delta.T @ x)


def test_an_activation_layer_takes_a_function():
    module = nn.Sequential(nn.Linear(4, 6), dfa.ActivationLayer(torch.sin), nn.Linear(6, 2)).double()
    x, t = torch.randn(5, 4, dtype=torch.float64), torch.tensor([0, 1, 0, 1, 1])
    net = dfa.convert(module, "fa", activation_derivative=torch.cos)
    F.cross_entropy(net(x), t).backward()
    other = dfa.convert(module, "fa")
    F.cross_entropy(other(x), t).backward()
    torch.testing.assert_close(net[0].weight.grad, other[0].weight.grad)
    assert dfa.audit(net, x, t, F.cross_entropy).clean


class Wrapped(nn.Module):
    """Twenty layers under a name of their own, as models of packages hold them."""

    def __init__(self):
        super().__init__()
        self.model = nn.ModuleDict({"encoder": nn.ModuleDict({"layers": nn.ModuleList()})})
        self.model["encoder"]["layers"].extend(nn.Linear(4, 4) for _ in range(20))
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        for layer in self.model["encoder"]["layers"]:
            x = layer(x).relu()
        return self.head(x)


def of_points(given):
    dfa.convert(Wrapped(), "dfa", points=[given])


def of_rules(given):
    dfa.convert(Wrapped(), {given: "fa", "*": "bp"})


def of_derivatives(given):
    layers = {f"act{number}": nn.Tanh() for number in range(30)}
    module = nn.ModuleDict({"model": nn.ModuleDict(layers), "head": nn.Linear(2, 2)})
    dfa.convert(module, "fa", activation_derivative={given: "step"})


@pytest.mark.parametrize(
    ("use", "given", "meant"),
    [
        (of_points, "encoder.layers.7", "model.encoder.layers.7"),
        (of_points, "layers.11", "model.encoder.layers.11"),
        (of_points, "model.encoder.layer.3", "model.encoder.layers.3"),
        (of_points, "heat", "head"),
        (of_rules, "encoder.layers.7", "model.encoder.layers.7"),
        (of_rules, "encoder.*", "*.encoder.*"),
        (of_rules, "layers.1[01]", "*.layers.1[01]"),
        (of_rules, "Model.encoder.layers.2", "model.encoder.layers.2"),
        (of_derivatives, "act29", "model.act29"),
        (of_derivatives, "modl.act28", "model.act28"),
    ],
)
def test_an_unknown_name_is_asked_about_with_the_near_ones_first(use, given, meant):
    with pytest.raises(dfa.DfaLabError, match=re.escape(f"Did you mean {meant!r}")) as caught:
        use(given)
    words = str(caught.value)
    listed = re.search(r"(?:Modules|points|layers): ([^:]*?)(?: and \d+ more)?\.(?: |$)", words).group(1).split(", ")
    assert meant.startswith("*") or listed[0] == meant
    assert len(listed) <= 13
    assert re.search(r" and \d+ more\.", words)
    use(meant)


@pytest.mark.parametrize("use", [of_points, of_rules, of_derivatives])
@pytest.mark.parametrize("given", ["zzz", "z*", "x" * 3000])
def test_a_name_that_is_near_to_none_is_answered_with_ten(use, given):
    with pytest.raises(dfa.DfaLabError, match=r" and \d+ more\.") as caught:
        use(given)
    assert "Did you mean" not in str(caught.value)
    assert str(caught.value).count(", ") < 20
