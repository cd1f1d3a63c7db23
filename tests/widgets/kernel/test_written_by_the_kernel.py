"""Traits that only the kernel writes are not taken from a page; what a page may write still arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from ipywidgets import Widget

import dfa_lab as dfa
from dfa_lab.widgets.controls.knobs import OF_THE_USER
from runs import until

SMALL = {"task": "moons", "widths": (4,)}


def _monitor(_: dfa.Experiment) -> Widget:
    net, x, y = torch.nn.Linear(2, 2), torch.rand(8, 2), torch.arange(8) % 2
    return dfa.Monitor(net, torch.nn.functional.cross_entropy, probe=(x, y), batch_size=8).chart()


MADE: dict[str, Callable[[dfa.Experiment], Any]] = {
    "explorer": dfa.Explorer,
    "controls": dfa.Controls,
    "transport": dfa.Transport,
    "chart": dfa.LiveChart,
    "chart of a history": lambda _: dfa.LiveChart(),
    "monitor": _monitor,
    "network": dfa.NetworkView,
    "picture": lambda run: dfa.LivePicture(run, "matrix"),
    **{f"knob {name}": lambda run, name=name: dfa.knob(run, name) for name in dfa.Settings.live_fields()},
}


@pytest.fixture(params=MADE)
def widget(request: pytest.FixtureRequest) -> Iterator[Any]:
    made = MADE[request.param](dfa.Experiment(**SMALL))
    yield made
    made.close()


def update(widget: Widget, state: dict[str, Any]) -> None:
    """What a page sends when it sets traits."""
    widget._handle_msg({"content": {"data": {"method": "update", "state": state}}})


def others(value: Any) -> list[Any]:
    """What a page might put in the place of a trait's value."""
    texts = ["<img src=x onerror=alert(1)>", "export default {render() {}}", "http://elsewhere/x.js"]
    kinds = {bool: [not value], int: [7], float: [0.5], list: [["evil"]], tuple: [["evil"]], dict: [{"evil": 1}]}
    return [*texts, *kinds.get(type(value), []), None, []]


def test_no_trait_is_taken_from_a_page_but_what_its_user_moves(widget: Any, monkeypatch: Any) -> None:
    for one in [widget, *widget._own_parts] if hasattr(widget, "_own_parts") else [widget, *widget.own_parts]:
        of_the_user = OF_THE_USER if one is widget and widget.has_trait("value") else ()
        before, sent = {name: getattr(one, name) for name in one.keys}, []
        monkeypatch.setattr(type(one), "_send", lambda self, message, buffers=None, sent=sent: sent.append(message))
        for name in [key for key in one.keys if key not in of_the_user]:
            for value in others(before[name]):
                update(one, {name: value})
        update(one, {name: "evil" for name in before if name not in of_the_user} | {"no_such": 1})
        assert {name: getattr(one, name) for name in one.keys if name not in of_the_user} == {
            name: value for name, value in before.items() if name not in of_the_user
        }
        written = [message for message in sent if message["method"] in ("update", "echo_update")]
        assert not written, "the other pages are told nothing either"


def test_there_is_something_to_try(widget: Any) -> None:
    tried = {name for name in widget.keys if name not in OF_THE_USER}
    assert {"_model_module", "_view_module", "_dom_classes", "layout"} <= tried
    assert {"_esm", "_css"} <= tried or {"description", "tooltip"} <= tried


@pytest.mark.parametrize(
    ("field", "state", "expected"),
    [
        ("batch_size", {"value": 3}, 8),
        ("lr", {"value": 0.01, "description": "evil"}, 0.01),
        ("rule", {"index": 0}, "bp"),
        ("activation_derivative", {"value": "step"}, "step"),
    ],
)
def test_what_a_user_moves_arrives(field: str, state: dict[str, Any], expected: Any) -> None:
    run = dfa.Experiment(**SMALL)
    knob = dfa.knob(run, field)
    if "value" in state and field == "batch_size":
        state = {"value": expected}
    if "index" in state:
        state = {"index": [value for _, value in knob.options].index(expected)}
    label = knob.description
    update(knob, state)
    until(lambda: getattr(run.settings, field) == expected)
    assert knob.description == label
    knob.close()


def test_a_page_asks_for_the_state_and_is_given_it(monkeypatch: pytest.MonkeyPatch) -> None:
    chart, sent = dfa.LiveChart(), []
    monkeypatch.setattr(chart, "_send", lambda message, buffers=None: sent.append(message))
    chart._handle_msg({"content": {"data": {"method": "request_state"}}})
    assert sent[0]["state"]["_esm"] == chart._esm
    chart.close()


def test_the_page_is_the_bundle_that_was_built(tmp_path: Any) -> None:
    chart = dfa.LiveChart()
    assert "dfa-" in chart._css
    assert len(chart._esm) > 10_000
    chart.close()
