"""Experiment: settings and a task made into a run that steps, is measured, changes live, and forks."""

from __future__ import annotations

import copy
import threading
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from dfa_lab.errors import DfaLabError, shown, whole_number
from dfa_lab.experiment.history import Here, History
from dfa_lab.experiment.measurement import Agenda, Gauge, Probe, Snapshot
from dfa_lab.experiment.run.baselines import References
from dfa_lab.experiment.run.checkpoint import State
from dfa_lab.experiment.run.progress_bar import counted
from dfa_lab.experiment.run.trainer import go_back
from dfa_lab.experiment.sessions import Session, script_of
from dfa_lab.experiment.settings import Computing, Settings, deferred_interrupt, shows_settings
from dfa_lab.experiment.training import Batches, Mean, Stopwatch, all_finite, make_updater, own_settings
from dfa_lab.learning.networks import change_feedback, set_derivative
from dfa_lab.learning.rules import RULES

FEEDBACK_FIELDS = ("feedback_init", "feedback_scale", "feedback_seed")
JUMPING = ("rule", "activation_derivative", *FEEDBACK_FIELDS)


@shows_settings
class Experiment:
    """A network learning a task under ``Settings``; the same settings give the same history to the last bit.

    Give a ``Settings`` or its fields: ``Experiment(task="digits", rule="dfa", widths=(128, 128), lr=0.1, seed=0)``.
    With ``module`` it trains a copy of that network, converted or not yet, by the same settings but those that make
    an MLP (``widths`` …); what a converted one was converted with holds unless a field or a ``Settings`` is given.
    ``seed`` then draws the batches and what the module itself draws. ``task`` may be a ``Task``, such as
    ``Task.from_arrays`` makes.

    ``history`` is the record, ``net`` the network (an ``MLP`` or the module's copy), ``cadence`` says at which steps
    it is measured; ``steps_done`` and ``samples_seen`` count updates and training samples. Clock readings
    (``samples_per_s``) apart, nothing depends on time or on the thread it runs in.

    Raises ``DfaLabError`` for settings that cannot be used; ``step`` and ``train`` raise ``DivergedError`` when the
    loss is no longer finite, with the run back at its last snapshot (one at every probe).
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        module: nn.Module | None = None,
        name: str | None = None,
        **fields: Any,
    ) -> None:
        if module is not None:
            own, module = own_settings(module, fields), copy.deepcopy(module)
            fields = own if settings is None else fields
        settings = Settings() if settings is None else settings
        if not isinstance(settings, Settings):
            raise DfaLabError(
                f"Experiment was given {shown(settings)}; expected a Settings or its fields, such as task='digits'."
            )
        # One owner at a time: a change or a fork from another thread waits for the end of a step.
        self._lock = threading.RLock()
        self._name = name
        self.module = module  # what a reset begins with; None for an MLP
        self._begin(settings.changed(**fields) if fields else settings)

    def _begin(self, settings: Settings) -> None:
        fresh = object.__new__(type(self))
        fresh.module, fresh._name = self.module, self._name
        with Computing(settings):  # a QR depends on how many threads torch happens to have
            fresh._draw(settings)
        vars(self).update(vars(fresh))  # all at once: what fails leaves the run as it was

    def _draw(self, settings: Settings) -> None:
        self.task, self._updater = make_updater(settings, self.module)
        self.net: nn.Module = self._updater.net
        self._batches = Batches(self.task, settings, ahead=self.module is None)
        self._probe = Probe(self.task, settings.device)
        self._gauge = Gauge(self._probe)
        self._use(settings)
        self.steps_done = self.samples_seen = 0
        replicas, name = settings.replicas or 1, self._name or RULES.label(settings.rule)
        self.history = History(settings.values(), replicas=replicas, name=name)
        self._losses, self._agenda, self._stopwatch = Mean.of_nothing(replicas), Agenda(), Stopwatch()
        self._snapshot: State | None = None
        self._references: References | None = None
        self.undoable: list[dict[str, Any]] = []  # for each change in force: its fields with the values before

    def _use(self, settings: Settings) -> None:
        self.cadence = self._probe.cadence(self._updater, settings)
        self.settings = settings

    def __repr__(self) -> str:
        return f"Experiment(task={self.settings.task!r}, rule={self.settings.rule!r}, steps_done={self.steps_done})"

    @property
    def here(self) -> Here:
        """Where it stands, as a row of its history says it."""
        return {"step": self.steps_done, "samples": self.samples_seen}

    def train(self, steps: int, *, progress: bool = False) -> History:
        """Do ``steps`` updates in this thread and return the history. ``progress`` shows a bar; Ctrl-C stops at a step.

        The last step is measured by hand (see ``measure``) where that is cheap, by counted operations: alignment for at
        most 5 % of the training in this call, the test split for 10 %. So ``train(1)`` in a loop stays as fast.

        Raises ``DfaLabError`` for a number of steps that is none, ``DivergedError`` as the class says.
        """
        given, before = cast(Any, steps), self.steps_done
        steps = whole_number("steps", int(given) if isinstance(given, np.integer) else given, 0)
        self.resume_clock()
        self._updater.check_net()
        with Computing(self.settings), torch.no_grad(), deferred_interrupt() as interrupted:
            for _ in counted(steps, self.history) if progress else range(steps):
                with self._lock:
                    self._step()
                if interrupted():
                    break
            with self._lock, self._stopwatch.leave_out():
                self._gauge.take_at_end(self, self.steps_done - before)
        return self.history

    def step(self) -> None:
        """One update, and whatever measurement is due after it. Ctrl-C can fall into it; ``train`` holds it back."""
        with self._lock, Computing(self.settings), torch.no_grad():
            self._step()

    def _step(self) -> None:
        if self._agenda.probe:
            first, agenda, rows = self._snapshot is None, replace(self._agenda), self.history.lengths()
            snapshot = self._measure(evaluate=self.cadence.evaluation_is_due(self.steps_done, agenda.jump))
            # To come back here is to stand before this measurement: a change made then belongs before it as well.
            self._snapshot = replace(snapshot, agenda=agenda, rows=rows)
            if first:
                self.resume_clock()
        self._gauge.forget()
        self._losses.add(self._updater.update(*self._batches.take(self.settings.batch_size)))
        if not self._losses.finite:
            go_back(self)
        self.steps_done += 1
        self.samples_seen += self.settings.batch_size
        if self.steps_done % self.settings.record_every == 0:
            self._record_training()
        if self.cadence.alignment_is_due(self.steps_done, self._agenda.jump):
            self._measure(evaluate=self.cadence.evaluation_is_due(self.steps_done, self._agenda.jump))

    def _record_training(self) -> None:
        self.history.record("train_loss", self._losses.take(), **self.here)
        self.record_rate(due=self.steps_done % self.cadence.every == 0)

    def record_rate(self, *, due: bool = True) -> None:
        """A row of the throughput since the last, where it is ``due`` or that is long ago; none without training."""
        rate = self._stopwatch.read(self.samples_seen * self.history.replicas, due=due)
        if rate is not None:
            self.history.record("samples_per_s", [rate] * self.history.replicas, **self.here)

    def resume_clock(self) -> None:
        """Start the throughput clock: time up to now was not training."""
        self._stopwatch.start(self.samples_seen * self.history.replicas)

    def _measure(self, *, evaluate: bool) -> State:
        """Alignment and, where asked for, the test split, at this step; then a snapshot to fall back to."""
        self._updater.check_net()
        if not all_finite(self.net.parameters()):
            go_back(self)
        chance = self._agenda.chance or self.cadence.chance_is_due(self.steps_done)
        with self._stopwatch.leave_out():
            if lost := self._gauge.take(self, chance=chance, evaluate=evaluate):
                go_back(self, lost)  # its weights are no place to come back to
            self._agenda.done(aligned=self.cadence.aligned)
            self._snapshot = self.state()
        return self._snapshot

    def measure(self) -> None:
        """Measure this very step, by hand: alignment, and the test split where that takes no time to speak of.

        The rows are in ``history`` for every reader and no part of its ``digest``: measured by hand or not, it is the
        same run, and its script makes it again. Nothing is done for what was measured since the last step and change
        of rule, feedback or derivative, nor where the weights are no numbers. ``probe_every=0`` leaves alignment out.
        """
        with self._lock, Computing(self.settings), torch.no_grad(), self._stopwatch.leave_out():
            self._gauge.take_by_hand(self)

    def evaluate(self) -> dict[str, float | list[float]]:
        """``test_loss`` and, for classes, ``test_accuracy`` (0–1) on the test split at this step; lists by replica."""
        with self._lock, Computing(self.settings), torch.no_grad():
            found = self._probe.evaluate(self._updater)
        single = self.settings.replicas is None
        return {name: value.item() if single else value.tolist() for name, value in found.items()}

    def snapshot(self, *, replica: int = 0) -> Snapshot:
        """The tensors behind the angles at this step, of one replica on the probe batch: what ``VIEWS`` draw."""
        with self._lock, Computing(self.settings), torch.no_grad():
            layers = self._probe.portraits(self._updater, self.settings, replica)
            rule, name = RULES.label(self.settings.rule), self.history.name
            return Snapshot(self.steps_done, self.samples_seen, rule, name, replica, layers)

    def references(self) -> References:
        """The same run by BP and with frozen hidden layers, trained to this step here and now, in this thread."""
        with self._lock:
            found = self._references = self._references or References(self)
        found.catch_up()
        return found

    def session(self) -> Session:
        """What makes this run again, to the last bit. ``DfaLabError`` for a module, and for what has no name."""
        return Session.of(self)

    def to_script(self) -> str:
        """A Python script that makes this run again and says whether it came out the same to the last bit."""
        with self._lock:
            return script_of(self.session(), digest=self.history.digest())

    def change(self, **fields: Any) -> None:
        """Change live settings; the next step uses them, and ``history.events`` says so. An error changes nothing.

        Raises ``DfaLabError`` for an unknown field, a value that cannot be used, and a field that only a new run takes.
        """
        with self._lock, Computing(self.settings), deferred_interrupt():
            before, after = self.settings, self.settings.changed(**fields)
            changed = [name for name in fields if getattr(before, name) != getattr(after, name)]
            Settings.check_live({name: fields[name] for name in changed})
            self._adopt(after, changed)
            if changed:
                self.undoable.append({name: getattr(before, name) for name in changed})

    def undo(self) -> dict[str, Any]:
        """Set the fields of the last change back, and return them; called again it goes further back, never forward.

        It is a change like any other, an event at this step; weights are not rolled back. ``reset`` leaves nothing to
        undo, a fork can undo what its run could. Raises ``DfaLabError`` where there is nothing to undo.
        """
        with self._lock, Computing(self.settings), deferred_interrupt():
            if not self.undoable:
                raise DfaLabError("there is nothing to undo: every change of this run is undone, or none was made.")
            self._adopt(self.settings.changed(**self.undoable[-1]), list(self.undoable[-1]))
            return self.undoable.pop()

    def _adopt(self, after: Settings, changed: list[str]) -> None:
        before, backup, seen, jumps = self.settings, self.state(), {}, not set(changed).isdisjoint(JUMPING)
        if jumps and self.cadence.aligned and not self._agenda.probe and backup.is_news_after(self._snapshot):
            with suppress(BaseException), torch.no_grad(), self._stopwatch.leave_out():  # the line is to jump here
                seen = self._probe.alignment(self._updater, before, chance=False)
        try:
            drawing = {name.removeprefix("feedback_"): getattr(after, name) for name in FEEDBACK_FIELDS}
            change_feedback(self.net, after.rule, drawing if any(name in FEEDBACK_FIELDS for name in changed) else {})
            set_derivative(self.net, after.activation_derivative)
            self._updater.adopt(after, before)
            self._use(after)
            if jumps:  # the picture should jump at that very step, and show how the angles fall from there
                self._agenda = Agenda(jump=self.steps_done)
                self.history.record_layers(seen, **self.here)
            self.history.add_change(self.steps_done, {n: (getattr(before, n), getattr(after, n)) for n in changed})
        except BaseException:  # Ctrl-C too
            backup.put_back_with_history(self)
            raise
        if jumps or "probe_size" in changed:
            self._gauge.forget_alignment()

    def reset(self, **fields: Any) -> None:
        """A new run from step 0 with the settings in force and, where given, others (structural ones too).

        The same ``seed`` gives the same initial weights. The former ``history`` object stays with whoever holds it.
        """
        with self._lock:
            self._begin(self.settings.changed(**fields))

    def fork(self, *, name: str | None = None, **fields: Any) -> Experiment:
        """A second run that stands where this one stands, with its own history, and ``fields`` changed from here on."""
        with self._lock:
            other = Experiment(self.settings, module=self.module, name=name)
            with Computing(self.settings):
                self.state().put_back(other)
            other.history = self.history.copy(name)
            other._snapshot = self._snapshot
            other._gauge.know(self._gauge)
            other.undoable = list(self.undoable)
        other.change(**fields)
        other.history.name = name or RULES.label(other.settings.rule)
        return other

    def state(self) -> State:
        """A copy of all that the run needs to go on from this step."""
        return State.of(self)
