"""Runs that are saved by themselves: while they train, at each pause, at the end; restored as they were."""

import os
import signal
import subprocess
import sys
import time
import warnings
import weakref
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import dfa_lab as dfa
from dfa_lab.errors import DfaLabError
from dfa_lab.experiment import autosave
from dfa_lab.experiment.autosave import autosave as clockwork
from dfa_lab.experiment.autosave import default_folder
from places import PACKAGE
from runs import FAST

pytestmark = pytest.mark.slow

SECONDS = 60


def until(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def saved_at(runner, steps):
    """Wait for the save of that step; the folder's list."""
    folder = runner.saved.parent if runner.saved else runner._autosave.folder

    def there():
        return any(one.steps == steps for one in dfa.Runner.restore(autosave=folder))

    until(there)
    return dfa.Runner.restore(autosave=folder)


@pytest.fixture
def made(tmp_path):
    """Makes runners that save below ``tmp_path``, and closes them."""
    runners = []

    def make(experiment=None, **options):
        runner = dfa.Runner(experiment or dfa.Experiment(**FAST), **{"autosave": tmp_path / "saves", **options})
        runners.append(runner)
        return runner

    yield make
    for runner in runners:
        runner.close()


@pytest.fixture
def again():
    opened = []
    yield lambda saved, **given: opened.append(dfa.Runner.restore(saved, **given)) or opened[-1]
    for runner in opened:
        runner.close()


def test_a_pause_is_saved_and_what_is_restored_goes_on_to_the_last_bit(made, again):
    runner = made()
    runner.play(30)
    runner.change(lr=0.05)
    runner.fork(rule="bp", lr=0.02)
    runner.fork(name="mine", rule="fa")
    runner.drop(1)
    runner.limit(5000)
    runner.stop_at(200)
    runner.play(12)
    runner.wait()
    (listed,) = saved_at(runner, 42)
    until(lambda: runner.saved == listed.path)
    assert (listed.number, listed.task, listed.rule, listed.needs) == (1, "digits", "dfa", ())
    other = again(str(listed.path), autosave=None)
    assert other.status() == runner.status()
    assert not other.status().running
    assert [one.history.digest() for one in other.lanes] == [one.history.digest() for one in runner.lanes]
    assert [one.undoable for one in other.lanes] == [one.undoable for one in runner.lanes]
    for one in (runner, other):
        one.undo()
        one.fork(momentum=0.5)
        one.play(20)
        one.wait()
    assert other.status() == runner.status()
    assert [one.history.digest() for one in other.lanes] == [one.history.digest() for one in runner.lanes]


def test_changes_of_a_session_that_are_still_to_come_come(made, again):
    session = dfa.Session(
        dfa.Settings(**FAST),
        changes=((5, {"lr": 0.5}), (40, {"rule": "fa"})),
        steps=60,
        name="two changes",
        lanes=(dfa.Lane("BP", {"rule": "bp"}),),
    )
    runner = made()
    runner.load(session)
    runner.play(20)
    runner.wait()
    other = again(saved_at(runner, 20)[0], autosave=None)
    assert (other.status(), other.status().planned) == (runner.status(), 1)
    other.play()
    other.wait()
    assert other.experiment.history.changes() == [(5, {"lr": 0.5}), (40, {"rule": "fa"})]


OWN, NUMBERED = {"activation_derivative": lambda x: x, "lr": 0.2}, {"activation_derivative": {1: "step"}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (((40, OWN),), r"at step 40 \(activation_derivative and lr\), which"),
        (((30, {"lr": 0.5}), (40, NUMBERED)), r"at step 40 \(activation_derivative\), which"),
        (((30, OWN), (35, {"lr": 0.5}), (40, NUMBERED)), r"at step 30 \(.*\), at step 40 \(activation_derivative\),"),
        (((10, OWN | {"activation_derivative": "step"}), (40, {"lr": 0.5})), ""),
    ],
)
def test_changes_to_come_that_no_file_can_hold_are_named_when_it_is_restored(made, again, changes, said):
    settings = dfa.Settings(**FAST)
    runner = made()
    runner.load(SimpleNamespace(settings=settings, changes=changes, steps=60, lanes=()))
    runner.play(20)
    runner.wait()
    saved = saved_at(runner, 20)[0]
    with pytest.warns(UserWarning, match=f"without the changes {said}") if said else nullcontext():
        other = again(saved, autosave=None)
    other.play()
    other.wait()
    left = [(step, fields) for step, fields in changes if step > 20 and fields == {"lr": 0.5}]
    assert [one for one in other.experiment.history.changes() if one[0] > 20] == left


