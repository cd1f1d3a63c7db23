"""Networks with 1-d convolutions: each tensor of three dimensions is read by itself, as map or as sequence."""

import copy
import pickle
import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa
from dfa_lab.learning.layers import LAYERS


class Transposed(nn.Module):
    def forward(self, x):
        return x.mT


class Tokens(nn.Module):
    """A convolution in front of an encoder, and a class for each token."""

    def __init__(self):
        super().__init__()
        self.front = nn.Conv1d(2, 6, 3, padding=1)
        layer = nn.TransformerEncoderLayer(6, 2, 10, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(6, 4)

    def forward(self, x):
        return self.head(self.encoder(self.front(x).mT))


class Patches(nn.Module):
    """Patches by a convolution, transposed inside the module that gives them; a class for the whole."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Sequential(nn.Conv1d(2, 6, 2, 2), Transposed())
        self.body = nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 6))
        self.head = nn.Linear(6, 4)

    def forward(self, x):
        h = self.patches(x)
        return self.head((h + self.body(h)).mean(1))


class Growing(nn.Module):
    """Gives what it got with more channels behind it, as in a DenseNet."""

    def __init__(self, channels, growth):
        super().__init__()
        self.conv = nn.Conv1d(channels, growth, 3, padding=1)

    def forward(self, x):
        return torch.cat([x, self.conv(x)], 1)


class UNet(nn.Module):
    """Two sizes of a signal, and a class for each place."""

    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Conv1d(2, 6, 3, padding=1), nn.ReLU())
        self.middle = nn.Sequential(nn.Conv1d(6, 5, 3, padding=1), nn.ReLU())
        self.up = nn.ConvTranspose1d(5, 6, 2, 2)
        self.out = nn.Conv1d(12, 4, 1)

    def forward(self, x):
        h = self.down(x)
        return self.out(torch.cat([h, self.up(self.middle(F.max_pool1d(h, 2)))], 1))


class Recurrent(nn.Module):
    """A convolution, an LSTM both ways, and a class for each step."""

    def __init__(self):
        super().__init__()
        self.conv, self.lstm = nn.Conv1d(2, 6, 3, padding=1), nn.LSTM(6, 5, batch_first=True, bidirectional=True)
        self.head = nn.Linear(10, 4)

    def forward(self, x):
        return self.head(self.lstm(self.conv(x).mT)[0])


class Product(nn.Module):
    """x W, as the layers of one package have it."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(inputs, outputs) / inputs**0.5)

    def forward(self, x):
        return x @ self.weight


def conv(inputs, outputs):
    return nn.Conv1d(inputs, outputs, 3, padding=1)


#: Builds a network; its inputs' shape; what is expected of each feedback point, (B's shape, whether features come
#: first), and of the output, by the name "", with the shape of its class numbers.
CASES = {
    "conv, then linear": (
        lambda: nn.Sequential(conv(2, 6), nn.ReLU(), Transposed(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4)),
        (8, 2, 7),
        {"1": ((4, 6), True), "4": ((4, 5), False), "": ((8, 7), False)},
    ),
    "linear, then conv": (
        lambda: nn.Sequential(nn.Linear(2, 6), nn.ReLU(), Transposed(), conv(6, 5), nn.ReLU(), conv(5, 4)),
        (8, 7, 2),
        {"1": ((4, 6), False), "4": ((4, 5), True), "": ((8, 7), True)},
    ),
    "conv, transposed at the end": (
        lambda: nn.Sequential(conv(2, 6), nn.ReLU(), conv(6, 4), Transposed()),
        (8, 2, 7),
        {"1": ((4, 6), True), "": ((8, 7), False)},
    ),
    "an activation behind a transpose": (
        lambda: nn.Sequential(conv(2, 6), Transposed(), nn.ReLU(), nn.Linear(6, 4)),
        (8, 2, 7),
        {"2": ((4, 6), False), "": ((8, 7), False)},
    ),
    "as many channels as places": (
        lambda: nn.Sequential(conv(2, 6), nn.ReLU(), Transposed(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6)),
        (8, 2, 6),
        {"1": ((6, 6), True), "4": ((6, 6), False), "": ((8, 6), False)},
    ),
    "linear, as many channels as places": (
        lambda: nn.Sequential(nn.Linear(2, 6), nn.ReLU(), Transposed(), conv(6, 6), nn.ReLU(), conv(6, 6)),
        (8, 6, 2),
        {"1": ((6, 6), False), "4": ((6, 6), True), "": ((8, 6), True)},
    ),
    "convolutions alone": (
        lambda: nn.Sequential(conv(2, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Flatten(), nn.Linear(42, 4)),
        (8, 2, 7),
        {"2": ((4, 42), True), "": ((8,), False)},
    ),
    "a mean over the places": (
        lambda: nn.Sequential(
            *(conv(2, 6), nn.GroupNorm(2, 6), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten()),
            *(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4)),
        ),
        (8, 2, 7),
        {"2": ((4, 42), True), "6": ((4, 5), False), "": ((8,), False)},
    ),
    "channels put together, as many as places in each part": (
        lambda: nn.Sequential(conv(2, 4), Growing(4, 7), nn.BatchNorm1d(11), nn.ReLU(), conv(11, 4)),
        (8, 2, 7),
        {"0": ((4, 4), True), "1": ((4, 11), True), "3": ((4, 11), True), "": ((8, 7), True)},
    ),
    "a gate over the channels": (
        lambda: nn.Sequential(conv(2, 14), nn.GLU(1), conv(7, 4)),
        (8, 2, 14),
        {"1": ((4, 7), True), "": ((8, 14), True)},
    ),
    "a gate, then transposed": (
        lambda: nn.Sequential(conv(2, 12), nn.GLU(1), Transposed(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4)),
        (8, 2, 7),
        {"2": ((4, 6), False), "4": ((4, 5), False), "": ((8, 7), False)},
    ),
    "patches of a picture, as many as features": (
        lambda: nn.Sequential(
            nn.Sequential(nn.Conv2d(1, 6, 2, 2), nn.Flatten(2), Transposed()),
            *(nn.Linear(6, 5), nn.Tanh(), Transposed(), conv(5, 4)),
        ),
        (8, 1, 4, 6),
        {"0": ((4, 6), False), "2": ((4, 5), False), "": ((8, 6), True)},
    ),
    "an encoder": (
        Tokens,
        (8, 2, 7),
        {"front": ((4, 6), True), "encoder.layers.0": ((4, 6), False), "encoder.layers.1": ((4, 6), False)}
        | {"": ((8, 7), False)},
    ),
    "patches": (
        Patches,
        (8, 2, 14),
        {"patches.0": ((4, 42), True), "body.2": ((4, 5), False), "body.3": ((4, 6), False), "": ((8,), False)},
    ),
    "a U-Net": (
        UNet,
        (8, 2, 8),
        {"down.1": ((4, 6), True), "middle.1": ((4, 5), True), "up": ((4, 6), True), "": ((8, 8), True)},
    ),
    "an LSTM": (
        Recurrent,
        (8, 2, 7),
        {"conv": ((4, 6), True), "lstm": ((4, 10), False), "": ((8, 7), False)},
    ),
    "a layer that was taught": (
        lambda: nn.Sequential(conv(2, 6), nn.ReLU(), Transposed(), Product(6, 5), nn.ReLU(), Product(5, 4)),
        (8, 2, 7),
        {"1": ((4, 6), True), "4": ((4, 5), False), "": ((8, 7), False)},
    ),
}
CHAINS = [name for name, (build, *_) in CASES.items() if isinstance(build(), nn.Sequential)]


@pytest.fixture(autouse=True)
def taught():
    LAYERS.register(Product, dfa.LayerKind(lambda layer, x, weight: x @ weight, transposed=True))
    yield
    del LAYERS._entries[f"{Product.__module__}.{Product.__qualname__}"]


def case(name, rule="dfa", **options):
    """A converted network in float64, inputs, class numbers, and what is expected of its points."""
    build, shape, expected = CASES[name]
    torch.manual_seed(0)
    module, x = build().double(), torch.randn(shape, dtype=torch.float64)
    points = {name: one for name, one in expected.items() if name}
    t = torch.randint(0, 4, expected[""][0])
    return dfa.convert(module, rule, points=list(points), example=x, **options), x, t, points, expected[""][1]


def loss_of(first):
    """The cross-entropy over all positions of an output with its classes first or last."""
    return lambda output, t: F.cross_entropy(output if first or output.dim() == 2 else output.movedim(-1, 1), t)


def gradients(net, x, t, loss, call=None):
    net.zero_grad()
    with dfa.lesson(net, t):
        loss((net if call is None else call)(x), t).backward()
    return [torch.zeros(()) if one.grad is None else one.grad.clone() for one in net.parameters()]


@pytest.mark.parametrize("rule", ["dfa", "sdfa", "drtp", "dkp"])
@pytest.mark.parametrize("name", CASES)
def test_each_tensor_is_read_by_itself(name, rule):
    net, x, t, points, first = case(name, rule)
    assert {point: tuple(one.shape) for point, one in dfa.feedback(net).items()} == {
        p: s for p, (s, _) in points.items()
    }
    assert dfa.audit(net, x, t, loss_of(first)).clean


@pytest.mark.parametrize("name", CHAINS)
def test_what_a_chain_receives_by_hand(name):
    net, x, t, points, first = case(name)
    found = gradients(net, x, t, loss_of(first))
    output = net(x).detach().requires_grad_()
    (e,) = torch.autograd.grad(loss_of(first)(output, t), output)
    if e.dim() == 3:
        e = e.mT if first else e  # (N, T, n_out)
    plain, h = copy.deepcopy(CASES[name][0]()).double(), x
    plain.load_state_dict(dfa.plain_state_dict(net))
    plain.train()
    for number, layer in enumerate(plain):
        h = layer(h)
        if str(number) not in points:
            continue
        (_, hidden_first), matrix = points[str(number)], dfa.feedback(net)[str(number)]
        signal = e @ matrix
        if e.dim() == 3:
            signal = signal.mT if hidden_first else signal
        (h * signal.reshape(h.shape)).sum().backward()
        h = h.detach()
    last = max(map(int, points))
    for wanted, (parameter, got) in zip(
        plain.parameters(), zip(net.named_parameters(), found, strict=True), strict=True
    ):
        if int(parameter[0].split(".")[0]) <= last:
            torch.testing.assert_close(got, wanted.grad, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(
    "name", ["convolutions alone", "a mean over the places", "a U-Net", "a gate over the channels"]
)
def test_networks_of_maps_alone_are_read_as_with_maps(name):
    net, x, t, _, first = case(name)
    other, *_ = case(name, maps=True)
    for one, two in zip(gradients(net, x, t, loss_of(first)), gradients(other, x, t, loss_of(first)), strict=True):
        assert torch.equal(one, two)


def test_without_a_1d_convolution_three_dimensions_are_a_sequence():
    module = nn.Sequential(nn.Linear(2, 6), nn.ReLU(), Transposed(), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(7, 4))
    net = dfa.convert(module, "dfa", example=torch.randn(8, 7, 2))
    assert [tuple(one.shape) for one in dfa.feedback(net).values()] == [(4, 6), (4, 7)]


@pytest.mark.parametrize("maps", [False, True])
def test_maps_decides_for_all(maps):
    net, *_ = case("conv, then linear", maps=maps)
    shapes = [(7, 6), (7, 7)] if maps else [(4, 7), (4, 5)]
    assert [tuple(one.shape) for one in dfa.feedback(net).values()] == shapes


@pytest.mark.parametrize("name", CASES)
def test_copies_and_loaded_states_read_alike(name):
    net, x, t, points, first = case(name)
    wanted = gradients(net, x, t, loss_of(first))
    fresh = dfa.convert(CASES[name][0]().double(), "dfa", points=list(points), feedback_seed=7)
    fresh.load_state_dict(net.state_dict())
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), fresh):
        for one, two in zip(gradients(other, x, t, loss_of(first)), wanted, strict=True):
            assert torch.equal(one, two)


