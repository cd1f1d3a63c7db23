"""The line that says in one sentence what is happening, in the reader's words."""

from __future__ import annotations

import math
from typing import Any

from dfa_lab.experiment.autosave import default_folder
from dfa_lab.experiment.data import Task
from dfa_lab.experiment.history import History, SeriesKey
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.runner import Runner
from dfa_lab.learning.rules import RULES, Route, Rule
from dfa_lab.registry import per_layer
from dfa_lab.widgets.network import NOTHING_SENT

#: An angle counts as below chance where it is so many standard deviations below.
BELOW = 3.0
#: Degrees below which a signal is that of backpropagation.
EXACTLY = 0.05
#: So many times the first loss is more than a batch's luck.
WORSE = 1.5


def sentence(run: Experiment, stop_at: int | None = None) -> str:
    """What the chosen run does now: before it begins what to press, later what it has learnt and how well it aligns.

    ``stop_at`` is the step at which it pauses by itself, as a run that was shared does.
    """
    known = _known_rule(run)
    title = "rules chosen layer by layer" if known is None else known.title
    if not run.steps_done and stop_at:
        return f"Press Play: the run trains to step {stop_at:,} and pauses there; the network learns by {title}."
    if not run.steps_done:
        return f"Press Play: the network learns by {title}. Nothing has been learnt yet."
    accuracy, loss = _last(run.history, "test_accuracy"), _last(run.history, "train_loss")
    learnt = f"{100 * accuracy:.0f} % of the test data right" if accuracy == accuracy else f"loss {loss:.3g}"
    first = _first(run.history, "train_loss")
    if loss > WORSE * first:
        return f"After {run.steps_done:,} steps the loss is higher than it began: lower the learning rate, or Reset."
    steps = "1 step" if run.steps_done == 1 else f"{run.steps_done:,} steps"
    at = _measured_at(run, "test_accuracy" if accuracy == accuracy else "train_loss")
    when = f"After {steps}" if at == run.steps_done else f"At step {at:,}"
    return f"{when}: {learnt}. {_alignment(run, at)}".rstrip()


def restoring(runner: Runner) -> str:
    """What to run after the kernel died, to go on from the last save, with its step; "" where there is none."""
    if (saved := runner.saved) is None:
        return ""
    place, run = saved.name if saved.parent == default_folder() else str(saved), runner.experiment
    own = {"module": run.module is not None, "task": isinstance(run.settings.task, Task)}
    given = ", ".join([repr(place), *(f"{name}=…" for name, need in own.items() if need)])
    return f"dfa.Explorer.restore({given})  # step {runner.saved_steps:,}"


def _known_rule(run: Experiment) -> Any:
    """The run's rule, with its parameters; None where rules are chosen layer by layer."""
    rule = run.settings.rule
    return None if per_layer(rule) else RULES.resolve(rule)


def _measured_at(run: Experiment, metric: str, layer: int | None = None) -> int:
    """The step of the last value; that of the run where there is none."""
    series = run.history.series.get((metric, layer))
    return run.steps_done if series is None or not len(series) else int(series.steps[-1])


def _alignment(run: Experiment, said: int) -> str:
    """How well the run aligns; with the step of that where it is not the one ``said`` already."""
    history, known = run.history, _known_rule(run)
    if isinstance(known, Rule) and known.route is Route.NONE:
        return NOTHING_SENT
    found = [(layer, _last(history, "gradient_alignment", layer)) for layer in _measured(run)]
    angles = [(layer, angle) for layer, angle in found if math.isfinite(angle)]
    if not angles:
        return ""
    if run.module is not None:  # layers that no feedback reaches, the output's among them, have exactly BP's
        angles = [(layer, angle) for layer, angle in angles if angle >= EXACTLY]
    mean = sum(angle for _, angle in angles) / max(1, len(angles))
    if mean < EXACTLY:
        return "Every layer has exactly backpropagation's learning signal."
    chance = [_chance(history, layer) for layer, _ in angles]
    below = sum(angle < middle - BELOW * sd for (_, angle), (middle, sd) in zip(angles, chance, strict=True))
    whose = "learning signal is" if len(angles) == 1 else "learning signals are"
    at = _measured_at(run, "gradient_alignment", angles[0][0])
    whose = f"The {whose}" if at == said else f"At step {at:,} the {whose}"
    some = f"beats chance in {below} of {len(angles)} layers"
    verdict = "better than chance" if below == len(angles) else some if below else "no better than chance yet"
    by_bp = isinstance(known, Rule) and known.name == "bp" and run.settings.activation_derivative != "exact"
    why = ", because of the derivative" if by_bp else ""
    return f"{whose} {mean:.0f}° from backpropagation's{why}: {verdict}."


def _measured(run: Experiment) -> list[int]:
    """The layers with an angle: of an MLP the hidden ones, of a module all, unless its output layer is the only one."""
    layers = sorted({layer for metric, layer in list(run.history.series) if metric == "gradient_alignment" and layer})
    return layers if run.module is None or len(layers) > 1 else []


def _chance(history: History, layer: int | None) -> tuple[float, float]:
    middle, sd = (_last(history, f"gradient_alignment_chance{end}", layer) for end in ("_mean", ""))
    return (middle if math.isfinite(middle) else 90.0), (sd if math.isfinite(sd) else 0.0)


def _first(history: History, metric: str) -> float:
    """The first value, the mean over replicas; NaN where there is none."""
    return _mean(history, (metric, None), 0)


def _last(history: History, metric: str, layer: int | None = None) -> float:
    """The last value, the mean over replicas; NaN where there is none."""
    return _mean(history, (metric, layer), -1)


def _mean(history: History, key: SeriesKey, place: int) -> float:
    series = history.series.get(key)
    values = None if series is None else series.row(place, history.replicas)
    return math.nan if values is None else float(values.mean())
