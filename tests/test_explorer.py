"""Explorer without a browser: what a control does to the engine, what the pump sends, how it ends."""

import time

import pytest

import dfa_lab as dfa
from dfa_lab.experiment.settings import Settings, extra_of
from dfa_lab.widgets.controls import Control
from dfa_lab.widgets.explorer import CONTROLS
from dfa_lab.widgets.pump import FRAMES_A_SECOND, Pump

FAST = {"widths": (16,), "probe_every": 20, "batch_size": 16}


@pytest.fixture
def headless(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    explorer = dfa.Explorer(**FAST)
    yield explorer
    explorer.close()


@pytest.fixture
def live():
    explorer = dfa.Explorer(**FAST)
    yield explorer
    explorer.close()


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def test_play_trains_a_fixed_number_of_steps_headless(headless):
    headless.buttons["play"].click()
    assert headless.experiment.steps_done == 200
    assert repr(headless) == "Explorer(task='digits', rule='dfa', step=200)"
    headless.buttons["step_10"].click()
    assert headless.status()["step"] == "210"
    assert headless.status()["state"] == "paused"


OTHER = {
    "rule": ("fa", "fa"),
    "batch_size": (256.0, 256),
    "lr": (0.0316228, 0.0316),
    "activation_derivative": ("step", "step"),
    "feedback_init": ("orthogonal", "orthogonal"),
    "feedback_scale": (2.5, 2.5),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_every_control_changes_its_setting_at_the_next_step(headless, name):
    shown, setting = OTHER[name]
    headless.buttons["step_10"].click()
    headless.controls[name].widget.value = shown
    assert getattr(headless.experiment.settings, name) == setting
    (event,) = headless.experiment.history.events
    assert (event.step, event.field, event.new) == (10, name, setting)
    headless.buttons["step_10"].click()
    assert headless.experiment.steps_done == 20
    assert f"{name} {setting}" in headless.status()["settings"]


def test_controls_are_made_from_settings_and_registries(headless):
    def menu(name):
        return [label for label, _ in headless.controls[name].widget.options]

    for name, control in headless.controls.items():
        assert Settings.model_fields[name].description in control.widget.tooltip
        assert extra_of(Settings.model_fields[name])["live"]
    assert menu("rule") == list(dfa.RULES)
    assert menu("feedback_init") == list(dfa.FEEDBACK_INITS)
    assert menu("activation_derivative") == list(dfa.DERIVATIVES)


def test_a_rule_that_is_registered_is_in_the_menu(monkeypatch):
    monkeypatch.setitem(dfa.RULES._entries, "mine", dfa.RULES["fa"])
    assert ("mine", "mine") in Control("rule", "fa").widget.options


def test_a_slider_has_room_for_the_value_it_starts_with():
    assert Control("lr", 500.0).widget.value == 500.0
    assert Control("lr", 1e-7).widget.value == 1e-7
    assert Control("batch_size", 50_000).setting(Control("batch_size", 50_000).widget.value) == 50_000
    assert Control("feedback_scale", -1.0).widget.value == -1.0


def test_reset_and_new_seed(headless):
    headless.buttons["step_100"].click()
    first = headless.experiment.history
    headless.buttons["reset"].click()
    assert headless.experiment.steps_done == 0
    headless.buttons["step_100"].click()
    assert headless.experiment.history.equals(first)
    for number in (1, 2):
        headless.buttons["new_seed"].click()
        assert headless.experiment.settings.seed == headless.experiment.settings.feedback_seed == number
    headless.buttons["step_100"].click()
    assert not headless.experiment.history.equals(first)


def test_controls_and_engine_say_the_same_after_reset(headless):
    headless.controls["batch_size"].widget.value = 8.0
    headless.buttons["reset"].click()
    assert headless.experiment.settings.batch_size == 8


def test_nothing_trains_before_play(live):
    time.sleep(0.2)
    assert live.experiment.steps_done == 0
    assert live.status()["state"] == "ready"


def test_it_trains_in_a_thread_and_changes_live(live):
    live.buttons["play"].click()
    until(lambda: live.experiment.steps_done > 20)
    for name in CONTROLS:
        live.controls[name].widget.value = OTHER[name][0]
    until(lambda: len(live.experiment.history.events) == len(CONTROLS))
    live.buttons["pause"].click()
    live.runner.wait(5)
    assert live.status()["state"] == "paused"
    steps = [event.step for event in live.experiment.history.events]
    assert steps == sorted(steps)
    assert steps[0] > 20


def test_messages_stay_below_twenty_a_second(live, monkeypatch):
    sent = []
    monkeypatch.setattr(live.chart, "send", lambda content, buffers=None: sent.append(time.monotonic()))
    live.buttons["play"].click()
    time.sleep(2.0)
    live.buttons["pause"].click()
    live.runner.wait(5)
    assert 10 < len(sent) <= 20 * (sent[-1] - sent[0]) + 2
    assert FRAMES_A_SECOND < 20


def test_the_last_state_arrives(live, monkeypatch):
    shown = []
    real = live.chart.show
    monkeypatch.setattr(live.chart, "show", lambda history, status: shown.append(dict(status)) or real(history, status))
    live.runner.play(33)
    live.runner.wait(5)
    until(lambda: shown and shown[-1]["step"] == "33")
    assert shown[-1]["state"] == "paused"


def test_an_error_is_in_words_on_the_status_line(live, monkeypatch):
    monkeypatch.setattr(live.experiment, "step", lambda: 1 / 0)
    live.buttons["play"].click()
    until(lambda: live.status()["error"])
    assert "ZeroDivisionError" in live.status()["error"]
    monkeypatch.undo()
    live.buttons["reset"].click()
    live.buttons["step_1"].click()
    until(lambda: live.experiment.steps_done == 1)
    assert live.status()["error"] == ""


def test_closing_ends_its_threads():
    explorer = dfa.Explorer(**FAST)
    explorer.buttons["play"].click()
    until(lambda: explorer.experiment.steps_done > 3)
    trainer, pump = explorer.runner._thread, explorer._pump._thread
    explorer.close()
    trainer.join(5)
    pump.join(5)
    assert not trainer.is_alive()
    assert not pump.is_alive()


def test_running_the_cell_again_closes_the_former(monkeypatch):
    place = ["cell-1", "run-1"]
    monkeypatch.setattr("dfa_lab.widgets.explorer._place", lambda: tuple(place))
    former, beside = dfa.Explorer(**FAST), dfa.Explorer(**FAST)
    beside.buttons["step_1"].click()  # a second one of the same run is not closed by the first
    until(lambda: beside.experiment.steps_done == 1)
    former.buttons["play"].click()
    place[1] = "run-2"
    later = dfa.Explorer(**FAST)
    former.runner._thread.join(5)
    assert not former.runner._thread.is_alive()
    place[:] = ["cell-2", "run-3"]
    other = dfa.Explorer(**FAST)
    later.buttons["step_1"].click()
    until(lambda: later.experiment.steps_done == 1)
    later.close()
    other.close()


def test_the_pump_goes_on_after_an_error():
    calls = []

    def tick():
        calls.append(1)
        if len(calls) == 1:
            raise OSError("gone")
        assert len(calls) > 2 or isinstance(pump.error, OSError)

    pump = Pump(tick)
    pump.start()
    until(lambda: len(calls) > 3)
    pump.stop()
    assert pump.error is None  # the last tick was good


def test_settings_that_cannot_be_used_are_refused():
    with pytest.raises(dfa.DfaLabError, match="Did you mean"):
        dfa.Explorer(rule="dfaa")
    with pytest.raises(dfa.DfaLabError, match="register it by name"):
        dfa.Explorer(activation_derivative=lambda a: a)


def test_a_choice_with_parameters_is_in_the_menu_and_comes_back(headless):
    control = Control("activation_derivative", {"name": "triangle", "width": 2})
    control.widget.value = "step"
    label = next(label for label, _ in control.widget.options if "triangle" in label)
    control.widget.label = label
    assert "2" in label
    assert control.setting(control.widget.value) == {"name": "triangle", "width": 2}


def test_a_new_seed_is_new_for_every_replica(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    explorer = dfa.Explorer(**FAST, replicas=3)
    before = [weight.clone() for weight in explorer.experiment.net.weights[0]]
    explorer.buttons["new_seed"].click()
    for weight in explorer.experiment.net.weights[0]:
        assert not any(weight.equal(former) for former in before)
    explorer.close()
