"""What is locked no page changes, also where other commands wait before its own and change what they stand on."""

import threading

import pytest

import dfa_lab as dfa
from dfa_lab.experiment.runner import Command
from runs import FAST


@pytest.fixture
def explorer():
    made = dfa.Explorer(**FAST, lock=["rule", "seed"], speed=None)
    yield made
    made.close()


def all_at_once(explorer, *asked):
    """Ask for all while the trainer is busy, so that each is checked on the page before the first is obeyed."""
    held = threading.Event()
    explorer.runner.put(Command("Hold", lambda training: held.wait(30)))
    for ask in asked:
        ask()
    held.set()
    explorer.runner.pause()
    try:
        explorer.runner.wait(30)
    except dfa.DfaLabError as error:
        assert "locked" in str(error)  # noqa: PT017


def test_two_undos_at_once_take_back_no_locked_setting(explorer):
    explorer.runner.change(rule="fa")
    explorer.runner.wait(30)
    explorer.act("change", fields={"lr": 0.05})
    explorer.runner.wait(30)
    undo = lambda: explorer.act("undo")  # noqa: E731
    all_at_once(explorer, undo, undo, undo)
    assert explorer.experiment.settings.rule == "fa"
    assert explorer.experiment.settings.lr == FAST.get("lr", 0.1)
    assert "rule is locked here" in explorer.status()["error"]


@pytest.mark.parametrize(
    ("do", "fields"),
    [("change", {"rule": "dfa"}), ("change", {"rule": "dfa", "lr": 0.5}), ("fork", {"rule": "dfa"})],
)
def test_what_the_teacher_changes_meanwhile_no_page_sets_back(explorer, do, fields):
    by_code = lambda: explorer.runner.change(rule="fa")  # noqa: E731
    all_at_once(explorer, by_code, lambda: explorer.act(do, fields=fields))
    assert [run.settings.rule for run in explorer.runner.lanes] == ["fa"]
    assert explorer.experiment.settings.lr != 0.5
    assert "rule is locked here" in explorer.status()["error"]


@pytest.mark.parametrize("what", ["new_run", "load"])
def test_a_new_run_sets_back_no_locked_setting_that_changed_meanwhile(explorer, what):
    text = explorer.experiment.session().to_text()
    asks = {
        "new_run": lambda: explorer.act("new_run", fields={"rule": "dfa", "lr": 0.3}),
        "load": lambda: explorer.act("load", text=text),
    }
    all_at_once(explorer, lambda: explorer.runner.change(rule="fa"), asks[what])
    assert explorer.experiment.settings.rule == "fa"
    assert "rule is locked here" in explorer.status()["error"]


def test_a_reset_begins_no_story_again_whose_settings_are_locked_and_others():
    explorer = dfa.Explorer(preset="moons", lock=["rule"], speed=None)
    rule = explorer.experiment.settings.rule
    other = "fa" if rule != "fa" else "bp"
    all_at_once(explorer, lambda: explorer.runner.change(rule=other), lambda: explorer.act("reset"))
    assert explorer.experiment.settings.rule == other
    assert "rule is locked here" in explorer.status()["error"]
    explorer.close()


def test_what_is_not_locked_is_done_as_before(explorer):
    asks = [lambda: explorer.act("change", fields={"lr": 0.5}), lambda: explorer.act("undo")]
    all_at_once(explorer, *asks, lambda: explorer.act("fork", fields={"lr": 0.7}))
    assert [run.settings.lr for run in explorer.runner.lanes] == [FAST.get("lr", 0.1), 0.7]
    assert explorer.status()["error"] == ""
