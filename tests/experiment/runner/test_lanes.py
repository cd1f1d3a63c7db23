"""Lanes in lockstep and the commands for them: fork, drop, undo, load with a plan, limit, stop at, the idle pause."""

import time
from dataclasses import dataclass, field

import pytest

import dfa_lab as dfa
from dfa_lab.experiment.runner.rest_measurement import APART, LATEST, Measured, RestMeasurement
from runs import FAST, until


@dataclass(frozen=True)
class OneLane:
    name: str
    fields: dict


@dataclass(frozen=True)
class Loaded:
    settings: dfa.Settings
    changes: tuple = ()
    steps: int = 0
    lanes: tuple = field(default_factory=tuple)
    name: str = ""


def names(runner):
    return [lane.name for lane in runner.status().lanes]


def test_forks_train_in_lockstep_and_each_as_if_it_were_alone(runner):
    runner.play(30)
    runner.wait(10)
    runner.fork(rule="bp")
    runner.fork(batch_size=5, lane=1)
    runner.play(45)
    runner.wait(10)
    assert runner.lanes[0] is runner.experiment
    assert [lane.steps_done for lane in runner.status().lanes] == [75, 75, 75]
    assert names(runner) == ["DFA", "BP", "batch size 5"]

    alone = dfa.Experiment(**FAST)
    alone.train(30)
    by_bp = alone.fork(rule="bp")
    small = by_bp.fork(batch_size=5)
    for own, lived in zip((alone, by_bp, small), runner.lanes, strict=True):
        own.train(45)
        assert own.history.equals(lived.history)


def test_four_lanes_are_the_most_and_names_stay_apart(runner):
    for _ in range(3):
        runner.fork()
    runner.wait(10)
    assert names(runner) == ["DFA", "DFA 2", "DFA 3", "DFA 4"]
    runner.fork()
    with pytest.raises(dfa.DfaLabError, match="4 runs"):
        runner.wait(10)
    runner.drop(2)
    runner.fork(name="last", lr=0.2)
    runner.wait(10)
    assert names(runner) == ["lr 0.1", "DFA 2", "DFA 4", "last"]
    runner.reset()
    runner.wait(10)
    assert names(runner) == ["DFA"]
    runner.drop(1)
    with pytest.raises(dfa.DfaLabError, match=r"there are: 0 \(DFA\)"):
        runner.wait(10)


def test_a_change_of_all_lanes_is_made_in_all_or_in_none(runner):
    runner.fork(momentum=0.5)
    runner.change(lane=None, lr=0.3)
    runner.change(lane=1, batch_size=7)
    runner.wait(20)
    assert [lane.settings.lr for lane in runner.status().lanes] == [0.3, 0.3]
    assert [lane.settings.batch_size for lane in runner.status().lanes] == [16, 7]
    runner.change(lane=None, optimizer="adam")  # which the second refuses, for its momentum
    with pytest.raises(dfa.DfaLabError, match="momentum"):
        runner.wait(20)
    assert [lane.settings.optimizer for lane in runner.status().lanes] == ["sgd", "sgd"]
    assert [event.field for event in runner.experiment.history.events] == ["lr"]


@pytest.mark.parametrize("fields", [{"lr": 0.3}, {"rule": "fa"}, {"optimizer": "adam"}, {"widths": (3,)}, {"lrr": 1}])
def test_a_change_of_all_lanes_copies_none_of_them(runner, monkeypatch, fields):
    runner.fork(momentum=0.5)
    runner.play(3)
    runner.measure()
    runner.wait(20)
    changes, whole = [one.history.changes() for one in runner.lanes], dfa.Experiment(**FAST)
    monkeypatch.setattr(dfa.History, "copy", lambda *given: pytest.fail("a history was copied"))
    runner.change(lane=None, **fields)
    if not fields.keys() & {"optimizer", "widths", "lrr"}:
        runner.wait(20)
        assert [one.history.changes()[-1] for one in runner.lanes] == [(3, fields)] * 2
        return
    with pytest.raises(dfa.DfaLabError, match=r"momentum|widths|lrr"):
        runner.wait(20)
    assert [one.history.changes() for one in runner.lanes] == changes
    runner.play(30)
    runner.wait(20)
    whole.train(33)
    assert runner.experiment.history.digest() == whole.history.digest()


def test_undo_goes_to_one_lane_or_to_every_one_that_has_something(runner):
    runner.fork(rule="bp")
    for lane in (1, None):
        runner.change(lane=1, lr=0.3)
        runner.undo(lane)
    runner.wait(10)
    first, second = runner.lanes
    assert [event.new for event in second.history.events] == ["bp", 0.3, 0.1, 0.3, 0.1]
    assert first.history.events == []
    runner.undo()
    with pytest.raises(dfa.DfaLabError, match="nothing to undo"):
        runner.wait(10)


