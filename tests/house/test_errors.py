"""What a user can get wrong: the sentences."""

import pytest

from dfa_lab.errors import DfaLabError, whole_number


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
