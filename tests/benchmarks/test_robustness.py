"""The parts of the robustness table: gradients and attacks against hand-made ones, and a row of a short run."""

import pytest
import robustness
import torch
from torch import nn

import dfa_lab as dfa


@pytest.fixture
def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 4)).double()


def test_gradients_by_hand(net):
    x, t = torch.rand(5, 6, dtype=torch.float64), torch.tensor([0, 1, 2, 3, 0])
    feedback = dfa.convert(net, "fa")
    error = net(x).softmax(1) - nn.functional.one_hot(t, 4)
    slope = 1 - net[:2](x).square()

    def back(first, second):
        return ((error @ second) * slope) @ first

    true = robustness.gradient(feedback, x, t, true=True)
    own = robustness.gradient(feedback, x, t, true=False)
    assert torch.allclose(true, back(net[0].weight, net[2].weight))
    assert torch.allclose(own, back(*dfa.feedback(feedback).values()))
    assert not robustness.gradient(dfa.convert(net, "shallow"), x, t, true=False).any()


def test_an_attack_steps_along_the_sign_and_stays_in_range():
    found = robustness.attacked(torch.tensor([0.05, 0.5, 0.95]), torch.tensor([-3.0, 0.0, 1e-9]), 0.1)
    assert found.tolist() == [0.0, 0.5, 1.0]


def test_a_row():
    (found,) = robustness.rows("bp", seeds=1, steps=30)
    assert tuple(found) == robustness.COLUMNS
    assert found["rule's gradient"] == found["true gradient"] < found["random"]
    assert found["signs"] == 1


def test_every_rule_of_the_table_is_registered():
    assert set(robustness.RULES) <= set(dfa.RULES)
