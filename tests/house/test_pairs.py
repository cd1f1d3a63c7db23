"""Cases that hold all pairs: none is missing, they are few, and every process draws the same."""

import itertools
import subprocess
import sys

import pytest

from pairs import all_pairs, parametrize_pairs
from places import TESTS


@pytest.mark.parametrize("sizes", [(3, 2), (12, 9, 6, 3, 2), (2, 2, 2, 2), (1, 4, 3), (2, 12, 3)], ids=str)
def test_every_pair_is_in_some_case(sizes):
    cases = all_pairs(sizes)
    for one, two in itertools.combinations(range(len(sizes)), 2):
        wanted = set(itertools.product(range(sizes[one]), range(sizes[two])))
        assert {(case[one], case[two]) for case in cases} == wanted
    first, second = sorted(sizes)[-2:]
    assert first * second <= len(cases) <= 1.5 * first * second


def test_another_process_draws_the_same():
    code = "from pairs import all_pairs; print(all_pairs((6, 5, 4, 3)))"
    folder, environment = TESTS, {"PYTHONHASHSEED": "7"}
    asked = [sys.executable, "-c", code]
    done = subprocess.run(asked, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(all_pairs((6, 5, 4, 3)))


def test_cases_that_must_be_there_are_and_nothing_twice():
    values = {"rule": {"bp": 0, "dfa": 1}, "size": [1, 7, 64], "reduction": ["mean", "sum"]}
    kept = [("bp", 7, "mean"), ("bp", 7, "sum")]
    mark = parametrize_pairs(kept, **values)
    names, cases = mark.args
    assert names == ("rule", "size", "reduction")
    assert set(kept) <= set(cases) <= set(itertools.product(*values.values()))
    assert len(set(cases)) == len(cases)
