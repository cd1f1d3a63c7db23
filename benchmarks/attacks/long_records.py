"""Records of long runs, made without training them: ten million steps, a billion steps, a million changes."""

from __future__ import annotations

import json
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dfa_lab as dfa
from attacks.counts import Counts, Plan
from attacks.soak import size

#: Steps of a history for each time, and how many steps lie between two of its rows.
STEPS, EVERY, PROBE = 1_000_000, 10, 1_000
#: Steps and changes of a run that says who it is.
FAR, MANY = 10**9, 1_000_000
#: MB of a figure, and of the text of a share, that are too much.
FIGURE, SHARE = 5.0, 1.0


def recorded(steps: int) -> dfa.History:
    """A history as a run of the digits records it: loss, angles of two layers, the test split, throughput."""
    history = dfa.History(dfa.Settings(record_every=EVERY).values(), name="long")
    for step in range(EVERY, steps + 1, EVERY):
        at: Any = {"step": step, "samples": 64 * step}
        history.record("train_loss", 1 / (1 + step), **at)
        if step % PROBE == 0:
            history.record("test_loss", 1 / step, **at)
            history.record("test_accuracy", 1 - 1 / step, **at)
            history.record("samples_per_s", 1e5, **at)
            for layer in (1, 2):
                history.record("weight_alignment", 90 / step, layer=layer, **at)
                history.record("gradient_alignment", 80 / step, layer=layer, **at)
    return history


def attack(plan: Plan, counts: Counts) -> None:
    """A history of ``times`` million steps, and a run at ``FAR`` steps; ``minutes`` do not count."""
    steps = plan.times * STEPS
    start = time.perf_counter()
    history = recorded(steps)
    counts.figures |= {"steps recorded": steps, "seconds": time.perf_counter() - start}
    counts.figures["MB of its columns"] = size(history)
    counts.check("the last step is known", history.last_step == steps)
    _texts(history, counts)
    _measured("figure", lambda: len(dfa.figure(history).to_json()), FIGURE, counts)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.html"
        _measured("report", lambda: len(dfa.report(history, report).read_bytes()), 3 * FIGURE, counts)
    _chart(history, counts)
    _far(counts)


def _texts(history: dfa.History, counts: Counts) -> None:
    text = history.to_json()
    counts.figures["MB of its JSON"] = len(text) / 1e6
    again = dfa.History.from_json(text)
    counts.check("its JSON is read back to the last bit", again.digest() == history.digest())
    rows = sum(map(len, history.series.values()))
    counts.check("its table has every row", len(history.to_frame()) == rows)


def _measured(what: str, make: Callable[[], int], most: float, counts: Counts) -> None:
    start = time.perf_counter()
    made = make() / 1e6
    counts.figures |= {f"MB of its {what}": made, f"seconds for its {what}": time.perf_counter() - start}
    counts.check(f"{what}: at most {most:g} MB", made <= most, f"{made:.1f} MB")


def _chart(history: dfa.History, counts: Counts) -> None:
    """What a page that is loaded anew is sent, and a frame after one more row."""
    from dfa_lab.widgets.chart import ChartPart, Shown

    chart = ChartPart()
    sizes = []
    for step in (history.last_step, history.last_step + EVERY):
        chart.show([Shown(history, "long")], {})
        sizes.append(sum(len(buffer) for _, buffers in chart.take() for buffer in buffers) / 1e6)
        history.record("train_loss", 0.1, step=step + EVERY, samples=64 * step)
    counts.figures |= {"MB of the chart's first message": sizes[0], "MB of its next": sizes[1]}
    counts.check("the chart's first message is thinned", sizes[0] < 1, f"{sizes[0]:.2f} MB")
    counts.check("its next holds what is new", sizes[1] < 0.01, f"{sizes[1]:.4f} MB")


def _far(counts: Counts) -> None:
    """A run that is said to stand at a billion steps, after a million changes: it still says who it is."""
    run = dfa.Experiment(task="moons", widths=(4,))
    run.train(3)
    run.trainer.steps_done = FAR
    tracemalloc.start()
    for number in range(MANY):
        run.history.add_change(number * (FAR // MANY), {"lr": (0.1, 0.1 + number * 1e-9)})
    counts.figures["MB of a million changes"] = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    calls: dict[str, Callable[[], object]] = {
        "train": lambda: run.train(5),
        "change": lambda: run.change(lr=0.05),
        "session": lambda: run.session(),
        "script": lambda: len(run.to_script()),
        "share text, read again": lambda: dfa.Session.read(run.session().to_text()) == run.session(),
        "JSON, read again": lambda: dfa.History.from_json(run.history.to_json()).digest() == run.history.digest(),
        "events": lambda: len(run.history.events_frame()) > MANY,
        "stop_at": lambda: dfa.Runner(run).stop_at(2 * FAR),
        "fork": lambda: run.fork(rule="bp").train(3),
    }
    if hasattr(run, "save"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run.safetensors"
            calls["save and load"] = lambda: dfa.Experiment.load(run.save(path)).steps_done == run.steps_done
            _called(calls, counts)
    else:
        _called(calls, counts)


def _called(calls: dict[str, Callable[[], object]], counts: Counts) -> None:
    for name, call in calls.items():
        start = time.perf_counter()
        try:
            found = call()
            counts.check(f"at 10⁹ steps and 10⁶ changes: {name}", found is not False, "not the same")
        except BaseException as error:
            counts.failed(f"at 10⁹ steps and 10⁶ changes: {name}", f"{type(error).__name__}: {json.dumps(str(error))}")
        counts.figures[f"seconds for {name}"] = time.perf_counter() - start
