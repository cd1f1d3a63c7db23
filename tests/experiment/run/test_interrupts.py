"""Ctrl-C at random moments of every public method, and functions of the user's that fail, leave a whole run."""

import random
import signal
import threading
from dataclasses import replace

import pytest
import torch
from torch.utils import _python_dispatch
from torch.utils.flop_counter import FlopCounterMode

import dfa_lab as dfa
from dfa_lab.experiment.data import TASKS
from dfa_lab.experiment.settings import DeferredInterrupt
from dfa_lab.learning.alignment import CONVENTIONS
from dfa_lab.learning.ops import LOSSES, OPTIMIZERS, Loss
from interrupts import WAYS, Fails, check_between_steps, interrupted, places_in, small_run, torture

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c_falls_between_two_steps(way):
    do, draw = WAYS[way], random.Random(way)
    do(small_run())  # what loads at the first call
    trial = small_run()
    places = places_in(lambda: do(trial))
    for place in (draw.randrange(places), draw.randrange(places // 2, places)):
        run = small_run(rule=draw.choice(["dfa", "kp", "brsf"]), optimizer=draw.choice(["sgd", "rmsprop"]))
        interrupted(lambda run=run: do(run), place)
        check_between_steps(run)


def test_ctrl_c_at_many_moments():
    counts = torture(60, seed=3)
    assert sum(counts.values()) == 60
    assert sum(number for (_, came), number in counts.items() if came) > 10


def module():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Dropout(0.1), torch.nn.Linear(8, 2))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("way", ["step", "train", "change rule", "undo", "reset"])
def test_ctrl_c_in_a_run_of_a_module(way, optimizer):
    def made():
        run = dfa.Experiment(module=module(), task="moons", batch_size=16, probe_size=32, optimizer=optimizer)
        run.train(4)
        run.change(lr=0.07)
        return run

    WAYS[way](made())
    trial, draw = made(), random.Random(f"{way} {optimizer}")
    places = places_in(lambda: WAYS[way](trial))
    for _ in range(2):
        run = made()
        interrupted(lambda run=run: WAYS[way](run), draw.randrange(places))
        check_between_steps(run, module=module())


def test_a_loop_of_steps_is_stopped_by_ctrl_c():
    run = small_run()
    threading.Timer(0.2, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)).start()

    def loop():
        while True:
            run.step()

    with pytest.raises(KeyboardInterrupt):
        loop()
    assert run.steps_done > 8
    check_between_steps(run)


def test_another_handler_than_pythons_gets_the_signal_after_the_step():
    seen, run = [], small_run()
    before = signal.signal(signal.SIGINT, lambda number, frame: seen.append(run.steps_done))
    try:
        run.observe("step", lambda one: None)
        with run.held():
            signal.raise_signal(signal.SIGINT)
            run.step()
            assert seen == []
        assert seen == [9]
    finally:
        signal.signal(signal.SIGINT, before)
    check_between_steps(run)


def test_ctrl_c_pressed_three_times_does_not_wait():
    presses = []

    def slope(a):
        for _ in range(min(len(presses), 3)):
            presses.pop()
            signal.raise_signal(signal.SIGINT)
        return 1 - torch.tanh(a) ** 2

    run = small_run(probe_every=5, activation_derivative=slope)
    presses += [1] * 3
    with pytest.raises(KeyboardInterrupt):
        run.train(20)
    assert run.steps_done == 5  # it was at 8: the step was not ended, and the run went back
    check_between_steps(run)