@pytest.mark.parametrize("changes", [((40, OWN),), ((30, OWN), (35, {"lr": 0.5}), (40, NUMBERED))])
def test_a_run_that_was_restored_without_a_change_says_so_each_time_until_it_is_another(made, again, tmp_path, changes):
    runner, words = made(), f"without the changes at step {changes[0][0]} .*activation_derivative"
    runner.load(SimpleNamespace(settings=dfa.Settings(**FAST), changes=changes, steps=60, lanes=()))
    runner.play(20)
    runner.wait()
    saved = saved_at(runner, 20)[0]
    for number, steps in enumerate((25, 32)):
        with pytest.warns(UserWarning, match=words):
            other = again(saved, autosave=tmp_path / str(number))
        other.play(steps - other.experiment.steps_done)
        other.wait()
        saved = saved_at(other, steps)[0]
    with pytest.warns(UserWarning, match=words):
        other = again(saved, autosave=tmp_path / "last")
    other.reset()
    other.play(3)
    other.wait()
    with warnings.catch_warnings(action="error"):
        again(saved_at(other, 3)[0], autosave=None)


def test_training_is_saved_again_and_again_and_the_last_save_takes_the_place_of_the_former(made, monkeypatch):
    monkeypatch.setattr(clockwork, "EVERY", 0.05)
    monkeypatch.setattr(clockwork, "SHARE", 1.0)
    runner = made()
    runner.play()
    seen = set()
    until(lambda: runner.saved)

    def several():
        seen.update(one.steps for one in dfa.Runner.restore(autosave=runner.saved.parent))
        return len(seen) > 3

    until(several)
    runner.pause()
    runner.wait()
    saved_at(runner, runner.status().steps_done)
    until(lambda: len(list(runner.saved.iterdir())) == 2)  # the run and the list of what is there


def test_what_takes_long_to_save_is_saved_seldom(tmp_path, monkeypatch):
    seconds = iter(range(0, 1000, 7))
    monkeypatch.setattr(clockwork.time, "thread_time", lambda: next(seconds))
    taken = clockwork.Taken("run", {}, ())
    save = clockwork.Autosave(tmp_path, lambda: 1, lambda: ("run",), lambda: taken, pytest.fail, threaded=False)
    monkeypatch.setattr(clockwork, "write_saved", lambda *given: 0)
    save._save()
    assert save._pause == pytest.approx((7 + 7) / clockwork.SHARE)


def test_the_first_save_comes_early_and_the_others_at_the_interval(tmp_path, monkeypatch):
    now, saved = [0.0], []
    monkeypatch.setattr(clockwork.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(clockwork, "write_saved", lambda *given: saved.append(now[0]) or 0)
    taken = clockwork.Taken("run", {}, ())
    save = clockwork.Autosave(tmp_path, lambda: now[0], lambda: ("run",), lambda: taken, pytest.fail, threaded=False)
    save.resume()
    for now[0] in range(101):
        save.after_step()
    assert saved == [clockwork.FIRST, *(clockwork.FIRST + clockwork.EVERY * number for number in (1, 2, 3))]


def test_nothing_is_saved_before_training_after_restoring_or_twice(made, tmp_path, again):
    runner = made()
    runner.change(lr=0.3)
    runner.measure()
    runner.wait()
    runner.close()
    assert len(dfa.Runner.restore(autosave=tmp_path / "saves")) == 0
    runner = made()
    runner.fork(rule="bp")
    runner.play(3)
    runner.wait()
    saved_at(runner, 3)
    runner.measure()
    runner.wait()
    other = again(1, autosave=tmp_path / "saves")
    other.measure()
    other.wait()
    other.close()
    runner.close()
    until(lambda: not (other._thread.is_alive() or runner._thread.is_alive()))
    assert len(dfa.Runner.restore(autosave=tmp_path / "saves")) == 1
    assert other.saved is None


def test_a_run_begun_anew_leaves_the_former_save(made):
    runner = made()
    runner.play(5)
    runner.wait()
    saved_at(runner, 5)
    runner.reset(seed=1)
    runner.play(7)
    runner.wait()
    assert [one.steps for one in saved_at(runner, 7)] == [7, 5]


def test_closing_saves_what_was_trained_since(made, tmp_path):
    runner = made()
    runner.play()
    until(lambda: runner.status().steps_done > 50)
    runner.close()
    until(lambda: not runner._thread.is_alive())
    (one,) = dfa.Runner.restore(autosave=tmp_path / "saves")
    assert one.steps == runner.status().steps_done


def test_what_is_trained_at_once_is_saved_at_once(made, tmp_path):
    runner = made(threaded=False)
    runner.play(9)
    (one,) = dfa.Runner.restore(autosave=tmp_path / "saves")
    assert one.steps == 9
    assert made(threaded=False, autosave=True).saved is None


def test_a_runner_that_nobody_holds_is_gone_at_once(tmp_path):
    gone = weakref.ref(dfa.Runner(dfa.Experiment(**FAST), autosave=tmp_path))
    assert gone() is None


PROGRAM = """
import sys, dfa_lab as dfa
from dfa_lab.experiment.autosave import autosave
autosave.EVERY, autosave.SHARE = {every}, 1.0
runner = dfa.Runner(dfa.Experiment(task="moons", widths=(8,)), autosave={folder!r})
runner.play()
{then}
"""
KILLED = 'print("on", flush=True)\nrunner.wait()'
ENDED = "import time\nwhile runner.status().steps_done < 100: time.sleep(0.01)"


def run_program(folder, then, every):
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": "1"}
    code = PROGRAM.format(folder=str(folder), then=then, every=every)
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE)


