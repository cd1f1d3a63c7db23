"""Runs to attack: small ones of several rules, optimizers and kinds of network; and the same run made again."""

from __future__ import annotations

import random
from typing import Any

import torch
from torch import nn

import dfa_lab as dfa

RULES = ("bp", "kp", "brsf", "dkp")
OPTIMIZERS = ("sgd", "adam")
#: As small as a run can be that does everything: it probes, evaluates and records within a few steps.
SMALL: dict[str, Any] = {"task": "moons", "batch_size": 16, "probe_every": 5, "record_every": 3, "probe_size": 16}


def network() -> nn.Module:
    """A network of one's own for the task of ``SMALL``, its weights always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(2, 12), nn.Tanh(), nn.Linear(12, 8), nn.Tanh(), nn.Dropout(0.1), nn.Linear(8, 2))


def fields_of(numbers: random.Random) -> dict[str, Any]:
    """Settings of a small run, and for every other one a module."""
    rule, optimizer = numbers.choice(RULES), numbers.choice(OPTIMIZERS)
    fields = {**SMALL, "rule": rule, "optimizer": optimizer, "seed": numbers.randrange(100)}
    fields |= {"lr": 0.003 if optimizer == "adam" else 0.03, "momentum": 0.5 if optimizer == "sgd" else 0.0}
    return fields | ({"module": network()} if numbers.random() < 0.5 else {"widths": (12, 8)})


def change_of(numbers: random.Random) -> dict[str, Any]:
    """A live change of one setting or two."""
    changes: list[dict[str, Any]] = [
        {"lr": round(numbers.uniform(0.001, 0.02), 6)},
        {"rule": numbers.choice(RULES)},
        {"batch_size": numbers.randrange(4, 32)},
        {"optimizer": numbers.choice(OPTIMIZERS), "lr": 0.004, "momentum": 0.0},
        {"feedback_seed": numbers.randrange(1000)},
        {"activation_derivative": numbers.choice(["exact", "step", "1 - tanh(x)**2"])},
        {"weight_decay": 1e-4, "optimizer": "sgd", "momentum": numbers.choice([0.0, 0.3])},
    ]
    return numbers.choice(changes)


def made_again(run: dfa.Experiment, **own: Any) -> dfa.Experiment:
    """The run of the same settings, network and changes, trained to the same step; ``own`` is a loss or the like."""
    again = dfa.Experiment(dfa.Settings(**run.history.settings), **{"module": run.module, "output": run.output, **own})
    for step, fields in run.history.changes():
        again.train(step - again.steps_done)
        again.change(**fields)
    again.train(run.steps_done - again.steps_done)
    return again


def difference(one: dfa.Experiment, other: dfa.Experiment) -> str:
    """What differs between two runs to the last bit: "" where nothing does."""
    if one.steps_done != other.steps_done:
        return f"step {one.steps_done} and {other.steps_done}"
    if one.settings != other.settings:
        return "settings"
    own, others = one.net.state_dict(), other.net.state_dict()
    if own.keys() != others.keys():
        return f"keys {own.keys() ^ others.keys()}"
    if lost := [name for name, tensor in own.items() if not torch.equal(tensor, others[name])]:
        return f"tensors {', '.join(lost)}"
    return "" if one.history.equals(other.history) else "history"


def is_whole(run: dfa.Experiment, further: int = 4) -> str:
    """What differs between a run and the same made again, now and some steps ``further``; "" where nothing does."""
    again = made_again(run)
    if found := difference(run, again):
        return found
    for one in (run, again):
        one.train(further)
    found = difference(run, again)
    return f"{found}, {further} steps further" if found else ""
