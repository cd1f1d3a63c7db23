"""The recorder that measure_alignment and audit share: what each layer received and sent is what training has."""

import pytest
import torch
import torch.nn.functional as F

import dfa_lab as dfa
from dfa_lab.learning.alignment.recorded_passes import Clones, record, recorded_with_paths
from dfa_lab.learning.modules import conversion_of
from dfa_lab.learning.recording import side_effect_free
from zoo import make


@pytest.mark.parametrize("rule", ["fa", "dfa", "drtp"])
@pytest.mark.parametrize("name", ["resnet", "lstm"])
def test_both_ways_of_recording_have_the_gradients_of_training(name, rule):
    module, x, t = make(name)
    net = dfa.convert(module, rule, example=x)
    seen = conversion_of(net)
    with side_effect_free(seen):
        names = [name for name, _ in net.named_modules()]
        plain = record(seen, names, x, t, F.cross_entropy, "mean", with_inputs=True)
        passed = plain.backward()
    with side_effect_free(seen), recorded_with_paths(seen, x, t, F.cross_entropy, "mean") as (recording, _):
        by_rule = recording.backward()
    with dfa.lesson(net, t):
        F.cross_entropy(net(x), t).backward()
    for name, parameter in net.named_parameters():
        for found in (passed.parameters[name], by_rule.parameters[name]):
            assert (found is None) == (parameter.grad is None)
            if found is not None:
                torch.testing.assert_close(found, parameter.grad, rtol=1e-10, atol=1e-14)
    others = {(call.name, plain.calls_of(call.name).index(call)): call for call in plain.calls}
    assert recording.calls
    for call in recording.calls:
        other = others[call.name, recording.calls_of(call.name).index(call)]
        torch.testing.assert_close(by_rule.received(call), passed.received(other), rtol=1e-10, atol=1e-14)


def test_what_a_call_sent_is_its_own_part_of_a_shared_gradient():
    torch.manual_seed(0)
    layers = {name: torch.nn.Linear(4, 4) for name in ("stem", "left", "right")}
    net = dfa.convert(torch.nn.ModuleDict(layers).double(), "bp")
    net.forward = lambda x: net["left"](h := net["stem"](x)) + net["right"](h)
    x, t = torch.randn(5, 4, dtype=torch.float64), torch.randint(0, 4, (5,))
    with side_effect_free(conversion_of(net)):
        recording = record(
            conversion_of(net), ["stem", "left", "right"], x, t, F.cross_entropy, "mean", with_inputs=True
        )
        passed = recording.backward()
    stem, left, right = recording.calls
    for call in (left, right):
        torch.testing.assert_close(passed.at(call.inputs)[0], passed.error @ call.module.weight)
    torch.testing.assert_close(passed.received(stem), passed.at(left.inputs)[0] + passed.at(right.inputs)[0])


def test_a_tensor_has_one_clone_and_integers_none():
    clones, one, number = Clones(force=True), torch.ones(2), torch.ones(2, dtype=torch.int64)
    assert clones(one) is clones(one)
    assert clones(number) is number
    assert len(clones.tensors) == len(clones.edges) == 1
    assert clones.edges[0] is not None
    with torch.no_grad():
        clones(torch.zeros(2))
    assert clones.edges[1] is None
