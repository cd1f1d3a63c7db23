"""Reproductions of networks that are torch modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from dfa_lab.experiment.reproductions.kept_runs import KeptRun
from dfa_lab.experiment.reproductions.reproduction import REPRODUCTIONS, Effort, Measured, Reproduction, steps_of

BIOTORCH = {"bp": 9.2, "fa": 13.06, "dfa": 12.81, "usf": 9.69, "brsf": 10.02, "frsf": 9.61}
#: Steps of 64 that go once through 60,000 images, the last of them half full.
EPOCH = steps_of(1, 64)


def lenet() -> nn.Sequential:
    """LeNet-5 for images 28×28, with ReLU and max pooling."""
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def _lenet(effort: Effort) -> Measured:
    found: dict[str, list[float]] = {}
    given = {"name": effort.task} if isinstance(effort.task, str) else effort.task
    task: Mapping[str, Any] = {**given, "flat": False}
    shared = {"task": task, "optimizer": "adam", "lr": 1e-3, "batch_size": 64, "probe_every": 0}
    for rule in BIOTORCH:
        found[rule] = []
        for seed in range(effort.seeds):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                module = lenet()
            settings = {**shared, "rule": rule, "seed": seed, "feedback_seed": seed}
            kept = KeptRun(effort, f"{rule}-{seed}", module=module, **settings)
            for epochs, rate in ((10, 1e-3), (15, 1e-4)):
                kept.train_to(effort.steps(epochs * EPOCH), lr=rate)
            reached: Any = kept.run.evaluate()["test_accuracy"]  # without replicas it is one number
            found[rule].append(100 - 100 * reached)
    return found


REPRODUCTIONS.register(
    "biotorch_lenet",
    Reproduction(
        title="LeNet: convolutions",
        source="BioTorch (jsalbert/biotorch), its table of LeNet on Fashion-MNIST",
        about="LeNet-5 with ReLU; Adam, 10 epochs at 1e-3 and 5 at 1e-4, batch 64: ours.",
        unit="error, %",
        published={"fashion_mnist": BIOTORCH, "mnist": {}},
        tolerance=1.5,
        minutes=60,
        measure=_lenet,
        claims={
            "rules with the signs of W are within 1 point of BP": lambda of: (
                max(of["usf"], of["brsf"], of["frsf"]) - of["bp"] < 1
            ),
            "FA and DFA are 3 points behind, and more": lambda of: min(of["fa"], of["dfa"]) - of["bp"] > 3,
        },
        why="By DFA the error is 3.8 points above the table's. The recipe is another: there SGD with momentum 0.9 "
        "and weight decay, images of 32×32, 100 epochs, and the best model chosen on the images that it is "
        "scored on. The size of B may be another, too. None of these was tried.",
    ),
)