def test_an_error_in_one_lane_stops_all_and_names_it(runner):
    runner.fork(name="wild")
    runner.change(lane=1, lr=1e4, weight_decay=1.0)
    runner.play()
    with pytest.raises(dfa.DivergedError):
        runner.wait(20)
    status = runner.status()
    assert status.error.startswith("run wild: the loss was no longer finite")
    whole = dfa.Experiment(**FAST)
    whole.train(status.lanes[0].steps_done)
    assert whole.history.equals(runner.experiment.history)
    runner.change(lane=1, lr=0.01, weight_decay=0.0)
    runner.play(10)
    runner.wait(10)
    assert runner.status().error == ""


def test_a_loaded_session_is_the_run_it_came_from(runner):
    settings = dfa.Settings(**FAST, lr=0.05)
    changes = ((0, {"lr": 0.2}), (20, {"rule": "fa", "batch_size": 9}), (20, {"lr": 0.1}), (60, {"rule": "bp"}))
    runner.play(10)
    runner.load(Loaded(settings, changes, 60, (OneLane("small", {"batch_size": 1}),)))
    runner.wait(10)
    status = runner.status()
    assert (status.running, status.steps_done, status.stop_at, status.planned) == (False, 0, 60, 3)
    runner.play(40)
    runner.play()
    runner.wait(10)
    status = runner.status()
    assert [lane.steps_done for lane in status.lanes] == [60, 60]
    assert status.planned == 0

    alone = dfa.Experiment(settings)
    beside = alone.fork(batch_size=1)
    for step, fields in changes:
        alone.train(step - alone.steps_done)
        alone.change(**fields)
    beside.train(60)
    assert alone.history.equals(runner.experiment.history)
    assert beside.history.equals(runner.lanes[1].history)
    assert names(runner)[1] == "small"


@pytest.mark.parametrize(
    ("changes", "lanes", "words"),
    [
        (((5, {"lr": -1}),), (), "lr was given"),
        (((5, {"widths": (3,)}),), (), "reset"),
        (((5, {"lr": 0.2}), (4, {"lr": 0.1})), (), "put them in order"),
        (((0, {"optimizer": "adam", "momentum": 0.9}),), (), "adam"),
        ((), (OneLane("a", {"rule": "dfaa"}),), "Did you mean 'dfa'"),
        ((), tuple(OneLane(str(n), {}) for n in range(4)), "at most 3"),
    ],
)
def test_a_session_that_cannot_be_done_changes_nothing(runner, changes, lanes, words):
    runner.play(10)
    runner.wait(10)
    runner.load(Loaded(dfa.Settings(**FAST, lr=0.05), changes, 60, lanes))
    with pytest.raises(dfa.DfaLabError, match=words):
        runner.wait(10)
    status = runner.status()
    assert (status.steps_done, status.settings.lr, len(status.lanes), status.stop_at) == (10, 0.1, 1, None)


def test_what_is_like_a_session_may_hold_what_no_file_can_and_brings_its_name(runner):
    def slope(x):
        return 1 - x.tanh() ** 2

    settings = dfa.Settings(**FAST, activation_derivative=slope)
    runner.load(Loaded(settings, ((4, {"activation_derivative": "exact"}),), 8, name="own slope"))
    runner.wait(10)
    assert names(runner) == ["own slope"]
    assert runner.experiment.settings.activation_derivative is slope
    runner.play()
    runner.wait(10)
    assert runner.status().steps_done == 8
    runner.load(Loaded({"lr": 0.1}))
    with pytest.raises(dfa.DfaLabError, match="expected a Settings"):
        runner.wait(10)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"steps": "ten"}, "steps was given as 'ten'"),
        ({"steps": -1}, "steps was given as -1"),
        ({"steps": 8, "changes": ((9, {"lr": 0.2}),)}, "step was given as 9"),
    ],
)
def test_what_is_like_a_session_is_checked_before_anything_changes(runner, given, words):
    loaded = Loaded(dfa.Settings(**FAST, seed=7), given.get("changes", ()), given["steps"])
    runner.load(loaded)
    with pytest.raises(dfa.DfaLabError, match=words):
        runner.wait(10)
    assert runner.status().settings.seed != 7
    assert runner.status().stop_at is None


def test_changes_may_come_from_an_iterator_and_a_name_may_be_none(runner):
    runner.load(Loaded(dfa.Settings(**FAST), iter([(4, {"lr": 0.2})]), 8, name=None))
    runner.wait(10)
    assert names(runner) == ["DFA"]
    runner.play()
    runner.wait(10)
    assert runner.experiment.settings.lr == 0.2


