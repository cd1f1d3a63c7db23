"""knob: a plain ipywidgets control that is in step with a run, both ways, without an echo and without a loss."""

import gc
import threading
import weakref

import ipywidgets
import pytest

import dfa_lab as dfa
from dfa_lab.experiment.runner import runner_of
from dfa_lab.widgets.controls import specs
from dfa_lab.widgets.controls.knobs import REFUSED
from runs import FAST, until

LABELS = {one["field"]: one["label"] for one in specs()}
KINDS = {
    "rule": ipywidgets.Dropdown,
    "feedback_init": ipywidgets.Dropdown,
    "activation_derivative": ipywidgets.Combobox,
    "batch_size": ipywidgets.FloatLogSlider,
    "lr": ipywidgets.FloatLogSlider,
    "momentum": ipywidgets.FloatSlider,
    "feedback_scale": ipywidgets.FloatText,
    "weight_decay": ipywidgets.FloatText,
    "probe_size": ipywidgets.IntText,
    "probe_every": ipywidgets.Text,
}
#: Field -> what the control is given, what the setting becomes, what is changed elsewhere, what the control shows then.
BOTH_WAYS = {
    "rule": ("fa", "fa", {"name": "dfa"}, {"name": "dfa"}),
    "feedback_init": (
        "orthogonal",
        "orthogonal",
        {"name": "aligned", "angle": 30.0},
        {"name": "aligned", "angle": 30.0},
    ),
    "activation_derivative": (" x**2 ", "x**2", "step", "step"),
    "batch_size": (256.0, 256, 16384, 16384.0),
    "lr": (0.5, 0.5, 200.0, 200.0),
    "momentum": (0.5, 0.5, 0.995, 0.995),
    "feedback_scale": (2.0, 2.0, -1.0, -1.0),
    "probe_size": (64, 64, 32, 32),
    "probe_every": ("40", 40, None, "none"),
}


@pytest.fixture
def inline():
    return dfa.Runner(dfa.Experiment(**FAST), threaded=False)


def test_each_live_setting_has_a_control_with_its_value(inline):
    for field in dfa.Settings.live_fields():
        control = dfa.knob(inline, field)
        assert isinstance(control, KINDS.get(field, ipywidgets.ValueWidget))
        assert control.description == LABELS[field]
        value = getattr(inline.experiment.settings, field)
        assert control.value == ("20" if field == "probe_every" else value)
        control.close()


@pytest.mark.parametrize("field", BOTH_WAYS)
def test_in_step_both_ways(inline, field):
    given, becomes, elsewhere, shows = BOTH_WAYS[field]
    control, run = dfa.knob(inline, field), inline.experiment
    control.value = given
    assert getattr(run.settings, field) == becomes
    assert control.error == ""
    inline.change(**{field: elsewhere})
    assert control.value == shows
    assert [fields[field] for _, fields in run.history.changes()] == [becomes, elsewhere], "an echo is a change"


def test_a_change_elsewhere_is_shown_by_the_thread_without_an_echo(runner):
    control = dfa.knob(runner, "lr")
    runner.change(lr=0.25)
    until(lambda: control.value == 0.25)
    runner.experiment.change(lr=0.3)
    until(lambda: control.value == 0.3)
    control.set_state({"value": 0.4})
    until(lambda: runner.experiment.settings.lr == 0.4)
    runner.reset(lr=0.7)
    until(lambda: control.value == 0.7)
    runner.wait(10)
    assert runner.experiment.history.changes() == []
    control.close()


def test_of_many_changes_of_the_user_none_is_lost(runner):
    control, stop = dfa.knob(runner, "probe_size"), threading.Event()
    seeds = dfa.knob(runner, "feedback_seed")
    seen = []
    runner.observe("change", lambda one: seen.extend(one.events))

    def elsewhere():
        count = 0
        while not stop.is_set():
            count += 1
            runner.change(probe_size=1000 + count % 2)

    other = threading.Thread(target=elsewhere)
    other.start()
    for value in range(1, 201):
        control.set_state({"value": value})
        seeds.set_state({"value": value})
    stop.set()
    other.join()
    runner.wait(20)
    assert [event.new for event in seen if event.field == "probe_size" and event.new < 1000] == list(range(1, 201))
    assert [event.new for event in seen if event.field == "feedback_seed"] == list(range(1, 201))
    until(lambda: control.value == runner.experiment.settings.probe_size)
    control.close()
    seeds.close()


def test_nothing_is_written_while_the_page_s_message_is_taken(runner):
    control, written = dfa.knob(runner, "lr"), threading.Event()

    def write():
        control.link.refresh()
        written.set()

    def in_the_middle(change):
        threading.Thread(target=write, daemon=True).start()
        assert not written.wait(0.1)

    control.observe(in_the_middle, "value")
    control.set_state({"value": 0.4})
    control.unobserve(in_the_middle, "value")
    assert written.wait(10)
    control.close()


def test_nothing_is_written_while_a_change_is_on_its_way(runner):
    control, go = dfa.knob(runner, "lr"), threading.Event()
    end = runner.observe("change", lambda one: go.wait(10))
    runner.change(lr=0.9)
    until(lambda: runner.experiment.settings.lr == 0.9)
    control.set_state({"value": 0.4})
    control.link.refresh()
    assert control.value == 0.4
    end()
    go.set()
    until(lambda: runner.experiment.settings.lr == 0.4)
    assert control.value == 0.4
    control.close()


