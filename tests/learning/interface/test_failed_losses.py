"""A loss that fails is one DfaLabError, wherever it is called: what it was given, why, and what would fit."""

import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa
from returning import ModelOutput


def flat(output, targets):
    return F.cross_entropy(output.flatten(0, 1), targets.flatten())


class Tokens(nn.Module):
    """A class a token, (N, 5, 4), and what is below it, (N, 5, 8)."""

    def __init__(self, pack):
        super().__init__()
        self.below, self.act, self.head, self.pack = nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 4), pack

    def forward(self, x):
        hidden = self.act(self.below(x))
        return self.pack(logits=self.head(hidden), hidden_states=(hidden,))


CALLERS = {
    "audit": lambda net, plain, output, probe, loss: dfa.audit(net, *probe, loss),
    "measure_alignment": lambda net, plain, output, probe, loss: dfa.measure_alignment(net, *probe, loss),
    "Monitor": lambda net, plain, output, probe, loss: dfa.Monitor(net, loss, probe=probe),
    "Monitor of a plain net": lambda net, plain, output, probe, loss: dfa.Monitor(
        plain, loss, probe=probe, output=output
    ),
}
HELD = r"it holds 'logits' \(9, 5, 4\), returned\S+ \(9, 5, 8\)\.$"
CASES = {
    "no output": (None, flat, "AttributeError: .*no attribute 'flatten'", r"output='logits'\), .*" + HELD),
    "the whole": ("logits", lambda o, t: flat(o.logits, t), "AttributeError: .*'logits'", "'logits' alone of.*" + HELD),
    "the whole's key": ("logits", lambda o, t: flat({"o": o}["logits"], t), "KeyError", "'logits' alone of.*" + HELD),
    "not flattened": (
        "logits",
        F.cross_entropy,
        "RuntimeError",
        r"\(output.flatten\(0, 1\), targets.flatten\(\)\).*" + HELD,
    ),
    "another tensor": (
        lambda returned: returned["hidden_states"][0],
        lambda o, t: flat(o[:, 1:], t),
        "ValueError",
        "output=a function alone of.*" + HELD,
    ),
    "an assertion": ("logits", lambda o, t: check(o.dim() == 2), "AssertionError", HELD),
}


def check(fits):
    assert fits


@pytest.mark.parametrize("pack", [dict, ModelOutput])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("caller", CALLERS)
def test_a_loss_that_fails_is_told_what_the_network_returned(caller, case, pack):
    output, loss, why, hint = CASES[case]
    plain = Tokens(pack)
    net = dfa.convert(plain, "fa", output=output)
    probe = torch.randn(9, 5, 6), torch.randint(4, (9, 5))
    with pytest.raises(dfa.DfaLabError, match=r"^loss_fn failed on .*targets \(9, 5\): ") as caught:
        CALLERS[caller](net, plain, output, probe, loss)
    assert caught.match(why)
    assert caught.match(hint)
    assert "flatten both" not in str(caught.value) or case in ("not flattened", "another tensor", "an assertion")


@pytest.mark.parametrize("shape", [(9, 5, 4), (9, 4, 3, 5)])
@pytest.mark.parametrize("measure", [dfa.audit, dfa.measure_alignment])
def test_the_flattening_that_is_named_fits(measure, shape):
    net = dfa.convert(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, shape[-1])), "fa")
    x, targets = torch.randn(*shape[:-1], 6), torch.randint(shape[-1], shape[:-1])
    with pytest.raises(dfa.DfaLabError, match="flatten both") as caught:
        measure(net, x, targets, F.cross_entropy)
    assert "returned" not in str(caught.value)
    last = int(
        re.search(r"cross_entropy\(output\.flatten\(0, (\d)\), targets\.flatten\(\)\)\.$", str(caught.value)).group(1)
    )
    assert len(measure(net, x, targets, lambda y, t: F.cross_entropy(y.flatten(0, last), t.flatten())))
