"""Ctrl-C at random moments of a Runner's methods, with its thread and without: no command is half taken."""

import functools
import random

import pytest

import dfa_lab as dfa
from interrupts import check_between_steps, interrupted, lock_is_free, places_in, saved, small_run

WAYS = {
    "play": lambda runner: runner.play(5),
    "play and wait": lambda runner: (runner.play(30), runner.wait(30)),
    "pause": lambda runner: runner.pause(),
    "measure": lambda runner: runner.measure(),
    "change": lambda runner: runner.change(rule="fa", lr=0.05),
    "change all": lambda runner: runner.change(lane=None, lr=0.05),
    "undo": lambda runner: runner.undo(),
    "undo all": lambda runner: runner.undo(None),
    "reset": lambda runner: runner.reset(lr=0.2),
    "fork": lambda runner: runner.fork(rule="bp"),
    "drop": lambda runner: runner.drop(1),
    "limit": lambda runner: runner.limit(500.0),
    "stop_at": lambda runner: runner.stop_at(20),
    "load": lambda runner: runner.load(saved()[0].session()),
    "status": lambda runner: runner.status(),
}


def a_runner(threaded):
    runner = dfa.Runner(small_run(), threaded=threaded, inline_steps=20)
    runner.fork(lr=0.2)
    runner.play(2)
    runner.change(lane=None, momentum=0.3)
    runner.wait(30)
    return runner


def check(runner):
    """It takes commands as before, and each of its runs stands between two steps."""
    runner.stop_at(None)
    runner.pause()
    runner.wait(30)
    before = [run.steps_done for run in runner.lanes]
    runner.play(3)
    runner.wait(30)
    after = [run.steps_done for run in runner.lanes]
    assert [late - early for early, late in zip(before, after, strict=True)] == [3] * len(before)
    assert runner.status().error == ""
    assert runner._pauses == 0
    runner.close()
    check_between_steps(runner.experiment)
    for run in runner.lanes:
        assert lock_is_free(run)


@pytest.mark.parametrize("threaded", [True, False], ids=["threaded", "inline"])
@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_takes_no_command_in_half(way, threaded):
    do, draw = WAYS[way], random.Random(f"{way} {threaded}")
    trial = a_runner(threaded)
    places = places_in(lambda: do(trial))
    trial.close()
    for _ in range(1 if threaded else 2):
        runner = a_runner(threaded)
        interrupted(lambda runner=runner: do(runner), draw.randrange(places))
        check(runner)


def test_ctrl_c_at_every_place_of_handing_a_command_over():
    runner = a_runner(threaded=True)
    places = places_in(lambda: runner.change(lr=0.05))
    change = functools.partial(runner.change, lr=0.05)
    came = [interrupted(change, place) for place in range(places)]
    assert any(came)
    check(runner)


def test_a_play_without_a_thread_is_stopped_between_two_steps():
    import signal

    runner = dfa.Runner(small_run(), threaded=False)
    seen = []

    def stop(one):
        seen.append(one.step)
        if len(seen) == 7:
            signal.raise_signal(signal.SIGINT)

    runner.observe("step", stop)
    with pytest.raises(KeyboardInterrupt):
        runner.play(10**6)
    assert len(seen) == 7
    assert not runner.status().running
    check(runner)
