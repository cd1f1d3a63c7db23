"""The control panel without a widget: what is told of each setting, what is sent and when, what a page may ask."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch

from dfa_lab.experiment.settings import CHOICES, Settings
from dfa_lab.widgets.controls.control_panel import ControlPanel
from dfa_lab.widgets.controls.control_specs import specs
from dfa_lab.widgets.controls.derivative_curves import curves


class Watched(ControlPanel):
    """A panel that keeps what it queues."""

    sent: list[Any]

    def send(self, content: Any, buffers: Any = None) -> None:
        json.dumps(content, allow_nan=False)
        self.__dict__.setdefault("sent", []).append(content)


@pytest.fixture
def panel() -> Watched:
    return Watched()


@pytest.fixture
def acts(panel: Watched) -> list[dict[str, Any]]:
    heard: list[dict[str, Any]] = []
    panel.on_message = heard.append
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
    assert (lr["kind"], lr["minimum"], lr["above"]) == ("number", 0, True)
    assert "maximum" not in lr, "nobody reads it"
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


def test_only_what_changed_is_sent_and_everything_after_a_hello(panel: Watched) -> None:
    state = {"settings": Settings().values(), "running": False, "error": "", "specs": specs()}
    assert panel.show(state)
    assert not panel.show({**state, "settings": Settings().values()}), "equal values are no news"
    assert panel.show({**state, "running": True})
    assert panel.sent[-1]["state"] == {"running": True}
    assert panel.show({key: value for key, value in state.items() if key != "error"})
    assert (panel.sent[-1]["state"], panel.sent[-1]["gone"]) == ({"running": False}, ["error"])
    panel.whole = True
    assert panel.show(state)
    assert panel.sent[-1]["type"] == "snapshot"
    assert set(panel.sent[-1]["state"]) == set(state)
    assert len(panel.sent) == 4


def test_a_state_of_any_values_can_be_sent(panel: Watched) -> None:
    panel.show({"settings": {"lr": math.nan, "activation_derivative": torch.tanh, "seed": (1, 2)}})
    assert panel.sent[-1]["state"]["settings"] == {"lr": None, "activation_derivative": "tanh", "seed": [1, 2]}


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
def test_what_a_user_does_arrives(panel: Watched, acts: list[Any], message: dict[str, Any]) -> None:
    panel.receive({**message, "beside": "nothing that belongs here"})
    assert acts == [message]
    assert panel.error == ""


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
def test_anything_else_changes_nothing_but_the_error(panel: Watched, acts: list[Any], message: Any) -> None:
    panel.receive(message)
    assert acts == []
    assert "expected" in panel.error
    assert len(panel.error) < 400
    panel.receive({"do": "pause"})
    assert (acts, panel.error) == ([{"do": "pause"}], ""), "the next good message is taken"


def test_the_page_says_whether_it_is_dark(panel: Watched, acts: list[Any]) -> None:
    told: list[bool] = []
    panel.on_dark = told.append
    for message in ({"type": "dark", "dark": True}, {"type": "dark", "dark": "yes"}, {"type": "dark"}):
        panel.receive(message)
    assert (told, acts, panel.error) == ([True], [], "")


def test_deep_nesting_is_refused(panel: Watched, acts: list[Any]) -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    panel.receive({"do": "change", "fields": {"lr": deep}})
    assert acts == []
    assert "expected settings by name" in panel.error


def test_a_failing_handler_is_told_in_words(panel: Watched) -> None:
    def fail(act: dict[str, Any]) -> None:
        raise ValueError("no such lane")

    panel.on_message = fail
    panel.receive({"do": "select", "lane": 7})
    assert panel.error == "ValueError: no such lane"
