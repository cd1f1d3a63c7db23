"""A value for each of K networks trained side by side: one in common, or a sequence of K."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dfa_lab.errors import DfaLabError
from dfa_lab.learning.ops.seeding import generator

#: The most networks side by side that are reckoned with.
MOST_NETWORKS = 1_000_000


def is_sequence(value: Any) -> bool:
    """Whether a value is given for each replica: a list, a tuple, a range. A text or a choice is one value."""
    return isinstance(value, list | tuple | range)


def is_same(one: Any, other: Any) -> bool:
    """Whether two choices, or two sequences of them, are the same; what cannot be compared is so where it is itself."""
    try:
        return one is other or (type(one) is type(other) and bool(one == other))
    except Exception:
        return False


def each(name: str, value: Any, replicas: int | None) -> list[Any]:
    """The value of each replica; without replicas a list of one. ``DfaLabError`` for a sequence of another length."""
    if not is_sequence(value):
        return [value] * (replicas or 1)
    if replicas is None or len(value) != replicas:
        there = "there are no replicas" if replicas is None else f"there are {replicas} replicas"
        or_else = f", or replicas={len(value)}" if value else ""
        raise DfaLabError(f"{name} was given as {len(value)} values, and {there}; expected one value{or_else}.")
    return list(value)


def each_seed(name: str, seed: int | Sequence[int], replicas: int | None) -> list[int]:
    """The seed of each replica: the sequence's own, or ``seed`` + k."""
    given = each(name, seed, replicas)
    for one in given:
        generator(one)  # refuses what is no seed
    return given if is_sequence(seed) else [one + k for k, one in enumerate(given)]
