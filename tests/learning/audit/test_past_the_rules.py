"""The audit names weights that δ goes through past their layer and layers put in later; biases may be made, too."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

import dfa_lab as dfa

PAST = {
    "linear": lambda h, layer: F.linear(h, layer.weight),
    "the class's forward": lambda h, layer: nn.Linear.forward(layer, h),
    "matmul": lambda h, layer: h @ layer.weight.T,
    "einsum": lambda h, layer: torch.einsum("ni,oi->no", h, layer.weight),
}
BESIDE = {
    "nothing": lambda h, layer: 0.0,
    "as a scale": lambda h, layer: layer.weight[0] * h + layer.weight.sum(0),
    "a penalty of weights alone": lambda h, layer: (layer.weight @ layer.weight.T).mean(),
}


class Twice(nn.Module):
    """A layer whose weight is used once more, by ``again`` where that is set."""

    def __init__(self):
        super().__init__()
        self.below, self.layer, self.head = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.again = None

    def forward(self, x):
        h = torch.tanh(self.below(x))
        beside = 0.0 if self.again is None else self.again(h, self.layer)
        return self.head(torch.tanh(self.layer(h) + beside) + h)


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return torch.randn(9, 6), torch.randint(0, 3, (9,))


def converted(again, rule, x):
    net = dfa.convert(Twice(), rule, example=x)
    net.again = again  # after the first pass has decided
    return net


@pytest.mark.parametrize("rule", ["fa", "frsf", {"layer": "kp", "*": "bp"}])
@pytest.mark.parametrize("way", PAST)
def test_a_weight_used_past_its_layer_is_not_clean(batch, way, rule):
    audit = dfa.audit(converted(PAST[way], rule, batch[0]), *batch, F.cross_entropy)
    assert [row.parameter for row in audit.failures()] == ["layer.weight"]


def first_called(way, rule):
    net = Twice()
    net.again = PAST[way]
    return dfa.convert(net, rule)


@pytest.mark.parametrize("rule", ["fa", "frsf", {"layer": "kp", "*": "usf"}])
@pytest.mark.parametrize("way", PAST)
def test_an_audit_that_comes_first_says_what_to_do_of_a_weight_used_past_its_layer(batch, way, rule):
    net = first_called(way, rule)
    audit = dfa.audit(net, *batch, F.cross_entropy)
    (row,) = audit.failures()
    mapping = {"layer": "bp", "*": rule["*"] if isinstance(rule, dict) else rule}
    assert row.reason == f"its weight is used past its layer: leave it to backpropagation, rule={mapping}"
    assert f"1 NOT clean; 1 of these: {row.reason}." in repr(audit)
    assert "inf" not in repr(audit)
    with pytest.raises(dfa.DfaLabError, match=r"layer: Linear sends .* past the layer itself.*'layer': 'bp'"):
        net(batch[0])
    dfa.set_rule(net, mapping)
    assert dfa.audit(net, *batch, F.cross_entropy).clean


@pytest.mark.parametrize("way", PAST)
def test_a_measurement_that_comes_first_is_the_forward_pass_s_error(batch, way):
    net = first_called(way, "fa")
    with pytest.raises(dfa.DfaLabError) as ordinary:
        net(batch[0])
    for _ in range(2):
        with pytest.raises(dfa.DfaLabError) as measured:
            dfa.measure_alignment(net, *batch, F.cross_entropy)
        assert str(measured.value) == str(ordinary.value)
    dfa.set_rule(net, {"layer": "bp", "*": "fa"})
    assert len(dfa.measure_alignment(net, *batch, F.cross_entropy)) == 3


class Beside(Twice):
    """Calls the ``forward`` of a layer in place of the layer."""

    def forward(self, x):
        return self.head(self.layer.forward(torch.tanh(self.below(x))))


def test_a_layer_that_is_not_called_as_a_module_has_a_reason(batch):
    audit = dfa.audit(dfa.convert(Beside(), "fa"), *batch, F.cross_entropy)
    assert [row.parameter for row in audit.failures()] == ["layer.weight", "layer.bias"]
    assert {row.reason for row in audit.failures()} == {
        "its layer was not called as a module, so that what it sent cannot be seen"
    }


@pytest.mark.parametrize("way", BESIDE)
def test_a_weight_that_carries_nothing_beside_its_layer_is_clean(batch, way):
    assert dfa.audit(converted(BESIDE[way], "fa", batch[0]), *batch, F.cross_entropy).clean


@pytest.mark.parametrize("rule", ["bp", {"layer": "bp", "*": "fa"}])
def test_where_autograd_carries_no_weight_is_past_its_rule(batch, rule):
    assert dfa.audit(converted(PAST["linear"], rule, batch[0]), *batch, F.cross_entropy).clean


@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_hook_that_scales_a_gradient_is_not_clean_and_stays(batch, place):
    layers = parametrizations.weight_norm(nn.Linear(6, 8)), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 3)
    net = dfa.convert(nn.Sequential(*layers), "fa")
    name, hooked = next(net[place].named_parameters(prefix=str(place)))
    hooked.register_hook(lambda grad: 3 * grad)
    assert [row.parameter for row in dfa.audit(net, *batch, F.cross_entropy).failures()] == [name]
    plain = dfa.convert(nn.Sequential(*layers), "bp")
    for one in (net, plain):
        with dfa.true_gradients(one):
            F.cross_entropy(one(batch[0]), batch[1]).backward()
    assert torch.allclose(hooked.grad, 3 * plain.get_parameter(name).grad)


def test_a_layer_added_later_is_held_to_the_rule_that_was_chosen(batch):
    net = dfa.convert(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)), "fa")
    net.append(nn.Linear(3, 3))
    rows = dfa.audit(net, *batch, F.cross_entropy).failures()
    assert [(row.parameter, row.expected) for row in rows] == [("3.weight", "fa"), ("3.bias", "fa")]


def test_a_plain_layer_inside_a_direct_rule_s_block_is_clean(batch):
    net = dfa.convert(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)), "dfa", example=batch[0])
    net.append(nn.Linear(3, 3))
    assert dfa.audit(net, *batch, F.cross_entropy).clean


class Exponential(nn.Module):
    def forward(self, bias):
        return bias.exp()


def parametrized(layer):
    parametrize.register_parametrization(layer, "bias", Exponential())
    return layer


def pruned(layer):
    prune.l1_unstructured(layer, "bias", 0.3)
    return prune.random_unstructured(layer, "weight", 0.3) and layer


def both(layer):
    return parametrizations.weight_norm(parametrized(layer))


@pytest.mark.parametrize("rule", ["bp", "fa", "dfa"])
@pytest.mark.parametrize("change", [parametrized, pruned, both])
def test_a_bias_that_is_made_of_other_parameters_is_checked(batch, change, rule):
    layers = change(nn.Linear(6, 8)), nn.Tanh(), change(nn.Linear(8, 8)), nn.Tanh(), nn.Linear(8, 3)
    net = dfa.convert(nn.Sequential(*layers), rule, example=batch[0])
    audit = dfa.audit(net, *batch, F.cross_entropy)
    assert audit.clean
    assert not audit.unchecked()
    own = next(one for name, one in net[2].named_parameters() if "bias" in name)
    own.register_hook(lambda grad: 2 * grad)
    assert len(dfa.audit(net, *batch, F.cross_entropy).failures()) == 1


def test_a_convolution_s_bias_may_be_pruned():
    torch.manual_seed(0)
    layers = pruned(nn.Conv1d(2, 4, 3)), nn.ELU(), pruned(nn.ConvTranspose1d(4, 2, 2)), nn.Flatten(), nn.Linear(10, 3)
    net = dfa.convert(nn.Sequential(*layers), "fa")
    assert dfa.audit(net, torch.randn(5, 2, 6), torch.arange(5) % 3, F.cross_entropy).clean


def cut_off(module, inputs):
    return (inputs[0].detach(),)


@pytest.mark.parametrize("rule", ["bp", "fa", "kp"])
def test_a_layer_that_the_loss_does_not_depend_on_is_not_checked(batch, rule):
    net = dfa.convert(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3)), rule)
    assert not dfa.audit(net, *batch, F.cross_entropy).unchecked()
    net[2].register_forward_pre_hook(cut_off)
    audit = dfa.audit(net, *batch, F.cross_entropy)
    assert [row.parameter for row in audit.unchecked()] == ["0.weight", "0.bias"]
    assert {row.reason for row in audit.unchecked()} == {"the loss does not depend on it in this pass"}
    assert not audit.failures()


def test_layers_that_their_rule_leaves_as_they_are_are_checked(batch):
    layers = nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3)
    audit = dfa.audit(dfa.convert(nn.Sequential(*layers), "shallow"), *batch, F.cross_entropy)
    assert audit.clean
    assert not audit.unchecked()
