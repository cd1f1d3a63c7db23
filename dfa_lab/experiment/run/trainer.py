"""Trainer: the loop of a run. It steps, is measured, changes its settings, and goes back when it diverges."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

from torch import nn

from dfa_lab.errors import DfaLabError, DivergedError, shown
from dfa_lab.experiment.data import make_task
from dfa_lab.experiment.history import Here, History, SeriesKey
from dfa_lab.experiment.measurement import (
    ALIGNMENT,
    PROBE_SHARE,
    QUICK,
    TEST,
    TEST_SHARE,
    Pending,
    Probe,
    Recorder,
    Schedule,
    UntrainedSimilarity,
)
from dfa_lab.experiment.run.checkpoint import Checkpoint
from dfa_lab.experiment.run.going_back import GoesBack
from dfa_lab.experiment.run.observers import Observers
from dfa_lab.experiment.run.untrained import learner_of, untrained_network
from dfa_lab.experiment.settings import Settings
from dfa_lab.experiment.training import (
    LEARNER_FIELDS,
    SIGNAL_FIELDS,
    Batches,
    LearnerState,
    LossMean,
    ThroughputClock,
    all_finite,
    settings_for,
)
from dfa_lab.learning.interface import Output


class Trainer(GoesBack):
    """Trains a copy of one's ``own`` module, or where it is None the MLP that ``settings`` describe.

    With the module comes where its output is, as in ``convert``; ``history`` is called ``name``. The ``observers``
    receive what it did; whoever calls delivers it.

    It takes no lock and sets no compute context: whoever calls holds them, as ``Experiment`` does, under
    ``torch.no_grad``. ``fallback`` is the checkpoint of the last measurement, to which a diverged run goes back.
    """

    def __init__(
        self, settings: Settings, own: tuple[nn.Module | None, Output], name: str, observers: Observers
    ) -> None:
        module, output = own
        if module is None and output is not None:
            raise DfaLabError(f"output was given as {shown(output)} without module; leave it out: an MLP has one.")
        task, settings = make_task(settings.task), settings_for(module, settings)
        self._own, self.task = own, task.flat() if module is None else task
        self.learner = learner_of(own, self.task, settings)
        self.batches = Batches(self.task, settings, ahead=self.learner.reads_only)
        self.probe = Probe(self.task, self.learner)
        self.history = History(settings.values(), replicas=settings.replicas or 1, name=name)
        self.history.held = True
        self.recorder = Recorder(self.probe, self.history)
        self.losses, self.pending = LossMean([0.0] * self.history.replicas), Pending()
        self.clock, self.observers = ThroughputClock(), observers
        self.steps_done = self.samples_seen = 0
        self.fallback: Checkpoint | None = None
        self.damaged = ""
        self._use(settings)

    def _use(self, settings: Settings) -> None:
        self.costs = self.learner.costs(len(self.task.test_targets))
        self.schedule = Schedule.of(self.costs, settings.probe_every)
        self.settings = settings

    @property
    def here(self) -> Here:
        """Where it stands, as a row of its history says it."""
        return {"step": self.steps_done, "samples": self.samples_seen}

    def step(self) -> None:
        """Measure what is pending, make one update, and measure what is due after it.

        Raises ``DivergedError`` where numbers are no longer finite, with the run back at its fallback.
        """
        if self.pending.probe:
            self._measure_pending()
        self.recorder.forget()
        try:
            self.losses.add(self.learner.update(*self.batches.take(self.settings.batch_size)))
            if not self.losses.finite:
                self.diverge()
            self.steps_done += 1
            self.samples_seen += self.settings.batch_size
            if self.steps_done % self.settings.record_every == 0:
                self.history.record("train_loss", self.losses.take(), **self.here)
                self.record_rate(due=self.steps_done % self.schedule.every == 0)
            if self.observers.watched:
                self.observers.note("step", self.steps_done, self.history)
            if self.schedule.alignment_is_due(self.steps_done, self.pending.restart):
                self.measure()
                if self.history.full:  # only here, where the fallback is this very step
                    self.history.thin()
                    self.fallback = self.capture()
        except DivergedError:  # the run has gone back
            raise
        except BaseException as error:
            self.undo_step(error)
            raise

    def _measure_pending(self) -> None:
        """Measure before the next step; what fails in it leaves nothing behind."""
        self.check_whole()
        if not self.pending.probe:  # it went back only now
            return
        first, pending, rows = self.fallback is None, replace(self.pending), self.history.lengths()
        recorder = Recorder(self.probe, self.history, self.recorder.known)
        try:
            self.measure()
        except BaseException as error:
            if first or not isinstance(error, DivergedError):
                self.pending, self.recorder = pending, recorder
                self._take_back(self._changes(), rows)
            raise
        assert self.fallback is not None
        # To come back here is to stand before this measurement: a change made then belongs before it as well.
        self.fallback = replace(self.fallback, pending=pending, rows=rows)
        if first:
            self.start_clock()

    def measure(self) -> None:
        """Measure what the schedule has for this step; the fallback is here from now on."""
        self.learner.check_net()
        if not all_finite(self.learner.net.parameters()):
            self.diverge()
        wanted = self._wanted(test=self.schedule.evaluation_is_due(self.steps_done, self.pending.restart))
        chance = self.pending.chance or self.schedule.chance_is_due(self.steps_done)
        with self.clock.paused():
            if lost := self.recorder.record(self.here, wanted, chance=chance):
                self.diverge(lost)  # its weights are no place to come back to
            self.pending.done(aligned=self.schedule.aligned)
            self.fallback = self.capture()
            self.observers.note("measure", self.steps_done, self.history)

    def measure_by_hand(self) -> None:
        """Measure what is not known of this step, the test split only where it keeps nobody waiting."""
        self._record_by_hand(self._wanted(test=self.costs.test * self.history.replicas <= QUICK))

    def measure_at_end(self, steps: int) -> None:
        """The same, as far as it costs a small share of the ``steps`` just done."""
        done = steps * self.costs.step
        align, test = self.costs.probe <= PROBE_SHARE * done, self.costs.test <= TEST_SHARE * done
        self._record_by_hand(self._wanted(align=align, test=test))

    def _record_by_hand(self, wanted: set[str]) -> None:
        """What is ``wanted`` and not known; nothing where the weights are not finite."""
        self.check_whole()
        if due := self.recorder.missing(wanted):
            with self.clock.paused():
                self.learner.check_net()
                if all_finite(self.learner.net.parameters()):
                    # Chance is measured for an untrained network: what else would its angles be compared with.
                    self.recorder.record(self.here, due, chance=not self.steps_done, by_hand=True)
                    self.observers.note("measure", self.steps_done, self.history)

    def _wanted(self, *, align: bool = True, test: bool) -> set[str]:
        asked = {ALIGNMENT: align and self.schedule.aligned, TEST: test}
        return {name for name, wanted in asked.items() if wanted}

    def compare_untrained(self, wanted: bool, *, checked: bool = False) -> None:
        """From now on probes compare with the untrained network, or no longer; ``checked`` raises where they cannot."""
        found = None
        if wanted:
            began = Settings(**self.history.settings)
            found = UntrainedSimilarity(partial(untrained_network, self._own, self.task, began))
            if checked:
                found.check(self.probe.batch()[0])
                self.recorder.forget(ALIGNMENT)
        self.probe.untrained = found

    def record_rate(self, *, due: bool = True) -> None:
        """A row of the throughput since the last, where it is ``due`` or that is long ago; none without training."""
        rate = self.clock.read(self.samples_seen * self.history.replicas, due=due)
        if rate is not None:
            self.history.record("samples_per_s", [rate] * self.history.replicas, **self.here)

    def start_clock(self) -> None:
        """Start the throughput clock: time up to now was not training."""
        self.clock.start(self.samples_seen * self.history.replicas)

    def capture(self) -> Checkpoint:
        """Copies of all that ``restore`` needs to go on from this step."""
        self.check_whole()
        return Checkpoint(
            settings=self.settings,
            steps_done=self.steps_done,
            samples_seen=self.samples_seen,
            learner=self.learner.capture(),
            streams=self.batches.state(),
            losses=self.losses.copy(),
            pending=replace(self.pending),
            changes=self._changes(),
            rows=self.history.lengths(),
        )

    def restore(self, checkpoint: Checkpoint, *, history: bool = False) -> None:
        """Stand where ``checkpoint`` was captured; with ``history`` without the rows and changes recorded since."""
        self.learner.restore(checkpoint.settings, checkpoint.learner)
        self.batches.restore(checkpoint.streams)
        self._use(checkpoint.settings)
        self.steps_done, self.samples_seen = checkpoint.steps_done, checkpoint.samples_seen
        self.losses, self.pending = checkpoint.losses.copy(), replace(checkpoint.pending)
        if history:
            self._take_back(checkpoint.changes, checkpoint.rows)

    def _changes(self) -> int:
        return self.history.events[-1].change + 1 if self.history.events else 0

    def _take_back(self, changes: int, rows: Mapping[SeriesKey, int] | None) -> None:
        """Shorten the history to so many changes, and unless ``rows`` is None so many rows of each series."""
        if changes != self._changes() or (rows is not None and rows != self.history.lengths()):
            self.history.truncate(self.steps_done, changes=changes, rows=rows)

    def follow(self, other: Trainer, name: str | None) -> None:
        """Stand where ``other`` stands, with a copy of its history under another ``name``."""
        other.learner.check_feedback()
        self.take_up(other.capture(), other.history.copy(name), other.recorder.known, other.fallback)
        self.probe.untrained = None if other.probe.untrained is None else other.probe.untrained.copy()

    def take_up(
        self, checkpoint: Checkpoint, history: History, known: Collection[str], fallback: Checkpoint | None
    ) -> None:
        """Stand where ``checkpoint`` was captured, with the ``history`` up to there; ``known`` is what was measured."""
        self.restore(checkpoint)
        self.history, self.fallback, history.held = history, fallback, True
        self.recorder = Recorder(self.probe, history, known)
        self.start_clock()  # the samples seen up to here were not trained in this window

    def change(self, after: Settings, changed: Collection[str]) -> None:
        """Use ``after``, in which the fields ``changed`` differ, from the next update on, and note it in the history.

        Whatever fails in between, Ctrl-C too, leaves the run as it was.
        """
        if self.damaged:
            self.check_whole()
        before, restarts, seen = self.settings, not set(changed).isdisjoint(SIGNAL_FIELDS), {}
        moved = self.fallback is not None and self.fallback.steps_done != self.steps_done
        if restarts and self.schedule.aligned and not self.pending.probe and moved:
            with suppress(BaseException), self.clock.paused():  # the curves are to turn at this step
                seen = self.probe.alignment(chance=False)
        pending, changes, rows = self.pending, self._changes(), self.history.lengths() if restarts else None
        state = None if set(changed).isdisjoint(LEARNER_FIELDS) else self.learner.capture(net=restarts)
        try:
            self.learner.adopt(after, changed)
            self._use(after)
            if restarts:  # the curves turn at this very step, and early steps begin again
                self.pending = Pending(restart=self.steps_done)
                self.history.record_layers(seen, **self.here)
            self.history.add_change(self.steps_done, {n: (getattr(before, n), getattr(after, n)) for n in changed})
        except BaseException:
            self.mend(lambda: self._unchange(before, state, pending, changes, rows))
            raise
        if restarts or "probe_size" in changed:
            self.recorder.forget(ALIGNMENT)
        if changed:
            self.observers.note("change", self.steps_done, self.history, self.history.events[-len(changed) :])

    def _unchange(
        self,
        before: Settings,
        learner: LearnerState | None,
        pending: Pending,
        changes: int,
        rows: Mapping[SeriesKey, int] | None,
    ) -> None:
        self.learner.restore(before, learner)
        self.pending = pending
        self._use(before)
        self._take_back(changes, rows)
