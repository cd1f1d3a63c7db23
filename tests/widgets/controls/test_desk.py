"""The desk without a browser: what is told of each setting, what is sent and when, what a page may ask."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch

from dfa_lab.experiment.settings.settings import CHOICES, Settings
from dfa_lab.widgets.controls.control_panel import ControlPanel
from dfa_lab.widgets.controls.control_specs import specs
from dfa_lab.widgets.controls.derivative_curves import curves


class Watched(ControlPanel):
    """A desk that keeps what it sends and hears what a page would send."""

    sent: list[Any]

    def send(self, content: Any, buffers: Any = None) -> None:
        json.dumps(content, allow_nan=False)
        self.__dict__.setdefault("sent", []).append(content)

    def hear(self, content: Any) -> None:
        self.receive(content)


@pytest.fixture
def desk() -> Watched:
    return Watched()


@pytest.fixture
def acts(desk: Watched) -> list[dict[str, Any]]:
    heard: list[dict[str, Any]] = []
    desk.on_message = heard.append
    return heard


def test_every_setting_has_one_spec_and_its_choices_are_the_registrys() -> None:
    told = {spec["field"]: spec for spec in specs()}
    assert sorted(told) == sorted(Settings.model_fields)
    assert len(specs()) == len(told)
    assert {field for field, spec in told.items() if spec["live"]} == set(Settings.live_fields())
    for field, registry in CHOICES.items():
        assert [choice["name"] for choice in told[field]["choices"]] == list(registry)
        assert told[field]["kind"] == "choice"
    json.dumps(list(told.values()), allow_nan=False)


def test_specs_say_what_a_field_takes() -> None:
    told = {spec["field"]: spec for spec in specs()}
    lr, replicas, decay = told["lr"], told["replicas"], told["weight_decay"]
    assert (lr["kind"], lr["minimum"], lr["above"], lr["maximum"]) == ("number", 0, True, 1e6)
    assert (lr["slider"], lr["several"]) == ([-4, 1, "log10"], True)
    assert (replicas["kind"], replicas["minimum"], replicas["optional"]) == ("integer", 1, True)
    assert (decay["minimum"], decay["above"]) == (0, False)
    assert told["widths"]["kind"] == "integers"
    assert told["device"]["kind"] == "text"
    assert [choice["name"] for choice in told["precision"]["choices"]] == ["highest", "high", "medium"]
    (aligned,) = [choice for choice in told["feedback_init"]["choices"] if choice["name"] == "aligned"]
    assert aligned["parameters"] == [{"name": "angle", "kind": "number", "default": 45.0, "low": 0, "high": 180}]
    # What takes no parameters in Settings has none here, and no path is taken from a text box.
    assert not any(choice["parameters"] for choice in told["optimizer"]["choices"])
    assert "folder" not in json.dumps(told["task"]["choices"])


def test_curves_are_f_its_slope_and_g() -> None:
    drawn = curves("tanh", {"name": "points", "points": [[-1, 0], [0, 2], [1, 0]]})
    x = torch.tensor(drawn["x"])
    assert torch.allclose(torch.tensor(drawn["f"]), x.tanh(), atol=1e-5)
    assert torch.allclose(torch.tensor(drawn["exact"]), 1 - x.tanh() ** 2, atol=1e-5)
    assert drawn["g"][80] == 2
    assert curves("relu")["g"] == curves("relu")["exact"]
    assert curves("tanh", "1 / x")["g"][80] is None, "no number where g has none"
    assert curves("tanh")["undefined"] == ""
    assert curves("tanh", "1 / x")["undefined"] == "at x = 0"
    assert curves("tanh", "log(x) / (x - 3)")["undefined"] == "for x from −4 to 0 and at x = 3"
    assert set(curves("tanh", "no such name (")["g"]) == {None}


def test_only_what_changed_is_sent_and_everything_after_a_hello(desk: Watched) -> None:
    state = {"settings": Settings().values(), "running": False, "error": "", "specs": specs()}
    assert desk.show(state)
    assert not desk.show({**state, "settings": Settings().values()}), "equal values are no news"
    assert desk.show({**state, "running": True})
    assert desk.sent[-1]["state"] == {"running": True}
    assert desk.show({key: value for key, value in state.items() if key != "error"})
    assert (desk.sent[-1]["state"], desk.sent[-1]["gone"]) == ({"running": False}, ["error"])
    desk.hear({"type": "hello"})
    assert desk.show(state)
    assert desk.sent[-1]["type"] == "snapshot"
    assert set(desk.sent[-1]["state"]) == set(state)
    assert [message["number"] for message in desk.sent] == [1, 2, 3, 4]


def test_a_state_of_any_values_can_be_sent(desk: Watched) -> None:
    desk.show({"settings": {"lr": math.nan, "activation_derivative": torch.tanh, "seed": (1, 2)}})
    assert desk.sent[-1]["state"]["settings"] == {"lr": None, "activation_derivative": "tanh", "seed": [1, 2]}


WELL_FORMED = [
    {"do": "change", "fields": {"lr": 0.1, "feedback_init": {"name": "aligned", "angle": 30}}},
    {"do": "play"},
    {"do": "step", "steps": 10},
    {"do": "limit", "steps_per_s": None},
    {"do": "stop_at", "step": 500},
    {"do": "unpin"},
    {"do": "unpin", "name": "DFA"},
    {"do": "save", "kind": "csv"},
]


@pytest.mark.parametrize("message", WELL_FORMED, ids=lambda message: message["do"])
def test_what_a_user_does_arrives(desk: Watched, acts: list[Any], message: dict[str, Any]) -> None:
    desk.hear({**message, "beside": "nothing that belongs here"})
    assert acts == [message]
    assert desk.error == ""


HOSTILE = [
    None,
    "play",
    ["play"],
    {},
    {"do": 1},
    {"do": "format_disk"},
    {"do": "__class__"},
    {"do": "change"},
    {"do": "change", "fields": [1]},
    {"do": "change", "fields": {"lr": math.nan}},
    {"do": "change", "fields": {"lr": [0.1] * 100_000}},
    {"do": "change", "fields": {1: 2}},
    {"do": "step", "steps": 10**12},
    {"do": "step", "steps": True},
    {"do": "step", "steps": -1},
    {"do": "limit", "steps_per_s": -1},
    {"do": "limit", "steps_per_s": "1"},
    {"do": "load", "text": "x" * 2_000_000},
    {"do": "select", "lane": -1},
    {"do": "save", "kind": "../../etc/passwd"},
]


@pytest.mark.parametrize("message", HOSTILE, ids=lambda message: repr(message)[:40])
def test_anything_else_changes_nothing_but_the_error(desk: Watched, acts: list[Any], message: Any) -> None:
    desk.hear(message)
    assert acts == []
    assert "expected" in desk.error
    assert len(desk.error) < 400
    desk.hear({"do": "pause"})
    assert (acts, desk.error) == ([{"do": "pause"}], ""), "the next good message is taken"


def test_the_page_says_whether_it_is_dark(desk: Watched, acts: list[Any]) -> None:
    told: list[bool] = []
    desk.on_dark = told.append
    for message in ({"type": "paper", "dark": True}, {"type": "paper", "dark": "yes"}, {"type": "paper"}):
        desk.hear(message)
    assert (told, acts, desk.error) == ([True], [], "")


def test_deep_nesting_is_refused(desk: Watched, acts: list[Any]) -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    desk.hear({"do": "change", "fields": {"lr": deep}})
    assert acts == []
    assert "expected settings by name" in desk.error


def test_a_failing_handler_is_told_in_words(desk: Watched) -> None:
    def fail(act: dict[str, Any]) -> None:
        raise ValueError("no such lane")

    desk.on_message = fail
    desk.hear({"do": "select", "lane": 7})
    assert desk.error == "ValueError: no such lane"


def test_every_act_is_answered_by_its_number_whatever_came_of_it(desk: Watched) -> None:
    state: dict[str, Any] = {"running": False}
    assert desk.show(state)
    desk.hear({"do": "pause", "page": "one", "number": 1})
    assert desk.show(state)
    assert desk.sent[-1]["state"] == {"answered": {"one": 1}}
    desk.hear({"do": "no such act", "page": "one", "number": 2})
    desk.hear({"do": "pause", "page": "two", "number": 1})
    assert desk.show(state)
    assert desk.sent[-1]["state"] == {"answered": {"one": 2, "two": 1}}
    assert not desk.show(state), "an answer is one message"
    desk.hear({"do": "pause"})
    assert not desk.show(state), "nobody asked"


def test_numbers_of_hostile_pages_are_no_answers_and_of_many_pages_the_last_are_kept(desk: Watched) -> None:
    for page, number in ((7, 1), ("", 1), ("x" * 81, 1), ("x", -1), ("x", True), ("x", 2**60), ("x", 0.5), (None, 1)):
        desk.hear({"do": "pause", "page": page, "number": number})
    assert not desk.show({})
    for page in range(100):
        desk.hear({"do": "pause", "page": f"page {page}", "number": 1})
    desk.show({})
    assert list(desk.sent[-1]["state"]["answered"]) == [f"page {page}" for page in range(84, 100)]
