"""A function's identity is its code and what it was made with: it is another where one of these is."""

from __future__ import annotations

import collections
import dataclasses
import functools
import importlib
import logging
import os
import random
import subprocess
import sys
import threading
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
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


SCALE, HELD = 1.0, {"k": 1}


def helped(run):
    return run


class Metric:
    factor = 1

    def __init__(self, by: Any) -> None:
        self.by = by

    def measured(self, run):
        return self.by * self.factor

    def __call__(self, run):
        return self.by


class Slotted:
    __slots__ = ("by",)

    def __init__(self, by: Any) -> None:
        self.by = by


def reads_a_global(run):
    return SCALE


def reads_a_mapping(run):
    return HELD["k"]


def calls_another(run):
    return helped(run) + 1


def reads_a_module(run):
    import tests_own_module

    return tests_own_module.function(run) * tests_own_module.NUMBER


def reads_a_class(run):
    return Metric(1).measured(run)


def inner(run):
    return [SCALE for _ in range(2)] + [(lambda: HELD)()]


@functools.lru_cache
def cached(run):
    return SCALE


GLOBALS = [
    (reads_a_global, "SCALE", 2.0),
    (reads_a_mapping, "HELD", {"k": 2}),
    (calls_another, "helped", lambda run: -run),
    (inner, "SCALE", 3.0),
    (inner, "HELD", 3.0),
    (cached, "SCALE", 4.0),
    (functools.partial(reads_a_global, 1), "SCALE", 5.0),
]


@pytest.mark.parametrize(("function", "name", "value"), GLOBALS)
def test_what_a_function_reads_counts(function, name, value, monkeypatch):
    before = identity(function)
    monkeypatch.setitem(globals(), name, value)
    assert identity(function) != before
    monkeypatch.undo()
    assert identity(function) == before


def test_a_module_of_the_users_counts_by_what_is_read_of_it(monkeypatch):
    module = types.ModuleType("tests_own_module")
    exec("NUMBER, OTHER = 1, 1\ndef function(run): return deeper() * run\ndef deeper(): return 1", vars(module))
    monkeypatch.setitem(sys.modules, "tests_own_module", module)
    before = identity(reads_a_module)
    module.OTHER = 2
    assert identity(reads_a_module) == before
    module.NUMBER = 2
    again = identity(reads_a_module)
    assert again != before
    module.deeper = lambda: 2
    assert identity(reads_a_module) != again


def test_a_class_of_the_users_counts_by_its_code(monkeypatch):
    before = identity(reads_a_class), identity(Metric(1)), identity(Metric(1).measured)
    monkeypatch.setattr(Metric, "factor", 2)
    after = identity(reads_a_class), identity(Metric(1)), identity(Metric(1).measured)
    assert not set(before) & set(after)
    monkeypatch.setattr(Metric, "__call__", lambda self, run: 3)
    assert identity(Metric(1)) != after[1]


def closing(over):
    return lambda run: over


@pytest.mark.parametrize(
    "made",
    [
        lambda k: functools.partial(helped, k=k),
        lambda k: functools.partial(max, k),
        lambda k: Metric(k).measured,
        Metric,
        Slotted,
        lambda k: closing(np.float32(k)),
        lambda k: closing(Path(f"a{k}")),
        lambda k: closing(torch.tensor(k, dtype=torch.bfloat16)),
        lambda k: [(lambda run: 1), (lambda run: 2)][k],
        lambda k: closing(SimpleNamespace(k=k)),
        lambda k: closing(types.MappingProxyType({"k": k})),
        lambda k: closing(iter([k])),
    ],
)
def test_what_it_was_made_with_counts(made):
    assert identity(made(0)) == identity(made(0))
    assert identity(made(0)) != identity(made(1))


def wrapped(by):
    def deco(function):
        @functools.wraps(function)
        def inner(x):
            return function(x) * 2 if by else function(x) * 3

        return inner

    return deco(helped)


