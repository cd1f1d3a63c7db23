"""The character-level Transformer of the docs: it is causal, its rules are used, its comparison counts right."""

import math

import pytest
import torch

import dfa_lab as dfa
from findings import transformer


@pytest.fixture(scope="module")
def text():
    return transformer.splits()


def test_what_comes_later_changes_nothing_before(text):
    torch.manual_seed(0)
    parts, characters = text
    net = transformer.transformer(characters)
    numbers = parts[0][:30].clone()[None]
    before = net(numbers)
    numbers[0, 20:] = (numbers[0, 20:] + 1) % characters
    after = net(numbers)
    torch.testing.assert_close(after[0, :20], before[0, :20])
    assert not torch.allclose(after[0, 20:], before[0, 20:])


@pytest.mark.parametrize("rule", [rule for rule in transformer.RULES if rule != "bp"])
def test_the_rule_is_used(text, rule):
    parts, characters = text
    net = transformer.learned(rule, 1e-3, 0, parts, characters, steps=1)
    inputs, targets = transformer.windows(parts[0], torch.arange(4) * 50)
    audit = dfa.audit(net, inputs, targets, transformer.loss_of)
    assert audit.clean, audit.failures()
    assert {row.expected for row in audit} & {rule}


def test_targets_are_the_characters_that_follow(text):
    parts, _ = text
    inputs, targets = transformer.windows(parts[1], torch.tensor([0, 7]))
    assert torch.equal(inputs[:, 1:], targets[:, :-1])
    assert torch.equal(inputs[1], parts[1][7 : 7 + transformer.CONTEXT])


def test_entropies_by_hand():
    train, test = torch.tensor([0, 1, 0, 1, 1]), torch.tensor([0, 1, 1])
    alone, pairs = transformer.entropies([train, train, test], 2)
    assert alone == pytest.approx(-(math.log(3 / 7) + 2 * math.log(4 / 7)) / 3)
    assert pairs == pytest.approx(-(math.log(3 / 4) + math.log(2 / 4)) / 2)
