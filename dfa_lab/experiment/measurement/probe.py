"""Probe: measures a learner beside training, on data that is never trained on, and changes nothing in it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dfa_lab.errors import whole_number
from dfa_lab.experiment.data import Task
from dfa_lab.experiment.history import METRICS
from dfa_lab.experiment.measurement.snapshot import LayerSnapshot
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.training import Learner
from dfa_lab.learning.ops import generator


def checked_replica(settings: Settings, replica: object) -> int:
    """``replica`` itself, NumPy's numbers too. Raises ``DfaLabError`` where a run has none of that number."""
    given = replica.item() if isinstance(replica, np.integer) else replica
    return whole_number("replica", given, 0, (settings.replicas or 1) - 1)


class Probe:
    """Measures ``learner`` on the test split of ``task``, under the learner's own settings."""

    def __init__(self, task: Task, learner: Learner) -> None:
        self.task, self.learner = task, learner
        device = learner.settings.device
        self._inputs, self._targets = task.test_inputs.to(device), task.test_targets.to(device)
        self._order = torch.randperm(len(self._inputs), generator=generator(0, "probe")).to(device)
        self._batch: tuple[Tensor, Tensor] | None = None

    def batch(self) -> tuple[Tensor, Tensor]:
        """The first ``probe_size`` samples of a shuffle of the test split that is the same in every run on the task."""
        inputs, targets = self._chosen()
        return inputs.clone(), targets  # a module may overwrite what it is given

    def __len__(self) -> int:
        """How many samples the batch has."""
        return min(self.learner.settings.probe_size, len(self._inputs))

    def sample(self, number: int) -> tuple[Tensor, Tensor]:
        """Sample ``number`` of the batch, from 0, as a batch of one."""
        inputs, targets = self._chosen()
        return inputs[number : number + 1].clone(), targets[number : number + 1]

    def _chosen(self) -> tuple[Tensor, Tensor]:
        if self._batch is None or len(self._batch[0]) != len(self):
            chosen = self._order[: len(self)]
            self._batch = self._inputs[chosen], self._targets[chosen]
        return self._batch

    def alignment(self, *, chance: bool) -> dict[str, list[list[float]]]:
        """Metric -> for each layer a number a replica; with ``chance`` the chance bands as well."""
        known = set(METRICS)
        found = self.learner.alignment(*self.batch(), chance=chance)
        found = {metric: columns for metric, columns in found.items() if metric in known and columns}
        if not found:
            return {}
        rows = iter(torch.stack([one.double().cpu() for columns in found.values() for one in columns]).tolist())
        single = self.learner.settings.replicas is None
        return {metric: [[next(rows)] if single else next(rows) for _ in columns] for metric, columns in found.items()}

    def layers(self, replica: int) -> tuple[LayerSnapshot, ...]:
        """The layers as a Snapshot has them. Raises ``DfaLabError`` for a replica that is none."""
        found = self.learner.layer_tensors(*self.batch(), checked_replica(self.learner.settings, replica))
        return tuple(map(LayerSnapshot.of, found))

    def evaluate(self) -> dict[str, Tensor]:
        """``test_loss`` and, for classes, ``test_accuracy`` over the whole test split: (K,), (1,) without replicas."""
        loss, right = torch.zeros(()), torch.zeros(())
        for start in range(0, len(self._inputs), self.learner.chunk):
            part = slice(start, start + self.learner.chunk)
            inputs, targets = self._inputs[part], self._targets[part]
            output = self.learner.output(inputs)
            value, _ = self.task.objective.value_and_error(output, targets)
            loss = loss + value.double().cpu() * len(inputs)
            if self.task.classifies:
                right = right + (output.argmax(-1) == targets).sum(-1).cpu()
        found = {"test_loss": loss}
        if self.task.classifies:
            found["test_accuracy"] = right.double()
        return {name: (total / len(self._inputs)).reshape(-1) for name, total in found.items()}