def test_a_planned_change_that_fails_is_told_and_the_run_goes_on_when_played(runner):
    runner.load(Loaded(dfa.Settings(**FAST), ((8, {"optimizer": "adam"}),), 20))
    runner.change(momentum=0.9)
    runner.play()
    with pytest.raises(dfa.DfaLabError, match="change at step 8 could not be made: optimizer 'adam'"):
        runner.wait(20)
    assert runner.status().steps_done == 8
    runner.play()
    runner.wait(20)
    assert (runner.status().steps_done, runner.status().error) == (20, "")


def test_it_stops_at_the_step_and_goes_on_beyond_it(runner):
    runner.stop_at(25)
    runner.play()
    runner.wait(10)
    assert runner.status().steps_done == 25
    runner.play(3)
    runner.wait(10)
    assert runner.status().steps_done == 28
    runner.fork(rule="bp")
    runner.stop_at(40)
    runner.play(100)
    runner.wait(10)
    assert [lane.steps_done for lane in runner.status().lanes] == [40, 40]


@pytest.mark.clock
def test_a_limit_keeps_the_pace_and_every_command_is_still_taken_at_once(runner):
    runner.play(5)
    runner.wait(10)
    runner.limit(50)
    began = time.perf_counter()
    runner.play(30)
    until(lambda: runner.status().eta_s is not None)
    assert 0 < runner.status().eta_s < 2
    runner.wait(10)
    assert 0.5 < time.perf_counter() - began < 3  # 0.58 s on a free machine
    runner.limit(0.01)
    runner.play()
    until(lambda: runner.status().steps_done == 36)  # the first comes at once
    took = []
    for number in range(9):
        began = time.perf_counter()
        runner.change(batch_size=20 + number)
        until(lambda: runner.status().settings.batch_size == 20 + number)  # noqa: B023
        took.append(time.perf_counter() - began)
    assert sorted(took)[4] < 0.05
    runner.limit(0.02)
    runner.pause()
    runner.wait(1)
    assert runner.status().steps_done <= 37  # a new limit counts from now


@pytest.mark.clock
def test_a_limited_run_is_measured_in_its_rests(runner):
    """A few times a second, and it stays the same run."""
    runner.limit(40)
    runner.play(48)  # 1.2 s
    runner.wait(10)
    plain = dfa.Experiment(**FAST)
    plain.train(48)
    seen, due = (set(one.values("weight_alignment", 1)[0]) for one in (runner.experiment.history, plain.history))
    assert 1 <= len(seen - due) <= 12  # five on a free machine
    assert runner.experiment.history.digest() == plain.history.digest()


def test_a_run_is_measured_in_a_wait_that_has_room_or_after_a_while_in_any_case(monkeypatch):
    now, rests = [100.0], RestMeasurement()
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def took(seconds):
        def measure():
            now[0] += seconds
            return Measured.NOW

        rests.run(measure)

    assert rests.is_due(0.03)
    took(0.01)
    assert not rests.is_due(0.03, 30), "it was just looked at"
    now[0] += APART
    assert (rests.is_due(0.03, 30), rests.is_due(0.019, 30), rests.is_due(0.26, 30)) == (True, False, True)
    now[0] += LATEST
    assert rests.is_due(0.0, 30), "the curves must go on"
    assert not rests.is_due(0.0), "without a limit only where there is room"
    took(0.01)
    took(3.0)
    now[0] += LATEST
    assert rests.is_due(0.0, 30), "one that was held up says nothing of the next"
    for _ in range(5):
        took(1.0)
    now[0] += LATEST
    assert not rests.is_due(0.2, 30), "it would take most of the time"
    for _ in range(12):
        assert not rests.is_due(0.0, 30)
        rests.count_step()
    assert rests.is_due(0.0, 30), "so many steps have gone by"
    rests.run(lambda: Measured.NOT)
    assert rests.is_due(0.0, 30), "nothing was measured"
    rests.run(lambda: Measured.BEFORE)
    assert not rests.is_due(0.0, 30)


@pytest.mark.clock
def test_throughput_is_that_of_a_lane_s_own_steps(runner):
    runner.limit(40)
    runner.fork()
    runner.play(20)
    runner.wait(10)
    for lane in runner.lanes:
        assert lane.history.last("samples_per_s") > 3 * 40 * 16


@pytest.mark.clock
def test_it_pauses_when_nobody_looks():
    runner = dfa.Runner(dfa.Experiment(**FAST), watch_limit=0.15)
    runner.play()
    for _ in range(10):
        time.sleep(0.04)
        runner.watched()
    assert runner.status().running
    runner.wait(5)  # no error is raised
    assert runner.status().error == "paused: nobody has looked for 0.15 s; press play to go on."
    runner.play(3)
    runner.wait(5)
    assert runner.status().error == ""
    runner.close()