def of_a_module(by):
    module = types.ModuleType("tests_other_module")
    exec(f"def function(x): return {by}", vars(module))

    def measured(run):
        return module.function(run)

    return measured


def subclass(of, by):
    return type("Own", (of,), {"area": [lambda self: 1, lambda self: 2][by], "__module__": __name__})


def with_setter(by):
    return type("Own", (), {"a": property(None, [lambda self, x: 1, lambda self, x: 2][by]), "__module__": __name__})()


@pytest.mark.parametrize(
    "made",
    [
        lambda k: pd.DataFrame({"w": [1.0, 2.0 + k]}),
        lambda k: pd.Series([f"a{k}"]),
        lambda k: collections.deque([np.array([0.1234567891 + k * 1e-10])]),
        wrapped,
        of_a_module,
        lambda k: subclass(dict, k)(),
        lambda k: subclass(float, k)(1.5),
        lambda k: subclass(tuple, k)([1]),
        lambda k: random.Random(k),
        with_setter,
        lambda k: [{1: 2}, {"1": 2}][k],
        lambda k: [object(), {"a", f"b{k}"}][1],
        lambda k: torch.eye(2 + k).to_sparse(),
        lambda k: dfa.Experiment(task="moons", widths=(8,), seed=k),
        lambda k: torch.Generator().manual_seed(k),
        lambda k: logging.getLogger(f"of a test {k}"),
        lambda k: np.array([Held(k)], dtype=object),
        lambda k: {helped: k},
        lambda k: (lambda x: x in {"aa", "bb", "cc"}, k),
        lambda k: np.ma.array([1, 2], mask=[0, k]),
    ],
)
def test_values_of_packages_count_by_what_they_hold(made):
    assert identity(closing(made(0))) == identity(closing(made(0)))
    assert identity(closing(made(0))) != identity(closing(made(1)))


def among(x):
    return x in {"aa", "bb", "cc"}


class Filling:
    @functools.cached_property
    def kept(self):
        return 3


def test_what_use_alone_changes_does_not_count():
    log, held = logging.getLogger("of a test"), Filling()
    run = dfa.Experiment(task="moons", widths=(8,))

    def metric(_):
        log.debug("nothing")
        return held.kept + run.steps_done

    before = identity(metric)
    assert metric(None) == 3
    run.evaluate()
    logging.getLogger("of another test")
    assert identity(metric) == before


def test_what_has_no_numbers_is_named():
    for one in (torch.empty(2, device="meta"), torch.nn.LazyLinear(2), threading.Lock(), iter([1])):
        assert identity(closing(one)) == identity(closing(one))


def test_a_module_that_is_imported_when_it_is_called_counts_before_as_after(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    found = []
    for number in (1, 2):
        (tmp_path / "tests_late_module.py").write_text(f"def function(run): return {number * 1000}")
        importlib.invalidate_caches()
        sys.modules.pop("tests_late_module", None)
        found += [identity(imports_late), imports_late(0), identity(imports_late)]
    assert found[0] == found[2]
    assert found[3] == found[5] != found[0]
    assert found[1::3] == [1000, 2000]


def imports_late(run):
    import scipy.stats  # noqa: F401
    import tests_late_module

    return tests_late_module.function(run)


def test_the_digits_are_those_of_another_process():
    program = (
        f"import {__name__} as t; from dfa_lab.experiment.jobs import identity; "
        "print([identity(one) for one, _, _ in t.GLOBALS], [identity(make()) for make in t.MADE], identity(t.among))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    here = [identity(one) for one, _, _ in GLOBALS], [identity(make()) for make in MADE]
    assert done.stdout.strip() == f"{here[0]} {here[1]} {identity(among)}"


def test_what_has_too_many_parts_is_an_error():
    with pytest.raises(dfa.DfaLabError, match="100,000 parts"):
        identity(closing([[one] for one in range(50_001)]))


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
