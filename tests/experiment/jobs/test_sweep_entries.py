"""A function's identity is its code and what it was made with: it is another where one of these is."""

from __future__ import annotations

import dataclasses
import functools
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import dfa_lab as dfa
from dfa_lab.experiment.jobs import entries_of, identity, pickled, sweep_metrics
from dfa_lab.experiment.jobs.entries import unpickled


def scaled(by, offset=0):
    import torch as module

    def entry(site, generator):
        return module.full(site.shape, by)

    return entry


@dataclasses.dataclass
class Held:
    value: Any


def itself():
    def again():
        return again

    return again


MADE = [
    lambda: scaled(2),
    lambda: scaled([1, 2]),
    lambda: functools.partial(scaled, 2),
    lambda: Held(torch.ones(3)),
    lambda: {"a": np.arange(3), "b": {1, 2}},
    lambda: dfa.RULES["dfa"],
    lambda: dfa.ACTIVATIONS["tanh"],
    lambda: SimpleNamespace(deep=SimpleNamespace(x=1.5)),
    itself,
    lambda: torch.nn.Linear,
    lambda: torch,
    lambda: torch.nn.functional.relu,
    lambda: object().__init__,
]


@pytest.mark.parametrize("make", MADE)
def test_what_is_made_alike_is_identical(make):
    assert identity(make()) == identity(make())


def test_what_differs_is_told_apart():
    several = [make() for make in MADE] + [scaled(3), Held(torch.zeros(3)), {"a": np.arange(4), "b": {1, 2}}, scaled]
    assert len({identity(one) for one in several}) == len(several)


def test_what_refers_to_itself_comes_to_an_end():
    one: dict[str, Any] = {}
    one["one"] = [one, one]
    assert identity(one)


@pytest.fixture
def registered():
    dfa.FEEDBACK_INITS.register("of_a_test", lambda site, generator: torch.ones(site.shape))
    yield
    dfa.FEEDBACK_INITS._entries.pop("of_a_test")


def test_what_a_user_registered_is_known_by_who_registered_it(registered):
    assert not dfa.FEEDBACK_INITS.is_built_in("of_a_test")
    registries = (dfa.RULES, dfa.TASKS, dfa.FEEDBACK_INITS, dfa.DERIVATIVES, dfa.CONVENTIONS, dfa.OPTIMIZERS)
    assert all(one.is_built_in(name) for one in registries for name in one if name != "of_a_test")
    metrics = sweep_metrics(None)
    assert entries_of([{"rule": ["dfa"], "feedback_init": ["uniform"]}], metrics) == []
    for value in ("of_a_test", {"name": "of_a_test"}):
        found = entries_of([{"feedback_init": ["uniform", value]}], metrics)
        assert [(one.kind, one.name) for one in found] == [("feedback_init", "of_a_test")]


def test_in_the_same_process_an_entry_is_left_as_it_is(registered):
    before = dfa.FEEDBACK_INITS["of_a_test"]
    metrics = sweep_metrics(["test_loss"])
    text = pickled(metrics, entries_of([{"feedback_init": ["of_a_test"]}], metrics))
    assert unpickled(text) == metrics
    assert dfa.FEEDBACK_INITS["of_a_test"] is before
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(unpickled, text).result() == metrics
    assert dfa.FEEDBACK_INITS["of_a_test"] is before


def test_what_cannot_be_sent_is_an_error():
    import threading

    lock = threading.Lock()
    with pytest.raises(dfa.DfaLabError, match="held cannot be sent to another process"):
        pickled(sweep_metrics({"held": lambda run: lock.locked()}), [])
