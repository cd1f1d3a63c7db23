"""Probe: what is measured beside training, on data that is never trained on. Changes nothing in the run."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dfa_lab.errors import whole_number
from dfa_lab.experiment.data import Task
from dfa_lab.experiment.history import METRICS
from dfa_lab.experiment.measurement.schedule import Cadence
from dfa_lab.experiment.measurement.snapshot import LayerSnapshot
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.training import AnyUpdater, Work
from dfa_lab.learning.ops import generator

#: Multiply-adds that going through the test split may take where somebody waits for it: a tenth of a second or so.
QUICK = 3.5e9


def checked_replica(settings: Settings, replica: object) -> int:
    """``replica`` itself, NumPy's numbers too. Raises ``DfaLabError`` where a run has none of that number."""
    given = replica.item() if isinstance(replica, np.integer) else replica
    return whole_number("replica", given, 0, (settings.replicas or 1) - 1)


class Probe:
    """Measures a network on a task's test split; the alignment batch is the same in every run on the task."""

    def __init__(self, task: Task, device: str) -> None:
        self.task = task
        self._inputs, self._targets = task.test_inputs.to(device), task.test_targets.to(device)
        self._order = torch.randperm(len(self._inputs), generator=generator(0, "probe")).to(device)
        self._batch: tuple[Tensor, Tensor] | None = None

    def cadence(self, updater: AnyUpdater, settings: Settings) -> Cadence:
        """When this run is measured: ``probe_every`` where it is set, else as often as the operations allow."""
        return Cadence.of(self.work(updater, settings), settings.probe_every)

    def work(self, updater: AnyUpdater, settings: Settings) -> Work:
        """What a step, a probe, a chance band and going through the test split cost in this run, counted."""
        return updater.work(min(settings.probe_size, len(self._inputs)), len(self._inputs))

    def is_quick(self, updater: AnyUpdater, settings: Settings) -> bool:
        """Whether ``evaluate`` keeps nobody waiting; counted, of all replicas together."""
        return updater.work(0, len(self._inputs)).test * (settings.replicas or 1) <= QUICK

    def batch(self, settings: Settings) -> tuple[Tensor, Tensor]:
        """The first ``probe_size`` samples of a fixed shuffle of the test split; all of it where it is smaller."""
        size = min(settings.probe_size, len(self._inputs))
        if self._batch is None or len(self._batch[0]) != size:
            chosen = self._order[:size]
            self._batch = self._inputs[chosen], self._targets[chosen]
        inputs, targets = self._batch
        return inputs.clone(), targets  # a module may overwrite what it is given

    def alignment(self, updater: AnyUpdater, settings: Settings, *, chance: bool) -> dict[str, list[list[float]]]:
        """Metric -> a number a replica for each layer; with ``chance`` the bands that mean nothing as well."""
        known = set(METRICS)
        found = updater.alignment(*self.batch(settings), chance=chance)
        found = {metric: columns for metric, columns in found.items() if metric in known and columns}
        if not found:
            return {}
        rows = iter(torch.stack([one.double().cpu() for columns in found.values() for one in columns]).tolist())
        single = settings.replicas is None
        return {metric: [[next(rows)] if single else next(rows) for _ in columns] for metric, columns in found.items()}

    def portraits(self, updater: AnyUpdater, settings: Settings, replica: int) -> tuple[LayerSnapshot, ...]:
        """The layers as a Snapshot has them. Raises ``DfaLabError`` for a replica that is none."""
        replica = checked_replica(settings, replica)
        found = updater.portraits(*self.batch(settings), None if settings.replicas is None else replica)
        return tuple(LayerSnapshot.of(number, portrait) for number, portrait in enumerate(found, 1))

    def evaluate(self, updater: AnyUpdater) -> dict[str, Tensor]:
        """``test_loss`` and, for classes, ``test_accuracy`` over the whole test split: (K,), (1,) without replicas."""
        loss, right = torch.zeros(()), torch.zeros(())
        for start in range(0, len(self._inputs), updater.chunk):
            part = slice(start, start + updater.chunk)
            inputs, targets = self._inputs[part], self._targets[part]
            output = updater.output(inputs)
            value, _ = self.task.objective.value_and_error(output, targets)
            loss = loss + value.double().cpu() * len(inputs)
            if self.task.classifies:
                right = right + (output.argmax(-1) == targets).sum(-1).cpu()
        found = {"test_loss": loss}
        if self.task.classifies:
            found["test_accuracy"] = right.double()
        return {name: (total / len(self._inputs)).reshape(-1) for name, total in found.items()}
