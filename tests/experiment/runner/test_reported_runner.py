"""What users met in the runner and its thread: silent deaths, changes half applied, dear refusals, curves that stop."""

import sys
import threading
import time
from itertools import pairwise

import pytest
import torch

import dfa_lab as dfa
from dfa_lab.experiment.settings import CHOICES, Settings
from dfa_lab.widgets.kernel.ui_thread import UIThread
from runs import FAST, until

HUGE = 10**400


class Unsayable(BaseException):
    """An error that cannot even be printed."""

    def __str__(self):
        raise ValueError("no words")


LEAVING = [SystemExit("bye"), KeyboardInterrupt(), Unsayable(), GeneratorExit("x" * 10**6)]


class Raising:
    """A derivative of the user's that raises ``error`` once it is armed."""

    def __init__(self, error):
        self.error, self.armed = error, False

    def __call__(self, preactivation):
        if self.armed:
            raise self.error
        return torch.ones_like(preactivation)


def alive(runner):
    return runner._thread.is_alive()


@pytest.mark.parametrize("error", LEAVING, ids=lambda error: type(error).__name__)
def test_whatever_a_derivative_raises_the_trainer_lives_and_says_so(error):
    derivative = Raising(error)
    runner = dfa.Runner(dfa.Experiment(**FAST, activation_derivative=derivative))
    runner.play()
    until(lambda: runner.status().steps_done > 5)
    derivative.armed = True
    until(lambda: not runner.status().running)
    assert type(error).__name__ in runner.status().error
    assert len(runner.status().error) < 2000
    with pytest.raises(dfa.DfaLabError, match=type(error).__name__):
        runner.wait(5)
    derivative.armed = False
    assert alive(runner)
    runner.reset()
    runner.play(5)
    runner.wait(5)
    assert runner.status().steps_done == 5
    runner.close()


@pytest.mark.parametrize("error", LEAVING, ids=lambda error: type(error).__name__)
def test_whatever_a_command_raises_the_trainer_lives_and_says_so(error):
    derivative = Raising(error)
    derivative.armed = True
    runner = dfa.Runner(dfa.Experiment(**FAST))
    runner.play()
    runner.change(activation_derivative=derivative)
    until(lambda: runner.status().error)
    assert type(error).__name__ in runner.status().error
    runner.change(activation_derivative="exact")
    runner.play(5)
    until(lambda: not runner.status().running and not runner.status().error)
    assert alive(runner)
    runner.close()


@pytest.mark.parametrize("error", [ValueError("boom"), SystemExit("boom"), KeyboardInterrupt()], ids=repr)
def test_a_derivative_that_has_failed_can_be_changed_and_undone(error):
    derivative = Raising(error)
    run = dfa.Experiment(**FAST)
    run.train(7)
    run.change(activation_derivative=derivative, lr=0.2)
    run.train(3)
    derivative.armed = True
    with pytest.raises(type(error)):
        run.train(5)
    run.change(lr=0.3)  # what has nothing to do with it
    run.change(activation_derivative="exact")
    run.train(5)
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else dfa.DfaLabError):
        run.undo()  # to what fails
    assert (run.settings.activation_derivative, run.net.derivative) == ("exact", "exact")
    derivative.armed = False
    for _ in range(3):
        run.undo()
    assert (run.settings.activation_derivative, run.settings.lr) == ("exact", 0.1)
    run.train(5)


def test_a_derivative_that_has_failed_can_be_undone_on_the_screen():
    derivative = Raising(SystemExit("boom"))
    explorer = dfa.Explorer(**FAST, speed=None)
    explorer.runner.change(activation_derivative=derivative)
    explorer.act("play")
    until(lambda: explorer.experiment.steps_done > 5)
    derivative.armed = True
    until(lambda: "Undo" in explorer.status()["error"])  # what could not be drawn may be said before it
    explorer.act("undo")
    explorer.act("play")
    step = explorer.experiment.steps_done
    until(lambda: explorer.experiment.steps_done > step + 5)
    assert explorer.experiment.settings.activation_derivative == "exact"
    explorer.close()


def test_an_error_outside_of_every_command_and_step_is_said(runner, monkeypatch):
    runner.play()
    until(lambda: runner.status().steps_done > 5)
    monkeypatch.setattr(runner._training.rate, "tick", lambda: sys.exit("nobody expects this"))
    until(lambda: runner.status().error)
    assert "nobody expects this" in runner.status().error
    assert not runner.status().running
    monkeypatch.undo()
    with pytest.raises(dfa.DfaLabError, match="nobody expects this"):
        runner.wait(5)
    assert alive(runner)
    runner.play(5)
    runner.wait(5)


@pytest.mark.parametrize("limit", [0, -1, 1e-12, 1e-300, 5e-324, float("inf"), float("nan"), HUGE, True, "fast"])
def test_a_speed_limit_that_cannot_be_kept_is_refused(runner, limit):
    with pytest.raises(dfa.DfaLabError, match="speed limit was given as"):
        runner.limit(limit)
    runner.play(5)
    runner.wait(5)
    assert alive(runner)


