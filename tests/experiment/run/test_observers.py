"""Observers: called at their moment, in order, between steps; they change no number and stop nothing."""

import pickle
import threading
from collections import deque

import pytest

import dfa_lab as dfa
from dfa_lab.experiment.run.observers import MOMENTS
from runs import FAST


@pytest.fixture
def run():
    return dfa.Experiment(task="moons", widths=(8,), batch_size=16, probe_every=20, record_every=2)


def observed(run, *moments):
    seen = []
    for moment in moments or MOMENTS:
        run.observe(moment, seen.append)
    return seen


def test_each_moment_is_seen_in_order(run):
    seen = observed(run)
    run.train(3)
    run.change(rule="fa", lr=0.5)
    run.undo()
    run.reset(seed=1)
    run.measure()
    assert [(one.moment, one.step) for one in seen] == [
        *[("measure", 0), ("step", 1), ("measure", 1), ("step", 2), ("measure", 2), ("step", 3)],
        *[("change", 3), ("change", 3), ("reset", 0), ("measure", 0)],
    ]
    changed, undone = [one.events for one in seen if one.moment == "change"]
    assert [(event.field, event.new) for event in changed] == [("rule", "fa"), ("lr", 0.5)]
    assert [(event.field, event.new) for event in undone] == [("rule", "dfa"), ("lr", 0.1)]
    assert all(one.run is run for one in seen)


def test_metrics_are_the_rows_of_that_step():
    run = dfa.Experiment(**FAST | {"widths": (16, 8)}, replicas=2, record_every=2)
    seen = observed(run, "step", "measure")
    run.train(4)
    for one in seen:
        for metric, value in one.metrics.items():
            layers = run.history.layers(metric) or [None]
            values = value if isinstance(value, tuple) else (value,)
            for layer, mean in zip(layers, values, strict=True):
                steps, rows = run.history.values(metric, layer)
                assert one.step in steps
                assert mean == pytest.approx(rows[list(steps).index(one.step)].mean(), nan_ok=True)
    assert ["train_loss" in one.metrics for one in seen if one.moment == "step"] == [False, True, False, True]
    assert all(len(one.metrics["gradient_alignment"]) == 2 for one in seen if one.moment == "measure")


def test_the_same_function_twice_ends_one_by_one(run):
    seen = []
    note = seen.append
    first, _second = run.observe("step", note), run.observe("step", note)
    run.train(1)
    first()
    first()
    run.train(1)
    assert [one.step for one in seen] == [1, 1, 2]


def test_nothing_is_collected_when_nobody_observes(run, monkeypatch):
    monkeypatch.setattr("dfa_lab.experiment.run.observers.rows_of", lambda *given: pytest.fail("nobody asked"))
    run.observe("reset", print)()
    run.train(3)
    run.change(lr=0.2)
    assert not run.observers.watched
    assert not run.observers.waiting


def test_no_number_depends_on_observers(run):
    observed(run)
    plain = dfa.Experiment(task="moons", widths=(8,), batch_size=16, probe_every=20, record_every=2)
    for one in (run, plain):
        one.train(30)
        one.change(rule="fa")
        one.train(10)
    assert run.history.digest() == plain.history.digest()


def test_forks_and_checkpoints_have_none(run):
    seen = observed(run)
    run.train(2)
    seen.clear()
    fork = run.fork(lr=0.5)
    fork.train(2)
    pickle.loads(pickle.dumps(run.state()))
    assert not fork.observers.watched
    assert seen == []


def test_what_it_raises_is_raised_when_train_is_done(run):
    seen = observed(run, "step")
    run.observe("step", lambda one: 1 / 0)
    after = observed(run, "step")
    with pytest.raises(ZeroDivisionError):
        run.train(3)
    assert [one.step for one in seen] == [one.step for one in after] == [1, 2, 3]
    run.change(lr=0.2)
    assert run.steps_done == 3


def test_it_may_change_the_run(run):
    run.observe("step", lambda one: run.change(lr=0.5) if one.step == 2 else None)
    seen = observed(run, "change")
    run.train(4)
    assert [one.step for one in seen] == [2]
    assert run.history.changes() == [(2, {"lr": 0.5})]


def test_it_may_wait_for_another_thread_that_changes_the_run(run):
    def change(one):
        other = threading.Thread(target=run.change, kwargs={"lr": 0.1 * one.step}, daemon=True)
        other.start()
        other.join(5)
        assert not other.is_alive(), "the run is held while observers are called"

    run.observe("step", change)
    run.train(2)
    assert run.settings.lr == 0.2


def test_what_was_taken_back_was_never_seen(run):
    seen = observed(run, "change")

    def refused():
        with run.restored_on_error():
            run.change(lr=0.5)
            run.change(batch_size=0)

    with pytest.raises(dfa.DfaLabError):
        refused()
    with run.restored_on_error():
        run.change(lr=0.3)
        assert seen == []
    assert [one.events[0].new for one in seen] == [0.3]


def test_a_run_that_diverged_goes_on_observed(run):
    seen = observed(run, "step", "change")
    run.train(2)
    run.change(lr=1e6, weight_decay=1.0)
    with pytest.raises(dfa.DivergedError):
        run.train(100)
    run.change(lr=0.1, weight_decay=0.0)
    run.train(1)
    assert (seen[-1].moment, seen[-1].step) == ("step", run.steps_done)


@pytest.mark.parametrize(("given", "words"), [(("stepp", print), "Did you mean 'step'"), (("step", 3), "a function")])
def test_bad_input(run, given, words):
    with pytest.raises(dfa.DfaLabError, match=words):
        run.observe(*given)


def test_another_thread_may_deliver_the_last_one(run):
    class Taken(deque):
        """Another thread takes the last one between the look and the taking."""

        def __bool__(self):
            return True

    seen = observed(run, "step")
    run.observers.waiting = Taken()
    run.train(1)
    assert [one.step for one in seen] == [1]
