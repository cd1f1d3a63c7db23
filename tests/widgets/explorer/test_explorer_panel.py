"""What the explorer tells its panel and its status line: what would be refused, short errors, its speed, its theme."""

import pytest
from ipywidgets.widgets import widget

import dfa_lab as dfa
from dfa_lab.experiment.runner.lanes import LANES
from dfa_lab.experiment.sessions.presets import PRESETS
from dfa_lab.widgets.explorer.panel_state import PanelState
from dfa_lab.widgets.explorer.start import SPEED
from dfa_lab.widgets.explorer.status_line import ERROR_LENGTH

FAST = {"widths": (16,), "probe_every": 20, "batch_size": 16}


@pytest.fixture
def headless(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    made = []

    def make(**options):
        made.append(dfa.Explorer(**FAST, **options))
        return made[-1]

    yield make
    for explorer in made:
        explorer.close()


def told(explorer):
    return PanelState(explorer.model).now(explorer.runner.status())


def test_a_preset_is_refused_on_the_page_exactly_where_the_kernel_refuses_it(headless):
    explorer = headless(lock=["rule", "widths"])
    offered = {one["name"]: one["refused"] for one in told(explorer)["presets"]}
    assert list(offered) == list(PRESETS)
    assert len({bool(reason) for reason in offered.values()}) == 1, "of other widths are all"
    explorer = headless(lock=["rule"])
    offered = {one["name"]: one["refused"] for one in told(explorer)["presets"]}
    assert {bool(reason) for reason in offered.values()} == {True, False}
    for name, reason in offered.items():
        explorer.act("preset", name=name)
        assert explorer.status()["error"] == reason
    assert not any(one["refused"] for one in told(headless())["presets"])


def test_what_cannot_be_done_as_things_stand(headless):
    explorer = headless()
    assert told(explorer)["refused"] == {}
    for _ in range(LANES - 1):
        explorer.act("fork", fields={})
    assert f"{LANES} runs already" in told(explorer)["refused"]["fork"]
    explorer.act("drop", lane=1)
    assert told(explorer)["refused"] == {}
    explorer = headless(lock=["rule", "feedback_seed"])
    explorer.experiment.change(rule="fa")  # by the teacher, from code
    refused = told(explorer)["refused"]
    assert set(refused) == {"undo", "new_seed"}
    for act in refused:
        explorer.act(act)
        assert "is locked here" in explorer.status()["error"]


def test_the_status_line_says_an_error_in_short_and_the_panel_all_of_it(headless):
    explorer = headless()
    shown = []
    explorer.chart.show = lambda runs, words, **_: shown.append(words["error"])
    explorer.act("change", fields={"lr": -1})
    assert shown[-1] == "lr was given as -1"
    assert explorer.status()["error"] == told(explorer)["error"] != shown[-1]
    explorer.act("change", fields={"activation_derivative": "x" * 300})
    assert 0 < len(shown[-1]) <= ERROR_LENGTH


def test_it_begins_at_a_speed_one_can_watch():
    live = dfa.Explorer(**FAST)
    fast = dfa.Explorer(**FAST, speed=None)
    for explorer, limit in ((live, SPEED), (fast, None)):
        explorer.runner.wait(10)
        assert told(explorer)["limit"] == limit
        explorer.close()


def test_an_explorer_that_is_refused_leaves_no_widget_open():
    before = set(widget._instances)
    with pytest.raises(dfa.DfaLabError):
        dfa.Explorer(**FAST, speed=-1)
    left = {type(made).__name__ for model, made in widget._instances.items() if model not in before}
    assert left <= {"Layout"}, "ipywidgets' own"


def test_changes_to_come_are_said(headless):
    explorer = headless()
    session = dfa.Session(explorer.experiment.settings, ((30, {"lr": 0.01}), (300, {"lr": 0.02})), 300)
    explorer.act("load", text=session.to_text())
    assert explorer.status()["plan"] == "2 changes to come"
    explorer.act("play")
    assert explorer.status()["plan"] == "1 change to come"
    explorer.act("play")
    assert "plan" not in explorer.status()


def test_pictures_follow_the_page_where_no_theme_was_chosen(headless):
    for theme, themes in (("auto", ["dark", "light"]), ("light", ["light", "light"])):
        explorer, seen = headless(theme=theme), []
        for dark in (True, False):
            explorer.panel.receive({"type": "dark", "dark": dark})
            seen.append(explorer.picture.theme)
        assert seen == themes


def test_the_page_knows_which_settings_the_rule_does_not_use(headless):
    explorer = headless()
    assert told(explorer)["unused"] == {}
    explorer.experiment.change(rule="usf")
    assert set(told(explorer)["unused"].values()) == {"Not used by usf."}
    assert {"error_channel", "feedback_init"} <= set(told(explorer)["unused"])
