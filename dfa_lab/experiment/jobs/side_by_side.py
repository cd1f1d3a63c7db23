"""Trains runs of a sweep side by side, as replicas of one experiment, and measures each at its last step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

from torch import Tensor

from dfa_lab.errors import DfaLabError, in_words
from dfa_lab.experiment.history import CHANCE, METRICS, History
from dfa_lab.experiment.jobs.denormals import denormals_as_zero
from dfa_lab.experiment.jobs.sweep_metrics import ENDS, FIRST, LAST, SweepMetric
from dfa_lab.experiment.run import Experiment, Trainer
from dfa_lab.experiment.settings import PER_REPLICA, Settings
from dfa_lab.experiment.training import MLPLearner, StreamState
from dfa_lab.learning.rules import RULES

#: What makes a run a failed one and leaves the others alone: a metric's or a rule's ``sys.exit`` too, Ctrl-C not.
FAILURES = (Exception, SystemExit)
#: Seconds of training between two files of a group; longer where a file takes long to write: so many times as long as
#: the last one took, up to a minute.
SAVE_EVERY, TIMES_WRITING, MOST_SECONDS = 0.5, 50, 60.0
#: Metrics of the test split.
EVALUATED = ("test_loss", "test_accuracy")
#: Called now and then while a group trains, with the steps done.
Tick = Callable[[int], None]


class Result(TypedDict):
    """What is kept of a run: its metrics by column, the seconds that it took, and why it failed, None where it did not.

    A run of a group took its share of the group's time.
    """

    metrics: dict[str, float]
    seconds: float
    error: str | None


def train_runs(
    runs: Sequence[Mapping[str, Any]],
    steps: int,
    metrics: Sequence[SweepMetric],
    tick: Tick | None = None,
    saved: Path | None = None,
) -> list[Result]:
    """The result of each run. They may differ in what replicas may differ in.

    A run whose loss is no longer finite has an error, and the others go on. Where the group itself cannot be trained,
    each is trained alone, so that only those that cannot be are failures. Into the file ``saved`` the training is
    written every ``SAVE_EVERY`` seconds, or less often where writing would take more than a fiftieth of the time, and
    from it it goes on.
    """
    began = time.perf_counter()
    try:
        results = _train(runs, steps, metrics, tick, saved)
    except FAILURES as error:
        if len(runs) > 1:
            if saved is not None:  # nobody goes on with this group
                saved.unlink(missing_ok=True)
            return [one for run in runs for one in train_runs([run], steps, metrics)]
        results = [Result(metrics=_no_numbers(metrics), seconds=0.0, error=in_words(error))]
    if saved is not None:
        saved.unlink(missing_ok=True)
    seconds = (time.perf_counter() - began) / len(runs)
    return [{**one, "seconds": seconds} for one in results]


def settings_of(runs: Sequence[Mapping[str, Any]]) -> Settings:
    """The settings of an experiment whose replicas are these runs; of a single one the run's own."""
    if len(runs) == 1:
        return Settings(**runs[0])
    each = {name: [run.get(name, Settings.model_fields[name].default) for run in runs] for name in PER_REPLICA}
    shared = {name: value for name, value in runs[0].items() if name not in PER_REPLICA}
    # A seed for all would be counted up; of the rest one value for all is less work than a list of equal ones.
    several: dict[str, Any] = {}
    for name, values in each.items():
        differ = name in ("seed", "feedback_seed") or any(one != values[0] for one in values)
        several[name] = tuple(values) if differ else values[0]
    return Settings(**shared, **several, replicas=len(runs))


def _train(
    runs: Sequence[Mapping[str, Any]],
    steps: int,
    metrics: Sequence[SweepMetric],
    tick: Tick | None,
    saved: Path | None,
) -> list[Result]:
    run = _begun(settings_of(runs), steps, saved)
    one_thread = run.settings.threads == 1  # threads that torch makes within would keep the switch
    with run.held() as trainer, denormals_as_zero() if one_thread else nullcontext():
        if isinstance(trainer.learner, MLPLearner):
            trainer.learner.lay_out()
        save = None if saved is None else partial(_save, run, saved)
        lost = _steps(trainer, steps, tick, save, probed=bool(runs[0].get("probe_every")))
        if len(lost) < len(runs):
            _measure(trainer, metrics, lost)
    return [
        Result(metrics=_no_numbers(metrics), seconds=0.0, error=_diverged(given, lost[k]))
        if k in lost
        else _result(run, k, given, metrics)
        for k, given in enumerate(runs)
    ]


def _begun(settings: Settings, steps: int, saved: Path | None) -> Experiment:
    """The experiment of these settings, where a training before was killed from where it was saved."""
    if saved is not None and saved.exists():
        with suppress(DfaLabError):
            run = Experiment.load(saved)
            if run.settings == settings and run.steps_done < steps:
                return run
    return Experiment(settings)


def _save(run: Experiment, saved: Path) -> None:
    with suppress(DfaLabError):  # a disk that is full costs what would be trained again, and no run
        run.save(saved)


