"""Inputs of several tensors: a tuple is ``net(*inputs)``, a mapping ``net(**inputs)``, nested in one another."""

from collections import OrderedDict, UserDict

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import nn

import dfa_lab as dfa
from dfa_lab.learning.interface import called, described
from returning import Arguments, token_batch

KINDS = {"dict": dict, "OrderedDict": OrderedDict, "as a tokenizer's": UserDict, "tuple": lambda d: tuple(d.values())}


def made(rule, **options):
    torch.manual_seed(0)
    return dfa.convert(Arguments().double(), rule, points=["act"], output="logits", **options)


@pytest.mark.parametrize("rule", ["dfa", "fa"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_measured_alike(kind, rule):
    batch, t = token_batch()
    inputs = KINDS[kind](batch)
    net, plain = made(rule, example=inputs), made(rule)
    F.cross_entropy(plain(**batch)["logits"], t)
    tables = [
        dfa.measure_alignment(one, given, t, F.cross_entropy, draws=2).to_frame()
        for one, given in ((net, inputs), (plain, batch))
    ]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    rows = dfa.audit(net, inputs, t, F.cross_entropy)
    assert rows.clean
    assert [row.expected for row in rows if row.layer == "body"] == [rule] * 2
    assert batch["state"][1][0].requires_grad is False


def test_an_example_draws_feedback_at_once_and_what_does_not_fit_is_named():
    batch, _ = token_batch()
    assert made("dfa", example=batch).act.direct_output.shape == (3, 6)
    with pytest.raises(dfa.DfaLabError, match=r"failed on the example input_ids: \(9, 5\), torch.int64, mask: .*mask"):
        made("dfa", example={"input_ids": batch["input_ids"], "mask": batch["attention_mask"]})
    net, t = made("fa"), torch.zeros(9, dtype=torch.long)
    for measure in (dfa.audit, dfa.measure_alignment):
        with pytest.raises(dfa.DfaLabError, match=r"failed on inputs input_ids: \(9, 5\), torch.float64"):
            measure(net, {"input_ids": batch["input_ids"].double()}, t, F.cross_entropy)


class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(2, 2)

    def forward(self, batch, scale=1.0):
        return self.head(batch["x"]) * scale


@pytest.mark.parametrize("names", [("x",), ("x", 3)])
def test_a_network_that_does_not_take_the_names_is_given_the_mapping_itself(names):
    inputs = dict.fromkeys(names, torch.ones(3, 2))
    net, t = dfa.convert(Whole(), "fa"), torch.zeros(3, dtype=torch.long)
    assert torch.equal(called(net, inputs), net(inputs))
    assert dfa.audit(net, inputs, t, F.cross_entropy).clean
    assert torch.equal(called(net, {"batch": inputs, "scale": 2.0}), 2 * net(inputs))


def test_names_that_a_network_does_not_take_are_an_error():
    with pytest.raises(dfa.DfaLabError, match=r"failed on inputs x: \(3, 2\), torch.float32, y: .*unexpected keyword"):
        called(nn.Bilinear(2, 2, 2), {"x": torch.ones(3, 2), "y": torch.ones(3, 2)})


def test_inputs_are_described_by_name_shape_and_dtype():
    assert described({"a": torch.ones(2), "b": (torch.ones(1, 1), [torch.ones(3).long()])}) == (
        "a: (2,), torch.float32, b: (1, 1), torch.float32; (3,), torch.int64"
    )
    assert described("text") == "str"
