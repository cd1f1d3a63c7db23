"""``output=``: where the output is in what a network returns, under direct and layerwise rules."""

import copy
import pickle

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import dfa_lab as dfa
from dfa_lab.learning.ops.nested import parts_of
from returning import PACKS, Inside, ModelOutput, Returning, real_output, space

RULES = ("dfa", "sdfa", "drtp", "dkp", "shallow", "fa", "kp")


def made(pack, rule, output=None, module=Returning):
    torch.manual_seed(0)
    return dfa.convert(module(pack).double(), rule, points=["body.1", "body.3"], output=output)


def batch():
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(9, 6, generator=draw, dtype=torch.float64)
    return x, torch.randint(0, 4, (9,), generator=draw)


def pair(name, rule):
    """The network that packs what it returns, and the one that returns its logits."""
    if name == "transformers":
        pytest.importorskip("transformers")
    pack, place = PACKS[name]
    return made(pack, rule, place), made(lambda y, _: y, rule)


def gradients(net, x, t, logits):
    with dfa.lesson(net, t):
        F.cross_entropy(logits(net(x)), t).backward()
    return [parameter.grad for parameter in net.parameters()]


def found_at(returned, place):
    if callable(place):
        return place(returned)
    return getattr(returned, place) if hasattr(returned, str(place)) else returned[place]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", PACKS)
@pytest.mark.filterwarnings("ignore:rule .* is not attached", "ignore:.*attach")
def test_it_learns_as_the_network_that_returns_its_output_alone(name, rule):
    net, plain = pair(name, rule)
    x, t = batch()
    own = gradients(net, x, t, lambda returned: found_at(returned, PACKS[name][1]))
    other = gradients(plain, x, t, lambda returned: returned)
    for one, two in zip(own, other, strict=True):
        assert (one is None) == (two is None)
        assert one is None or torch.equal(one, two)


@pytest.mark.parametrize("rule", ["dfa", "drtp", "fa"])
@pytest.mark.parametrize("name", PACKS)
def test_it_is_measured_as_the_network_that_returns_its_output_alone(name, rule):
    x, t = batch()
    nets = pair(name, rule)
    rows, others = (dfa.audit(net, x, t, F.cross_entropy) for net in nets)
    assert list(rows) == list(others)
    assert all(row.clean for row in rows)
    tables = [dfa.measure_alignment(net, x, t, F.cross_entropy, draws=3).to_frame() for net in nets]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


@pytest.mark.parametrize("name", PACKS)
def test_what_is_returned_keeps_its_type_and_holds_the_joined_output_wherever_it_held_it(name):
    net, _ = pair(name, "dfa")
    x, t = batch()
    returned, place = net(x), PACKS[name][1]
    assert type(returned) is type(PACKS[name][0](x, (x,)))
    logits = found_at(returned, place)
    assert "DirectFeedback" in type(logits.grad_fn).__name__
    if name == "twice":
        assert returned["scores"][0] is logits
        assert returned["hidden_states"][-1] is logits
    with torch.no_grad():
        plain = net.head(net.body(x))
    assert torch.equal(logits, plain)
    parts = [one for one in parts_of(returned) if one is not None]
    assert sum(isinstance(one, Tensor) for one in parts) in (0, 1)
    F.cross_entropy(logits, t).backward()
    assert all(one.grad is not None for one in net.parameters())


def test_a_hidden_layer_receives_e_times_b():
    net = made(PACKS["ModelOutput"][0], "dfa", "logits")
    x, t = batch()
    first = torch.tanh(F.linear(x, net.body[0].weight, net.body[0].bias))
    output = net(x).logits
    F.cross_entropy(output, t).backward()
    e = (output.softmax(-1) - F.one_hot(t, 4)) / len(x)
    delta = (e @ net.body[1].direct_output) * (1 - first**2)
    assert torch.allclose(net.body[0].weight.grad, delta.mT @ x, atol=1e-12, rtol=0)


def test_the_real_model_output_is_mapped_and_keeps_its_ways():
    pytest.importorskip("transformers")
    from dfa_lab.learning.ops import mapped

    h = torch.ones(2)
    value = real_output()(logits=h, hidden_states=(h, h))
    found = mapped(value, lambda one: one + 1)
    assert type(found) is real_output()
    assert found.logits is found["logits"] is found[0]
    assert found.logits.tolist() == [2, 2]
    assert found.hidden_states[1].tolist() == [2, 2]
    assert value.logits is h
    assert found.loss is None


@pytest.mark.parametrize(
    ("pack", "words"),
    [
        (
            lambda y, h: {"logits": y, "h": h},
            r"gave a dict; .*output='logits'\).*'logits' \(9, 4\), returned\['h'\]\[0\] \(9, 6\)",
        ),
        (lambda y, h: ModelOutput(logits=y), r"gave a ModelOutput; .*output='logits'"),
        (lambda y, h: (h, y), r"gave a tuple; .*output=1\).*returned\[0\]\[2\] \(9, 7\), 1 \(9, 4\)"),
        (lambda y, h: space(logits=y), r"gave a SimpleNamespace; expected a tensor, or a tuple, list, mapping"),
        (lambda y, h: [[y]], r"gave a list; .*output=lambda returned: returned\[0\]\[0\]"),
    ],
)
def test_without_output_the_error_names_the_tensors_there_are(pack, words):
    with pytest.raises(dfa.DfaLabError, match=words):
        made(pack, "dfa")(batch()[0])


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("logit", r"output='logit' is not in what the network returned, a dict; .*output='logits'"),
        (5, r"output=5 is not in"),
        ("states", r"output='states' is a tuple in what the network returned"),
        (lambda returned: returned.logits, r"a function, failed on .* AttributeError"),
        (lambda returned: 3, r"output=a function is a int"),
        (lambda returned: returned["logits"][:, :2], r"does not hold; a direct rule has to replace"),
    ],
)
def test_a_place_where_no_output_is_is_an_error(output, words):
    net = made(lambda y, h: {"logits": y, "states": h}, "dfa", output)
    with pytest.raises(dfa.DfaLabError, match=words):
        net(batch()[0])


