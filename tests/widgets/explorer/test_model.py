"""The explorer's model, its handlers, the panel's state and the status line, without any widget."""

import subprocess
import sys
from unittest.mock import Mock

import pytest

import dfa_lab as dfa
from dfa_lab.experiment.sessions import View
from dfa_lab.widgets.controls.restrictions import Restrictions
from dfa_lab.widgets.explorer.actions import act
from dfa_lab.widgets.explorer.model import ExplorerModel
from dfa_lab.widgets.explorer.panel_state import EVENTS_SHOWN, PanelState
from dfa_lab.widgets.explorer.status_line import status_line

FAST = {"widths": (16,), "probe_every": 20, "batch_size": 16}
MODULES = "model", "actions", "panel_state", "status_line", "start"


class NoScreen:
    """A screen without widgets: it keeps what it was asked for."""

    undrawn = refused = ""
    opened = 0

    def __init__(self):
        self.focus, self.choose_picture, self.hand_over = Mock(), Mock(), Mock()
        self.refresh, self.begin_anew = Mock(), Mock()


@pytest.fixture
def model():
    runner = dfa.Runner(dfa.Experiment(**FAST), threaded=False)
    yield ExplorerModel(runner, Restrictions.of([], ["rule"], "auto"), NoScreen(), at_once=True)
    runner.close()


def said(model):
    return status_line(model, model.runner.status())


def test_it_loads_no_widget():
    code = (
        "import sys; sys.modules['ipywidgets'] = sys.modules['anywidget'] = sys.modules['IPython'] = None; "
        f"import importlib; [importlib.import_module('dfa_lab.widgets.explorer.' + name) for name in {MODULES}]; "
        "print('loaded')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "loaded", done.stderr


def test_verbs_act_on_the_runner(model):
    act(model, {"do": "step", "steps": 10})
    act(model, {"do": "fork", "fields": {"lr": 0.3}})
    act(model, {"do": "select", "lane": 1})
    act(model, {"do": "change", "fields": {"batch_size": 7}})
    assert [run.settings.batch_size for run in model.runner.lanes] == [16, 7]
    assert list(model.lanes_by_name()) == ["lr 0.1", "lr 0.3"]
    assert said(model)["step"] == "10"
    assert model.screen.refresh.call_count == 4


def test_what_cannot_be_done_is_refused_in_words(model):
    for content, words in (
        ({"do": "stepp"}, "Did you mean 'step'"),
        ({"do": 3}, "a message was given as"),
        ({"do": "change", "fields": {"rule": "bp"}}, "rule is locked here"),
        ({"do": "drop", "lane": 0}, "one run only"),
    ):
        act(model, content)
        assert words in said(model)["error"]
    act(model, {"do": "watching"})
    assert said(model)["error"], "only another command takes it away"
    act(model, {"do": "pause"})
    assert said(model)["error"] == ""


def test_the_panel_is_told_of_the_chosen_lane(model):
    state = PanelState(model)
    act(model, {"do": "step", "steps": 1})
    act(model, {"do": "fork"})
    act(model, {"do": "select", "lane": 1})
    act(model, {"do": "pin"})
    told = state.now(model.runner.status())
    assert (told["lane"], told["pins"], told["lock"]) == (1, ["DFA 2 at 1"], ["rule"])
    assert told["settings"] is state.now(model.runner.status())["settings"], "made anew only where it changed"


def test_of_many_changes_the_newest_are_shown(model):
    for number in range(EVENTS_SHOWN + 5):
        model.experiment.change(lr=0.1 + 0.001 * (number + 1))
    events = PanelState(model).now(model.runner.status())["events"]
    assert len(events) == EVENTS_SHOWN
    assert events[-1]["text"] == "learning rate 0.304 → 0.305"


def test_files_and_pictures_are_the_screens(model):
    act(model, {"do": "save", "kind": "script"})
    act(model, {"do": "picture", "name": "matrix", "layer": 2})
    act(model, {"do": "focus", "step": 3})
    screen = model.screen
    assert screen.hand_over.call_args.args[0].endswith(".py")
    screen.choose_picture.assert_called_once_with("matrix", 2, None)
    screen.focus.assert_called_once_with(3)
    act(model, {"do": "load", "text": dfa.Session(dfa.Settings(**FAST), view={"layers": "all"}).to_text()})
    screen.begin_anew.assert_called_once_with(View(layers="all"))


def test_a_share_text_is_of_the_chosen_run(model):
    act(model, {"do": "step", "steps": 5})
    act(model, {"do": "share"})
    assert model.shared == (model.chosen.session().to_text(), model.chosen.to_script())
    act(model, {"do": "reset"})
    assert model.shared == ("", "")