@pytest.mark.parametrize("limit", [0, 1e-12, 1e-300, float("inf"), HUGE])
def test_a_page_that_sends_such_a_limit_is_told_and_the_run_goes_on(limit):
    explorer = dfa.Explorer(**FAST, speed=None)
    explorer.act("limit", steps_per_s=limit)
    assert "expected" in explorer.status()["error"]
    explorer.act("play")
    until(lambda: explorer.experiment.steps_done > 5)
    explorer.act("pause")
    until(lambda: explorer.status()["state"] == "paused")
    assert alive(explorer.runner)
    explorer.close()


def test_the_slowest_limit_there_is_leaves_the_thread_waiting(runner):
    runner.limit(0.001)
    runner.play()
    until(lambda: runner.status().steps_done == 1)
    time.sleep(0.1)
    runner.limit(None)
    until(lambda: runner.status().steps_done > 5)
    assert alive(runner)


@pytest.mark.parametrize("error", LEAVING, ids=lambda error: type(error).__name__)
def test_whatever_a_view_raises_the_pump_lives_and_keeps_the_error(error):
    failing = [error]
    ticks = []

    def tick():
        ticks.append(1)
        if failing:
            raise failing.pop()

    pump = UIThread(tick)
    pump.start()
    until(lambda: len(ticks) > 2)
    assert pump.error is None, "the next tick found the screen again"
    failing += [error] * 5
    until(lambda: pump.error is not None)
    assert type(error).__name__ in str(pump.error)
    pump.stop()
    assert not pump._thread.is_alive()


LIVE_NUMBERS = [
    name for name in Settings.live_fields() if name not in CHOICES and not isinstance(Settings().values()[name], str)
]
CHOSEN = [
    {field: {"name": name, parameter: HUGE}}
    for field in ("rule", "feedback_init", "activation_derivative")
    for name in CHOICES[field]
    for parameter in CHOICES[field].parameters(name)
]


def called(fields):
    return str(fields)[:60]


@pytest.mark.parametrize("fields", [*({name: HUGE} for name in LIVE_NUMBERS), *CHOSEN], ids=called)
def test_a_number_too_great_to_compute_with_changes_all_or_nothing(fields):
    run = dfa.Experiment(**FAST)
    run.train(5)
    before, net = run.settings, {name: one.clone() for name, one in run.net.state_dict().items()}
    capped = any(isinstance(choice, dict) and {"rank", "period"} & set(choice) for choice in fields.values())
    if capped:  # a rank beyond the matrix's own is the matrix's own
        run.change(**fields)
        assert len(run.history.events) == 1
    else:
        with pytest.raises(dfa.DfaLabError):
            run.change(**fields)
        assert run.settings == before
        assert run.history.events == []
        assert all(torch.equal(one, net[name]) for name, one in run.net.state_dict().items())
    run.change(lr=0.5)
    assert [(event.field, event.new) for event in run.history.events][capped:] == [("lr", 0.5)]
    run.train(5)
    assert run.session().replay().history.equals(run.history)


@pytest.mark.parametrize("number", [HUGE, 10**18])
def test_steps_too_many_to_reckon_with_are_refused(runner, number):
    for command in (runner.play, runner.stop_at):
        with pytest.raises(dfa.DfaLabError, match="expected a whole number"):
            command(number)
    assert runner.status().eta_s is None


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt(), SystemExit()], ids=repr)
@pytest.mark.parametrize("fields", [{}, {"lr": 0.5}], ids=["many fields", "lr"])
@pytest.mark.parametrize("late", [False, True], ids=["at once", "when it is done"])
@pytest.mark.parametrize("place", ["learner", "schedule", "history"])
def test_whatever_fails_inside_a_change_leaves_the_run_as_it_was(monkeypatch, place, late, fields, error):
    run, untouched = dfa.Experiment(**FAST), dfa.Experiment(**FAST)
    for one in (run, untouched):
        one.train(13)
    many = {"rule": "fa", "activation_derivative": "step", "feedback_seed": 5, "batch_size": 7, "optimizer": "adam"}
    fields = fields or many

    target, name = {
        "learner": (run.trainer.learner, "adopt"),
        "schedule": (run.trainer.learner, "costs"),
        "history": (run.history, "add_change"),
    }[place]
    calls = []
    original = getattr(target, name)

    def fail(*arguments, **named):
        if calls:  # the way back may use it again
            return original(*arguments, **named)
        calls.append(1)
        if late:
            original(*arguments, **named)
        raise error

    monkeypatch.setattr(target, name, fail)
    with pytest.raises(type(error)):
        run.change(**fields)
    monkeypatch.undo()
    assert run.settings == untouched.settings
    assert run.undoable == []
    assert run.history.equals(untouched.history)
    for one in (run, untouched):
        one.train(20)
    assert run.history.equals(untouched.history)
    assert run.history.events == []