def test_without_a_thread_lanes_stop_at_and_a_limit_that_waits_for_nothing():
    runner = dfa.Runner(dfa.Experiment(**FAST), threaded=False, inline_steps=40)
    runner.limit(0.01)
    runner.fork(rule="bp")
    runner.stop_at(30)
    runner.play()
    assert [lane.steps_done for lane in runner.status().lanes] == [30, 30]
    assert runner.status().limit is None


@pytest.mark.parametrize(
    "give",
    [
        lambda runner: runner.limit(0),
        lambda runner: runner.limit(float("nan")),
        lambda runner: runner.limit("fast"),
        lambda runner: runner.limit(True),
        lambda runner: runner.limit(1e9),
        lambda runner: runner.stop_at(0),
        lambda runner: runner.stop_at(2.5),
        lambda runner: runner.drop(0),
        lambda runner: runner.drop(-1),
        lambda runner: runner.fork(lane=None),
        lambda runner: runner.fork(name=3),
        lambda runner: runner.change(lane="0"),
        lambda runner: runner.undo("0"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused_where_it_is_given(give, runner):
    with pytest.raises(dfa.DfaLabError, match=r"expected|stays"):
        give(runner)
    assert runner._thread is None, "no command was put"


def test_a_lane_keeps_its_number_and_none_gets_it_again(runner):
    for lr in (0.2, 0.3, 0.4):
        runner.fork(lr=lr)
    runner.drop(1)
    runner.change(lane=2, batch_size=7)
    runner.wait(10)
    assert [(lane.number, lane.settings.batch_size) for lane in runner.status().lanes] == [(0, 16), (2, 7), (3, 16)]
    assert {number: run.settings.lr for number, run in runner.by_number.items()} == {0: 0.1, 2: 0.3, 3: 0.4}
    runner.fork(lane=3, momentum=0.5)
    runner.wait(10)
    assert [lane.number for lane in runner.status().lanes] == [0, 2, 3, 4]
    runner.reset()
    runner.fork(rule="bp")
    runner.wait(10)
    assert [lane.number for lane in runner.status().lanes] == [0, 5]
    runner.load(Loaded(dfa.Settings(**FAST), lanes=(OneLane("bp", {"rule": "bp"}),)))
    runner.wait(10)
    assert [lane.number for lane in runner.status().lanes] == [0, 6]


def test_two_quick_drops_of_one_lane_take_one_away():
    """Both were put before the first was obeyed, as two clicks are while a slow step runs."""
    runner = dfa.Runner(dfa.Experiment(**FAST))
    for lr in (0.2, 0.3):
        runner.fork(lr=lr)
    runner.drop(1)
    runner.drop(1)
    with pytest.raises(
        dfa.DfaLabError, match=r"1, which is not there or was dropped; there are: 0 \(lr 0.1\), 2 \(lr 0.3"
    ):
        runner.wait(10)
    assert [run.settings.lr for run in runner.lanes] == [0.1, 0.3]
    runner.close()


@pytest.mark.clock
def test_training_from_code_beside_a_limited_runner_has_its_own_clock():
    run = dfa.Experiment(**FAST)
    runner = dfa.Runner(run, compare_speed=True)
    runner.limit(100)
    runner.play(3)
    runner.wait(10)
    before = len(run.history.values("samples_per_s")[0])
    run.train(200)
    assert len(run.history.values("samples_per_s")[0]) > before
    runner.close()


def test_another_probe_batch_is_measured_at_rest():
    run = dfa.Experiment(**FAST)
    run.train(7)
    run.measure()
    run.change(probe_size=50)
    run.measure()
    assert list(run.history.values("weight_alignment", 1)[0]).count(7) == 2


def test_undo_in_a_lane_stops_at_the_fork(runner):
    runner.play(5)
    runner.change(lr=0.05)
    runner.fork(rule="bp")
    runner.wait(10)
    (number,) = [lane.number for lane in runner.status().lanes if lane.number]
    runner.change(lane=number, batch_size=32)
    runner.undo(lane=number)
    runner.wait(10)
    assert (runner.lanes[1].settings.rule, runner.lanes[1].settings.batch_size) == ("bp", 16)
    runner.undo(lane=number)
    with pytest.raises(dfa.DfaLabError, match="nothing to undo"):
        runner.wait(10)
    assert (runner.lanes[1].settings.rule, runner.lanes[1].settings.lr) == ("bp", 0.05)
    runner.undo()
    runner.wait(10)
    assert runner.experiment.settings.lr == 0.1


def test_the_curves_go_on_to_a_change(runner):
    runner.play()
    until(lambda: runner.status().steps_done > 30)
    runner.change(lr=0.05)
    until(lambda: runner.experiment.history.events)
    runner.pause()
    runner.wait(10)
    (event,) = runner.experiment.history.events
    assert event.step in runner.experiment.history.values("test_loss")[0]
