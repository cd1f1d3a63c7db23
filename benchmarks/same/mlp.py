"""Sessions of an MLP: each rule, error channel, feedback init, derivative, activation and task, and replicas."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

import dfa_lab as dfa
from same.record import MissingDataError, Record, of_run, session

SMALL: dict[str, Any] = {
    "task": "digits",
    "widths": (24, 16),
    "batch_size": 16,
    "probe_every": 10,
    "record_every": 5,
    "probe_size": 32,
    "lr": 0.05,
}
RULES = ("bp", "fa", "dfa", "usf", "brsf", "frsf", "wm", "ndfa", "sdfa", "drtp", "dkp", "ldfa", "shallow")
FEEDBACK: dict[str, Any] = {
    **{name: name for name in ("normal", "xavier", "kaiming", "orthogonal", "shared", "transpose", "sign_concordant")},
    "sparse": {"name": "sparse", "density": 0.3},
    "low_rank": {"name": "low_rank", "rank": 2},
    "repeated": {"name": "repeated", "period": 5},
    "aligned": {"name": "aligned", "angle": 60.0},
}
DERIVATIVES: dict[str, Any] = {
    "identity": "identity",
    "step": "step",
    "hard_tanh": {"name": "hard_tanh", "limit": 0.7},
    "triangle": {"name": "triangle", "width": 2.0},
    "points": {"name": "points", "points": [[-1, 0.1], [0, 1.5], [2, 0.2]]},
    "text": "1 - tanh(x)**2 / (2 + abs(x))",
}
ERROR_CHANNELS: dict[str, Any] = {
    "sign": "sign",
    "ternary": {"name": "ternary", "threshold": 0.2},
    "quantised": {"name": "quantised", "bits": 3},
    "noisy": {"name": "noisy", "sd": 0.5},
    "class_mean": "class_mean",
    "batch_mean": "batch_mean",
}
#: Activation -> what else such a run has: so every weight init and optimizer has its turn too.
ACTIVATIONS: dict[str, dict[str, Any]] = {
    "relu": {"weight_init": "kaiming", "optimizer": "adam", "lr": 0.003},
    "sigmoid": {"weight_init": "lecun", "optimizer": "rmsprop", "momentum": 0.5, "lr": 0.003, "rule": "fa"},
    "leaky_relu": {"weight_init": "torch", "momentum": 0.9, "lr": 0.01},
    "softplus": {"weight_init": "orthogonal", "optimizer": "adam", "weight_decay": 1e-3, "lr": 0.003, "rule": "fa"},
    "identity": {"weight_init": "small", "weight_decay": 1e-3},
    "sign": {"rule": "fa", "optimizer": "rmsprop", "lr": 0.003},
    "heaviside": {"weight_init": "zeros", "rule": "dfa"},
    "stochastic_sign": {"activation_derivative": "hard_tanh"},
}
TASKS: dict[str, Any] = {
    "moons": "moons",
    "circles": "circles",
    "spirals": {"name": "spirals", "samples": 400},
    "linear": "linear",
    "teacher": {"name": "teacher", "samples": 400},
    "fashion_mnist": "fashion_mnist",
    "mnist": "mnist",
    "cifar10": "cifar10",
    "text": {"name": "text", "train": 400},
}


def changed(steps: int = 100, **fields: Any) -> Record:
    """A run with a change of learning rate and batch size half-way."""
    run = dfa.Experiment(**{**SMALL, **fields})
    run.train(steps // 2)
    rates = run.settings.lr
    run.change(lr=tuple(rate / 2 for rate in rates) if isinstance(rates, tuple) else rates / 2, batch_size=20)
    run.train(steps // 2)
    return of_run(run)


for _name in RULES:
    session(f"rule {_name}", partial(changed, rule=_name, feedback_scale=1.5))
session("rule kp", partial(changed, rule={"name": "kp", "decay": 0.01}, optimizer="adam", lr=0.003))
for _number, (_name, _choice) in enumerate(FEEDBACK.items()):
    _rule = ("dfa", "fa")[_number % 2]
    session(f"feedback init {_name}", partial(changed, feedback_init=_choice, rule=_rule, feedback_seed=3))
for _number, (_name, _choice) in enumerate(DERIVATIVES.items()):
    _rule = ("dfa", "fa")[_number % 2]
    session(f"derivative {_name}", partial(changed, activation_derivative=_choice, rule=_rule))
for _name, _choice in ERROR_CHANNELS.items():
    session(f"error channel {_name}", partial(changed, error_channel=_choice, rule="dfa"))
for _name, _fields in ACTIVATIONS.items():
    session(f"activation {_name}", partial(changed, activation=_name, **_fields))


def task(choice: Any) -> Record:
    """A run on a task by name."""
    try:
        return changed(task=choice, activation="relu", steps=40)
    except dfa.DfaLabError as reason:
        if "dataset-fashion-mnist" in str(reason) or "was given no folder" in str(reason):
            raise MissingDataError(f"the images of {choice}") from None
        raise


for _name, _choice in TASKS.items():
    session(f"task {_name}", partial(task, _choice))


def own_arrays() -> Record:
    """Arrays of one's own, classes in words, and values."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(200, 6)).astype(np.float32)
    words = np.array(["low", "mid", "high"])[np.digitize(inputs.sum(1), [-1, 1])]
    found = {}
    for name, targets in (("classes", words), ("values", inputs[:, :2] * 2)):
        run = dfa.Experiment(**{**SMALL, "task": dfa.Task.from_arrays(inputs, targets, name=name, seed=1)})
        run.train(40)
        found |= of_run(run, f"{name}: ")
    return found


def replicas() -> Record:
    """Seeds counted up."""
    run = dfa.Experiment(**SMALL, replicas=3, rule="fa", seed=5, optimizer="adam")
    run.train(30)
    run.change(rule="dfa", lr=0.01)
    run.train(30)
    return of_run(run)


def sequences() -> Record:
    """A value for each replica, of all settings that may have one."""
    run = dfa.Experiment(
        **{**SMALL, "lr": (0.05, 0.02, 0.1)},
        replicas=3,
        seed=(4, 4, 9),
        feedback_seed=(1, 2, 2),
        feedback_init=("uniform", {"name": "aligned", "angle": 30.0}, "orthogonal"),
        feedback_scale=(1.0, 0.5, -1.0),
        activation_derivative=("exact", "identity", "exp(-x**2)"),
    )
    run.train(30)
    run.change(lr=(0.01, 0.01, 0.02), activation_derivative="step")
    run.train(20)
    return of_run(run)


for _run in (own_arrays, replicas, sequences):
    session(_run.__name__.replace("_", " "), _run)