def test_what_is_refused_goes_back_and_is_said_until_the_next_change(inline):
    control = dfa.knob(inline, "probe_size")
    for _ in range(2):
        control.value = -3
        assert control.value == inline.experiment.settings.probe_size == 128
        assert control.error == control.tooltip
        assert control.error.startswith("probe_size was given as -3; expected a whole number from 1")
        assert control.description == LABELS["probe_size"] + REFUSED
    control.value = 64
    assert (control.error, control.description) == ("", LABELS["probe_size"])
    assert "-3" not in control.tooltip


def test_what_is_refused_by_the_thread_goes_back_too(runner):
    control = dfa.knob(runner, "probe_every")
    control.set_state({"value": "often"})
    until(lambda: control.error)
    assert control.value == "20"
    control.close()


def test_a_closed_runner_is_said(runner):
    control = dfa.knob(runner, "lr")
    runner.close()
    control.value = 0.5
    until(lambda: control.error)
    assert "closed" in control.error
    assert control.value == 0.1
    control.close()


def test_with_a_value_for_each_replica_it_is_disabled():
    run = dfa.Experiment(**FAST, replicas=2, lr=(0.1, 0.2))
    control = dfa.knob(dfa.Runner(run, threaded=False), "lr")
    assert control.disabled
    assert "[0.1, 0.2]" in control.tooltip
    run.change(lr=0.3)
    assert (control.disabled, control.value) == (False, 0.3)


def test_closed_it_follows_no_longer(inline):
    control = dfa.knob(inline, "lr")
    control.close()
    inline.change(lr=0.5)
    assert control.value == 0.1
    control.value = 0.9
    assert inline.experiment.settings.lr == 0.5
    assert not inline.experiment.observers.watched


def test_the_thread_ends_with_the_last_control(runner):
    before = set(threading.enumerate())
    first, second = dfa.knob(runner, "lr"), dfa.knob(runner, "batch_size")
    (own,) = {one for one in threading.enumerate() if one.name == "dfa_lab UI"} - before
    first.close()
    assert own.is_alive()
    second.close()
    own.join(10)
    assert not own.is_alive()
    again = dfa.knob(runner, "lr")
    runner.change(lr=0.6)
    until(lambda: again.value == 0.6)
    again.close()


def test_parts_of_an_experiment_share_its_runner(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    run = dfa.Experiment(**FAST)
    control = dfa.knob(run, "lr")
    assert runner_of(run) is control.link.runner
    assert not control.link.runner.threaded
    control.value = 0.5
    assert run.settings.lr == 0.5
    own = dfa.Runner(run, threaded=False)
    assert runner_of(run) is own is runner_of(own)
    own.close()
    assert runner_of(run) is not own


def test_a_runner_is_forgotten_with_its_experiment():
    run = dfa.Experiment(**FAST)
    known = weakref.ref(run)
    runner_of(run)
    del run
    gc.collect()
    assert known() is None


def test_an_explorer_stands_for_its_runner():
    explorer = dfa.Explorer(widths=(8,))
    control = dfa.knob(explorer, "lr")
    assert control.link.runner is explorer.runner
    control.close()
    explorer.close()


@pytest.mark.parametrize(
    ("field", "words"),
    [("widths", "only a new run takes"), ("learning_rate", "Did you mean 'lr'"), ("task", "only a new run takes")],
)
def test_settings_that_have_no_knob(inline, field, words):
    with pytest.raises(dfa.DfaLabError, match=words):
        dfa.knob(inline, field)


@pytest.mark.parametrize("run", [None, dfa.History(), "run"])
def test_what_is_no_run(run):
    with pytest.raises(dfa.DfaLabError, match="expected an Experiment or a Runner"):
        dfa.knob(run, "lr")


def test_traits_are_the_control_s(inline):
    few = dfa.knob(inline, "rule", options=["bp", "fa"])
    assert (few.value, few.options) == ("dfa", (("bp", "bp"), ("fa", "fa"), ("dfa", "dfa")))
    control = dfa.knob(inline, "lr", description="speed", layout={"width": "90%"}, continuous_update=True)
    assert (control.description, control.layout.width, control.continuous_update) == ("speed", "90%", True)
    with pytest.raises(dfa.DfaLabError, match="layout"):
        dfa.knob(inline, "lr", layout=3)


def test_a_control_that_fails_leaves_the_others_in_step(monkeypatch):
    runner = dfa.Runner(dfa.Experiment(**FAST))
    failing, other = dfa.knob(runner, "rule"), dfa.knob(runner, "lr")

    def write(value):
        raise RuntimeError("the page is gone")

    monkeypatch.setattr(failing.link, "_write", write)
    runner.change(lr=0.25)
    until(lambda: other.value == 0.25)
    until(lambda: "the page is gone" in failing.link.error)
    failing.close(), other.close()
    runner.close()


def test_a_setting_that_the_rule_does_not_use_says_so():
    run = dfa.Experiment(**FAST, rule="fa")
    control = dfa.knob(dfa.Runner(run, threaded=False), "error_channel")
    assert control.tooltip.startswith("Not used by fa. What of the error")
    control.link.runner.change(rule="dfa")
    assert control.tooltip.startswith("What of the error")
