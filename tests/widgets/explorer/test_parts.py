"""Parts of a run by themselves: they share its thread and what is chosen, take what they are given, and end."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from ipywidgets.widgets import widget as ipywidgets_module

import dfa_lab as dfa
from dfa_lab.errors import DfaLabError
from dfa_lab.widgets.explorer import screen as screen_module
from dfa_lab.widgets.explorer.screen import runner_showing
from runs import FAST, until


class Told:
    """What a widget's page knows: the panel's state, and what came of the other parts."""

    def __init__(self, shown: Any) -> None:
        self.shown, self.state = shown, {}
        self.messages: list[dict[str, Any]] = []
        self.times: list[float] = []
        shown.send = self._hear
        shown.frames.receive({"type": "hello"})

    def _hear(self, content: dict[str, Any], buffers: Any = None) -> None:
        self.times.append(time.monotonic())
        for one in content.get("parts", []):
            self.messages.append(one)
            if one["part"] == "panel" and "state" in one:
                self.state |= one["state"]

    def act(self, do: str, **message: Any) -> None:
        self.shown.frames.receive({"do": do, **message})


@pytest.fixture
def made():
    """Closes at the end what it was given."""
    kept: list[Any] = []

    def keep(*parts: Any) -> Any:
        kept.extend(parts)
        return parts if len(parts) > 1 else parts[0]

    yield keep
    for one in kept:
        one.close()


@pytest.fixture
def headless(monkeypatch):
    monkeypatch.setenv("DFA_LAB_HEADLESS", "1")


def five(run: Any) -> tuple[Any, ...]:
    return (
        dfa.NetworkView(run),
        dfa.Controls(run, ["rule", "lr"]),
        dfa.Transport(run),
        dfa.LivePicture(run, "matrix"),
        dfa.LiveChart(run, panels=["loss"]),
    )


def ui_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "dfa_lab UI"]


def test_parts_of_one_runner_share_a_thread_and_a_change_through_one_shows_in_all(made, runner) -> None:
    before = len(ui_threads())
    told = [Told(part) for part in made(*five(runner))]
    assert len(ui_threads()) == before + 1
    told[1].act("change", fields={"lr": 0.03})
    until(lambda: all(one.state.get("settings", {}).get("lr") == 0.03 for one in told))
    told[2].act("step", steps=5)
    until(lambda: all(one.state["status"]["step"] == "5" for one in told))
    told[1].act("change", fields={"lr": -1})
    until(lambda: all("lr was given as -1" in one.state["error"] for one in told))
    kinds = [{"panel", "network"}, {"panel"}, {"panel"}, {"panel", "picture"}, {"panel", "chart"}]
    until(lambda: [{message["part"] for message in one.messages} for one in told] == kinds)


@pytest.mark.clock
def test_parts_send_at_most_twenty_messages_a_second_all_together(made, runner) -> None:
    told = [Told(part) for part in made(*five(runner))]
    until(lambda: all(one.times for one in told))  # the first picture takes its time
    runner.play()
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        told[1].act("change", fields={"lr": 0.1 + 0.0001 * len(told[1].messages)})
        time.sleep(0.03)
    runner.pause()
    times = sorted(moment for one in told for moment in one.times)
    assert max(sum(1 for other in times if 0 <= other - one < 1.0) for one in times) <= 20
    assert all(len(one.times) > 2 for one in told), "they take turns"


def test_a_run_given_twice_has_one_runner_which_ends_with_the_last_part(made) -> None:
    run = dfa.Experiment(**FAST)
    one, two = made(dfa.Transport(run), dfa.NetworkView(run))
    runner = one.runner
    assert two.runner is runner
    assert runner_showing(run) is runner
    one.close()
    assert not runner.closed
    runner.play(3)
    runner.wait(10)
    two.close()
    assert runner.closed
    assert runner_showing(run) is None
    again = made(dfa.Transport(run))
    again.runner.play(2)
    again.runner.wait(10)
    assert run.steps_done == 5


def test_a_runner_that_was_given_goes_on_and_the_thread_of_the_screen_ends(made, runner) -> None:
    before = len(ui_threads())
    parts = five(runner)
    for part in parts:
        part.close()
        part.close()
    until(lambda: len(ui_threads()) == before)
    assert runner not in screen_module._shown
    runner.play(2)
    runner.wait(10)
    assert runner.experiment.steps_done == 2


def test_a_closed_part_is_shown_nothing_more(made, runner) -> None:
    chart, transport = made(dfa.LiveChart(runner), dfa.Transport(runner))
    told, other = Told(chart), Told(transport)
    until(lambda: told.messages)
    chart.close()
    told.messages.clear()
    runner.play(3)
    runner.wait(10)
    until(lambda: other.state["status"]["step"] == "3")
    assert told.messages == []


def test_a_refused_part_leaves_no_widget_and_no_thread(runner) -> None:
    before, threads = set(ipywidgets_module._instances), ui_threads()
    for wrong in WRONG.values():
        with pytest.raises(DfaLabError):
            wrong(runner)
    left = {type(one).__name__ for model, one in ipywidgets_module._instances.items() if model not in before}
    assert not left
    assert ui_threads() == threads


WRONG = {
    "no run": lambda _: dfa.NetworkView("digits"),
    "None": lambda _: dfa.Transport(None),
    "settings": lambda _: dfa.Controls(dfa.Settings()),
    "units 0": lambda runner: dfa.NetworkView(runner, units=0),
    "units many": lambda runner: dfa.NetworkView(runner, units=10**6),
    "units text": lambda runner: dfa.NetworkView(runner, units="all"),
    "field": lambda runner: dfa.Controls(runner, ["lrr"]),
    "fields a text": lambda runner: dfa.Controls(runner, "lr"),
    "fields a number": lambda runner: dfa.Controls(runner, 5),
    "fields of lists": lambda runner: dfa.Controls(runner, [["lr"]]),
    "picture": lambda runner: dfa.LivePicture(runner, "matrx"),
    "picture a number": lambda runner: dfa.LivePicture(runner, 5),
    "layer 0": lambda runner: dfa.LivePicture(runner, "matrix", layer=0),
    "layer text": lambda runner: dfa.LivePicture(runner, "matrix", layer="first"),
    "panel": lambda runner: dfa.LiveChart(runner, panels=["lss"]),
    "panels a text": lambda runner: dfa.LiveChart(runner, panels="loss"),
    "panels a number": lambda _: dfa.LiveChart(panels=5),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_a_part_cannot_take_is_a_dfa_lab_error(wrong, runner) -> None:
    with pytest.raises(DfaLabError):
        WRONG[wrong](runner)


def test_a_chart_by_itself_draws_what_it_is_shown(made, runner) -> None:
    chart = made(dfa.LiveChart(panels=["loss"]))
    sent: list[Any] = []
    chart.send = lambda content, buffers=None: sent.append(content)
    chart.frames.receive({"type": "hello"})
    assert sent == [], "there is nothing to show yet"
    history = dfa.History()
    history.record("train_loss", 1.0, step=0, samples=0)
    assert chart.show(history, {"state": "mine", "epoch": 3})
    (rows,) = sent[-1]["parts"]
    assert (rows["type"], rows["status"]) == ("snapshot", {"state": "mine", "epoch": "3"})
    assert [panel["name"] for panel in rows["panels"]] == ["loss"]
    assert not chart.show(history, {"state": "mine", "epoch": 3})
    chart.frames.receive({"type": "hello"})
    assert [one["type"] for one in sent[-1]["parts"]] == ["snapshot"]
    with pytest.raises(DfaLabError):
        chart.show("history")
    with pytest.raises(DfaLabError):
        chart.show(history, 5)
    with pytest.raises(DfaLabError, match="follows its run"):
        made(dfa.LiveChart(runner)).show(history)


def test_a_live_picture_stays_the_one_that_it_was_made_for(made, headless) -> None:
    explorer = made(dfa.Explorer(**FAST))
    matrix, deltas = made(dfa.LivePicture(explorer.experiment, "matrix"), dfa.LivePicture(explorer.runner, "deltas"))
    assert matrix.runner is explorer.runner

    def chosen() -> list[str]:
        return [one.frames.parts[1].chosen for one in (matrix, deltas)] + [explorer.picture.chosen]

    explorer.frames.receive({"do": "picture", "name": "spectrum"})
    assert chosen() == ["matrix", "deltas", "spectrum"]
    deltas.frames.receive({"do": "picture", "name": "sample_angles"})
    assert chosen() == ["matrix", "sample_angles", "spectrum"]
    explorer.act("preset", name="moons")
    assert explorer.status()["error"] == ""
    assert chosen() == ["matrix", "sample_angles", "surface"]


def test_a_live_picture_says_what_its_run_has_not_and_comes_back(made, headless) -> None:
    picture = made(dfa.LivePicture(dfa.Experiment(**FAST), "surface"))
    told = Told(picture)
    assert "no picture of that kind" in told.messages[-1]["words"]
    picture.runner.reset(task="moons")
    picture.runner.play(1)
    told.act("measure")
    assert told.messages[-1]["chosen"] == "surface"
    assert told.messages[-1]["buffers"] == 1


def test_a_file_goes_to_the_widget_that_asked_for_it(made, headless) -> None:
    explorer = made(dfa.Explorer(**FAST))
    told = [Told(one) for one in (explorer, made(dfa.Controls(explorer.runner)))]
    told[1].act("save", kind="csv")
    files = [[message["name"] for message in one.messages if message["type"] == "file"] for one in told]
    assert [len(one) for one in files] == [0, 1]


@pytest.mark.parametrize("explorer_first", [True, False])
def test_an_explorer_and_a_part_of_one_runner_are_in_step(made, runner, explorer_first) -> None:
    before = len(ui_threads())
    makers = [lambda: dfa.Explorer(runner, lock=["rule"]), lambda: dfa.Controls(runner)]
    parts = [make() for make in (makers if explorer_first else reversed(makers))]
    explorer, controls = made(*(parts if explorer_first else reversed(parts)))
    told = [Told(explorer), Told(controls)]
    until(lambda: len(ui_threads()) == before + 1)
    told[1].act("fork", fields={"lr": 0.2})
    told[1].act("change", fields={"rule": "bp"})
    until(lambda: all("rule is locked here" in one.state.get("error", "") for one in told))
    runner.wait(10)
    told[1].act("select", lane=1)
    until(lambda: all(one.state.get("lane") == 1 for one in told))
    assert explorer.lane == 1
    explorer.close()
    told[1].act("select", lane=0)
    until(lambda: told[1].state["lane"] == 0)
    assert not runner.closed


def test_the_run_goes_on_for_the_parts_that_are_left_when_its_explorer_is_closed(made) -> None:
    explorer = dfa.Explorer(**FAST, speed=None)
    transport = made(dfa.Transport(explorer.experiment))
    told, runner = Told(transport), explorer.runner
    explorer.close()
    told.act("step", steps=4)
    until(lambda: told.state.get("status", {}).get("step") == "4")
    transport.close()
    assert runner.closed


def test_two_explorers_of_one_run_train_it_in_one_thread(made) -> None:
    run = dfa.Experiment(**FAST)
    first = dfa.Explorer(run, lock=["rule"])
    second = made(dfa.Explorer(run))
    assert second.runner is first.runner
    second.act("change", fields={"rule": "fa"})
    second.runner.wait(10)
    assert run.settings.rule == "fa", "each has locks of its own"
    first.close()
    assert not second.runner.closed
    second.act("step", steps=2)
    second.runner.wait(10)
    assert run.steps_done == 2
    runner = second.runner
    second.close()
    assert runner.closed


def test_a_runner_that_was_closed_is_not_taken_for_a_run(made) -> None:
    run = dfa.Experiment(**FAST)
    first = made(dfa.Explorer(run))
    first.runner.close()
    second = made(dfa.Explorer(run))
    assert second.runner is not first.runner


def test_what_cannot_be_drawn_keeps_nothing_else_from_being_drawn(made, runner, monkeypatch) -> None:
    view = made(dfa.NetworkView(runner))
    monkeypatch.setattr(view.frames.parts[1], "show", lambda *_: 1 / 0)
    told = Told(view)
    runner.play(2)
    until(lambda: told.state.get("status", {}).get("step") == "2")
    until(lambda: "the network could not be drawn: ZeroDivisionError" in told.state["error"])
    monkeypatch.undo()
    view.send = told._hear
    told.act("watching")
    until(lambda: told.state["error"] == "")


def test_attaching_showing_and_closing_from_many_threads_ends_in_rest(runner) -> None:
    before, failed = len(ui_threads()), []

    def use() -> None:
        try:
            for _ in range(5):
                part = dfa.Transport(runner)
                part.frames.receive({"type": "hello"})
                part.frames.receive({"type": "next"})
                part.frames.receive({"do": "watching"})
                part.close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []
    assert not any(thread.is_alive() for thread in threads)
    until(lambda: len(ui_threads()) == before)
    assert runner not in screen_module._shown


def test_running_a_cell_again_ends_the_run_of_its_former_parts(made, monkeypatch) -> None:
    place = ["cell-1", "run-1"]
    monkeypatch.setattr("dfa_lab.widgets.kernel.cell_outputs._place", lambda: tuple(place))
    first = dfa.Experiment(**FAST)
    transport, chart = dfa.Transport(first), dfa.LiveChart(first)
    runner = transport.runner
    assert chart.runner is runner
    assert not runner.closed
    place[1] = "run-2"
    later = made(dfa.Transport(dfa.Experiment(**FAST)))
    assert runner.closed
    assert not later.runner.closed
    place[1] = "run-3"
    again = made(dfa.Transport(later.runner.experiment))
    assert again.runner is later.runner
    assert not again.runner.closed, "the run was made in another cell: it goes on"