@pytest.mark.parametrize("name", ["linear, then conv", "a gate over the channels", "an encoder"])
def test_compiled_networks_read_alike(name):
    net, x, t, _, first = case(name, "drtp")
    wanted = gradients(net, x, t, loss_of(first))
    torch._dynamo.reset()
    found = gradients(net, x, t, loss_of(first), torch.compile(net, backend="eager"))
    for one, two in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, two)


def test_other_lengths_are_read_alike():
    net, x, *_ = case("conv, then linear", "drtp")
    for length in range(1, 13):
        x, t = torch.randn(4, 2, length, dtype=x.dtype), torch.randint(0, 4, (4, length))
        assert dfa.audit(net, x, t, loss_of(False)).clean


def test_errors_say_how_tensors_were_read():
    net, x, t, *_ = case("conv, then linear", "drtp")
    said = "The output is read as (N, T, C), by '5'; convert(…, maps=True) reads three dimensions as (N, C, L)."
    with pytest.raises(dfa.DfaLabError, match=re.escape(said)):
        gradients(net, x, t.mT, loss_of(False))
    net, x, t, *_ = case("a mean over the places")
    said = "The hidden tensor is read as (N, C, L), by '1'; convert(…, maps=False) reads"
    with pytest.raises(dfa.DfaLabError, match=re.escape(said)):
        net(x[:, :, :5])
    net, x, t, *_ = case("a mean over the places", maps=True)
    with pytest.raises(dfa.DfaLabError, match="several sizes") as caught:
        net(x[:, :, :5])
    assert "is read as" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:nothing after feedback point")
