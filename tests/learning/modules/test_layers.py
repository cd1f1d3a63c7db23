"""Each converted layer beside torch's own: the same output; the same gradients with B = W; B alone in what is sent."""

import copy

import pytest
import torch
from torch import nn

import dfa_lab as dfa
from dfa_lab.learning.layers import LAYERS
from dfa_lab.learning.modules.error_projection import correlation, feedback_shape, project
from dfa_lab.learning.modules.layers import as_matrix, as_weight
from dfa_lab.learning.modules.layouts import FeaturesFirst

SEQUENCES = FeaturesFirst(output=False, hidden=False)

CONVS = {
    "conv1d": (lambda: nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2), (2, 4, 9)),
    "conv2d": (lambda: nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(0, 1), dilation=(1, 2)), (2, 4, 7, 8)),
    "conv2d same": (lambda: nn.Conv2d(4, 6, 2, padding="same", groups=2), (2, 4, 7, 7)),
    "conv2d valid": (lambda: nn.Conv2d(4, 6, 3, padding="valid", bias=False), (2, 4, 7, 7)),
    "conv2d reflect": (lambda: nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"), (2, 4, 7, 7)),
    "conv2d circular same": (lambda: nn.Conv2d(4, 6, 4, padding="same", padding_mode="circular"), (2, 4, 7, 7)),
    "conv2d without batch": (lambda: nn.Conv2d(4, 6, 3), (4, 7, 7)),
    "conv3d": (lambda: nn.Conv3d(4, 6, 2, padding=1), (2, 4, 4, 4, 4)),
    "transposed 1d": (lambda: nn.ConvTranspose1d(4, 6, 3, stride=2, output_padding=1), (2, 4, 5)),
    "transposed 2d": (lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, groups=2), (2, 4, 5, 5)),
    "transposed 3d": (lambda: nn.ConvTranspose3d(4, 6, 2, dilation=2), (2, 4, 3, 3, 3)),
    "linear": (lambda: nn.Linear(4, 6), (3, 4)),
    "linear on sequences": (lambda: nn.Linear(4, 6), (2, 3, 5, 4)),
    "linear on one": (lambda: nn.Linear(4, 6, bias=False), (4,)),
}


def passed(layer, x, delta=None):
    x = x.clone().requires_grad_()
    y = layer(x)
    delta = torch.ones_like(y) if delta is None else delta
    grads = torch.autograd.grad(y, [x, *layer.parameters()], delta)
    return y.detach(), grads[0], grads[1:]


@pytest.mark.parametrize("name", list(CONVS))
def test_a_layer_is_torchs_own_with_another_pullback(name):
    make, shape = CONVS[name]
    torch.manual_seed(0)
    layer, x = make().double(), torch.randn(shape, dtype=torch.float64)
    converted = dfa.convert(layer, "fa")
    y, sent, own = passed(layer, x)
    delta = torch.randn_like(y)
    y, sent, own = passed(layer, x, delta)
    again, other, parameters = passed(converted, x, delta)
    assert torch.equal(again, y)
    for one, two in zip(parameters, own, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-12)
    # What is sent down is what torch's own layer sends with B as its weight.
    stand_in = copy.deepcopy(layer)
    with torch.no_grad():
        stand_in.weight.copy_(converted.layerwise_weight)
    torch.testing.assert_close(other, passed(stand_in, x, delta)[1], rtol=1e-10, atol=1e-12)
    assert not torch.allclose(other, sent)
    dfa.redraw_feedback(converted, "transpose")
    torch.testing.assert_close(passed(converted, x, delta)[1], sent, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", list(CONVS))
def test_a_weight_as_a_matrix_and_back(name):
    layer = CONVS[name][0]()
    matrix = as_matrix(layer, layer.weight)
    assert torch.equal(as_weight(layer, matrix, layer.weight), layer.weight)
    columns = layer.in_features if isinstance(layer, nn.Linear) else layer.in_channels
    assert matrix.shape[1] == columns
    assert matrix.numel() == layer.weight.numel()


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.LSTMCell(4, 5),
        lambda: nn.GRUCell(4, 5),
        lambda: nn.RNNCell(4, 5),
        lambda: nn.RNNCell(4, 5, nonlinearity="relu", bias=False),
    ],
)
def test_a_cell_is_torchs_own(make, given, batched):
    torch.manual_seed(0)
    cell = make().double()
    lead = (3,) if batched else ()
    x, h, c = (torch.randn(*lead, n, dtype=torch.float64, requires_grad=True) for n in (4, 5, 5))
    state = ((h, c) if isinstance(cell, nn.LSTMCell) else h) if given else None
    net = dfa.convert(cell, "fa", feedback_init="transpose")
    inputs = [x, *([h] if given else []), *([c] if given and isinstance(cell, nn.LSTMCell) else [])]
    found = []
    for one in (cell, net):
        out = one(x, state)
        total = (out[0] * 2 + out[1]).sum() if isinstance(out, tuple) else out.square().sum()
        found.append((total, torch.autograd.grad(total, [*inputs, *one.parameters()], allow_unused=True)))
    torch.testing.assert_close(found[0][0], found[1][0])
    for one, two in zip(found[0][1], found[1][1], strict=True):
        torch.testing.assert_close(one, two, rtol=1e-10, atol=1e-12)
    dfa.redraw_feedback(net, "uniform")
    out = net(x, state)
    (sent,) = torch.autograd.grad((out[0] if isinstance(out, tuple) else out).sum(), x)
    assert not torch.allclose(sent, found[0][1][0])


