"""A process that is forked beside a training: it gets a run between two steps, or a sentence, and never hangs."""

import functools
import os
import signal
import sys
import threading
import time
import traceback
from weakref import WeakSet

import pytest

import dfa_lab as dfa
from attacks.runs import made_again
from dfa_lab.forked_processes import lock_across_forks
from interrupts import check_between_steps

pytestmark = [pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here"), pytest.mark.slow]


def in_child(do, seconds=60):
    """Do it in a forked process; what failed there, as a text, "" for nothing. An end by a signal is said too."""
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        signal.alarm(seconds)  # a hang ends the child
        try:
            do()
            text = ""
        except BaseException:
            text = traceback.format_exc()
        os.write(write, text.encode()[-4000:])
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    _, status = os.waitpid(pid, 0)
    return text or (f"ended by signal {status}" if status else "")


def refused(do, words):
    def ask():
        with pytest.raises(dfa.DfaLabError, match=words):
            do()

    return ask


@pytest.fixture
def training():
    """A runner that trains all the time."""
    runner = dfa.Runner(dfa.Experiment(task="moons", widths=(256, 256), batch_size=512, probe_every=50))
    runner.play()
    while runner.experiment.steps_done < 5:
        time.sleep(0.01)
    yield runner
    runner.close()


def the_same_again(run):
    twin = made_again(run)
    assert run.history.equals(twin.history)


DOES = {
    "evaluate": lambda run: run.evaluate(),
    "step": lambda run: (run.step(), the_same_again(run)),
    "train": lambda run: (run.train(5), the_same_again(run)),
    "change": lambda run: (run.change(rule="fa"), run.train(3), the_same_again(run)),
    "fork": lambda run: run.fork(rule="bp").train(3),
    "references": lambda run: run.references(),
    "session": lambda run: run.session().replay(),
    "snapshot": lambda run: run.snapshot(),
    "reset": lambda run: (run.reset(), run.train(3), the_same_again(run)),
    "a new one": lambda run: dfa.Experiment(task="moons", widths=(4,)).train(3),
    "a new runner": lambda run: train_by_runner(run),
}


def train_by_runner(run):
    runner, before = dfa.Runner(run), run.steps_done
    runner.play(4)
    runner.wait(30)
    runner.close()
    assert run.steps_done == before + 4
    the_same_again(run)


@pytest.mark.parametrize("what", DOES)
def test_a_forked_process_has_a_run_that_works(training, what):
    for _ in range(2):
        assert in_child(lambda: DOES[what](training.experiment)) == ""
    assert training.status().running
    training.pause()
    training.wait(30)
    check_between_steps(training.experiment)


@pytest.mark.parametrize(
    "ask",
    [
        lambda runner: runner.play(3),
        lambda runner: runner.change(lr=0.2),
        lambda runner: runner.pause(),
        lambda runner: runner.wait(5),
        lambda runner: runner.wait(),
        lambda runner: runner.fork(),
    ],
)
def test_a_runner_in_a_forked_process_says_that_its_thread_is_elsewhere(training, ask):
    assert in_child(refused(lambda: ask(training), "forked from; make a new Runner")) == ""
    assert in_child(training.close) == ""
    assert training.status().running


def test_a_runner_without_a_thread_works_in_a_forked_process():
    runner = dfa.Runner(dfa.Experiment(task="moons", widths=(8,)), threaded=False)
    runner.play(3)

    def go_on():
        runner.play(4)
        runner.wait(5)
        assert runner.status().steps_done == 7

    assert in_child(go_on) == ""
    assert runner.status().steps_done == 3


def test_an_explorer_in_a_forked_process_says_what_to_do(training):
    explorer = dfa.Explorer(training)

    def ask():
        explorer.act("play")
        assert "forked from" in explorer.status()["error"]
        explorer.close()

    assert in_child(ask) == ""
    explorer.close()


def test_a_forked_process_ends_by_itself(training):
    """At the end of a program every thread is waited for; those of the parent are none of its own."""
    pid = os.fork()
    if not pid:
        signal.alarm(30)
        import atexit

        atexit._run_exitfuncs()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


def test_in_a_forked_process_several_threads_are_refused():
    run = dfa.Experiment(task="moons", widths=(8,), threads=2)
    run.train(2)
    for do in (run.step, run.evaluate, lambda: run.train(3), lambda: dfa.Experiment(threads=2), run.references):
        assert in_child(refused(do, "threads=2 was asked for in a forked process")) == ""
    run.train(2)
    assert run.steps_done == 4


def test_a_step_that_did_not_end_in_time_is_taken_back_in_the_child(training, monkeypatch):
    monkeypatch.setattr("dfa_lab.forked_processes.PATIENCE", 0.0)
    for _ in range(6):
        training.pause()
        training.reset()  # a child makes the whole run again
        training.wait(30)
        training.play()
        while training.experiment.steps_done < 5:
            time.sleep(0.01)
        assert in_child(lambda: DOES["step"](training.experiment)) == ""


class Slow:
    @functools.cached_property
    def value(self):
        time.sleep(3)
        return 1


def test_a_cached_property_that_another_thread_computes_is_free_in_the_child(training):
    threading.Thread(target=lambda: Slow().value, daemon=True).start()
    time.sleep(0.2)
    assert in_child(lambda: (signal.alarm(20), DOES["step"](training.experiment), Slow().value)) == ""


def test_a_fork_inside_a_step_goes_on_in_both():
    import torch

    children = []

    def slope(a):
        if len(children) == 1:
            children.append(os.fork())
        return 1 - torch.tanh(a) ** 2

    run = dfa.Experiment(task="moons", widths=(8,), activation_derivative=slope)
    run.train(3)
    children.append(0)
    run.train(3)
    if not children[1]:
        os._exit(0 if run.steps_done == 6 else 1)
    assert os.waitpid(children[1], 0)[1] == 0
    assert run.steps_done == 6


def test_a_pool_of_forked_processes_trains(training):
    import multiprocessing

    assert "torch" in sys.modules
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(steps_of, [3, 5], chunksize=1) == [3, 5]
        pool.close()  # each process ends by itself: SIGTERM, by which a block ends them, may be ignored here
        pool.join()


def steps_of(count):
    run = dfa.Experiment(task="moons", widths=(4,))
    run.train(count)
    return run.steps_done


class Meets:
    """The lock of a run; when the first thread has released all of them, the second takes one and waits for another."""

    def __init__(self, said, taken):
        self.lock, self.said, self.taken, self.process = threading.RLock(), said, taken, os.getpid()

    def acquire(self, timeout):
        own = self.taken[threading.current_thread().name]
        if own and threading.current_thread().name == "second":
            self.said["second has one"].set()
            self.said["first is done"].wait(5)
        found = self.lock.acquire(timeout=timeout)
        own.append(self)
        if len(own) == 2:
            self.said["first has both"].set()
        return found

    def release(self):
        self.lock.release()
        own = self.taken[threading.current_thread().name]
        own.pop()
        if not own and threading.current_thread().name == "first" and os.getpid() == self.process:
            self.said["second has one"].wait(5)


class Locked:
    def __init__(self, lock):
        lock_across_forks(self)
        self._lock = lock

    def _cut_off(self):
        pass


def test_two_threads_that_fork_at_once_release_their_own_locks(monkeypatch):
    raised = []
    monkeypatch.setattr("dfa_lab.forked_processes._runs", WeakSet())  # no runs but these
    monkeypatch.setattr(sys, "unraisablehook", lambda one: raised.append(repr(one.exc_value)))
    said = {name: threading.Event() for name in ("first has both", "second has one", "first is done")}
    taken = {"first": [], "second": []}
    locked = [Locked(Meets(said, taken)) for _ in range(2)]

    def fork():
        if not (pid := os.fork()):
            os._exit(0)
        said["first is done"].set()
        os.waitpid(pid, 0)

    first, second = (threading.Thread(target=fork, name=name) for name in taken)
    first.start()
    assert said["first has both"].wait(5)
    second.start()
    first.join()
    second.join()
    assert said["second has one"].is_set()
    assert raised == []
    assert taken == {"first": [], "second": []}
    for one in locked:  # nobody has it any more
        assert one._lock.lock.acquire(timeout=1)
        one._lock.lock.release()