@pytest.mark.parametrize("rule", ["dfa", "drtp"])
def test_positions_of_other_dimensions_are_an_error_with_the_example(rule):
    module = nn.Sequential(nn.Conv2d(1, 6, 3), nn.Tanh(), nn.Flatten(2), Transposed(), nn.Linear(6, 4))
    said = (
        "feedback point '1' cannot be delivered to: it gave shape (8, 6, 3, 3), with 2 dimensions of positions, and "
        "the network (8, 9, 4), with 1, so that e cannot be laid over it; choose other feedback points."
    )
    with pytest.raises(dfa.DfaLabError, match=re.escape(said)):
        dfa.convert(module, rule, example=torch.randn(8, 1, 5, 5))
    net = dfa.convert(module.requires_grad_(False), rule, example=torch.randn(8, 1, 5, 5))  # nothing is due there
    assert tuple(net[1].direct_output.shape) == (4, 6)


def pixels_by_way_of_tokens():
    tokens = nn.Flatten(2), Transposed(), nn.Linear(6, 5), nn.Tanh(), Transposed(), nn.Unflatten(2, (5, 5))
    return nn.Sequential(nn.Conv2d(1, 6, 3, padding=1), nn.Tanh(), *tokens, nn.Conv2d(5, 4, 1))


@pytest.mark.parametrize("rule", ["dfa", "drtp", "dkp"])
def test_a_found_point_that_e_cannot_be_laid_over_is_left_out_by_the_example(rule):
    torch.manual_seed(0)
    module, x, classes = pixels_by_way_of_tokens(), torch.randn(8, 1, 5, 5), torch.randint(4, (8, 5, 5))
    with pytest.warns(UserWarning, match=r"found 5 are left out.*It can be to the others: points=\['1'\]"):
        net = dfa.convert(module, rule, example=x)
    assert {name: tuple(one.shape) for name, one in dfa.feedback(net).items()} == {"1": (4, 6)}
    assert dfa.audit(net, x, classes, F.cross_entropy).clean
    with dfa.lesson(net, classes):
        F.cross_entropy(net(x), classes).backward()
    assert net[4].weight.grad.abs().sum() > 0, "it learns from the next point on the way, here by autograd"
    for points in (None, ["1", "5"]):
        with pytest.raises(dfa.DfaLabError, match=r"'5' cannot be delivered to.*points=\['1'\]"):
            dfa.convert(module, rule, points=points, **({"example": x} if points else {}))(x)


def test_similarities_of_a_batch_are_no_outputs_of_a_direct_rule():
    class Similarities(nn.Sequential):
        def forward(self, x):
            found = super().forward(x)
            return found @ found.T

    net = dfa.convert(Similarities(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4)), "dfa", example=torch.randn(6, 6))
    with pytest.raises(dfa.DfaLabError, match="similarities of the samples of a batch"):
        net(torch.randn(4, 6))
