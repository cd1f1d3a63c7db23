"""Probe: measures a learner beside training, on data that is never trained on, and changes nothing in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from dfa_lab.errors import whole_number
from dfa_lab.experiment.data import Task, network_inputs
from dfa_lab.experiment.history import METRICS
from dfa_lab.experiment.measurement.snapshot import LayerSnapshot
from dfa_lab.experiment.measurement.untrained_similarity import UntrainedSimilarity
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.training import Learner
from dfa_lab.learning.interface import cloned, on_device, rows
from dfa_lab.learning.ops import generator


def checked_replica(settings: Settings, replica: object) -> int:
    """``replica`` itself, NumPy's numbers too. Raises ``DfaLabError`` where a run has none of that number."""
    given = replica.item() if isinstance(replica, np.integer) else replica
    return whole_number("replica", given, 0, (settings.replicas or 1) - 1)


class Probe:
    """Measures ``learner`` on the test split of ``task``, under the learner's own settings.

    ``untrained`` is what compares it with the untrained network, where that was asked for.
    """

    def __init__(self, task: Task, learner: Learner) -> None:
        self.task, self.learner = task, learner
        device = learner.settings.device
        self._inputs, self._targets = on_device(task.stored_inputs("test"), device), task.test_targets.to(device)
        self._order = torch.randperm(len(self._targets), generator=generator(0, "probe")).to(device)
        self._batch: tuple[Any, Tensor] | None = None
        self.untrained: UntrainedSimilarity | None = None

    def batch(self) -> tuple[Any, Tensor]:
        """The first ``probe_size`` samples of a shuffle of the test split that is the same in every run on the task."""
        inputs, targets = self._chosen()
        return cloned(inputs), targets  # a module may overwrite what it is given

    def __len__(self) -> int:
        """How many samples the batch has."""
        return min(self.learner.settings.probe_size, len(self._targets))

    def sample(self, number: int) -> tuple[Any, Tensor]:
        """Sample ``number`` of the batch, from 0, as a batch of one."""
        inputs, targets = self._chosen()
        chosen = slice(number, number + 1)
        return cloned(rows(inputs, chosen)), targets[chosen]

    def _chosen(self) -> tuple[Any, Tensor]:
        if self._batch is None or len(self._batch[1]) != len(self):
            chosen = self._order[: len(self)]
            self._batch = network_inputs(rows(self._inputs, chosen)), self._targets[chosen]
        return self._batch

    def alignment(self, *, chance: bool) -> dict[str, list[list[float]]]:
        """Metric -> for each layer a number a replica; with ``chance`` the chance bands as well.

        Beside the angles the similarity to the untrained network, where that was asked for.
        """
        return self._angles(chance) | self._similarity()

    def _angles(self, chance: bool) -> dict[str, list[list[float]]]:
        known = set(METRICS)
        found = self.learner.alignment(*self.batch(), chance=chance)
        found = {metric: columns for metric, columns in found.items() if metric in known and columns}
        if not found:
            return {}
        rows = iter(torch.stack([one.double().cpu() for columns in found.values() for one in columns]).tolist())
        single = self.learner.settings.replicas is None
        return {metric: [[next(rows)] if single else next(rows) for _ in columns] for metric, columns in found.items()}

    def _similarity(self) -> dict[str, list[list[float]]]:
        return {} if self.untrained is None else self.untrained.measure(self.learner.net, self.batch()[0])

    def layers(self, replica: int) -> tuple[LayerSnapshot, ...]:
        """The layers as a Snapshot has them. Raises ``DfaLabError`` for a replica that is none."""
        found = self.learner.layer_tensors(*self.batch(), checked_replica(self.learner.settings, replica))
        return tuple(map(LayerSnapshot.of, found))

    def evaluate(self) -> dict[str, Tensor]:
        """``test_loss`` and, for classes, ``test_accuracy`` over the whole test split: (K,), (1,) without replicas."""
        loss, right, counted = torch.zeros(()), torch.zeros(()), 0
        for start in range(0, len(self._targets), self.learner.chunk):
            part = slice(start, start + self.learner.chunk)
            targets = self._targets[part]
            output = self.learner.output(network_inputs(rows(self._inputs, part)))
            count = self.task.counted(targets)
            value, _ = self.learner.loss.value_and_error(output, targets)
            loss, counted = loss + value.double().cpu() * count, counted + count
            if self.task.classifies:
                right = right + (output.argmax(-1) == targets).flatten(-targets.dim()).sum(-1).cpu()
        found = {"test_loss": loss}
        if self.task.classifies:
            found["test_accuracy"] = right.double()
        return {name: (total / counted).reshape(-1) for name, total in found.items()}
