"""A wrong use is an error of ours, a warning, or gives what is not wrong; ``tests/wrong_uses.py`` has the table."""

import warnings

import pytest

import dfa_lab as dfa
from wrong_uses import USES
from wrong_uses_more import MORE

ALL = {**MORE, **USES}


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


@pytest.mark.parametrize("name", ALL)
def test_a_wrong_use_is_said_or_harmless(name, monkeypatch, tmp_path):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    monkeypatch.chdir(tmp_path)
    ends, said = outcome(ALL[name].call)
    assert ends == ALL[name].ends, said
    assert ends == "sane" or len(said) > 20
