"""What a user can get wrong: the sentences."""

import inspect
import pickle

import pytest
from torch import nn

import dfa_lab as dfa
from dfa_lab.errors import DfaLabError, known_keywords, whole_number


def test_a_whole_number_is_given_back():
    assert [whole_number("n", given, 0, 3) for given in (0, 3)] == [0, 3]
    assert whole_number("n", 10**12, 0) == 10**12


@pytest.mark.parametrize("given", [-1, 4001, 1.0, True, None, "1", [1], float("nan")])
def test_anything_else_is_refused_in_a_sentence(given):
    with pytest.raises(DfaLabError) as error:
        whole_number("n", given, 0, 4000, instead="None")
    assert str(error.value) == f"n was given as {given!r}; expected a whole number from 0 to 4,000, or None."


def test_a_sentence_stays_short_and_names_no_end_where_there_is_none():
    with pytest.raises(DfaLabError, match=r"^n was given as 'xxx") as error:
        whole_number("n", "x" * 10_000, 1)
    assert str(error.value).endswith("expected a whole number from 1.")
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("make", [lambda **given: dfa.MLP([2, 3, 2], **given), lambda **given: convert(**given)])
def test_a_keyword_that_is_not_taken_is_said(make):
    channel = r"error_channel was given as 'sign' to \w+, which does not take it; a direct rule does: rule=(\{.*\})\."
    with pytest.raises(DfaLabError, match=channel) as refused:
        make(error_channel="sign")
    assert "rule={'name': 'dfa', 'error_channel': 'sign'}." in str(refused.value)
    assert make(rule={"name": "dfa", "error_channel": "sign"})
    with pytest.raises(DfaLabError, match=r"no keyword of .*'feedback_sclae'.*Did you mean 'feedback_scale'"):
        make(feedback_sclae=2.0)


def test_where_a_keyword_belongs_is_said_by_whoever_decorates():
    @known_keywords(elsewhere={"colour": "a brush does: brush={}"})
    def draw(*, width=1):
        return width

    assert draw(width=2) == 2
    with pytest.raises(DfaLabError, match=r"^colour was given as 3 to .*draw, which does not take it; .*brush=3\.$"):
        draw(colour=3)
    with pytest.raises(DfaLabError, match=r"no keyword of .*draw called 'error_channel'; known: width"):
        draw(error_channel="sign")


def test_functions_that_know_their_keywords_are_as_before():
    assert "feedback_init" in inspect.signature(dfa.MLP).parameters
    assert "points" in inspect.signature(dfa.convert).parameters
    assert pickle.loads(pickle.dumps(dfa.convert)) is dfa.convert


def convert(**given):
    return dfa.convert(nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2)), **given)
