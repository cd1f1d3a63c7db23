"""A wrong use is an error of ours, a warning, or gives what is not wrong; ``tests/wrong_uses.py`` has the table."""

import warnings

import pytest

import dfa_lab as dfa
from wrong_uses import USES


def outcome(call):
    """How a call ends, and what was said."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            call()
        except dfa.DfaLabError as error:
            return "error", str(error)
    said = [str(one.message) for one in seen if one.category is UserWarning]
    return ("warning", said[0]) if said else ("sane", "")


@pytest.mark.parametrize("name", USES)
def test_a_wrong_use_is_said_or_harmless(name):
    ends, said = outcome(USES[name].call)
    assert ends == USES[name].ends, said
    assert ends == "sane" or len(said) > 20
