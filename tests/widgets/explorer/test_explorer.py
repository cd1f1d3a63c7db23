"""Explorer without a browser: what an act does to the engine, what the pump sends, how it ends."""

import gc
import threading
import time
from weakref import ref

import pytest

import dfa_lab as dfa
from dfa_lab.experiment.sessions.presets import PRESETS
from dfa_lab.experiment.sessions.session import Session
from dfa_lab.widgets.controls.exports import DOWNLOADS
from dfa_lab.widgets.explorer.actions import SLOW
from dfa_lab.widgets.explorer.panel_state import PanelState
from dfa_lab.widgets.kernel.ui_thread import FRAMES_A_SECOND, MessageBudget, UIThread
from hostile_messages import IGNORED, MESSAGES
from runs import FAST, until


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


def sent_by(widget, monkeypatch):
    """The messages of a widget from now on, as (header, buffers)."""
    messages = []
    monkeypatch.setattr(widget, "send", lambda content, buffers=None: messages.append((content, buffers)))
    return messages


def test_play_trains_a_fixed_number_of_steps_headless(headless):
    headless.act("play")
    assert headless.experiment.steps_done == 200
    assert repr(headless) == "Explorer(task='digits', rule='dfa', step=200)"
    headless.act("step", steps=10)
    assert headless.status()["step"] == "210"
    assert headless.status()["state"] == "paused"


OTHER = {
    "rule": "fa",
    "batch_size": 256,
    "lr": 0.0316,
    "error_channel": {"name": "quantised", "bits": 3},
    "activation_derivative": "step",
    "feedback_init": {"name": "aligned", "angle": 30.0},
    "feedback_scale": 2.5,
    "feedback_seed": 7,
    "optimizer": "adam",
    "momentum": 0.5,
    "weight_decay": 1e-4,
    "probe_every": 50,
    "probe_size": 64,
    "record_every": 5,
}


def test_every_live_setting_has_a_value_here():
    assert set(OTHER) == set(dfa.Settings.live_fields())


@pytest.mark.parametrize("name", OTHER)
def test_every_live_setting_changes_at_the_next_step(headless, name):
    headless.act("step", steps=10)
    headless.act("change", fields={name: OTHER[name]})
    assert headless.status()["error"] == ""
    assert getattr(headless.experiment.settings, name) == OTHER[name]
    (event,) = headless.experiment.history.events
    assert (event.step, event.field, event.new) == (10, name, OTHER[name])
    headless.act("step", steps=10)
    assert headless.experiment.steps_done == 20


def test_a_refused_change_is_a_sentence_and_changes_nothing(headless):
    before = headless.experiment.settings
    headless.act("change", fields={"lr": -1})
    assert "lr was given as -1; expected a number above 0" in headless.status()["error"]
    assert headless.experiment.settings == before
    headless.act("step", steps=1)
    assert headless.status()["error"] == ""


def test_hostile_messages_change_nothing_but_the_status_line(headless):
    headless.act("step", steps=5)

    def state():
        run, model = headless.experiment, headless.model
        return run.settings, run.steps_done, len(run.history.events), model.lane, model.restrictions, model.pins

    before = state()
    for message in MESSAGES:
        headless.act("watching")
        headless.panel.receive(message)
        assert state() == before, message
        assert headless.status()["error"], message
        headless.model.refused = None
        headless.panel.error = ""
    for message in IGNORED:
        headless.panel.receive(message)
        assert state() == before, message
    assert len(headless.runner.lanes) == 1


def test_reset_and_new_seed(headless):
    headless.act("step", steps=100)
    first = headless.experiment.history
    headless.act("reset")
    assert headless.experiment.steps_done == 0
    headless.act("step", steps=100)
    assert headless.experiment.history.equals(first)
    for number in (1, 2):
        headless.act("new_seed")
        assert headless.experiment.settings.seed == headless.experiment.settings.feedback_seed == number
    headless.act("step", steps=100)
    assert not headless.experiment.history.equals(first)


