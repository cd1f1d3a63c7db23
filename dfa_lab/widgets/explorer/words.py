"""The line that says in one sentence what is happening, in the reader's words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dfa_lab.experiment.history import History
from dfa_lab.experiment.run import Experiment
from dfa_lab.learning.rules import RULES, Route, Rule

#: An angle counts as below chance where it is so many standard deviations below.
BELOW = 3.0
#: So many times the first loss is more than a batch's luck.
WORSE = 1.5


def sentence(run: Experiment) -> str:
    """What the chosen run does now: before it begins what to press, later what it has learnt and how well it aligns."""
    known = _known_rule(run)
    title = "a rule of each layer's own" if known is None else known.title
    if not run.steps_done:
        return f"Press Play: the network learns by {title}. Nothing has been learnt yet."
    accuracy, loss = _last(run.history, "test_accuracy"), _last(run.history, "train_loss")
    learnt = f"{100 * accuracy:.0f} % of the test data right" if accuracy == accuracy else f"loss {loss:.3g}"
    first = _first(run.history, "train_loss")
    if loss > WORSE * first:
        return f"After {run.steps_done:,} steps the loss is higher than it began: lower the learning rate, or Reset."
    steps = "1 step" if run.steps_done == 1 else f"{run.steps_done:,} steps"
    return f"After {steps}: {learnt}. {_alignment(run)}".rstrip()


def _known_rule(run: Experiment) -> Any:
    """The registry's entry of the run's rule, given by name or with parameters; None for a rule a layer."""
    rule = run.settings.rule
    name = rule.get("name") if isinstance(rule, Mapping) else rule
    return RULES[name] if isinstance(name, str) and name in RULES else None


def _alignment(run: Experiment) -> str:
    history, known = run.history, _known_rule(run)
    if isinstance(known, Rule) and known.route is Route.NONE:
        return "The hidden layers receive nothing and stay as they are."
    found = [(layer, _last(history, "gradient_alignment", layer)) for layer in _hidden(run)]
    angles = [(layer, angle) for layer, angle in found if math.isfinite(angle)]
    if not angles:
        return ""
    mean = sum(angle for _, angle in angles) / len(angles)
    if mean < 0.05:
        return "Every layer receives exactly backpropagation's signal."
    chance = [_chance(history, layer) for layer, _ in angles]
    below = sum(angle < middle - BELOW * sd for (_, angle), (middle, sd) in zip(angles, chance, strict=True))
    whose = "hidden layer's signal is" if len(angles) == 1 else "hidden layers' signals are"
    some = f"better than chance in {below} of {len(angles)} layers"
    verdict = "better than chance" if below == len(angles) else some if below else "no better than chance so far"
    return f"The {whose} {mean:.0f}° from backpropagation's: {verdict}."


def _hidden(run: Experiment) -> list[int]:
    """The hidden layers with an angle. A module's has one for the output too, which comes last."""
    layers = sorted({layer for metric, layer in list(run.history.series) if metric == "gradient_alignment" and layer})
    return layers if run.module is None else layers[:-1]


def _chance(history: History, layer: int | None) -> tuple[float, float]:
    middle, sd = (_last(history, f"gradient_alignment_chance{end}", layer) for end in ("_mean", ""))
    return (middle if math.isfinite(middle) else 90.0), (sd if math.isfinite(sd) else 0.0)


def _first(history: History, metric: str) -> float:
    """The first value, the mean over replicas; NaN where there is none."""
    series = history.series.get((metric, None))
    return math.nan if series is None or not len(series) else float(series.since(0, history.replicas)[1][0].mean())


def _last(history: History, metric: str, layer: int | None = None) -> float:
    """The last finite value, the mean over replicas; NaN where there is none."""
    series = history.series.get((metric, layer))
    if series is None or not len(series):
        return math.nan
    _, values = series.since(len(series) - 1, history.replicas)
    return float(values[-1].mean())