def _steps(
    trainer: Trainer, steps: int, tick: Tick | None, save: Callable[[], None] | None, *, probed: bool
) -> dict[int, int]:
    """Train, and return the replicas whose loss was no longer finite, each with the updates done before."""
    lost: dict[int, int] = {}
    since, wait = time.perf_counter(), SAVE_EVERY
    settings, learner, losses = trainer.settings, trainer.learner, trainer.losses
    for step in range(trainer.steps_done + 1, steps + 1):
        losses.add(learner.update(*trainer.batches.take(settings.batch_size)))
        if not losses.finite:
            for k in losses.diverged:
                lost.setdefault(k, step - 1)
            if len(lost) == len(losses.total):
                return lost
            _stand_in(trainer, lost)
        trainer.steps_done, trainer.samples_seen = step, step * settings.batch_size
        if step % settings.record_every == 0 or step == steps:
            trainer.history.record("train_loss", losses.take(), **trainer.here)
        if probed and step < steps and trainer.schedule.alignment_is_due(step):
            trainer.history.record_layers(trainer.probe.alignment(chance=False), **trainer.here)
        if tick and step % 64 == 0:
            tick(step)
        # A lost replica is not in the file: such a group is trained anew.
        if save and not lost and (now := time.perf_counter()) - since > wait:
            save()
            since = time.perf_counter()
            wait = max(SAVE_EVERY, min(TIMES_WRITING * (since - now), MOST_SECONDS))
    _lose(trainer, [k for k in range(len(losses.total)) if not _finite(trainer, k)], lost)
    return lost


def _lose(trainer: Trainer, found: Sequence[int], lost: dict[int, int]) -> None:
    """These replicas are lost as well, at this step."""
    for k in found:
        lost.setdefault(k, trainer.steps_done)
    if found and len(lost) < trainer.history.replicas:
        _stand_in(trainer, lost)


def _stand_in(trainer: Trainer, lost: Collection[int]) -> None:
    """Give lost replicas another's weights: what is computed beside the others is to be numbers, fast and harmless."""
    kept = next(k for k in range(trainer.history.replicas) if k not in lost)
    for tensor in trainer.learner.net.state_dict().values():
        if tensor.dim():  # not a count of steps, which is one for all
            tensor[list(lost)] = tensor[kept].clone()


def _finite(trainer: Trainer, replica: int) -> bool:
    own = slice(None) if trainer.settings.replicas is None else replica
    return all(bool(one[own].isfinite().all()) for one in trainer.learner.net.parameters())


def _measure(trainer: Trainer, metrics: Sequence[SweepMetric], lost: dict[int, int]) -> None:
    """Record what the metrics name at the last step."""
    asked = [one for one in metrics if one.metric]
    trainer.learner.check_net()
    if any(one.metric in EVALUATED for one in asked):
        found = trainer.probe.evaluate()
        _lose(trainer, [k for k, one in enumerate(found["test_loss"].tolist()) if not math.isfinite(one)], lost)
        for metric, values in found.items():
            trainer.history.record(metric, values.tolist(), **trainer.here)
    if aligned := [one.metric for one in asked if one.aligned]:
        chance = any(CHANCE in metric for metric in aligned)
        trainer.history.record_layers(trainer.probe.alignment(chance=chance), **trainer.here)


def _result(run: Experiment, replica: int, given: Mapping[str, Any], metrics: Sequence[SweepMetric]) -> Result:
    numbers, errors, alone = {}, [], None
    for metric in metrics:
        numbers[metric.column] = math.nan
        if metric.function is None:
            numbers[metric.column] = _newest(run.history, metric, replica)
            continue
        try:
            alone = alone or (run if run.settings.replicas is None else single_run(run, replica, given))
            value = metric.function(alone)
            numbers[metric.column] = float(value.detach() if isinstance(value, Tensor) else value)
        except FAILURES as error:
            errors.append(f"the metric {metric.column} failed: {in_words(error)}")
    return Result(metrics=numbers, seconds=0.0, error=" ".join(errors) or None)


def _newest(history: History, metric: SweepMetric, replica: int) -> float:
    """The last value of a metric; NaN where the run has none, as of the angles of a network without hidden layers."""
    layer = None
    if METRICS[metric.metric].per_layer:
        layers = history.layers(metric.metric) or [0]
        layer = {FIRST: layers[0], LAST: layers[-1]}[metric.layer] if metric.layer in ENDS else int(metric.layer)
    found = history.newest(metric.metric, layer, replica)
    return math.nan if found is None else found[1]


def single_run(run: Experiment, replica: int, given: Mapping[str, Any]) -> Experiment:
    """One replica as an experiment by itself, which stands where the replica stands and has its history."""
    alone = Experiment(Settings(**given))
    with run.held() as trainer, alone.held() as own:
        # Not copied one by one: what a rule makes at its first step, the network alone has not made yet.
        state = trainer.learner.net.state_dict()
        own.learner.net.load_state_dict(
            {name: tensor[replica] if tensor.dim() else tensor for name, tensor in state.items()}
        )
        streams = trainer.batches.state()
        own.batches.restore(
            StreamState((streams.generators[replica],), streams.permutations[replica : replica + 1], streams.place)
        )
        own.steps_done, own.samples_seen = trainer.steps_done, trainer.samples_seen
        for (metric, layer), series in trainer.history.series.items():
            values = series.since(0, run.history.replicas)[1][:, replica].tolist()
            for step, samples, value in zip(series.steps, series.samples, values, strict=True):
                own.history.record(metric, value, step=step, samples=samples, layer=layer)
    return alone


def _no_numbers(metrics: Sequence[SweepMetric]) -> dict[str, float]:
    return {metric.column: math.nan for metric in metrics}


def _diverged(given: Mapping[str, Any], step: int) -> str:
    settings = Settings(**given)
    return (
        f"the loss was no longer finite at step {step} (lr={settings.lr}, rule={RULES.label(settings.rule)}); "
        "lower lr, or choose another derivative or feedback scale."
    )
