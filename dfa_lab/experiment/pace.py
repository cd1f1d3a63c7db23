"""Pace: how fast plain backpropagation would train the same network, timed beside a run and changing nothing of it."""

from __future__ import annotations

import copy
import statistics
import time
import weakref
from collections.abc import Iterable
from typing import Any

import torch

from dfa_lab.experiment.batches import Batches
from dfa_lab.experiment.computing import Computing
from dfa_lab.experiment.experiment import Experiment
from dfa_lab.experiment.history import History
from dfa_lab.experiment.mean import Mean
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.updater import Updater
from dfa_lab.learning.mlp import MLP
from dfa_lab.learning.replay import FIRST

#: Seconds that a measurement may take in all, where one update does not take longer.
BUDGET = 0.04
#: Seconds after which a run whose settings stayed is measured again when it is played.
AGAIN = 10.0
#: Samples in the first update, which finds what torch loads at its first call.
WARM = 4
#: Small, so that the copy stays where it is; how long an update takes does not depend on it.
LR = 1e-9


class Pace:
    """Keeps ``bp_samples_per_s`` of histories up to date; ``tell`` is for when something may have changed it."""

    def __init__(self) -> None:
        self._told: weakref.WeakKeyDictionary[History, tuple[Any, float]] = weakref.WeakKeyDictionary()

    def tell(self, experiments: Iterable[Experiment]) -> None:
        """Measure where it is due and record it at the step where the run stands; alike runs are measured once.

        All together take ``BUDGET`` seconds, or one update of each where that is more. Modules are passed over.
        """
        now, due = time.perf_counter(), []
        for experiment in experiments:
            told, when = self._told.get(experiment.history, (None, 0.0))
            kind = _kind(experiment.settings)
            if experiment.module is None and (told != kind or now - when > AGAIN):
                due.append((kind, experiment))
        found: dict[Any, float] = {}
        share = BUDGET / max(1, len({kind for kind, _ in due}))
        for kind, experiment in due:
            if kind not in found:
                found[kind] = bp_samples_per_s(experiment, seconds=share)
            row = [found[kind]] * experiment.history.replicas
            experiment.history.record("bp_samples_per_s", row, **experiment.here)
            self._told[experiment.history] = kind, now

    def forget(self, experiment: Experiment) -> None:
        """Measure it at the next ``tell`` whatever was told: the run went back, and may have lost the row."""
        self._told.pop(experiment.history, None)


def _kind(settings: Settings) -> Any:
    """What BP's speed depends on."""
    s = settings
    place = s.device, s.threads, s.precision
    return (str(s.task), s.widths, s.activation, s.batch_size, s.optimizer, s.momentum > 0, s.replicas, *place)


def bp_samples_per_s(experiment: Experiment, *, seconds: float = BUDGET) -> float:
    """Training samples a second, over all replicas together, that the engine's own update by BP makes.

    Timed on a copy of the network with the batch size, optimizer and threads in force and batches of its own, in
    ``seconds`` in all. An update that takes most of them is the only one.
    """
    until = time.perf_counter() + 0.9 * seconds  # the last update may end later
    with experiment._lock, Computing(experiment.settings), torch.no_grad():
        settings, task = experiment.settings, experiment.task
        lr = (LR,) * len(settings.lr) if isinstance(settings.lr, tuple) else LR
        settings = settings.changed(rule="bp", activation_derivative="exact", lr=lr)
        net = copy.deepcopy(experiment.net)
        assert isinstance(net, MLP)
        net.set_rule("bp")
        net.set_derivative("exact")
        updater, batches = Updater(net, task.objective, settings), Batches(task, settings)
        losses, size = Mean.of_nothing(settings.replicas or 1), settings.batch_size

        def once(samples: int = size) -> float:
            losses.add(updater.update(*batches.take(samples)))  # waits for a GPU
            return time.perf_counter()

        once(min(size, WARM))
        for _ in range(FIRST + 2 if next(net.parameters()).is_cuda else 0):  # in which its step is captured
            once()
        began = time.perf_counter()
        now = once()
        # The first is a little slower, but where it is all there is time for, hardly so.
        if until - now < now - began:
            return size * len(losses.total) / (now - began)
        times: list[float] = []
        while not times or now + statistics.median(times) < until:
            began, now = now, once()
            times.append(now - began)
        # The middle one: another thread may hold the interpreter through some of them.
        return size * len(losses.total) / statistics.median(times)
