"""Fewer cases than the whole product: each two values of different parameters meet in at least one of them."""

import itertools
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

#: Completions tried for each case; the one with the most new pairs is taken.
TRIES = 10


def all_pairs(sizes: Sequence[int], seed: int = 0) -> list[tuple[int, ...]]:
    """Cases as one index a parameter, of parameters with ``sizes`` values: every pair of indices is in some case.

    Greedy: a case begins with a pair that is missing still and takes, parameter by parameter in a drawn order, the
    value that brings most missing pairs; of ``TRIES`` such cases the best is kept. The same ``seed`` gives the same
    cases in every process, which pytest-xdist asks for. There are at least as many as the product of the two largest
    sizes.
    """
    stream = random.Random(seed)
    places = range(len(sizes))
    missing = {
        pair
        for one, two in itertools.combinations(places, 2)
        for pair in itertools.product([(one, k) for k in range(sizes[one])], [(two, k) for k in range(sizes[two])])
    }
    cases = []
    while missing:
        first = min(missing)
        tried = [completed(dict(first), sizes, missing, stream) for _ in range(TRIES)]
        case = max(tried, key=lambda case: len(missing & pairs_of(case)))
        missing -= pairs_of(case)
        cases.append(tuple(case[place] for place in places))
    return cases


def completed(case: dict[int, int], sizes: Sequence[int], missing: set[Any], stream: random.Random) -> dict[int, int]:
    """The case with a value for every parameter; values that bring equally many pairs are drawn from."""
    places = [place for place in range(len(sizes)) if place not in case]
    stream.shuffle(places)
    for place in places:
        gains = [
            sum(tuple(sorted([(place, value), other])) in missing for other in case.items())
            for value in range(sizes[place])
        ]
        case[place] = stream.choice([value for value, gain in enumerate(gains) if gain == max(gains)])
    return case


def pairs_of(case: Mapping[int, int]) -> set[Any]:
    return set(itertools.combinations(sorted(case.items()), 2))


def parametrize_pairs(also: Iterable[tuple[Any, ...]] = (), **values: Iterable[Any]) -> pytest.MarkDecorator:
    """``pytest.mark.parametrize`` over ``all_pairs`` of the values of two or more parameters, and over ``also``.

    ``also`` names cases that are there whatever is drawn, in the parameters' order.
    """
    columns = [list(column) for column in values.values()]
    assert len(columns) > 1, "one parameter has no pairs"
    cases = [
        tuple(column[k] for column, k in zip(columns, case, strict=True)) for case in all_pairs([*map(len, columns)])
    ]
    cases += [case for case in also if case not in cases]
    assert len(cases) < math.prod(map(len, columns)), "no fewer than the product"
    return pytest.mark.parametrize(tuple(values), cases)