def test_a_killed_program_leaves_a_run_that_goes_on(tmp_path, again):
    program = run_program(tmp_path, KILLED, every=0.02)
    try:
        until(lambda: len(dfa.Runner.restore(autosave=tmp_path)))
        time.sleep(0.2)
    finally:
        os.kill(program.pid, signal.SIGKILL)
        program.communicate()
    other = again(1, autosave=tmp_path)
    run = other.experiment
    steps = run.steps_done
    assert steps
    other.play(25)
    other.wait()
    whole = dfa.Experiment(task="moons", widths=(8,))
    whole.train(steps + 25)
    for mine, theirs in zip(run.net.parameters(), whole.net.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_a_program_that_ends_saves_what_it_trained(tmp_path):
    program = run_program(tmp_path, ENDED, every=1000)
    program.communicate(timeout=SECONDS)
    assert program.returncode == 0
    (one,) = dfa.Runner.restore(autosave=tmp_path)
    assert one.steps >= 100


def test_a_module_and_data_of_ones_own_are_given_again(made, again):
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.Tanh(), nn.Linear(8, 10))
    task = dfa.Task.from_arrays(torch.randn(40, 64), torch.arange(40) % 10)
    for steps, (run, given) in enumerate(
        (
            (dfa.Experiment(task="digits", module=module), {"module": module}),
            (dfa.Experiment(task=task, widths=(8,)), {"task": task}),
            (dfa.Experiment(task=task, module=module), {"module": module, "task": task}),
        ),
        1,
    ):
        runner = made(run)
        runner.play(steps)
        runner.wait()
        listed = saved_at(runner, steps)[0]
        assert listed.needs == tuple(given)
        with pytest.raises(DfaLabError, match=", ".join(f"{name}=…" for name in given)):
            again(str(listed.path))
        other = again(str(listed.path), autosave=None, **given)
        assert other.experiment.history.digest() == run.history.digest()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_said(made, tmp_path):
    tmp_path.chmod(0o500)
    runner = made()
    runner.play(3)
    runner.wait()
    until(lambda: "Autosave failed" in runner.status().error)
    tmp_path.chmod(0o700)


@pytest.mark.parametrize("fault", ["a file", "disk full", "a function"])
def test_where_nothing_can_be_written_one_warning_says_so_and_training_goes_on(made, tmp_path, monkeypatch, fault):
    experiment, place = dfa.Experiment(**FAST), tmp_path / "saves"
    if fault == "a file":
        place = tmp_path / "taken"
        place.write_text("")
    elif fault == "disk full":
        monkeypatch.setattr("os.fsync", lambda file: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    else:
        experiment.change(activation_derivative=lambda x: x)
    runner = made(experiment, autosave=place)
    runner.play(3)
    runner.wait()
    said = "is off for these runs" if fault == "a function" else "failed and is tried again later"
    until(lambda: f"Autosave {said}, training goes on: " in runner.status().error)
    runner.play(3)
    runner.wait()
    assert (runner.status().steps_done, runner.status().error, runner.saved) == (6, "", None)


def test_a_headless_session_and_a_class_save_nothing_unless_they_name_a_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("DFA_LAB_AUTOSAVE")
    assert autosave.autosave_folder(True) == default_folder()
    assert default_folder().name == "autosave"
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    assert autosave.autosave_folder(True) is None
    assert autosave.autosave_folder(str(tmp_path)) == tmp_path
    monkeypatch.delenv("DFA_LAB_HEADLESS")
    for said in ("off", "OFF", "0", "none"):
        monkeypatch.setenv("DFA_LAB_AUTOSAVE", said)
        assert autosave.autosave_folder(True) is None
    monkeypatch.setenv("DFA_LAB_AUTOSAVE", str(tmp_path))
    assert autosave.autosave_folder(True) == tmp_path
    assert autosave.autosave_folder(None) is autosave.autosave_folder(False) is None


@pytest.mark.parametrize("given", ["", 3, b"x", ["a"], 1.5])
def test_what_is_no_folder_is_refused(given):
    with pytest.raises(DfaLabError, match="autosave was given as"):
        dfa.Runner(dfa.Experiment(**FAST), autosave=given)
