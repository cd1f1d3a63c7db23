"""Reproductions whose numbers are angles and losses over a run."""

from __future__ import annotations

import math

import torch

from dfa_lab.experiment.reproductions.reproduction import REPRODUCTIONS, Measured, Reproduction, Scale
from dfa_lab.experiment.run import Experiment


def _lillicrap(scale: Scale) -> Measured:
    run = Experiment(
        task=scale.task,
        rule="fa",
        widths=(20,),
        activation="identity",
        lr=1e-3,
        batch_size=1,
        weight_init="small",
        feedback_scale=0.5 * 10**0.5,  # "uniform" is U(±1/√rows), and B has as many rows as there are outputs
        replicas=scale.seeds,
        probe_every=scale.steps(2000),
    )
    before = _losses(run)
    run.train(scale.steps(2000))
    left = [100 * now / then for now, then in zip(_losses(run), before, strict=True)]
    return {"angle to BP's signal, degrees": _newest(run, "gradient_alignment"), "loss left, %": left}


def _losses(run: Experiment) -> list[float]:
    """The loss on the test split, of each replica."""
    return [float(one) for one in torch.as_tensor(run.evaluate()["test_loss"]).reshape(-1)]


def _newest(run: Experiment, metric: str, layer: int = 1) -> list[float]:
    """The last value of a hidden layer's metric, of each replica."""
    found = [run.history.newest(metric, layer, replica) for replica in range(run.history.replicas)]
    return [math.nan if one is None else one[1] for one in found]


REPRODUCTIONS.register(
    "lillicrap",
    Reproduction(
        title="A linear network aligns",
        source="Lillicrap, Cownden, Tweed & Akerman 2016, Nature Communications 7, the linear network of Figure 1",
        about="30-20-10, linear, batch 1, η 1e-3, W from U(±0.01), B from U(±0.5); 2,000 samples.",
        unit="degrees, %",
        published={"linear": {}},
        tolerance=10,
        minutes=0.2,
        measure=_lillicrap,
        seeds=20,
    ),
)
