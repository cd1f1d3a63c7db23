"""What was written once is read for good, and public names stay what they are unless a change is meant.

Where a change is meant: ``python tests/compatibility/written.py names`` writes the files anew (see there), and
CHANGELOG.md says it.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import json

import pytest
import torch
from public_names import lines, signature
from written import HISTORIES, KEYS, NAMES, PRESETS, SESSIONS, as_json, keys, nets, read

import dfa_lab as dfa

ALL_SESSIONS = {**read(SESSIONS), **{f"preset {name}": one for name, one in read(PRESETS).items()}}
MEANT = "Where that is meant: python tests/compatibility/written.py names, and a line in CHANGELOG.md."


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("name", ALL_SESSIONS)
def test_sessions_of_before_are_read(name, form):
    held = ALL_SESSIONS[name]
    session = dfa.Session.read(held[form])
    settings = as_json(session.settings.values())
    assert {field: settings[field] for field in held["settings"]} == held["settings"]
    assert as_json(session.changes) == held["changes"]
    assert as_json([[lane.name, lane.fields] for lane in session.lanes]) == held["lanes"]
    assert (session.steps, session.title, session.about) == (held["steps"], held["title"], held["about"])
    assert dfa.Session.read(session.to_text()) == dfa.Session.read(session.to_json()) == session


def test_a_session_that_names_one_setting_has_todays_defaults():
    written = {"format": "dfa_lab.session", "version": 1, "settings": {"task": "moons"}, "steps": 5}
    settings = as_json(dfa.Session.from_json(json.dumps(written)).settings.values())
    defaults = {**ALL_SESSIONS["plain"]["settings"], "task": "moons"}
    assert {field: settings[field] for field in defaults} == defaults


def test_a_preset_of_before_is_there_by_its_name():
    assert set(read(PRESETS)) <= set(dfa.PRESETS)


def test_a_session_of_before_is_replayed():
    held = ALL_SESSIONS["all changes"]
    run = dfa.Session.read(held["text"]).replay()
    assert run.steps_done == held["steps"]
    assert as_json(run.history.changes()) == held["changes"]


@pytest.mark.parametrize("name", read(HISTORIES))
def test_histories_of_before_are_read(name):
    held = read(HISTORIES)[name]
    history = dfa.History.from_json(held["json"])
    assert history.digest() == held["digest"]
    assert history.to_frame().to_csv(index=False).splitlines() == held["frame"]
    assert as_json(history.changes()) == held["changes"]
    assert json.loads(history.to_json()) == json.loads(held["json"])
    dfa.Settings(**history.settings)


def test_state_dicts_have_the_keys_of_before():
    assert keys() == read(KEYS), MEANT


all_nets = functools.cache(nets)


@pytest.mark.parametrize("name", read(KEYS))
def test_state_dicts_of_before_are_loaded(name):
    """Into a network that learns by the same rule, by their keys and shapes alone."""
    held = [entry.split(" ", 1) for entry in read(KEYS)[name]]
    net = all_nets()[name]
    before = net.state_dict()
    state = {key: torch.full(json.loads(shape), 2, dtype=before[key].dtype) for key, shape in held}
    net.load_state_dict(state)
    assert all(bool((value == 2).all()) for value in net.state_dict().values())


def test_public_names_and_signatures_are_those_of_before():
    before = NAMES.read_text(encoding="utf-8").splitlines()
    changed = list(difflib.unified_diff(before, lines(), "before", "now", lineterm="", n=0))
    assert not changed, "\n".join([*changed, MEANT])


def test_a_signature_says_every_kind_of_parameter():
    def given(a, /, b: int, *rest: str, c: list[int] | None = None, d=inspect, **more: float) -> str: ...
    def keyword(self, *, c=3): ...

    assert signature(given).startswith("(a, /, b: int, *rest: str, c: list[int] | None = None, d = <module")
    assert signature(keyword, bound=True) == "(*, c = 3)"