@pytest.mark.parametrize(
    "name", ["lr", "seed", "feedback_seed", "feedback_scale", "widths", "feedback_init", "activation_derivative"]
)
@pytest.mark.parametrize("wrong", [0, -1, None, "no such name", {"name": 3}], ids=repr)
def test_the_refusal_of_a_long_list_is_short_and_quick(name, wrong):
    value = [wrong] * 100_000
    began = time.perf_counter()
    with pytest.raises(dfa.DfaLabError) as refused:
        Settings(**{name: value})
    assert len(str(refused.value)) < 3000
    assert time.perf_counter() - began < 5  # it took minutes


@pytest.mark.parametrize("length", [4000, 100_000])
def test_a_page_that_sends_a_long_list_is_answered_at_once(length):
    explorer = dfa.Explorer(**FAST)
    for fields in ({"lr": [0] * length}, {"seed": [-1] * length}, {"feedback_init": ["no"] * (length // 4)}):
        began = time.perf_counter()
        explorer.act("change", fields=fields)
        assert time.perf_counter() - began < 5
        assert 0 < len(explorer.status()["error"]) < 3000
    explorer.close()


def furthest_apart(run, steps):
    """The most steps between two measurements of the angles, from the first step to the last."""
    measured = sorted({0, steps, *(int(step) for step in run.history.values("weight_alignment", 1)[0])})
    return max(after - before for before, after in pairwise(measured))


@pytest.mark.clock
@pytest.mark.parametrize("slow_at", [(0,), (1, 2), (0, 3, 6)], ids=str)
def test_a_measurement_that_is_held_up_does_not_stop_the_curves(monkeypatch, slow_at):
    """At the explorer's speed of 30 steps a second no more than 15 steps, half a second, lie between two of them."""
    run, calls, measure = dfa.Experiment(), [], dfa.Experiment.measure

    def held_up(self):
        measure(self)
        time.sleep(0.2 if len(calls) in slow_at else 0)
        calls.append(1)

    monkeypatch.setattr(dfa.Experiment, "measure", held_up)
    runner = dfa.Runner(run, compare_speed=True)
    runner.limit(30)
    runner.play(75)
    runner.wait(60)
    assert furthest_apart(run, 75) <= 15
    runner.close()


@pytest.mark.clock
@pytest.mark.parametrize("fields", [{}, {"replicas": 16}], ids=str)
def test_the_curves_go_on_right_after_the_first_cell_on_a_busy_machine(fields):
    busy = threading.Event()

    def work():
        numbers = torch.rand(200, 200)
        while not busy.is_set():
            numbers = (numbers @ numbers).clamp(0, 1)

    others = [threading.Thread(target=work) for _ in range(2)]
    for one in others:
        one.start()
    explorer = dfa.Explorer(**fields)
    explorer.act("play")
    until(lambda: explorer.experiment.steps_done >= 75, seconds=60)
    explorer.act("pause")
    until(lambda: explorer.status()["state"] == "paused")
    busy.set()
    assert furthest_apart(explorer.experiment, explorer.experiment.steps_done) <= 15
    explorer.close()


def test_a_reset_that_fails_leaves_the_run_as_it_was(monkeypatch):
    run, untouched = dfa.Experiment(**FAST), dfa.Experiment(**FAST)
    for one in (run, untouched):
        one.train(13)

    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("dfa_lab.experiment.run.trainer.Probe", fail)
    with pytest.raises(KeyboardInterrupt):
        run.reset(widths=(32,), task="moons")
    monkeypatch.undo()
    for one in (run, untouched):
        one.train(13)
    assert run.history.equals(untouched.history)


@pytest.mark.parametrize("do", ["change", "undo"])
def test_what_fails_in_the_second_lane_changes_none(monkeypatch, do):
    runner = dfa.Runner(dfa.Experiment(**FAST))
    runner.fork(lr=0.1, name="beside")
    runner.play(10)
    runner.change(lane=None, lr=0.3)
    runner.wait(10)
    first, second = runner.lanes
    before = [(lane.settings, list(lane.history.events), list(lane.undoable)) for lane in runner.lanes]
    monkeypatch.setattr(second.history, "add_change", lambda *_: 1 / 0)
    if do == "change":
        runner.change(lane=None, lr=0.7, rule="fa")
    else:
        runner.undo(lane=None)
    until(lambda: runner.status().error)
    assert [(lane.settings, list(lane.history.events), list(lane.undoable)) for lane in runner.lanes] == before
    monkeypatch.undo()
    runner.close()
    assert first is runner.experiment


@pytest.mark.clock
@pytest.mark.parametrize("apart", [0.05, 0.25])
def test_commands_in_pairs_do_not_stop_the_curves(apart):
    runner = dfa.Runner(dfa.Experiment(widths=(64, 64), replicas=4))
    runner.limit(30)
    runner.play(75)
    batch = 32
    while runner.status().running or not runner.status().steps_done:
        batch += 1
        runner.change(batch_size=batch)
        runner.change(weight_decay=1e-6 * batch)
        time.sleep(apart)
    runner.wait(30)
    assert furthest_apart(runner.experiment, 75) <= 15
    runner.close()
