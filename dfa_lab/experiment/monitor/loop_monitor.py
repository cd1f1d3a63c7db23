"""LoopMonitor: the record of a training loop of one's own, measured at the steps at which an Experiment would be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from dfa_lab.errors import DfaLabError, in_words, shown, whole_number
from dfa_lab.experiment.history import Here, History
from dfa_lab.experiment.measurement import ALIGNMENT, TEST, Pending, Recorder, Schedule
from dfa_lab.experiment.monitor.watched_network import WatchedNetwork, samples_of
from dfa_lab.experiment.training import SIGNAL_FIELDS, LossMean, ThroughputClock
from dfa_lab.learning.interface import Output
from dfa_lab.learning.networks import check_optimizer
from dfa_lab.learning.rules import check_reduction

#: How many times larger or smaller a learning rate must be to be noted as a change; a smooth schedule is none.
JUMP = 1.5


class LoopMonitor:
    """What ``Monitor`` is without its pictures: see there. ``error`` says why the last measurement failed, or "".

    ``history`` is the record, ``steps_done`` and ``samples_seen`` count the loop's updates and samples.
    """

    def __init__(
        self,
        net: nn.Module,
        loss_fn: Any,
        probe: Any,
        *,
        optimizer: torch.optim.Optimizer | None = None,
        test: Any = None,
        output: Output = None,
        batch_size: int | None = None,
        probe_every: int | None = None,
        record_every: int = 10,
        name: str | None = None,
    ) -> None:
        reduction = getattr(loss_fn, "reduction", "mean")
        check_reduction(reduction)
        whole_number("record_every", record_every, 1)
        if batch_size is not None:
            whole_number("batch_size", batch_size, 1)
        if probe_every is not None:
            whole_number("probe_every", probe_every, 0, instead="None")
        self._groups = _groups(optimizer)
        self._network = WatchedNetwork(net, loss_fn, probe, test, reduction, output)
        if self._network.angles and optimizer is not None:
            check_optimizer(net, optimizer, "Monitor")
        self._batch_size, self._probe_every, self._record_every = batch_size, probe_every, record_every
        self._lr = self._read_lr()
        settings = {"rule": self._network.rule, "lr": self._lr, "batch_size": batch_size}
        if optimizer is not None:
            settings["optimizer"] = type(optimizer).__name__.lower()
        settings = {field: value for field, value in settings.items() if value is not None}
        replicas = self._network.replicas
        self.history = History(settings, replicas=replicas, name=name or self._network.label)
        self._recorder = Recorder(self._network, self.history)
        self._losses: list[Tensor] = []
        self._schedule: Schedule | None = None
        self._pending, self._clock = Pending(), ThroughputClock()
        self._loaded: int | None = None  # samples that the loader gave since the last step
        self._started, self.error = False, ""
        self.steps_done = self.samples_seen = 0
        self._measure(test=True)

    def __repr__(self) -> str:
        angles = "measured" if self._network.angles else "0 by definition: the net learns by plain backpropagation"
        return f"Monitor({self.history.name!r}, steps_done={self.steps_done}, angles {angles})"

    @property
    def here(self) -> Here:
        """Where the loop stands, as a row of the history says it."""
        return {"step": self.steps_done, "samples": self.samples_seen}

    def __call__(self, loader: Iterable[Any]) -> Iterator[Any]:
        """The batches of ``loader``, whose samples are counted; call ``step`` after each update as without it."""
        self._start_clock()
        for batch in loader:
            self._loaded = (self._loaded or 0) + samples_of(batch)
            yield batch
        self._record_rate(due=True)

    def step(self, loss: Tensor | float, *, samples: int | None = None) -> None:
        """One update was made, by a batch with this ``loss``: count it, and measure what is due.

        ``samples`` is how many it learned from; left out, those that ``monitor(loader)`` gave since the last step, or
        ``batch_size``. Where none is known no throughput is recorded. Call it after ``optimizer.step()``. Raises
        ``DfaLabError`` for a loss that is no number (with replicas, no number for each).
        """
        if samples is not None:
            whole_number("samples", samples, 0)
        self._losses.append(self._checked(loss))
        counted = samples if samples is not None else self._loaded or self._batch_size or 0
        self._loaded = None
        if self._schedule is None:
            costs = self._network.costs(counted or self._network.probe_size)
            self._schedule = Schedule.of(costs, self._probe_every)
        schedule = self._schedule
        self._recorder.forget()
        self.steps_done += 1
        self.samples_seen += counted
        if not self._started:  # how long the first update took nobody knows
            self._start_clock()
        self._note_lr()
        if self.steps_done % self._record_every == 0:
            self._record_loss()
            self._record_rate(due=self.steps_done % schedule.every == 0)
        if schedule.alignment_is_due(self.steps_done, self._pending.restart):
            self._measure(test=schedule.evaluation_is_due(self.steps_done, self._pending.restart))

    def measure(self) -> None:
        """Measure this very step, unless it was measured: the last of a loop, for instance."""
        self._record_loss()
        if due := self._recorder.missing(self._wanted(test=True)):
            self._record(due, by_hand=True)

    def note(self, text: str | None = None, **changes: Any) -> None:
        """Mark this step on every plot: by a text, or by what was changed, such as ``note(lr=0.01)``.

        After ``note(rule="fa")``, or another setting of the feedback, early steps are measured closely again.
        Raises ``DfaLabError`` for nothing to note.
        """
        if text is not None and not isinstance(text, str):
            raise DfaLabError(f"note was given {shown(text)}; expected a text, or changes such as lr=0.01.")
        fields = ({} if text is None else {"note": text}) | changes
        if not fields:
            raise DfaLabError('note was given nothing; give a text, or what was changed: note(lr=0.01), note("warm").')
        before = dict(self.history.settings)
        for _, earlier in self.history.changes():
            before |= earlier
        self.history.add_change(self.steps_done, {field: (before.get(field), new) for field, new in fields.items()})
        self._lr = fields.get("lr", self._lr)
        if not set(fields).isdisjoint(SIGNAL_FIELDS):
            self._pending = Pending(restart=self.steps_done)
            self._measure(test=False)

    def _checked(self, loss: Any) -> Tensor:
        replicas = self.history.replicas
        shape = () if replicas == 1 else (replicas,)
        try:
            value = torch.as_tensor(loss, dtype=None if isinstance(loss, Tensor) else torch.float64).detach().clone()
        except (TypeError, ValueError, RuntimeError):
            value = torch.empty(0)
        value = value.reshape(()) if replicas == 1 and value.numel() == 1 else value
        if value.shape != shape or value.is_complex():
            expected = "one number" if replicas == 1 else f"a number for each of {replicas} replicas"
            raise DfaLabError(f"step was given the loss {shown(loss)}; expected {expected}.")
        return value

    def _record_loss(self) -> None:
        if self._losses:
            mean = LossMean([0.0] * self.history.replicas)
            for loss in self._losses:
                mean.add(loss)
            self._losses = []
            self.history.record("train_loss", mean.take(), **self.here)

    def _start_clock(self) -> None:
        self._started = True
        self._clock.start(self.samples_seen * self.history.replicas)

    def _record_rate(self, *, due: bool) -> None:
        rate = self._clock.read(self.samples_seen * self.history.replicas, due=due)
        if rate is not None:
            self.history.record("samples_per_s", [rate] * self.history.replicas, **self.here)

    def _wanted(self, *, test: bool) -> set[str]:
        asked = {ALIGNMENT: self._probe_every != 0, TEST: test and self._network.tested}
        return {name for name, wanted in asked.items() if wanted}

    def _measure(self, *, test: bool) -> None:
        chance = self._pending.chance or (self._schedule is not None and self._schedule.chance_is_due(self.steps_done))
        self._record(self._wanted(test=test), chance=chance)
        self._pending.done(aligned=self._probe_every != 0)

    def _record(self, wanted: set[str], *, chance: bool = False, by_hand: bool = False) -> None:
        """The loop is the user's, and goes on: where something cannot be measured after step 0, ``error`` says why."""
        with self._clock.paused():
            try:
                if not self._network.finite:
                    raise DfaLabError("the weights are no longer finite numbers; nothing is measured.")
                self._recorder.record(self.here, wanted, chance=chance, by_hand=by_hand)
                self.error = ""
            except Exception as error:
                if not self.steps_done:
                    raise
                self.error = in_words(error)

    def _read_lr(self) -> float | None:
        lr = self._groups[0].get("lr") if self._groups else None
        return float(lr) if isinstance(lr, int | float) else None

    def _note_lr(self) -> None:
        lr = self._read_lr()
        if lr is not None and self._lr and lr > 0 and abs(math.log(lr / self._lr)) >= math.log(JUMP):
            self.history.add_change(self.steps_done, {"lr": (self._lr, lr)})
            self._lr = lr


def _groups(optimizer: Any) -> list[Any]:
    groups = [] if optimizer is None else getattr(optimizer, "param_groups", None)
    if not isinstance(groups, list):
        raise DfaLabError(f"optimizer was given as {shown(optimizer)}; expected a torch optimizer, or None.")
    return groups
