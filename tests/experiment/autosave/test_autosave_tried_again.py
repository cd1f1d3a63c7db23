"""Where a save fails it is tried again, and said once; where no file can hold the runs it is off for these."""

import time

import pytest

import dfa_lab as dfa
from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.autosave import Autosave, LaneRecord, Taken, saved_runs
from dfa_lab.experiment.autosave import autosave as clockwork
from runs import FAST

SECONDS = 60
FAILED, AGAIN = "Autosave failed and is tried again later, training goes on: ", "Autosave works again."
OFF = "Autosave is off for these runs, training goes on: "


def until(condition):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


class Saver:
    """An autosave of a run that ``step`` moves on, with what it said; while ``fault`` is set, that is raised."""

    def __init__(self, folder, *, threaded):
        self.steps, self.numbers, self.fault, self.tries, self.said = 0, (0,), {}, 0, []
        self.taken = 0
        self.autosave = Autosave(
            folder,
            lambda: self.steps or None,
            lambda: ("run", *self.numbers),
            self.take,
            self.said.append,
            threaded=threaded,
        )

    def take(self):
        self.taken += 1
        self.raises("take")
        head = {"task": "moons", "rule": "dfa", "steps": self.steps, "needs": [], "runner": {}, "screen": {}}
        return Taken("run", head, [(LaneRecord(number, "DFA"), self.write) for number in self.numbers])

    def write(self, file):
        self.tries += 1
        self.raises("write")
        file.write_bytes(b"x")

    def raises(self, where):
        if where in self.fault:
            raise self.fault[where]

    def step(self, how):
        """One step more, and a save after it, of the training that goes on, rests or ends."""
        self.steps += 1
        getattr(self.autosave, how)()
        until(lambda: self.autosave._thread is None)


@pytest.fixture(params=[False, True], ids=["here and now", "in a thread"])
def saver(request, tmp_path, monkeypatch):
    monkeypatch.setattr(clockwork, "EVERY", 0.0)
    monkeypatch.setattr(clockwork, "SHARE", 1e6)
    monkeypatch.setattr(clockwork, "AT_REST", -1.0)
    return Saver(tmp_path, threaded=request.param)


FAULTS = [
    ("write", OSError(28, "No space left on device")),
    ("write", DfaLabError("save cannot write to …")),
    ("take", MemoryError("no room for a copy")),
    ("take", DfaLabError("the run is half changed")),
]


@pytest.mark.parametrize("how", ["after_step", "at_rest"])
@pytest.mark.parametrize(("where", "error"), FAULTS)
def test_what_failed_is_tried_again_and_said_once_a_spell(saver, tmp_path, where, error, how):
    for spell in (1, 2):
        saver.step(how)
        assert [one.steps for one in saved_runs(tmp_path)] == [saver.steps]
        saver.fault = {where: error}
        before = saver.steps
        for _ in range(3):
            saver.step(how)
        assert [one.steps for one in saved_runs(tmp_path)] == [before]  # the former is whole
        assert len(saver.said) == 2 * spell - 1
        assert saver.said[-1].startswith(FAILED)
        saver.fault = {}
        saver.step(how)
        assert [one.steps for one in saved_runs(tmp_path)] == [saver.steps]
        assert saver.said[-1] == AGAIN
        assert len(saver.said) == 2 * spell
    saver.step(how)
    assert len(saver.said) == 4


@pytest.mark.parametrize("how", ["at_rest", "at_end"])
def test_what_failed_is_tried_again_though_nothing_was_trained_since(saver, tmp_path, how):
    saver.fault = {"write": OSError(28, "No space left on device")}
    saver.step("after_step")
    saver.fault = {}
    saver.steps -= 1
    saver.step(how)
    assert [one.steps for one in saved_runs(tmp_path)] == [1]
    assert saver.said[1:] == [AGAIN]


def test_at_rest_it_is_tried_again_after_the_interval_only(saver, tmp_path, monkeypatch):
    saver.fault = {"write": OSError(28, "No space left on device")}
    saver.step("at_rest")
    monkeypatch.setattr(clockwork, "EVERY", 1000.0)
    for _ in range(3):
        assert saver.autosave.at_rest() is None
    assert saver.tries == 1


def test_where_no_thread_begins_training_goes_on_and_it_is_tried_again(saver, tmp_path, monkeypatch):
    def no_thread(*given):
        raise RuntimeError("can't start new thread")

    saver.autosave._threaded = True
    with monkeypatch.context() as patch:
        patch.setattr("threading.Thread.start", no_thread)
        saver.step("after_step")
        saver.step("at_rest")
    assert [one.startswith(FAILED) for one in saver.said] == [True]
    assert len(saved_runs(tmp_path)) == 0
    saver.step("after_step")
    assert [one.steps for one in saved_runs(tmp_path)] == [3]


@pytest.mark.parametrize("large", [False, True])
def test_what_no_file_can_hold_is_not_tried_again_until_the_runs_are_others(saver, tmp_path, monkeypatch, large):
    saver.numbers = (0, 2)
    with monkeypatch.context() as patch:
        if large:
            patch.setattr(clockwork, "MOST_BYTES", 1)
        else:
            saver.fault = {"write": clockwork.UnsavableError("lr is <function>, which no file can hold.")}
        saver.step("after_step")
        tried = saver.tries, saver.taken
        for how in ("after_step", "at_rest", "at_end"):
            saver.step(how)
        assert (saver.tries, saver.taken) == tried, "nothing is copied either"
    assert [one.startswith(OFF) for one in saver.said] == [True]
    saver.fault, saver.numbers = {}, (0,)
    saver.step("after_step")
    assert [one.steps for one in saved_runs(tmp_path)] == [saver.steps]
    assert saver.said[1:] == [AGAIN]


@pytest.mark.parametrize("threaded", [False, True])
def test_a_runner_saves_again_once_its_folder_can_be_written_or_its_run_is_another(tmp_path, threaded):
    taken = tmp_path / "taken"
    taken.write_text("")
    runner = dfa.Runner(dfa.Experiment(**FAST), autosave=taken, threaded=threaded)
    try:
        runner.play(3)
        runner.wait()
        until(lambda: FAILED in runner.status().error)
        taken.unlink()
        runner.play(3)
        runner.wait()
        until(lambda: AGAIN in runner.status().error)
        assert [one.steps for one in dfa.Runner.restore(autosave=taken)] == [6]
        runner.change(activation_derivative=lambda x: x)
        until(lambda: OFF in runner.status().error)
        runner.reset(activation_derivative="exact")
        runner.play(2)
        runner.wait()
        until(lambda: {one.steps for one in dfa.Runner.restore(autosave=taken)} == {2, 6})
    finally:
        runner.close()
