"""Each check of a message is made once on its way from the page to the step."""

from collections import Counter

import pytest

import dfa_lab as dfa
from dfa_lab.experiment.runner import runner as runner_module
from dfa_lab.experiment.settings import Settings
from dfa_lab.widgets.controls import control_panel
from dfa_lab.widgets.controls.restrictions import Restrictions
from dfa_lab.widgets.explorer import actions, model

FAST = {"widths": (16,), "probe_every": 20, "batch_size": 16}
#: Which settings a page may ask for, how large, and whether the class may change them.
CHECKS = ["form", "fields", "verb locked", "fields locked", "size", "command", "live"]


@pytest.fixture
def counted(monkeypatch):
    """How often each check is made from now on."""
    found = Counter()

    def count(owner, name, called):
        real = getattr(owner, name)

        def counting(*arguments, **named):
            found[called] += 1
            return real(*arguments, **named)

        monkeypatch.setattr(owner, name, counting)

    count(control_panel, "checked", "form")
    count(actions, "checked", "form")
    count(model, "check_fields", "fields")
    count(model, "check_size", "size")
    count(Restrictions, "check_verb", "verb locked")
    count(Restrictions, "check", "fields locked")
    count(runner_module, "_check_lane", "command")
    count(Settings, "changed", "settings")
    count(Settings, "check_live", "live")
    return found


@pytest.fixture
def explorer(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")
    made = dfa.Explorer(**FAST, lock=["momentum"])
    yield made
    made.close()


@pytest.mark.parametrize("sender", ["page", "code"])
def test_a_change_of_batch_size_is_checked_once_by_each_check(explorer, counted, sender, monkeypatch):
    monkeypatch.setattr(explorer.model.screen, "refresh", lambda *_: None)  # it asks which presets are refused
    counted.clear()
    if sender == "page":
        explorer.panel.receive({"do": "change", "fields": {"batch_size": 24}})
    else:
        explorer.act("change", fields={"batch_size": 24})
    assert explorer.status()["error"] == ""
    assert explorer.experiment.settings.batch_size == 24
    # Settings are made for the page's answer, and at the step: commands may have come between the two.
    assert counted == Counter(dict.fromkeys(CHECKS, 1)) + Counter(settings=2)


@pytest.mark.parametrize(
    ("message", "checks"),
    [
        ({"do": "play"}, {"form": 1, "verb locked": 1}),
        ({"do": "step", "steps": 1}, {"form": 1, "verb locked": 1}),
        ({"do": "change", "fields": {"lr": -1}}, {"form": 1, "verb locked": 1, "fields": 1, "settings": 1}),
        ({"do": "change", "fields": 7}, {"form": 1}),
    ],
    ids=lambda given: given.get("do", ""),
)
def test_what_fails_a_check_meets_no_other(explorer, counted, message, checks):
    counted.clear()
    explorer.panel.receive(message)
    assert counted == Counter(checks)
