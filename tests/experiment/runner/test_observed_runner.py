"""Observers of a runner: called in the thread that trains; what they raise is said, and nothing stops."""

import threading

import pytest

import dfa_lab as dfa
from runs import FAST


@pytest.mark.parametrize("threaded", [True, False])
def test_what_an_observer_raises_is_said_and_stops_nothing(threaded):
    runner = dfa.Runner(dfa.Experiment(**FAST), threaded=threaded)
    runner.observe("step", lambda one: 1 / 0)
    runner.play(5)
    with pytest.raises(ZeroDivisionError):
        runner.wait(10)
    assert runner.status().steps_done == 5
    assert runner.status().error == "an observer failed with ZeroDivisionError: division by zero."
    runner.close()


def test_it_is_called_in_the_thread_that_trains(runner):
    seen = []
    for moment in ("step", "change", "reset", "measure"):
        runner.observe(moment, lambda one: seen.append((one.moment, one.step, threading.current_thread().name)))
    runner.play(2)
    runner.wait(10)
    runner.change(lr=0.3)
    runner.reset()
    runner.wait(10)
    assert {name for *_, name in seen} == {"dfa_lab trainer"}
    assert [one[:2] for one in seen if one[0] != "measure"] == [("step", 1), ("step", 2), ("change", 2), ("reset", 0)]


def test_an_observer_of_a_fork_stops_nothing_either(runner):
    runner.play(2)
    runner.fork(lr=0.5)
    runner.wait(10)
    runner.by_number[1].observe("step", lambda one: 1 / 0)
    runner.play(3)
    with pytest.raises(ZeroDivisionError):
        runner.wait(10)
    assert [lane.steps_done for lane in runner.status().lanes] == [5, 5]


def test_a_refused_change_of_all_lanes_is_not_seen(runner):
    runner.play(2)
    runner.fork(lr=0.5)
    runner.wait(10)
    seen = []
    runner.observe("change", seen.append)
    other = runner.by_number[1]
    other.change = lambda **fields: 1 / 0
    runner.change(lane=None, lr=0.7)
    with pytest.raises(ZeroDivisionError):
        runner.wait(10)
    assert (seen, runner.experiment.settings.lr) == ([], 0.1)
