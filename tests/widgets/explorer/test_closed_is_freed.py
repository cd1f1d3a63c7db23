"""What is closed is freed: no experiment, runner, widget or thread of it is left, also where a notebook holds it."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from typing import Any
from weakref import ref

import ipywidgets
import pytest
import torch
from ipywidgets.widgets.widget import _instances

import dfa_lab as dfa
from runs import FAST, until

pytestmark = pytest.mark.slow

SMALL = {"task": "moons", "widths": (4,)}


def _worked(run: dfa.Experiment) -> dfa.Explorer:
    """An explorer that has trained, was changed, has a lane beside it and a pinned run, and was asked for its text."""
    made = dfa.Explorer(run, speed=None)
    for do, message in (("step", {"steps": 5}), ("change", {"fields": {"lr": 0.05}}), ("pin", {}), ("share", {})):
        made.act(do, **message)
        made.runner.wait(10)
    made.act("fork", fields={"rule": "bp"})
    made.act("picture", name="matrix")
    made.frames.receive({"type": "hello"})
    made.act("step", steps=5)
    made.runner.wait(10)
    return made


def _box(run: dfa.Experiment) -> Any:
    boxed = ipywidgets.VBox([dfa.Controls(run), dfa.LiveChart(run), dfa.knob(run, "lr")])
    return boxed, *boxed.children


def _moved(run: dfa.Experiment) -> Any:
    """A knob whose user changed the run: its runner has a thread by then."""
    knob = dfa.knob(run, "lr")
    knob.value = 0.05
    until(lambda: run.settings.lr == 0.05)
    return knob


MADE: dict[str, Callable[[dfa.Experiment], Any]] = {
    "explorer": dfa.Explorer,
    "explorer that worked": _worked,
    "explorer of a runner": lambda run: dfa.Explorer(dfa.Runner(run)),
    "controls": dfa.Controls,
    "transport": dfa.Transport,
    "chart": dfa.LiveChart,
    "network": dfa.NetworkView,
    "picture": lambda run: dfa.LivePicture(run, "matrix"),
    "slider": lambda run: dfa.knob(run, "batch_size"),
    "menu": lambda run: dfa.knob(run, "rule"),
    "text": lambda run: dfa.knob(run, "probe_every"),
    "slider that was moved": _moved,
    "several": _box,
}


@pytest.mark.parametrize("held", [False, True], ids=["dropped", "held"])
@pytest.mark.parametrize("name", MADE)
def test_nothing_of_a_closed_widget_is_left(name: str, held: bool) -> None:
    """``held`` as in a notebook, whose ``Out`` has what a cell ended with."""
    gc.collect()
    widgets, threads = set(_instances), set(threading.enumerate())
    run = dfa.Experiment(**SMALL)
    made = MADE[name](run)
    parts = list(made) if isinstance(made, tuple) else [made]
    gone = [ref(run), ref(run.history), ref(run.net), *map(ref, [] if held else parts)]
    runner = ref(parts[0].runner) if hasattr(parts[0], "runner") else None
    for part in parts[::-1]:
        part.close()
        if isinstance(part, ipywidgets.VBox):
            part.layout.close()
    del run, part
    if not held:
        del made, parts
    gc.collect()  # a runner that nobody closed ends with the last who held it
    until(lambda: not {one for one in threading.enumerate() if "warm-up" not in one.name} - threads)
    gc.collect()
    assert [one() for one in gone] == [None] * len(gone)
    assert runner is None or runner() is None
    assert set(_instances) == widgets, "no layout and no style is left on the page either"


def test_a_chart_of_a_monitor_lets_go_of_the_loop() -> None:
    threads = set(threading.enumerate())  # other tests' monitors may have their own
    net, x, y = torch.nn.Linear(2, 2), torch.rand(8, 2), torch.arange(8) % 2
    monitor = dfa.Monitor(net, torch.nn.functional.cross_entropy, probe=(x, y), batch_size=8)
    chart, gone = monitor.chart(), [ref(monitor), ref(monitor.history), ref(net)]
    monitor.step(0.5)
    chart.close()
    assert not chart.show(dfa.History()), "it is on no screen any more"
    del monitor, net
    until(lambda: not any(one.name == "dfa_lab UI" for one in set(threading.enumerate()) - threads))
    gc.collect()
    assert [one() for one in gone] == [None] * 3


def test_a_closed_explorer_says_what_it_was_about_and_what_to_do() -> None:
    explorer = dfa.Explorer(**FAST)
    explorer.act("step", steps=3)
    explorer.runner.wait(10)
    explorer.close()
    explorer.close()
    gc.collect()
    assert repr(explorer) == "Explorer(task='digits', rule='dfa', step=3, closed)"
    for reach in (lambda: explorer.experiment, lambda: explorer.runner, lambda: explorer.act("play")):
        with pytest.raises(dfa.DfaLabError, match=r"closed and holds its \w+ no longer"):
            reach()


def test_a_run_that_somebody_holds_stays_within_reach() -> None:
    run = dfa.Experiment(**SMALL)
    runner = dfa.Runner(run)
    explorer, controls = dfa.Explorer(runner), dfa.Controls(runner)
    explorer.close()
    controls.close()
    assert explorer.experiment is run
    assert explorer.runner is controls.runner is runner
    runner.play(3)
    runner.wait(10)
    assert run.steps_done == 3


def test_a_layout_that_is_shared_is_left_open() -> None:
    shared = ipywidgets.Layout(width="300px")
    knob = dfa.knob(dfa.Experiment(**SMALL), "lr", layout=shared)
    knob.close()
    assert shared.comm is not None
    shared.close()


def test_two_hundred_explorers_leave_nothing() -> None:
    gc.collect()
    alive, widgets, began = [], len(_instances), threading.active_count()
    for _ in range(200):
        explorer = dfa.Explorer(**SMALL)
        alive.append(ref(explorer.experiment))
        explorer.close()
    end = time.monotonic() + 10
    while threading.active_count() > began + 1 and time.monotonic() < end:
        time.sleep(0.01)  # one more may load torch's compiler
    gc.collect()
    assert sum(one() is not None for one in alive) <= 1, "``explorer`` itself is held here"
    assert len(_instances) == widgets
    assert threading.active_count() <= began + 1
