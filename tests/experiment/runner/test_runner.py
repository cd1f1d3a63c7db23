"""Runner: commands from any thread, applied whole at a step boundary; the thread changes no number."""

import random
import threading
import time

import pytest

import dfa_lab as dfa
from dfa_lab.learning.ops.optimizers import warm_up
from runs import FAST, until


def test_nothing_trains_before_play(runner):
    runner.change(lr=0.2)
    runner.wait(10)
    status = runner.status()
    assert (status.running, status.steps_done, status.settings.lr) == (False, 0, 0.2)


def test_so_many_steps_and_then_a_pause(runner):
    runner.play(steps=37)
    runner.wait(10)
    assert runner.status().steps_done == 37
    assert not runner.status().running


def test_steps_asked_for_on_the_way_are_added(runner):
    runner.limit(50)  # slow enough that the second comes on the way
    runner.play(10)
    runner.play(20)
    runner.limit(None)
    runner.wait(20)
    assert runner.status().steps_done == 30
    runner.play(5)
    runner.wait(20)
    assert runner.status().steps_done == 35, "nothing is left of those that were done"
    runner.play(1000)
    runner.pause()
    runner.play(5)
    runner.wait(20)
    assert runner.status().steps_done < 1000, "nor of those that a pause ended"


def test_a_thread_gives_what_training_inline_gives(runner):
    inline = dfa.Experiment(**FAST)
    for steps, fields in (
        (50, {"batch_size": 33, "rule": "fa"}),
        (25, {"feedback_init": "orthogonal"}),
        (60, {"lr": 0.3}),
    ):
        runner.play(steps)
        runner.wait(10)
        runner.change(**fields)
        inline.train(steps)
        inline.change(**fields)
    runner.wait(10)
    assert runner.experiment.history.equals(inline.history)


@pytest.mark.clock
def test_live_changes_replayed_inline_give_the_same_history(runner):
    """Changes put while it trains at full speed land at one step each; the event log replays them to the last bit."""
    draw = random.Random(0)
    choices = {
        "batch_size": [1, 16, 200],
        "rule": list(dfa.RULES),
        "lr": [0.01, 0.1, 0.5],
        "feedback_seed": list(range(9)),
        "feedback_init": list(dfa.FEEDBACK_INITS),
        "activation_derivative": list(dfa.DERIVATIVES),
        "optimizer": ["sgd", "rmsprop"],
        "momentum": [0.0, 0.9],
    }
    warm_up()  # torch's compiler, which the first momentum would wait for
    runner.play()
    until(lambda: runner.status().steps_done > 5)
    for _ in range(40):
        names = draw.sample(list(choices), draw.randint(1, 3))
        runner.change(**{name: draw.choice(choices[name]) for name in names})
        time.sleep(0.01)
    runner.pause()
    runner.wait(20)
    lived = runner.experiment
    assert len({event.step for event in lived.history.events}) > 10

    replayed = dfa.Experiment(**FAST)
    for step, fields in lived.history.changes():
        replayed.train(step - replayed.steps_done)
        replayed.change(**fields)
    replayed.train(lived.steps_done - replayed.steps_done)
    assert replayed.history.equals(lived.history)


def test_no_command_of_many_threads_is_lost(runner):
    runner.play()

    def put(first):
        for number in range(100):
            runner.change(feedback_seed=first + number)

    threads = [threading.Thread(target=put, args=(1000 * (1 + n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runner.pause()
    runner.wait(20)
    seen = [event.new for event in runner.experiment.history.events]
    assert sorted(seen) == sorted(1000 * (1 + n) + number for n in range(4) for number in range(100))


def test_a_bad_change_is_said_and_the_training_goes_on(runner):
    runner.play()
    until(lambda: runner.status().steps_done > 5)
    runner.change(rule="dfaa")
    until(lambda: runner.status().error)
    assert "Did you mean 'dfa'" in runner.status().error
    step = runner.status().steps_done
    until(lambda: runner.status().steps_done > step + 5)
    runner.pause()
    with pytest.raises(dfa.DfaLabError, match="dfaa"):
        runner.wait(10)
    runner.wait(10)  # raised once


def test_a_diverging_run_pauses_and_says_so():
    runner = dfa.Runner(dfa.Experiment(**FAST, lr=1e4, weight_decay=1.0))
    runner.play()
    with pytest.raises(dfa.DivergedError):
        runner.wait(20)
    assert "no longer finite" in runner.status().error
    assert not runner.status().running
    runner.change(lr=0.01, weight_decay=0.0)
    runner.play(50)
    runner.wait(10)
    assert runner.status().error == ""
    runner.close()


def test_an_exception_inside_training_is_in_words_and_reset_mends_it(runner, monkeypatch):
    monkeypatch.setattr(runner.experiment, "step", lambda: 1 / 0)
    runner.play()
    until(lambda: runner.status().error)
    assert "ZeroDivisionError" in runner.status().error
    monkeypatch.undo()
    runner.reset()
    runner.play(10)
    runner.wait(10)
    assert runner.status().steps_done == 10


@pytest.mark.clock
def test_pause_is_quick(runner):
    runner.play()
    until(lambda: runner.status().steps_done > 10)
    began = time.monotonic()
    runner.pause()
    runner.wait(5)
    assert time.monotonic() - began < 0.5


def test_wait_gives_up_in_words(runner):
    runner.play()
    with pytest.raises(dfa.DfaLabError, match="still training"):
        runner.wait(0.05)


def test_reset_begins_a_new_run_and_pauses(runner):
    runner.play(30)
    runner.wait(10)
    before = runner.experiment.history
    runner.reset()
    runner.wait(10)
    assert runner.status().steps_done == 0
    assert not runner.status().running
    runner.play(30)
    runner.wait(10)
    assert runner.experiment.history.equals(before)


def test_closing_ends_the_thread_and_later_commands_are_refused():
    runner = dfa.Runner(dfa.Experiment(**FAST))
    runner.play()
    until(lambda: runner.status().steps_done > 3)
    thread = runner._thread
    runner.close()
    runner.close()
    thread.join(5)
    assert not thread.is_alive()
    with pytest.raises(dfa.DfaLabError, match="closed"):
        runner.play()


@pytest.mark.parametrize("steps", [0, -3, 2.5, "many", True])
def test_steps_that_are_none_are_refused(runner, steps):
    with pytest.raises(dfa.DfaLabError, match="steps was given as"):
        runner.play(steps)


def test_without_a_thread_play_trains_at_once():
    runner = dfa.Runner(dfa.Experiment(**FAST), threaded=False, inline_steps=40)
    runner.play()
    assert runner.status().steps_done == 40
    runner.change(batch_size=3)
    runner.play(2)
    assert runner.status().steps_done == 42
    assert runner._thread is None
    runner.change(rule="dfaa")
    assert "dfaa" in runner.status().error
    with pytest.raises(dfa.DfaLabError):
        runner.wait()