def attention(kind):
    torch.manual_seed(0)
    options = {"batch_first": True, "dropout": 0.0}
    options |= {
        "plain": {},
        "sequence first": {"batch_first": False},
        "other widths": {"kdim": 6, "vdim": 4},
        "no bias": {"bias": False},
        "extra": {"add_bias_kv": True, "add_zero_attn": True},
        "dropout": {"dropout": 0.3},
    }[kind]
    layer = nn.MultiheadAttention(8, 2, **options).double()
    widths = (8, options.get("kdim", 8), options.get("vdim", 8))
    lead = (3, 5) if options["batch_first"] else (5, 3)
    return layer, [torch.randn(*lead, n, dtype=torch.float64, requires_grad=True) for n in widths]


@pytest.mark.parametrize("weights", [True, False])
@pytest.mark.parametrize("mask", ["none", "causal", "padding"])
@pytest.mark.parametrize("kind", ["plain", "sequence first", "other widths", "no bias", "extra", "dropout"])
def test_attention_is_torchs_own(kind, mask, weights):
    layer, inputs = attention(kind)
    masks = {
        "none": {},
        "causal": {"attn_mask": torch.triu(torch.ones(5, 5), 1).bool()},
        "padding": {"key_padding_mask": torch.tensor([[False] * 4 + [True]] * 3)},
    }[mask]
    net = dfa.convert(layer, "fa", feedback_init="transpose")
    sets = [inputs]
    if layer._qkv_same_embed_dim:
        sets += [[inputs[0]] * 3, [inputs[0], inputs[1], inputs[1]]]
    for qkv in sets:
        found = []
        for one in (layer, net):
            torch.manual_seed(3)
            out, scores = one(*qkv, need_weights=weights, **masks)
            leaves = [*{id(x): x for x in qkv}.values(), *one.parameters()]
            found.append((out, scores, torch.autograd.grad(out.square().sum(), leaves)))
        torch.testing.assert_close(found[0][0], found[1][0], rtol=1e-10, atol=1e-12)
        assert (found[0][1] is None) == (not weights)
        if weights:
            torch.testing.assert_close(found[0][1], found[1][1], rtol=1e-10, atol=1e-12)
        for a, b in zip(found[0][2], found[1][2], strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-11)


def test_every_layer_that_is_known_is_tried_here():
    tried = {type(make()) for make, _ in CONVS.values()} | {nn.LSTMCell, nn.GRUCell, nn.RNNCell, nn.MultiheadAttention}
    of_torch = {name for name, entry in LAYERS.items() if name.startswith("torch.") and not entry.elementwise}
    assert of_torch == {f"{kind.__module__}.{kind.__qualname__}" for kind in tried}


@pytest.mark.parametrize(
    ("output", "hidden", "maps", "sharing", "shape"),
    [
        ((4, 3), (4, 6), False, "auto", (3, 6)),
        ((4, 3), (4, 6, 5, 5), False, "auto", (3, 150)),
        ((4, 3), (4, 6, 5, 5), False, "shared", (3, 6)),
        ((4, 3), (4, 7, 6), False, "auto", (3, 6)),
        ((4, 3), (4, 7, 6), False, "flat", (3, 42)),
        ((4, 3), (4, 6, 7), True, "auto", (3, 42)),
        ((4, 3), (4, 6, 7), True, "shared", (3, 6)),
        ((4, 7, 3), (4, 7, 6), False, "auto", (3, 6)),
        ((4, 3, 8, 8), (4, 6, 4, 4), False, "auto", (3, 6)),
        ((4, 3, 8, 8), (4, 6, 16, 16), False, "auto", (3, 6)),
        ((4, 3, 8, 8), (4, 6), False, "auto", (3, 6)),
    ],
)
def test_delivery_by_hand(output, hidden, maps, sharing, shape):
    first = FeaturesFirst(*(len(one) > 3 or (len(one) == 3 and maps) for one in (output, hidden)))
    assert feedback_shape(output, hidden, first, sharing) == shape
    torch.manual_seed(0)
    e, matrix = torch.randn(output, dtype=torch.float64), torch.randn(shape, dtype=torch.float64)
    signal = project(e, matrix, hidden, first)
    assert tuple(signal.shape) == hidden
    if len(output) == 2 and shape[1] > 6:
        wanted = torch.einsum("no,oi->ni", e, matrix).reshape(hidden)
    elif len(output) == 2:
        once = torch.einsum("no,oc->nc", e, matrix)
        letters = {2: "nc", 3: "ncl" if maps else "nlc", 4: "ncxy"}[len(hidden)]
        ones = torch.ones([size for size, letter in zip(hidden, letters, strict=True) if letter not in "nc"])
        rest = letters.replace("n", "").replace("c", "")
        wanted = torch.einsum(f"nc,{rest}->{letters}", once, ones.double())
    elif len(output) == 3:
        wanted = torch.einsum("nlo,oc->nlc", e, matrix)
    elif len(hidden) == 2:
        wanted = torch.einsum("noxy,oc->nc", e, matrix) / 64
    else:
        here = (
            e.reshape(4, 3, 4, 2, 4, 2).mean((3, 5))
            if hidden[2] == 4
            else e.repeat_interleave(2, 2).repeat_interleave(2, 3)
        )
        wanted = torch.einsum("noxy,oc->ncxy", here, matrix)
    torch.testing.assert_close(signal, wanted, rtol=1e-12, atol=1e-12)
    h = torch.randn(hidden, dtype=torch.float64)
    found = correlation(dfa.RULES["dkp"], e, matrix, h, first)
    probe = torch.randn_like(matrix)
    torch.testing.assert_close((found * probe).sum(), (project(e, probe, hidden, first) * h).sum())


