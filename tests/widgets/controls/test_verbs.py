"""The table of verbs: a row lacks nothing, and what is made from the table is as the table says."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

import dfa_lab
from dfa_lab.experiment.settings import Settings
from dfa_lab.widgets.controls.exports import DOWNLOADS
from dfa_lab.widgets.controls.verb_table import PARTS, VERBS, Button, buttons
from dfa_lab.widgets.explorer.actions import ACTIONS

FRONTEND = Path(dfa_lab.__file__).parents[1] / "frontend"
#: Verbs that only code sends.
NO_PAGE = {"measure"}


def lacks(verbs, handlers, parts=PARTS):
    """What the rows lack, in words."""
    found = [f"{name} has no action" for name in verbs if name not in handlers]
    found += [f"{name} has an action and no row" for name in handlers if name not in verbs]
    keys = {}
    for name, verb in verbs.items():
        for one in verb.takes:
            if not one.expected or not callable(one.check):
                found.append(f"{name} does not say what {one.name} is")
        for place, button in verb.buttons.items():
            if not button.text or not button.help:
                found.append(f"the button {place} has no text or no help")
            if button.key and not button.key_help and place != "pause":  # which is play's other side
                found.append(f"the key of {place} is not in the list of keys")
            if button.key_help and keys.setdefault(button.key, place) != place:
                found.append(f"{place} and {keys[button.key]} have one key")
            if place not in (*parts, "pause"):
                found.append(f"the button {place} cannot be hidden")
        if name in Settings.model_fields:
            found.append(f"{name} is a setting: lock could not tell them apart")
    return found


def test_no_row_lacks_anything():
    assert lacks(VERBS, ACTIONS) == []
    assert len(set(PARTS)) == len(PARTS)


NEW = replace(VERBS["pin"], buttons={"pin": replace(VERBS["pin"].buttons["pin"])})


@pytest.mark.parametrize(
    ("row", "handlers", "words"),
    [
        (NEW, {name: ACTIONS[name] for name in ACTIONS if name != "pin"}, "pin has no action"),
        (replace(NEW, buttons={"pin": Button("Pin", "")}), ACTIONS, "no help"),
        (replace(NEW, buttons={"pin": Button("", "Keep it")}), ACTIONS, "no text"),
        (replace(NEW, buttons={"pin": Button("Pin", "Keep it", "p")}), ACTIONS, "not in the list of keys"),
        (replace(NEW, buttons={"pin": Button("Pin", "Keep it", "u", "pin it")}), ACTIONS, "have one key"),
        (replace(NEW, buttons={"pinned": Button("Pin", "Keep it")}), ACTIONS, "cannot be hidden"),
        (replace(NEW, takes=(replace(VERBS["step"].takes[0], expected=""),)), ACTIONS, "does not say what steps is"),
    ],
)
def test_a_row_that_lacks_a_part_is_seen(row, handlers, words):
    assert words in " ".join(lacks({**VERBS, "pin": row}, handlers))


def test_the_page_has_its_buttons_from_the_table():
    made = (FRONTEND / "shared" / "messages.ts").read_text(encoding="utf-8")
    table = json.loads(made[made.index("BUTTONS: Record<string, Button> = ") :].split(" = ", 1)[1].rstrip().rstrip(";"))
    assert table == buttons(), "run python -m dfa_lab.widgets.schema"
    assert [name for name in table if name.startswith("save_")] == [f"save_{kind}" for kind in DOWNLOADS]


def test_the_page_sends_no_other_verb_and_each_that_it_can():
    sent, named = set(), set()
    for path in FRONTEND.rglob("*.ts*"):
        if "node_modules" in path.parts or path.name == "messages.ts":
            continue
        text = path.read_text(encoding="utf-8")
        sent |= set(re.findall(r'\bdo: "(\w+)"', text))
        named |= set(re.findall(r'"(\w+)"', text))
    assert sent <= set(VERBS)
    assert {"play", "pause"} <= named, "one button, whose name is what it does"
    assert sent | {"play", "pause"} | NO_PAGE == set(VERBS)