def test_a_new_seed_is_new_for_every_replica(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    explorer = dfa.Explorer(**FAST, replicas=3)
    before = [weight.clone() for weight in explorer.experiment.net.weights[0]]
    explorer.act("new_seed")
    for weight in explorer.experiment.net.weights[0]:
        assert not any(weight.equal(former) for former in before)
    explorer.close()


@pytest.mark.parametrize(
    ("do", "message", "words"),
    [
        ("step", {}, "step was given steps=None; expected a whole number from 1"),
        ("step", {"steps": 0}, "steps=0"),
        ("limit", {"steps_per_s": 1e7}, "a number from 0.001 to 1,000,000"),
        ("stop_at", {"step": 0}, "a whole number from 1"),
        ("focus", {"step": -1}, "a whole number from 0"),
        ("change", {"fields": {"activation_derivative": abs}}, "expected settings by name"),
        ("save", {"kind": "exe"}, "a kind of file"),
    ],
)
def test_an_act_in_code_is_checked_as_a_message_is(headless, do, message, words):
    headless.act(do, **message)
    assert words in headless.status()["error"]
    assert headless.experiment.steps_done == 0
    headless.act("step", steps=1)
    assert headless.status()["error"] == ""


@pytest.mark.parametrize("do", ["stepp", "", 3, None])
def test_a_verb_that_there_is_none_of_is_raised_in_code(headless, do):
    with pytest.raises(dfa.DfaLabError, match=r"known: change, drop, .*watching"):
        headless.act(do, steps=3)
    with pytest.raises(dfa.DfaLabError, match="Did you mean 'step'"):
        headless.act("stepp")
    assert headless.status()["error"] == ""
    headless.panel.receive({"do": do, "steps": 3})
    assert "expected" in headless.status()["error"], "a page's message is only said"


def test_a_closed_explorer_says_that_it_is_closed(headless):
    headless.act("step", steps=2)
    assert repr(headless) == "Explorer(task='digits', rule='dfa', step=2)"
    view = dfa.NetworkView(dfa.Experiment(**FAST))
    assert repr(view) == "NetworkView()"
    for one in (headless, view):
        one.close()
    assert repr(headless) == "Explorer(task='digits', rule='dfa', step=2, closed)"
    assert repr(view) == "NetworkView(closed)"


def test_a_new_seed_follows_the_seeds_in_force_whoever_set_them(headless):
    def drawn():
        headless.act("new_seed")
        assert headless.status()["error"] == ""
        return headless.experiment.settings.seed, headless.experiment.settings.feedback_seed

    headless.act("new_run", fields={"replicas": 2, "seed": [3, 7]})
    assert [drawn(), drawn()] == [((8, 12), 2), ((13, 17), 4)]
    headless.act("new_run", fields={"replicas": 3, "seed": 0, "feedback_seed": [5, 5, 6]})
    assert [drawn(), drawn()] == [(3, (7, 7, 8)), (6, (9, 9, 10))]
    headless.runner.reset(replicas=2, seed=(0, 2**31 - 1), feedback_seed=1)  # from code, of which no message came
    assert drawn() == ((1, 0), 3)
    headless.runner.reset(replicas=None, seed=1, feedback_seed=1)
    headless.act("change", fields={"feedback_seed": 2**31 - 1})
    assert drawn() == (2, 0)


def test_a_new_run_takes_structural_settings(headless):
    headless.act("step", steps=3)
    headless.act("new_run", fields={"widths": [8, 8], "replicas": 2, "task": "moons"})
    assert headless.status()["error"] == ""
    assert headless.experiment.settings.widths == (8, 8)
    assert headless.experiment.history.replicas == 2
    assert headless.experiment.steps_done == 0


def test_lanes_fork_are_chosen_changed_and_dropped(headless):
    headless.act("step", steps=10)
    headless.act("fork", fields={"rule": "bp"})
    headless.act("step", steps=10)
    assert [run.settings.rule for run in headless.runner.lanes] == ["dfa", "bp"]
    assert [run.steps_done for run in headless.runner.lanes] == [20, 20]
    headless.act("select", lane=1)
    headless.act("change", fields={"lr": 0.05})
    assert [run.settings.lr for run in headless.runner.lanes] == [0.1, 0.05]
    headless.act("undo")
    assert [run.settings.lr for run in headless.runner.lanes] == [0.1, 0.1]
    headless.act("drop", lane=1)
    assert len(headless.runner.lanes) == 1
    assert headless.lane == 0
    for _ in range(5):
        headless.act("fork")
    assert len(headless.runner.lanes) == 4
    assert headless.status()["error"]


def test_a_pinned_run_stays_when_the_run_is_reset(headless):
    headless.act("step", steps=10)
    headless.act("pin")
    headless.act("reset")
    assert [pin.history.last_step for pin in headless.model.pins] == [10]
    headless.act("unpin")
    assert headless.model.pins == []


def test_a_session_is_shared_and_loaded_again(headless):
    headless.act("step", steps=10)
    headless.act("change", fields={"lr": 0.05, "feedback_init": "orthogonal"})
    headless.act("step", steps=20)
    wanted = headless.experiment.history.copy()
    headless.act("share")
    text, script = headless.model.shared
    assert "dfa_lab" in script
    headless.act("reset", fields={})
    headless.act("load", text=text)
    assert headless.experiment.steps_done == 0
    words = PanelState(headless.model).now(headless.runner.status())["words"]
    assert words.startswith("Press Play: the run trains to step 30 and pauses there;")
    headless.act("play")
    assert headless.experiment.steps_done == 30
    assert headless.experiment.history.equals(wanted)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_loads_and_trains(headless, name):
    headless.act("preset", name=name)
    assert headless.experiment.steps_done == 0
    assert headless.status()["story"] == f"{PRESETS[name].title}: {PRESETS[name].about}"
    headless.act("step", steps=2)
    assert headless.status()["error"] == ""
    assert headless.experiment.steps_done == 2
    assert len(headless.runner.lanes) == 1 + len(PRESETS[name].lanes)
    headless.act("reset")
    assert "story" in headless.status()
    headless.act("new_run", fields={"lr": 0.2})
    assert "story" not in headless.status()


@pytest.mark.parametrize("kind", DOWNLOADS)
def test_what_is_saved_is_a_file_of_its_kind(headless, monkeypatch, kind):
    headless.act("step", steps=20)
    messages = sent_by(headless.panel, monkeypatch)
    headless.act("save", kind=kind)
    assert headless.status()["error"] == ""
    (header, (data,)) = next(message for message in messages if message[0].get("type") == "file")
    assert header["name"].endswith(DOWNLOADS[kind].ending)
    begins = {"csv": b"lane,step,", "png": b"\x89PNG", "html": b"<!", "script": b"import dfa_lab", "json": b"{"}
    assert bytes(data).startswith(begins[kind])
    if kind == "json":
        assert Session.read(bytes(data).decode()).steps == 20


def test_what_is_locked_stays_and_what_is_hidden_is_named(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    explorer = dfa.Explorer(**FAST, lock=["rule", "widths", "load"], hide=["momentum", "share"], theme="projector")
    for do, fields in (("change", {"rule": "bp"}), ("new_run", {"widths": [4]}), ("fork", {"rule": "fa"})):
        explorer.act(do, fields=fields)
        assert "is locked here" in explorer.status()["error"]
    explorer.act("preset", name=next(name for name, one in PRESETS.items() if one.settings.widths != (16,)))
    assert "is locked here" in explorer.status()["error"]
    explorer.act("change", fields={"lr": 0.01})
    assert explorer.status()["error"] == ""
    explorer.act("load", text=explorer.experiment.session().to_text())
    assert explorer.status()["error"] == "load is locked here."
    explorer.experiment.change(rule="fa")  # by the teacher, from code: no page takes it back
    explorer.act("undo")
    assert "rule is locked here" in explorer.status()["error"]
    explorer.close()
    for wrong in ({"hide": ["momentun"]}, {"lock": "rule"}, {"theme": "neon"}, {"patience": 0}, {"preset": "none"}):
        with pytest.raises(dfa.DfaLabError):
            dfa.Explorer(**FAST, **wrong)


def test_a_module_of_ones_own(monkeypatch):
    from torch import nn

    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    module = nn.Sequential(nn.Linear(64, 12), nn.Tanh(), nn.Linear(12, 10))
    explorer = dfa.Explorer(module=module, rule="fa", batch_size=16)
    explorer.act("step", steps=5)
    explorer.act("change", fields={"rule": "usf"})
    explorer.act("step", steps=5)
    assert explorer.status()["error"] == ""
    explorer.act("share")
    assert "module" in explorer.status()["error"]
    assert "widths" in PanelState(explorer.model).now(explorer.runner.status())["hide"]
    explorer.close()


def test_a_share_text_is_made_aside_and_only_of_the_run_that_is_there(live, monkeypatch):
    go_on, made = threading.Event(), dfa.Experiment.to_script

    def slow(run):
        assert go_on.wait(10)
        return made(run)

    live.act("step", steps=3)
    live.runner.wait(10)
    monkeypatch.setattr(dfa.Experiment, "to_script", slow)
    live.act("share")
    assert live.model.shared == ("", "")
    live.act("share")
    assert "made already" in live.status()["error"]
    go_on.set()
    until(lambda: live.model.shared[0].startswith("dfa1."))
    assert live.model.shared == (live.experiment.session().to_text(), live.experiment.to_script())
    go_on.clear()
    live.act("share")
    live.act("reset")
    live.runner.wait(10)
    go_on.set()
    until(lambda: not live.model.jobs.busy("the share text"))
    assert live.model.shared == ("", ""), "it was of the run before"


def test_what_fails_aside_is_told(live, monkeypatch):
    monkeypatch.setattr(live.panel, "hand_over", lambda *_: 1 / 0)
    live.act("save", kind="csv")
    until(lambda: live.status()["error"])
    assert live.status()["error"] == "a file failed: ZeroDivisionError: division by zero"


def test_nothing_trains_before_play(live):
    time.sleep(0.2)
    assert live.experiment.steps_done == 0
    assert live.status()["state"] == "ready"


def test_it_trains_in_a_thread_and_changes_live(live):
    live.act("play")
    until(lambda: live.experiment.steps_done > 20)
    turned = {name: value for name, value in OTHER.items() if name != "momentum"}  # adam takes none
    for name, value in turned.items():
        live.act("change", fields={name: value})
    until(lambda: len(live.experiment.history.events) == len(turned))
    live.act("pause")
    live.runner.wait(5)
    assert live.status()["state"] == "paused"
    steps = [event.step for event in live.experiment.history.events]
    assert steps == sorted(steps)
    assert steps[0] > 20


@pytest.mark.clock
def test_messages_stay_below_twenty_a_second(live, monkeypatch):
    sent = []
    monkeypatch.setattr(live, "send", lambda content, buffers=None: sent.append(time.monotonic()))
    live.act("play")
    end = time.monotonic() + 3
    while time.monotonic() < end:  # changes as fast as one can turn a knob
        live.act("change", fields={"lr": 0.1 + 0.001 * (len(sent) % 7)})
        time.sleep(0.03)
    live.act("pause")
    live.runner.wait(5)
    assert len(sent) > 20
    seconds = [sum(1 for other in sent if 0 <= other - one < 1.0) for one in sent]
    assert max(seconds) <= 20
    assert FRAMES_A_SECOND < 20


def test_answers_to_a_pages_acts_are_within_the_budget_and_the_last_one_comes(live, monkeypatch):
    sent = []
    monkeypatch.setattr(live, "send", lambda content, buffers=None: sent.append((time.monotonic(), content)))
    number = 0
    live.act("play")
    end = time.monotonic() + 3
    while time.monotonic() < end:  # what changes nothing is answered too
        number += 1
        live.frames.receive({"do": "select", "lane": 0, "page": "a page", "number": number})
        time.sleep(0.03)

    def answered():
        return bool(sent) and sent[-1][1]["answered"] == {"a page": number}

    until(answered, 5)
    live.act("pause")
    live.runner.wait(5)
    times = [moment for moment, _ in sent]
    assert max(sum(1 for other in times if 0 <= other - one < 1.0) for one in times) <= 20


def test_the_allowance_is_given_again_after_a_second(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("dfa_lab.widgets.kernel.ui_thread.time.monotonic", lambda: now[0])
    allowance = MessageBudget()
    for _ in range(19):
        assert allowance.left()
        allowance.spend()
    assert not allowance.left()
    now[0] = 1.01
    assert allowance.left()


def test_the_last_state_arrives(live, monkeypatch):
    shown = []
    real = live.chart.show
    monkeypatch.setattr(
        live.chart, "show", lambda runs, status, **more: shown.append(status) or real(runs, status, **more)
    )
    live.runner.play(33)
    live.runner.wait(5)
    until(lambda: shown and shown[-1]["step"] == "33")
    assert shown[-1]["state"] == "paused"


def test_an_error_in_the_training_is_in_words_and_reset_begins_anew(live, monkeypatch):
    monkeypatch.setattr(live.experiment, "step", lambda: 1 / 0)
    live.act("play")
    until(lambda: live.status()["error"])
    assert "ZeroDivisionError" in live.status()["error"]
    monkeypatch.undo()
    live.act("reset")
    live.act("step", steps=1)
    until(lambda: live.experiment.steps_done == 1)
    assert live.status()["error"] == ""


def test_a_run_that_diverges_says_where_on_its_curves_until_the_next_command(made):
    explorer = made(task="linear", activation="identity", lr=2.0, optimizer="sgd")
    messages = []
    explorer.chart.send = lambda content, buffers=None: messages.append(content)
    explorer.act("step", steps=200)
    failed = explorer.runner.error.step
    assert [message["diverged"] for message in messages if "status" in message][-1] == failed > 0
    explorer.act("change", fields={"lr": 0.001})
    assert messages[-1]["diverged"] is None


def test_a_new_network_ends_what_the_page_chose_and_a_reset_does_not(made):
    explorer = made(task="digits")
    messages = []
    explorer.chart.send = lambda content, buffers=None: messages.append(content)

    def session():
        explorer.act("step", steps=1)
        return [message["session"] for message in messages if message["type"] == "snapshot"][-1]

    explorer.act("reset")
    first = session()
    explorer.act("new_seed")
    assert session() == first
    explorer.act("new_run", fields={"task": "linear"})
    assert session() == first + 1
    assert "accuracy" not in [panel["name"] for panel in messages[-1].get("panels", [])]
    explorer.act("preset", name="moons")
    assert session() == first + 2


def test_closing_ends_its_threads():
    explorer = dfa.Explorer(**FAST)
    explorer.act("play")
    until(lambda: explorer.experiment.steps_done > 3)
    trainer, pump = explorer.runner._thread, explorer._screen.thread._thread
    explorer.close()
    trainer.join(5)
    pump.join(5)
    assert not trainer.is_alive()
    assert not pump.is_alive()


def test_a_preset_with_an_unknown_picture_leaves_no_thread():
    before = set(threading.enumerate())
    PRESETS.register("unseen", Session(dfa.Settings(**FAST), view={"picture": "tapestry"}))
    try:
        with pytest.raises(dfa.DfaLabError, match="tapestry"):
            dfa.Explorer(preset="unseen")
    finally:
        del PRESETS._entries["unseen"]
    assert set(threading.enumerate()) <= before


def test_closing_draws_no_picture_beyond_the_budget(live, monkeypatch):
    until(lambda: live._screen.thread._thread.is_alive())
    drawn, told = [], []
    monkeypatch.setattr(live._screen._budget, "left", lambda: False)
    time.sleep(0.1)  # a look that had begun is over
    monkeypatch.setattr(live.picture, "show", drawn.append)
    monkeypatch.setattr(live.chart, "show", lambda *_, **__: told.append("the last state"))
    live._screen._hurry()
    live.close()
    assert (drawn, told) == ([], ["the last state"])


def test_running_the_cell_again_closes_the_former(monkeypatch):
    place = ["cell-1", "run-1"]
    monkeypatch.setattr("dfa_lab.widgets.kernel.cell_outputs._place", lambda: tuple(place))
    former, beside = dfa.Explorer(**FAST), dfa.Explorer(**FAST)
    beside.act("step", steps=1)  # a second one of the same run is not closed by the first
    until(lambda: beside.experiment.steps_done == 1)
    former.act("play")
    until(lambda: former.experiment.steps_done)
    place[1], thread = "run-2", former.runner._thread
    later = dfa.Explorer(**FAST)
    thread.join(5)
    assert not thread.is_alive()
    place[:] = ["cell-2", "run-3"]
    other = dfa.Explorer(**FAST)
    later.act("step", steps=1)
    until(lambda: later.experiment.steps_done == 1)
    later.close()
    other.close()
    alive = [thread for thread in threading.enumerate() if thread.name == "dfa_lab trainer"]
    assert len(alive) <= 1


def test_the_pump_goes_on_after_an_error():
    calls = []

    def tick():
        calls.append(1)
        if len(calls) == 1:
            raise OSError("gone")
        assert len(calls) > 2 or isinstance(pump.error, OSError)

    pump = UIThread(tick)
    pump.start()
    until(lambda: len(calls) > 3)
    pump.stop()
    assert pump.error is None  # the last tick was good


def test_settings_that_cannot_be_used_are_refused():
    with pytest.raises(dfa.DfaLabError, match="Did you mean"):
        dfa.Explorer(rule="dfaa")


@pytest.fixture
def made(monkeypatch):
    """Makes explorers without a thread, and closes them."""
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    explorers = []

    def make(*settings, **options):
        explorers.append(dfa.Explorer(*settings, **options))
        return explorers[-1]

    yield make
    for explorer in explorers:
        explorer.close()


def test_a_session_takes_no_locked_setting_with_it(made):
    run = dfa.Experiment(**FAST)
    run.train(2)
    run.change(rule="bp")
    by_change = run.session().to_text()
    by_lane = dfa.Session(dfa.Settings(**FAST), lanes=(dfa.Lane("bp", {"rule": "bp"}),)).to_text()
    explorer = made(**FAST, lock=["rule"])
    for text in (by_change, by_lane):
        explorer.act("load", text=text)
        assert "rule is locked here" in explorer.status()["error"]
    assert len(explorer.runner.lanes) == 1
    explorer.act("load", text=dfa.Session(dfa.Settings(**FAST, lr=0.3)).to_text())
    assert explorer.experiment.settings.lr == 0.3
    explorer = made(**FAST, lock=["seed"])
    explorer.act("new_seed")
    assert "seed is locked here" in explorer.status()["error"]


HUGE = [
    {"batch_size": 65536, "replicas": 64},
    {"task": {"name": "teacher", "inputs": 100_000, "samples": 100_000}},
    {"task": {"name": "linear", "inputs": 100_000}, "widths": [9700]},
    {"widths": [16384, 16384]},
    {"widths": [4096, 4096], "replicas": 8},
    {"task": {"name": "fashion_mnist", "folder": ".."}},
    {"self": 1},
]


@pytest.mark.parametrize("fields", HUGE)
def test_a_page_cannot_ask_for_too_much(headless, fields):
    before = headless.experiment.settings
    for do in ("new_run", "fork"):
        headless.act(do, fields=fields)
        assert headless.status()["error"]
    assert headless.experiment.settings == before
    assert len(headless.runner.lanes) == 1


def test_a_session_of_thousands_of_changes_is_refused(headless):
    changes = tuple((step, {"lr": 0.1 + step * 1e-6}) for step in range(10_001))
    headless.act("load", text=dfa.Session(dfa.Settings(**FAST), changes=changes, steps=10_001).to_text())
    assert "10,001 changes" in headless.status()["error"]


def test_the_chosen_lane_is_a_run_not_a_place(headless):
    headless.act("step", steps=5)
    for lr in (0.2, 0.3):
        headless.act("fork", fields={"lr": lr})
    headless.act("select", lane=2)
    headless.act("pin")
    assert headless.model.pins[-1].name.startswith("lr 0.3")
    headless.act("drop", lane=1)
    assert headless.chosen.settings.lr == 0.3
    headless.act("fork", fields={"momentum": 0.5})
    assert headless.runner.lanes[-1].settings.lr == 0.3
    assert "learning rate 0.3" in headless.status()["settings"]
    headless.runner.reset()
    headless.act("pin")
    assert headless.lane == 0
    headless.act("unpin", name=headless.model.pins[0].name)
    assert len(headless.model.pins) == 1
    headless.act("drop", lane=1)
    assert "one run only" in headless.status()["error"]


def test_an_error_calls_a_lane_what_the_screen_calls_it(headless, monkeypatch):
    told = {}
    monkeypatch.setattr(headless.panel, "show", lambda state: told.update(state) or True)
    headless.act("fork", fields={})
    headless.act("fork", fields={"rule": "dfa"})
    assert [lane["name"] for lane in told["lanes"]] == ["DFA", "DFA 2", "DFA 3"]
    headless.act("select", lane=0)
    headless.act("change", fields={"lr": 1e4, "weight_decay": 1.0})
    headless.act("play")
    assert headless.status()["error"].startswith("run DFA: the loss was no longer finite")


def test_the_page_names_a_lane_by_its_number(headless, monkeypatch):
    told = {}
    monkeypatch.setattr(headless.panel, "show", lambda state: told.update(state) or True)
    for lr in (0.2, 0.3, 0.4):
        headless.act("fork", fields={"lr": lr})
    assert [lane["number"] for lane in told["lanes"]] == [0, 1, 2, 3]
    headless.act("drop", lane=1)
    headless.act("select", lane=3)
    assert [lane["number"] for lane in told["lanes"]] == [0, 2, 3]
    assert told["lane"] == 2
    assert headless.chosen.settings.lr == 0.4
    for what in ("drop", "select"):
        headless.act(what, lane=1)
        assert "1, which is not there or was dropped" in headless.status()["error"]
    assert [run.settings.lr for run in headless.runner.lanes] == [0.1, 0.3, 0.4]
    assert headless.lane == 3


def test_what_the_panel_is_told(headless, monkeypatch):
    told = {}
    monkeypatch.setattr(headless.panel, "show", lambda state: told.update(state) or True)
    headless.act("step", steps=1)
    assert [phase["name"] for phase in told["phases"]] == ["forward", "error", "signal", "update"]
    headless.act("change", fields={"lr": 0.2, "activation_derivative": "step"})
    assert [event["step"] for event in told["events"]] == [1, 1]
    assert told["settings"]["lr"] == 0.2
    assert told["curves"]["g"] != told["curves"]["exact"]
    assert told["phases"] is None
    headless.act("share")
    assert told["share"].startswith("dfa1.")
    headless.act("new_seed")
    assert told["share"] == ""
    headless.act("stop_at", step=50)
    assert "stops at 50" in headless.status()["progress"]
    headless.act("step", steps=60)
    assert "progress" not in headless.status()


def test_a_panel_that_cannot_be_told_does_not_stop_the_curves(headless, monkeypatch):
    monkeypatch.setattr("dfa_lab.widgets.explorer.panel_state.curves", lambda *_: 1 / 0)
    headless._screen._state._kept.clear()
    shown = []
    monkeypatch.setattr(headless.chart, "show", lambda runs, status, **_: shown.append(status) or True)
    headless.act("step", steps=3)
    assert shown[-1]["step"] == "3"
    assert "division by zero" in headless.status()["error"]


def test_a_preset_with_a_setting_of_ones_own(made):
    explorer = made(preset="moons", lr=0.033)
    assert explorer.experiment.settings.lr == 0.033
    assert explorer.experiment.settings.task == PRESETS["moons"].settings.task
    with pytest.raises(dfa.DfaLabError, match="expected one of them"):
        made(dfa.Settings(), preset="moons")


def test_a_refusal_and_a_failed_training_are_both_told(live):
    live.act("change", fields={"lr": 1e4, "weight_decay": 1.0})
    live.act("step", steps=2000)
    until(lambda: live.status()["error"])
    live.act("select", lane=7)
    assert "lane was given as 7" in live.status()["error"]
    live.act("reset")
    until(lambda: live.status()["error"] == "")


def test_slow_motion_ends_as_it_found_the_run(live):
    live.act("slow")
    until(lambda: live.runner.status().running)
    live.act("slow")
    until(lambda: not live.runner.status().running)
    live.act("play")
    until(lambda: live.runner.status().running)
    live.act("slow")
    live.act("slow")
    assert live.runner.status().running


def test_the_end_of_slow_motion_is_no_pause_where_play_was_pressed_in_it(live):
    def lit():
        return PanelState(live.model).now(live.runner.status())["slow"]

    live.act("slow")
    until(lambda: live.runner.status().running)
    live.act("pause")
    until(lambda: not live.runner.status().running)
    assert lit()
    live.act("play")
    until(lambda: live.runner.status().running)
    live.act("slow")
    until(lambda: not lit())
    assert live.runner.status().running


def test_a_pinned_fork_begins_where_it_left_the_other_run(headless):
    headless.act("step", steps=10)
    headless.act("fork", fields={"rule": "bp"})
    headless.act("pin")
    headless.act("select", lane=1)
    headless.act("pin")
    assert [pin.since for pin in headless.model.pins] == [None, 10]
    assert headless.model.pins[1].inherited


def test_slow_motion_plays_and_gives_the_former_limit_back(live):
    live.act("limit", steps_per_s=200)
    until(lambda: live.runner.status().limit == 200)
    live.act("slow")
    until(lambda: live.runner.status().running and live.runner.status().limit == SLOW)
    live.act("slow")
    until(lambda: live.runner.status().limit == 200)


def test_a_session_opens_its_picture_and_shows_its_layers(headless, monkeypatch):
    sent = sent_by(headless.chart, monkeypatch)

    def opened():
        return PanelState(headless.model).now(headless.runner.status())["opened"]

    headless.picture.choose("matrix")
    headless.act("preset", name="moons")
    assert headless.status()["error"] == ""
    assert headless.picture.chosen == "surface"
    assert headless.picture._shown[0] == "surface", "it is drawn"
    assert opened() == 1
    headless.act("preset", name="moons")
    assert opened() == 2, "again: the page is to look for it again"
    headless.act("step", steps=3)
    headless.act("reset")
    assert opened() == 2
    headless.act("new_run", fields={"task": "moons"})
    assert (headless.picture.chosen, opened()) == ("surface", 0), "a page loaded now is not to scroll to it"
    headless.act("preset", name="moons")
    assert opened() == 3
    headless.frames.receive({"do": "picture", "name": "matrix"})
    assert opened() == 0, "the user's own choice"
    headless.act("preset", name="moons")
    headless.act("preset", name="deep")
    assert headless.picture.chosen == "none", "there is no plane"
    assert (sent[-1][0]["layers"], sent[-1][0]["angle"]) == ("all", "weight_alignment")
    headless.picture.choose("matrix")
    headless.act("new_run", fields={"task": "moons"})
    assert headless.picture.chosen == "matrix", "a picture that no session asks for stays as it is"
    assert (sent[-1][0]["layers"], sent[-1][0]["angle"]) == ("", "")


def test_a_session_with_a_picture_that_there_is_none_of_changes_nothing(headless):
    headless.act("step", steps=3)
    settings = dfa.Settings(**FAST)
    headless.act("load", text=Session(settings, view={"picture": "surfaces"}).to_text())
    assert "Did you mean 'surface'" in headless.status()["error"]
    assert headless.experiment.steps_done == 3


def test_a_preset_given_at_the_beginning_is_seen_as_it_says(made, monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    assert made(preset="moons").picture.chosen == "surface"
    hidden = made(preset="moons", hide=["pictures"])
    assert hidden.picture.chosen == "none"


def test_pins_of_another_network_go(headless):
    headless.act("step", steps=5)
    headless.act("pin")
    headless.act("new_run", fields={"lr": 0.2})
    assert len(headless.model.pins) == 1
    headless.act("new_run", fields={"widths": [4]})
    assert headless.model.pins == []


def test_files_hold_every_lane(headless, monkeypatch):
    headless.act("step", steps=10)
    headless.act("fork", fields={"rule": "bp"})
    headless.act("step", steps=10)
    messages = sent_by(headless.panel, monkeypatch)
    for kind in ("csv", "html"):
        headless.act("save", kind=kind)
    csv, html = (bytes(data).decode() for header, (data,) in messages if header.get("type") == "file")
    assert csv.startswith("lane,step,")
    assert {line.split(",")[0] for line in csv.splitlines()[1:]} == {"DFA", "BP"}
    assert "<h1>DFA, BP on digits</h1>" in html
    assert [header["name"] for header, _ in messages if header.get("type") == "file"] == [
        "dfa_lab-digits-DFA-BP-step-20.csv",
        "dfa_lab-digits-DFA-BP-step-20.html",
    ]
    messages.clear()
    headless.act("select", lane=1)
    headless.act("save", kind="json")
    assert [header["name"] for header, _ in messages if header.get("type") == "file"] == [
        "dfa_lab-digits-BP-step-20.json"
    ]


def test_without_a_thread_the_untrained_network_has_a_still_picture_too(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    explorer = dfa.Explorer(**FAST)
    bundle = explorer._repr_mimebundle_()
    assert len((bundle[0] if isinstance(bundle, tuple) else bundle)["image/png"]) > 10_000
    assert not explorer.experiment.history.series  # looking changed nothing
    explorer.close()


def join_all_but(others):
    """Wait for the threads that were begun since: those of other tests may stay as long as they like."""
    for thread in set(threading.enumerate()) - set(others):
        if thread.name.startswith("dfa_lab "):
            thread.join(60)


def test_a_closed_one_is_freed_at_once():
    """Python's collector, which seldom looks through old objects, need not find it."""
    gc.collect()
    gc.disable()
    others = threading.enumerate()
    try:
        explorer = dfa.Explorer(**FAST)
        explorer.act("step", steps=2)
        explorer.act("fork", fields={"lr": 0.01})
        explorer.act("picture", name="matrix", layer=1)
        explorer.runner.wait(60)
        made = [ref(one) for one in (explorer.runner, explorer.experiment, explorer.experiment.net, explorer.model)]
        explorer.close()
        join_all_but(others)
        assert [one() for one in made] == [None] * 4
        made = ref(explorer)
        del explorer
        assert made() is None
    finally:
        gc.enable()


def test_one_that_took_over_parts_is_freed_at_once():
    gc.collect()
    gc.disable()
    others = threading.enumerate()
    try:
        run = dfa.Experiment(**FAST)
        made = ref(run)
        part = dfa.Transport(run)
        explorer = dfa.Explorer(run)
        del run
        explorer.close()
        part.close()
        join_all_but(others)
        assert made() is None
    finally:
        gc.enable()


def test_an_experiment_that_nobody_holds_is_freed_at_once():
    gc.collect()
    gc.disable()
    try:
        run = dfa.Experiment(**FAST)
        run.observe("step", lambda seen: None)
        run.train(3)
        made = ref(run)
        del run
        assert made() is None
    finally:
        gc.enable()