@pytest.mark.parametrize("positions", [6, 7, 14])
@pytest.mark.parametrize("output_first", [False, True])
def test_delivery_between_a_map_and_a_sequence(output_first, positions):
    torch.manual_seed(0)
    e, matrix = torch.randn(4, 7, 3, dtype=torch.float64), torch.randn(3, 6, dtype=torch.float64)
    first, hidden = (
        FeaturesFirst(output_first, not output_first),
        (4, positions, 6) if output_first else (4, 6, positions),
    )
    given = e.mT if output_first else e
    assert feedback_shape(given.shape, hidden, first, "auto") == (3, 6)
    signal = project(given, matrix, hidden, first)
    assert tuple(signal.shape) == hidden
    plain = project(e, matrix, (4, positions, 6), FeaturesFirst(False, False))
    torch.testing.assert_close(signal, plain if output_first else plain.mT)
    h, probe = torch.randn(hidden, dtype=torch.float64), torch.randn_like(matrix)
    found = correlation(dfa.RULES["dkp"], given, matrix, h, first)
    torch.testing.assert_close((found * probe).sum(), (project(given, probe, hidden, first) * h).sum())


def test_what_delivery_refuses():
    with pytest.raises(dfa.DfaLabError, match="batch first"):
        feedback_shape((4, 3), (7, 4, 6), SEQUENCES, "auto")
    with pytest.raises(dfa.DfaLabError, match="use 'shared'"):
        feedback_shape((4, 7, 3), (4, 7, 6), SEQUENCES, "flat")
    with pytest.raises(dfa.DfaLabError, match="cannot be laid over"):
        project(torch.zeros(4, 3, 8, 8), torch.zeros(3, 6), (4, 7, 6), FeaturesFirst(output=True, hidden=False))


@pytest.mark.parametrize("activation", ["sign", "heaviside", "stochastic_sign"])
def test_activations_with_a_surrogate_learn_in_a_module_too(activation):
    torch.manual_seed(0)
    x, t = torch.randn(20, 6, dtype=torch.float64), torch.randint(0, 3, (20,))
    mlp = dfa.MLP([6, 8, 3], rule="fa", activation=activation, weight_init="torch", dtype=x.dtype)
    module = nn.Sequential(nn.Linear(6, 8), dfa.ActivationLayer(activation), nn.Linear(8, 3)).double()
    with torch.no_grad():
        for number, layer in enumerate((module[0], module[2])):
            layer.weight.copy_(mlp.weights[number])
            layer.bias.zero_()
    net = dfa.convert(module, "fa")
    for one in (mlp, net):
        nn.functional.cross_entropy(one(x), t).backward()
    assert torch.equal(net[0].weight.grad, mlp.weights[0].grad)
    assert mlp.weights[0].grad.abs().max() > 0
    assert dfa.audit(net, x, t, nn.functional.cross_entropy).clean
    assert dfa.audit(mlp, x, t, nn.functional.cross_entropy).clean
    assert repr(module[1]) == f"ActivationLayer({activation!r})"


def test_the_stochastic_sign_is_as_often_positive_as_it_should_be():
    function = dfa.ACTIVATIONS["stochastic_sign"].function
    generator = torch.Generator().manual_seed(0)
    for mean in (-1.5, -0.9, -0.4, 0.0, 0.3, 0.8, 1.2):
        a = mean + 1e-3 * torch.randn(100_000, generator=generator)
        assert set(function(a).unique().tolist()) <= {-1.0, 1.0}
        assert function(a).mean().item() == pytest.approx(max(-1, min(1, mean)), abs=0.02)
        assert torch.equal(function(a), function(a))
