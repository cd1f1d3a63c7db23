"""What a picture calls a rule's matrix and what it sends: the symbols say what the rule does."""

import pytest
import torch

import dfa_lab as dfa
from dfa_lab.learning.rules import Lesson, Route

WEIGHT, FEEDBACK = torch.tensor([[1.0, -2.0], [-0.5, 3.0]]), torch.tensor([[0.3, 0.7], [0.2, 0.9]])
MATRICES = {
    "": None,
    "Wᵀ": WEIGHT,
    "B": FEEDBACK,
    "Q P": FEEDBACK,  # which has no higher rank
    "B̂": FEEDBACK / FEEDBACK.square().sum(1, keepdim=True).sqrt(),
    "m sign(W)ᵀ": torch.tensor([[0.3, -0.7], [-0.2, 0.9]]),
    "|B| ⊙ sign(W)ᵀ": torch.tensor([[0.3, -0.7], [-0.2, 0.9]]),
}


@pytest.mark.parametrize("name", list(dfa.RULES))
def test_the_symbols_of_a_rule_say_what_it_does(name):
    rule = dfa.RULES[name]
    matrix, expected = rule.matrix(WEIGHT, FEEDBACK), MATRICES[rule.symbol]
    assert (matrix is None) == (expected is None)
    assert expected is None or torch.equal(matrix, expected)
    error, output = torch.tensor([[0.25, -0.5], [-1.0, 0.0]]), torch.zeros(2, 2)
    lesson = Lesson.of(torch.tensor([0, 1]), output, "mean")
    sent = {"e": error, "sign(e)": error.sign() / 2, "t": torch.eye(2) / 2}
    if rule.route is Route.DIRECT:
        assert torch.equal(rule.received(error, lesson), sent[rule.sends])
    else:
        assert rule.sends == ("e" if rule.route is Route.LAYERWISE else "")


def test_a_rule_of_ones_own_has_symbols_too():
    half = dfa.Rule("half", "BP at half strength", "none", "δ_l = ½ Wᵀ δ", Route.LAYERWISE, carrier=lambda w, b: w / 2)
    assert (half.symbol, half.sends) == ("f(W)ᵀ", "e")
    own = dfa.Rule(
        "own", "", "", "", Route.DIRECT, broadcast=lambda e, t: e**3, needs_feedback=True, symbol="C", sends="e³"
    )
    assert (own.symbol, own.sends) == ("C", "e³")
