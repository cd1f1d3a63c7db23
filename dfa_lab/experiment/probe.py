"""Probe: what is measured beside training, on data that is never trained on. Changes nothing in the run."""

from __future__ import annotations

import torch
from torch import Tensor

from dfa_lab.experiment.metrics import METRICS
from dfa_lab.experiment.module_updater import ModuleUpdater
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.tasks import Task
from dfa_lab.experiment.updater import Updater
from dfa_lab.learning.generators import generator

AnyUpdater = Updater | ModuleUpdater

#: Share of the training's operations that going through the whole test split may cost.
TEST_SHARE = 0.1


class Probe:
    """Measures a network on a task's test split; the alignment batch is the same in every run on the task."""

    def __init__(self, task: Task, device: str) -> None:
        self.task = task
        self._inputs, self._targets = task.test_inputs.to(device), task.test_targets.to(device)
        self._order = torch.randperm(len(self._inputs), generator=generator(0, "probe")).to(device)

    def batch(self, settings: Settings) -> tuple[Tensor, Tensor]:
        """The first ``probe_size`` samples of a fixed shuffle of the test split; all of it where it is smaller."""
        chosen = self._order[: settings.probe_size]
        return self._inputs[chosen], self._targets[chosen]

    def alignment(self, updater: AnyUpdater, settings: Settings, *, chance: bool) -> dict[str, list[Tensor]]:
        """Metric -> a value a layer; with ``chance`` the bands that mean nothing as well."""
        found = updater.alignment(*self.batch(settings), chance=chance)
        return {metric: columns for metric, columns in found.items() if metric in METRICS}

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

    def alignment_is_due(self, step: int, settings: Settings) -> bool:
        """At steps 0, 1, 2, 4, 8 … below ``probe_every``, then at its multiples."""
        early = step < settings.probe_every and step & (step - 1) == 0
        return early or step % settings.probe_every == 0

    def chance_is_due(self, step: int, settings: Settings) -> bool:
        """At ``probe_every`` times 1, 2, 4, 8 …: the band moves with the weights, and costs many backward passes."""
        times, rest = divmod(step, settings.probe_every)
        return rest == 0 and times > 0 and times & (times - 1) == 0

    def evaluation_is_due(self, step: int, settings: Settings) -> bool:
        """With the early probes, then at multiples of ``probe_every`` so far apart that it is a tenth of the training.

        By counted operations, not by the clock: a training sample costs about three forward passes.
        """
        if step < settings.probe_every and step & (step - 1) == 0:
            return True
        apart = len(self._inputs) / (3 * TEST_SHARE * settings.batch_size)
        every = settings.probe_every * max(1, -(-apart // settings.probe_every))
        return step % every == 0
