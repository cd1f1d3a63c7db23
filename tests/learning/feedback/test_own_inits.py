"""feedback_init as a function or a matrix, without a name: in MLP, convert and redraw_feedback."""

import numpy as np
import pytest
import torch
from torch import nn

import dfa_lab as dfa


def checkered(site, generator):
    """±1 by turns, and noise."""
    rows, columns = torch.meshgrid(*map(torch.arange, site.shape), indexing="ij")
    return ((rows + columns) % 2 * 2 - 1) + torch.randn(site.shape, dtype=torch.float64, generator=generator)


def chain(**sizes):
    width = sizes.get("width", 7)
    return nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, width), nn.Tanh(), nn.Linear(width, 3)).double()


def test_a_function_draws_as_a_registered_one_of_its_name(monkeypatch):
    monkeypatch.setitem(dfa.FEEDBACK_INITS._entries, "checkered", checkered)
    for rule in ("fa", "dfa"):
        for init in (checkered, "checkered"):
            net = dfa.MLP([6, 9, 7, 3], rule=rule, feedback_init=init, feedback_scale=0.5, dtype=torch.float64)
            other = dfa.convert(chain(), rule, feedback_init=init, example=torch.ones(2, 6, dtype=torch.float64))
            if init is checkered:
                first = dfa.feedback(net), dfa.feedback(other)
        again = dfa.feedback(net), dfa.feedback(other)
        for one, two in zip(first, again, strict=True):
            assert all(torch.equal(one[name], two[name]) for name in one)
            assert all(one[name].std() > 0.5 for name in one)


def test_scale_seed_and_replicas():
    net = dfa.MLP([6, 9, 3], rule="fa", replicas=2, feedback_init=[checkered, "normal"], feedback_scale=[2.0, 1.0])
    single = dfa.MLP([6, 9, 3], rule="fa", feedback_init=checkered)
    both, alone = dfa.feedback(net)["weights.1"], dfa.feedback(single)["weights.1"]
    assert torch.allclose(both[0], 2 * alone)
    dfa.redraw_feedback(single, seed=4)
    assert not torch.equal(dfa.feedback(single)["weights.1"], alone)
    dfa.redraw_feedback(single, init="normal", seed=1)
    assert torch.equal(dfa.feedback(single)["weights.1"], both[1])
    dfa.redraw_feedback(single, init=checkered, seed=0)
    assert torch.equal(dfa.feedback(single)["weights.1"], alone)


@pytest.mark.parametrize("as_array", [torch.tensor, np.array, lambda one: nn.Parameter(torch.tensor(one))])
def test_a_matrix_where_all_are_of_its_shape(as_array):
    own = (np.arange(27.0).reshape(3, 9) / 10).tolist()
    for net in (
        dfa.MLP([6, 9, 9, 3], rule="dfa", feedback_init=as_array(own), feedback_scale=2.0),
        dfa.convert(chain(width=9), "dfa", feedback_init=as_array(own), feedback_scale=2.0),
    ):
        net(torch.ones(2, 6, dtype=next(net.parameters()).dtype))
        assert all(np.allclose(one, 2 * np.array(own)) for one in dfa.feedback(net).values())
        assert len(dfa.feedback(net)) == 2


def test_replicas_have_a_matrix_each():
    own = [torch.full((3, 9), float(k)) for k in (1, 2)]
    net = dfa.MLP([6, 9, 3], rule="fa", replicas=2, feedback_init=own)
    assert dfa.feedback(net)["weights.1"].mean((1, 2)).tolist() == [1, 2]


def fails(site, generator):
    raise KeyError("mine")


WRONG = {
    "another shape than all need": (torch.ones(3, 9), r"\(3, 7\)"),
    "no matrix": (torch.ones(3), r"shape \(3,\)"),
    "complex": (torch.ones(3, 9, dtype=torch.complex64), "complex"),
    "not finite": (np.full((3, 9), np.nan), "finite"),
    "a function that fails": (fails, "fails.*KeyError.*mine"),
    "a function of no arguments": (lambda: 1, "failed.*TypeError"),
    "a function that gives a text": (lambda site, generator: "a", "failed"),
    "a function that gives another shape": (lambda site, generator: torch.ones(2, 2), r"shape \(2, 2\)"),
    "a function that gives NaN": (lambda site, generator: torch.full(site.shape, np.nan), "finite"),
    "None of a registry": (3, "3"),
}


@pytest.mark.parametrize(("init", "says"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_used_is_an_error_and_a_redraw_changes_nothing(init, says):
    with pytest.raises(dfa.DfaLabError, match=says):
        dfa.MLP([6, 9, 7, 3], rule="dfa", feedback_init=init)
    with pytest.raises(dfa.DfaLabError, match=says):
        dfa.convert(chain(), "dfa", feedback_init=init, example=torch.ones(2, 6, dtype=torch.float64))
    net = dfa.MLP([6, 9, 7, 3], rule="dfa")
    before = dfa.feedback(net)
    with pytest.raises(dfa.DfaLabError, match=says):
        dfa.redraw_feedback(net, init=init)
    dfa.redraw_feedback(net)
    assert all(torch.equal(before[name], one) for name, one in dfa.feedback(net).items())