@pytest.mark.parametrize("output", [1.5, True, ["logits"], b"logits"])
def test_what_says_no_place_is_refused_at_once(output):
    with pytest.raises(dfa.DfaLabError, match=r"output was given as .*; expected a key"):
        made(lambda y, h: {"logits": y}, "fa", output)


@pytest.mark.parametrize("output", ["logits", 0])
def test_a_place_in_a_network_that_returns_one_tensor_is_an_error(output):
    with pytest.raises(dfa.DfaLabError, match="returns one tensor: leave it out"):
        made(lambda y, h: y, "dfa", output)(batch()[0])


def test_a_slice_is_an_output_under_a_layerwise_rule():
    net = made(lambda y, h: {"logits": y}, "fa", lambda returned: returned["logits"][:, :3])
    x, t = batch()
    assert dfa.audit(net, x, t % 3, F.cross_entropy).clean
    assert len(dfa.measure_alignment(net, x, t % 3, F.cross_entropy)) == 3


def test_a_layerwise_rule_gives_the_loss_what_the_network_returns_where_no_output_is_named():
    net = made(lambda y, h: {"logits": y}, "fa")
    x, t = batch()
    assert dfa.audit(net, x, t, lambda returned, t: F.cross_entropy(returned["logits"], t)).clean
    with pytest.raises(dfa.DfaLabError, match=r"loss_fn was given a dict; .*output='logits'"):
        dfa.audit(net, x, t, F.cross_entropy)


@pytest.mark.parametrize("wide", [False, True])
def test_a_loss_computed_inside_is_an_error_under_a_direct_rule(wide):
    x, t = batch()
    torch.manual_seed(0)
    net = dfa.convert(Inside(wide).double(), "dfa", points=["net.body.1", "net.body.3"], output="logits")
    returned = net(x, labels=t)
    assert torch.equal(returned.loss, F.cross_entropy(returned.logits, t))
    with pytest.raises(dfa.DfaLabError, match="Compute the loss outside"):
        returned.loss.backward()
    if not wide:
        with pytest.raises(dfa.DfaLabError, match="Compute the loss outside"):
            net(x).shares.square().sum().backward()
    returned = net(x, labels=t)
    (F.cross_entropy(returned.logits, t) + returned.penalty).backward()
    assert all(one.grad is not None for one in net.parameters())
    layerwise = dfa.convert(Inside(wide).double(), "fa", output="logits")
    layerwise(x, labels=t).loss.backward()
    assert all(one.grad is not None for one in layerwise.parameters())


class Scalar(nn.Module):
    def __init__(self, pack=lambda loss: loss):
        super().__init__()
        self.n, self.pack = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4)), pack

    def forward(self, x, y):
        return self.pack(F.cross_entropy(self.n(x), y))


class Numbers(Scalar):
    def forward(self, x, y):
        return self.n(x).argmax(-1)


@pytest.mark.parametrize(
    ("module", "output"),
    [
        (Scalar(), None),
        (Scalar(lambda loss: (loss,)), 0),
        (Scalar(lambda loss: {"loss": loss}), "loss"),
        (Numbers(), None),
        (Returning(lambda y, h: y.sum()), None),
    ],
)
@pytest.mark.parametrize("rule", ["dfa", "drtp", "dkp"])
def test_a_network_that_gives_no_output_but_a_number_is_an_error(module, output, rule):
    x, t = torch.randn(9, 6), torch.randint(0, 4, (9,))
    given = (x,) if isinstance(module, Returning) else (x, t)
    with pytest.raises(dfa.DfaLabError, match=r"a direct rule needs one tensor \(N, …, n_out\)"):
        dfa.convert(module, rule, output=output, example=given)


def test_the_network_s_output_at_a_point_is_an_error_inside_a_container_too():
    torch.manual_seed(0)
    module = Returning(lambda y, h: {"logits": h[-1]})
    net = dfa.convert(module, "dfa", points=["body.1", "body.3"], output="logits")
    with pytest.raises(dfa.DfaLabError, match=r"'body\.3' gives the network's own output"):
        net(torch.randn(3, 6))


def test_copies_keep_where_the_output_is():
    net = made(PACKS["ModelOutput"][0], "dfa", "logits")
    net.pack = made  # a lambda is not pickled
    for one in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert one.dfa_conversion.output == "logits"


@pytest.mark.parametrize("name", ["mapping", "ModelOutput", "dataclass", "tuple"])
def test_functional_gradients_are_the_eager_ones(name):
    net, _ = pair(name, "dfa")
    x, t = batch()
    place = PACKS[name][1]
    wanted = gradients(net, x, t, lambda returned: found_at(returned, place))

    def loss(parameters):
        return F.cross_entropy(found_at(torch.func.functional_call(net, parameters, (x,)), place), t)

    own = torch.func.grad(loss)({key: one.detach() for key, one in net.named_parameters()})
    for one, two in zip(wanted, own.values(), strict=True):
        assert torch.equal(one, two)