def test_held_back_twice_is_held_back_once():
    reached = []

    def hold_twice():
        with DeferredInterrupt() as outer:
            with DeferredInterrupt() as inner:
                signal.raise_signal(signal.SIGINT)
                reached.append((outer(), inner()))
            reached.append("after the inner one")

    with pytest.raises(KeyboardInterrupt):
        hold_twice()
    assert reached == [(True, True), "after the inner one"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_in_another_thread_nothing_is_held_back():
    found = []

    def work():
        with DeferredInterrupt() as pressed:
            found.append((signal.getsignal(signal.SIGINT) is signal.default_int_handler, pressed()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(True, False)]


ERRORS = [ValueError, MemoryError, SystemExit, GeneratorExit, KeyboardInterrupt]


def until_it_fails(do, function, tries=60):
    """Do it until the function has failed, as a user would who sees the error and goes on."""
    for _ in range(tries):
        if function.failed:
            break
        try:
            do()
        except BaseException as error:
            assert "it failed" in str(error)  # noqa: PT017
    assert function.failed


@pytest.mark.parametrize("at", [1, 7, 19, 40])
@pytest.mark.parametrize("error", ERRORS)
def test_a_derivative_that_fails_leaves_a_whole_run(error, at):
    run = small_run(probe_every=4)
    slope = Fails(lambda a: 1 - torch.tanh(a) ** 2, at, error)
    until_it_fails(lambda: run.change(activation_derivative=slope), slope, 1) if at == 1 else None
    if at > 1:
        run.change(activation_derivative=slope)
        until_it_fails(run.step, slope)
    check_between_steps(run)


@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("what", ["change", "undo", "fork"])
def test_an_init_that_fails_leaves_a_whole_run(what, at):
    init = Fails(lambda site, generator: torch.randn(site.shape, generator=generator), 1000)
    run = small_run(feedback_init=init)
    run.change(feedback_seed=3)
    run.train(2)
    init.left = at
    do = {"change": lambda: run.change(feedback_seed=5), "undo": run.undo, "fork": lambda: run.fork(feedback_seed=7)}
    try:
        do[what]()
    except ValueError as error:
        assert "it failed" in str(error)  # noqa: PT017 - it need not be raised: some draw less often
    init.left = 10**6
    check_between_steps(run)


class HalfStep(torch.optim.SGD):
    """SGD that moves the first parameter and then, once, fails."""

    failing = None

    def step(self, closure=None):
        parameter = self.param_groups[0]["params"][0]
        with torch.no_grad():
            parameter.mul_(0.999)
        type(self).failing()
        return super().step(closure)


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("kind", ["mlp", "module"])
def test_an_optimizer_that_fails_halfway_leaves_a_whole_run(kind, error, monkeypatch):
    monkeypatch.setattr(HalfStep, "failing", Fails(lambda: None, 17, error))
    make = lambda parameters, *, lr, momentum, weight_decay: HalfStep(parameters, lr=lr)  # noqa: E731
    monkeypatch.setattr(OPTIMIZERS, "_entries", {**OPTIMIZERS._entries, "half": make})
    own = {} if kind == "mlp" else {"module": module()}
    run = dfa.Experiment(task="moons", optimizer="half", **own)
    until_it_fails(run.step, HalfStep.failing)
    check_between_steps(run, **own)


@pytest.mark.parametrize("at", [1, 2, 9, 12])
@pytest.mark.parametrize("kind", ["mlp", "module"])
def test_a_loss_that_fails_leaves_a_whole_run(kind, at, monkeypatch):
    given = LOSSES["squared_error"]
    by_hand = Fails(given.by_hand, 10**6)
    by_autograd = Fails(given.by_autograd, 10**6)
    monkeypatch.setattr(LOSSES, "_entries", {**LOSSES._entries, "own": Loss(by_autograd, by_hand)})
    moons = TASKS.call("moons")
    task = dfa.Task(
        "own",
        "moons",
        *(moons.train_inputs, torch.nn.functional.one_hot(moons.train_targets).float()),
        *(moons.test_inputs, torch.nn.functional.one_hot(moons.test_targets).float()),
        outputs=2,
        loss="own",
    )
    own = {} if kind == "mlp" else {"module": module()}
    run = dfa.Experiment(task=task, probe_every=4, **own)
    failing = by_hand if kind == "mlp" else by_autograd
    failing.left = at
    for way in (run.step, run.evaluate, run.measure):
        for _ in range(12):
            try:
                way()
            except ValueError as error:
                assert "it failed" in str(error)  # noqa: PT017
    assert failing.failed
    check_between_steps(run, **own)


@pytest.mark.parametrize("at", [1, 2, 5, 9])
def test_a_convention_of_alignment_that_fails_leaves_a_whole_run(at, monkeypatch):
    name, kept = next(iter(CONVENTIONS.items()))
    run = small_run(probe_every=4)
    fails = Fails(kept.measure, at)
    monkeypatch.setitem(CONVENTIONS._entries, name, replace(kept, measure=fails))
    until_it_fails(run.step, fails)
    check_between_steps(run)


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("moment", ["step", "measure", "change", "reset"])
def test_an_observer_that_fails_leaves_a_whole_run(moment, error):
    run = small_run()
    observer = Fails(lambda one: None, 1, error)
    run.observe(moment, observer)
    for do in (run.step, run.measure, lambda: run.change(lr=0.2), run.reset, lambda: run.train(12)):
        try:
            do()
        except BaseException as raised:
            assert "it failed" in str(raised)  # noqa: PT017
    assert observer.failed
    check_between_steps(run)


def test_a_task_that_fails_leaves_a_whole_run(monkeypatch):
    make = Fails(TASKS["moons"], 1)
    monkeypatch.setitem(TASKS._entries, "failing", make)
    run = small_run()
    for _ in range(2):
        try:
            run.reset(task="failing")
            break
        except ValueError as error:
            assert "it failed" in str(error)  # noqa: PT017
            check_between_steps(run)
    check_between_steps(run)


def test_the_error_says_where_the_run_is_now():
    run = small_run(probe_every=4)
    slope = Fails(lambda a: 1 - torch.tanh(a) ** 2, 10**6)
    run.change(activation_derivative=slope)
    run.train(9)
    slope.left = 1
    with pytest.raises(ValueError, match="it failed") as raised:
        run.train(1)
    assert f"the run is back at step {run.steps_done}." in raised.value.__notes__[0]
    assert run.steps_done < 17
    check_between_steps(run)


def test_where_going_back_fails_it_is_tried_again_first():
    init = Fails(lambda site, generator: torch.randn(site.shape, generator=generator), 10**6)
    slope = Fails(lambda a: 1 - torch.tanh(a) ** 2, 10**6)
    run = small_run(feedback_init=init, activation_derivative=slope)
    slope.left = init.left = 1
    with pytest.raises(ValueError, match="it failed"):
        run.step()
    init.left = 1
    with pytest.raises(dfa.DfaLabError, match="half changed"):
        run.session()
    init.left = 10**6
    run.step()
    check_between_steps(run)


def test_ctrl_c_while_operations_are_counted_leaves_no_counter_on():
    """In the middle of the counter's beginning, and of its end: it would count, and slow, all that torch does later."""
    for name in ("__enter__", "__exit__"):
        with pytest.MonkeyPatch.context() as patched:
            real = getattr(FlopCounterMode, name)

            def pressed(self, *given, real=real, name=name):
                if name == "__exit__":
                    signal.raise_signal(signal.SIGINT)
                done = real(self, *given)
                signal.raise_signal(signal.SIGINT)
                return done

            patched.setattr(FlopCounterMode, name, pressed)
            with pytest.raises(KeyboardInterrupt):
                dfa.Experiment(module=module(), task="moons", batch_size=16)
            with pytest.raises(KeyboardInterrupt):
                dfa.Monitor(
                    module(), torch.nn.functional.cross_entropy, probe=(torch.ones(4, 2), torch.zeros(4).long())
                )
        assert _python_dispatch._get_current_dispatch_mode_stack() == []
