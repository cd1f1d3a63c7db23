"""A Monitor of networks that take and return several tensors."""

import pytest
import torch
import torch.nn.functional as F

import dfa_lab as dfa
from returning import Arguments, token_batch


@pytest.mark.parametrize("rule", [None, "dfa", "fa"])
@pytest.mark.parametrize("kind", [dict, lambda batch: tuple(batch.values())])
def test_a_mapping_and_a_tuple_are_measured_and_their_output_is_found(rule, kind):
    batch, t = token_batch(30, torch.float32)
    torch.manual_seed(0)
    net = Arguments()
    net = net if rule is None else dfa.convert(net, rule, output="logits")
    given = {} if rule else {"output": "logits"}
    monitor = dfa.Monitor(net, F.cross_entropy, probe=(kind(batch), t), test=(kind(batch), t), **given)
    for _ in range(4):
        loss = F.cross_entropy(net(**batch)["logits"], t)
        loss.backward()
        monitor.step(loss.detach(), samples=30)
    assert monitor.error == ""
    with torch.no_grad():
        assert monitor.history.last("test_loss") == pytest.approx(float(loss), abs=1e-6)
    assert monitor.history.values("gradient_alignment", layer=1)[0].tolist() == [0, 1, 2, 4]


def test_what_does_not_fit_says_how_to_name_the_output():
    batch, t = token_batch(30, torch.float32)
    with pytest.raises(dfa.DfaLabError, match=r"given a dict; say where the output is, .*output='logits'"):
        dfa.Monitor(Arguments(), F.cross_entropy, probe=(batch, t))
    net = dfa.convert(Arguments(), "fa", output="logits")
    with pytest.raises(dfa.DfaLabError, match="beside a converted net, which has its own, 'logits'"):
        dfa.Monitor(net, F.cross_entropy, probe=(batch, t), output=0)
    with pytest.raises(dfa.DfaLabError, match=r"output was given as 1\.5"):
        dfa.Monitor(Arguments(), F.cross_entropy, probe=(batch, t), output=1.5)
