"""The next step of a run in four phases, in words and numbers. The run is not changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.linalg import vector_norm

from dfa_lab.errors import DfaLabError
from dfa_lab.experiment.measurement import checked_replica
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.training import MLPLearner
from dfa_lab.learning.alignment import angle, by_backpropagation
from dfa_lab.learning.mlp import Layers, equations
from dfa_lab.learning.rules import Route


@dataclass(frozen=True)
class Phase:
    """A part of one step: its equation, what it does now in words, and the numbers in the words."""

    name: str
    equation: str
    words: str
    numbers: Mapping[str, Any] = field(default_factory=dict)


def phases(experiment: Experiment, *, replica: int = 0) -> tuple[Phase, ...]:
    """Forward, error, signal and update of the step that ``experiment`` would make next; of one replica.

    Norms are Frobenius norms, over the batch; a signal's angle to BP's, in degrees, is that of each sample, averaged.
    All is computed on a copy: no weight, matrix, stream or optimizer moves. Raises ``DfaLabError`` for a run of a
    module, and for a replica that is none.
    """
    replica = checked_replica(experiment.settings, replica)
    with experiment.held() as trainer:
        if not isinstance(trainer.learner, MLPLearner):
            raise DfaLabError(
                "slow motion was asked for of a module's run; its steps are autograd's. It shows those of an MLP: use "
                "an Experiment without module=."
            )
        settings = experiment.settings
        inputs, targets = trainer.batches.peek(settings.batch_size)
        return _in_words(
            trainer.learner.copy(), settings, inputs, targets, None if settings.replicas is None else replica
        )


def _in_words(
    learner: MLPLearner, settings: Settings, inputs: Tensor, targets: Tensor, replica: int | None
) -> tuple[Phase, ...]:
    def own(tensor: Tensor) -> Tensor:
        return tensor if replica is None else tensor[replica]

    learner.net.begin_step()
    layers, loss = learner.net.layers(), learner.loss
    hidden = len(layers.weights) - 1
    seen = equations.forward(layers, inputs)
    value, error = loss.value_and_error(seen.output, targets)
    lesson = equations.lesson_for(layers.rule, seen, targets, loss)
    signals: list[Tensor] = []
    bp: list[Tensor] = []
    equations.deltas(layers, seen, error, lesson, signals)
    equations.deltas(by_backpropagation(layers), seen, error, None, bp)
    strengths = [float(vector_norm(own(signal))) for signal in reversed(signals)]
    angles = [float(angle(own(a), own(b)).nanmean()) for a, b in zip(reversed(signals), reversed(bp), strict=False)]
    found, size = float(own(value)), float(vector_norm(own(error)))
    before = [own(weight).clone() for weight in layers.weights]
    learner.update(inputs, targets)
    pairs = list(zip(learner.net.weights, before, strict=True))
    moved = [float(vector_norm(own(weight.detach()) - old) / vector_norm(old)) for weight, old in pairs]
    whose = "" if replica is None else f" Of replica {replica}."
    return (
        Phase(
            "forward",
            "h_l = f(W_l h_{l−1} + b_l),  y = W_L h_{L−1} + b_L",
            f"{settings.batch_size:,} samples go through {_layers(hidden)} and the output; loss {found:.4g}.{whose}",
            {"loss": found},
        ),
        Phase("error", "e = ∂L/∂y", f"What the output should change: ‖e‖ = {size:.3g}.{whose}", {"error_norm": size}),
        Phase(
            "signal",
            layers.rule.equation,
            f"{_received(layers, strengths, angles)}{whose}",
            {"signal_norm": strengths, "signal_angle": angles},
        ),
        Phase("update", _update(settings), f"{_moves(moved)}{whose}", {"relative_update": moved}),
    )


_UPDATES = {
    "adam": "ΔW_l = −η m̂ / (√v̂ + ε),  m and v means of δ_l h_{l−1}ᵀ and its square",
    "rmsprop": "ΔW_l = −η δ_l h_{l−1}ᵀ / (√v + ε),  v a mean of its square",
}


def _update(settings: Settings) -> str:
    if settings.optimizer != "sgd":
        return _UPDATES.get(settings.optimizer, "W_l moves as its optimizer has it")
    decay = " + λ W_l" if settings.weight_decay else ""
    if settings.momentum:
        return f"v_l = μ v_l + δ_l h_{{l−1}}ᵀ{decay},  ΔW_l = −η v_l"
    return f"ΔW_l = −η (δ_l h_{{l−1}}ᵀ{decay})" if decay else "ΔW_l = −η δ_l h_{l−1}ᵀ"


def _layers(count: int) -> str:
    return f"{count} hidden layer{'' if count == 1 else 's'}"


def _received(layers: Layers, strengths: list[float], angles: list[float]) -> str:
    if layers.rule.route is Route.NONE:
        return "The hidden layers receive nothing and stay as they are."
    parts = [
        f"layer {number} receives {norm:.3g}" + (f" at {degrees:.1f}° to BP's" if degrees == degrees else "")
        for number, (norm, degrees) in enumerate(zip(strengths, angles, strict=True), 1)
    ]
    return f"‖signal‖: {'; '.join(parts)}."


def _moves(moved: list[float]) -> str:
    names = [f"layer {number}" for number in range(1, len(moved))] + ["output"]
    parts = [f"{name} {100 * share:.3g} %" for name, share in zip(names, moved, strict=True)]
    return f"The weights move by a share of their norm: {'; '.join(parts)}."
