"""Sessions of what is done to runs: live changes, undo, forks, divergence, measuring by hand, lanes, presets."""

from __future__ import annotations

from typing import Any

import torch

import dfa_lab as dfa
from same.mlp import SMALL
from same.record import Record, exactly, of_run, of_snapshot, of_tensor, refusal, session

#: What a live setting is changed to, in this order.
LIVE: dict[str, Any] = {
    "rule": "fa",
    "batch_size": 33,
    "lr": 0.02,
    "activation_derivative": {"name": "triangle", "width": 3.0},
    "feedback_init": {"name": "aligned", "angle": 80.0},
    "feedback_scale": 2.0,
    "feedback_seed": 7,
    "optimizer": "rmsprop",
    "weight_decay": 1e-4,
    "momentum": 0.5,
    "probe_every": 7,
    "probe_size": 48,
    "record_every": 3,
}


def live_changes() -> Record:
    """Every live setting once, then several together."""
    run = dfa.Experiment(**SMALL)
    run.train(7)
    for name, value in LIVE.items():
        run.change(**{name: value})
        run.train(5)
    run.change(rule="dkp", optimizer="adam", momentum=0.0, lr=0.001, feedback_seed=1)
    run.train(12)
    return of_run(run) | {"snapshot": of_snapshot(run)}


def undo() -> Record:
    """Changes taken back, some of them at once."""
    run = dfa.Experiment(**SMALL, rule="wm")
    run.train(11)
    run.change(rule="fa", lr=0.1)
    run.change(feedback_seed=4)
    run.train(9)
    given = [run.undo(), run.undo()]
    run.train(10)
    words = refusal(run.undo)
    return of_run(run) | {"undone": given, "refusal": words}


def fork() -> Record:
    """Two forks that go on apart, one of them undoes, and a reset."""
    run = dfa.Experiment(**SMALL)
    run.train(13)
    run.change(feedback_init="orthogonal")
    run.train(4)
    one, two = run.fork(rule="bp"), run.fork(name="other", lr=0.2)
    for each in (run, one, two):
        each.train(15)
    two.undo()
    two.undo()
    two.train(5)
    found = of_run(run, "run: ") | of_run(one, "bp: ") | of_run(two, "other: ")
    run.reset(seed=3, widths=(12,))
    run.train(20)
    return found | of_run(run, "reset: ")


def divergence() -> Record:
    """It diverges after changes, goes back, and goes on."""
    run = dfa.Experiment(**{**SMALL, "task": "linear", "lr": 0.01}, activation="identity", rule="fa")
    run.train(24)
    run.change(lr=1e5, feedback_scale=100.0)
    words = refusal(lambda: run.train(60))
    after = of_run(run, "after it: ")
    run.change(lr=0.01, feedback_scale=1.0, probe_size=16)
    run.train(20)
    return of_run(run) | after | {"refusal": words}


def by_hand() -> Record:
    """Rows that are measured by hand, and a record that is written and read."""
    run = dfa.Experiment(**{**SMALL, "probe_every": None})
    for steps in (3, 1, 5, 8, 30):
        run.train(steps)
        run.measure()
    run.change(rule="fa")
    run.measure()
    for _ in range(3):
        run.step()
    again = dfa.History.from_json(run.history.to_json())
    return of_run(run) | {"read again": [again.digest(), again.equals(run.history)]}


def references() -> Record:
    """BP and frozen layers beside a run."""
    run = dfa.Experiment(**SMALL)
    run.train(20)
    run.change(batch_size=24)
    run.train(10)
    found = run.references()
    record = of_run(found.bp, "bp: ") | of_run(found.shallow, "shallow: ")
    return record | {"recovery": [repr(found.recovery()), repr(found.recovery("test_loss"))]}


def replays() -> Record:
    """A session in its three forms makes the run again."""
    run = dfa.Experiment(**SMALL)
    run.train(12)
    run.change(rule="drtp", activation_derivative="x**2/3")
    run.train(12)
    text = run.session().to_text()
    lanes = (dfa.Lane("BP", {"rule": "bp"}), dfa.Lane("cold", {"lr": 0.001}))
    made = dfa.Session(run.settings, ((3, {"lr": 0.1}), (9, {"rule": "fa"})), 20, "A title", "What it is about.", lanes)
    written = {"share text": made.to_text(), "JSON": made.to_json().splitlines(), "script": made.script().splitlines()}
    return of_run(dfa.Session.read(text).replay(), "again: ") | of_run(made.replay()) | {"made": written}


def runner() -> Record:
    """Commands to a runner without a thread: lanes, undo, drop, load, stop."""
    run = dfa.Runner(dfa.Experiment(**SMALL), threaded=False, inline_steps=20)
    run.play(15)
    run.fork(rule="bp")
    run.fork(name="slow", lr=0.001)
    run.play()
    run.change(lane=None, batch_size=8)
    run.measure()
    run.play(7)
    run.undo(lane=1)
    run.drop(2)
    run.stop_at(50)
    run.play()
    found = {}
    for one in run.lanes:
        found |= of_run(one, f"{one.history.name}: ")
    status = run.status()
    words = [refusal(lambda: run.fork(lane=9)), refusal(run.wait), refusal(lambda: run.limit(-1))]
    names = [(lane.number, lane.name, lane.steps_done) for lane in status.lanes]
    run.load(dfa.PRESETS["bp_beside_dfa"])
    run.play(30)
    found |= of_run(run.lanes[1], "loaded: ")
    run.close()
    return found | {"status": [status.running, status.error, status.stop_at, names], "refusal": words}


def presets() -> Record:
    """Each preset with its lanes, for a few steps."""
    found: Record = {"names": list(dfa.PRESETS)}
    for name, written in dfa.PRESETS.items():
        run = dfa.Runner(dfa.Experiment(widths=(4,)), threaded=False)
        run.load(written)
        run.play(4)
        found[f"{name}: share text"] = written.to_text()
        for lane in run.lanes:
            found[f"{name}, {lane.history.name}: history digest"] = lane.history.digest()
            found[f"{name}, {lane.history.name}: evaluate"] = exactly(lane.evaluate())
        run.close()
    return found


def equations() -> Record:
    """Gradients and deltas written out, of each rule."""
    found: Record = {}
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(9, 6, generator=generator)
    t = torch.randint(0, 5, (9,), generator=generator)
    for rule in dfa.RULES:
        net = dfa.MLP([6, 8, 7, 5], rule=rule, feedback_seed=2)
        loss, gradients = dfa.equations.gradients(net.layers(), x, t, dfa.LOSSES["cross_entropy"])
        found[rule] = [of_tensor(loss), *(of_tensor(one) for pair in gradients for one in pair)]
    return found


for _run in (
    *(live_changes, undo, fork, divergence, by_hand),
    *(references, replays, runner, presets, equations),
):
    session(_run.__name__.replace("_", " "), _run)
