"""Experiment: settings and a task made into a run that steps, is measured, changes live, and forks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from dfa_lab.errors import DfaLabError, shown, whole_number
from dfa_lab.experiment.data import Task
from dfa_lab.experiment.history import Here, History
from dfa_lab.experiment.measurement import Schedule, Snapshot
from dfa_lab.experiment.run.baselines import Baselines
from dfa_lab.experiment.run.checkpoint import Checkpoint
from dfa_lab.experiment.run.observers import Observer, Observers
from dfa_lab.experiment.run.progress_bar import counted
from dfa_lab.experiment.run.records_similarity import RecordsSimilarity
from dfa_lab.experiment.run.trainer import Trainer
from dfa_lab.experiment.sessions import Session, script_of
from dfa_lab.experiment.settings import ComputeContext, DeferredInterrupt, Settings, shows_settings
from dfa_lab.experiment.training import own_settings, untrained_copy
from dfa_lab.forked_processes import lock_across_forks
from dfa_lab.learning.interface import Output
from dfa_lab.learning.rules import RULES


def _of_trainer(place: str, meaning: str) -> Any:
    """A property that gives what the run's trainer has at ``place``."""
    return property(attrgetter(f"trainer.{place}"), doc=meaning)


@shows_settings
class Experiment(RecordsSimilarity):
    """A network learning a task under ``Settings``; the same settings give the same history to the last bit.

    Give a ``Settings`` or its fields: ``Experiment(task="digits", rule="dfa", widths=(128, 128), lr=0.1, seed=0)``.
    ``task`` may be a ``Task``, such as ``Task.from_arrays`` makes. With ``module``, and its ``output`` as in
    ``convert``, it trains a copy of that network, ``net``, by the same settings but those that make an MLP (``widths``
    …), and ``module`` stays untrained; what a converted one was converted with holds unless given. ``seed`` then draws
    the batches and what the module itself draws. Clock readings apart, nothing depends on time or on the thread.

    Raises ``DfaLabError`` for settings that cannot be used; ``step`` and ``train`` raise ``DivergedError`` when the
    loss is no longer finite, with the run back at its last checkpoint (one at every probe).

    >>> import dfa_lab as dfa
    >>> run = dfa.Experiment(task="moons", widths=(8,), rule="dfa")
    >>> run.train(20).last_step
    20
    """

    settings: Settings = _of_trainer("settings", "The settings in force.")
    task: Task = _of_trainer("task", "What is learned; flat for an MLP.")
    net: nn.Module = _of_trainer("learner.net", "The trained network: an ``MLP``, or the module's converted copy.")
    history: History = _of_trainer("history", "The record.")
    cadence: Schedule = _of_trainer("schedule", "At which steps the run is measured.")
    steps_done: int = _of_trainer("steps_done", "Updates so far.")
    samples_seen: int = _of_trainer("samples_seen", "Training samples so far.")
    here: Here = _of_trainer("here", "Where it stands, as a row of its history says it.")

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        module: nn.Module | None = None,
        output: Output = None,
        name: str | None = None,
        **fields: Any,
    ) -> None:
        if module is not None:
            own, module = own_settings(module, fields), untrained_copy(module)
            fields = own if settings is None else fields
        settings = Settings() if settings is None else settings
        if not isinstance(settings, Settings):
            raise DfaLabError(f"Experiment was given {shown(settings)}; expected a Settings, or fields: task='digits'.")
        self._lock = lock_across_forks(self)  # a change or a fork from another thread waits for the end of a step
        self.given_name, self.observers = name, Observers(self)
        self.module, self.output = module, output  # untrained: what a reset begins with; None for an MLP
        self._begin(settings.changed(**fields) if fields else settings)

    def _begin(self, settings: Settings, *, again: bool = False) -> None:
        with ComputeContext(settings):  # a QR depends on how many threads torch happens to have
            own, name = (self.module, self.output), self.given_name or RULES.label(settings.rule)
            trainer = Trainer(settings, own, name, self.observers)
            trainer.compare_untrained(again and self.records_similarity)
        with DeferredInterrupt():
            self.trainer = trainer
            self.undoable: list[dict[str, Any]] = []  # for each change in force: its fields with the values before
            self.baselines: Baselines | None = None  # the references, where they were asked for
            if again:
                self.observers.note("reset", self.steps_done, self.history)

    def __repr__(self) -> str:
        return f"Experiment(task={self.settings.task!r}, rule={self.settings.rule!r}, steps_done={self.steps_done})"

    @contextmanager
    def held(self) -> Iterator[Trainer]:
        """Hold the run between two steps: nobody else moves it, torch computes as it wants, and Ctrl-C waits."""
        with self._lock, DeferredInterrupt(), ComputeContext(self.settings), torch.no_grad():
            self.trainer.check_whole()
            yield self.trainer

    @contextmanager
    def restored_on_error(self) -> Iterator[None]:
        """An error inside leaves the run as it was: weights, settings, history and what can be undone."""
        with self.held() as trainer:
            checkpoint, undoable = trainer.capture(), list(self.undoable)
        try:
            with self.observers.held():
                yield
        except BaseException:
            with self.held() as trainer:
                trainer.restore(checkpoint, history=True)
                self.undoable = undoable
            raise

    def train(self, steps: int, *, progress: bool = False) -> History:
        """Do ``steps`` updates in this thread and return the history. ``progress`` shows a bar; Ctrl-C stops at a step.

        The last step is measured by hand (see ``measure``) where that is cheap, by counted operations: alignment for at
        most 5 % of the training in this call, the test split for 10 %. So ``train(1)`` in a loop stays as fast.

        Raises ``DfaLabError`` for a number of steps that is none, ``DivergedError`` as the class says.
        """
        given, before = cast(Any, steps), self.steps_done
        steps = whole_number("steps", int(given) if isinstance(given, np.integer) else given, 0)
        self.resume_clock()
        self.trainer.learner.check_net()
        with DeferredInterrupt() as interrupted, ComputeContext(self.settings), torch.no_grad():
            for _ in counted(steps, self.history) if progress else range(steps):
                with self._lock:
                    self.trainer.step()
                self.observers.deliver()
                if interrupted():
                    break
            with self._lock:
                self.trainer.measure_at_end(self.steps_done - before)
        self.observers.finish()
        return self.history

    def step(self) -> None:
        """One update, and whatever measurement is due after it; Ctrl-C waits. An error, as of one's own loss, takes the
        run back to its last checkpoint, with the settings in force.
        """
        with self._lock, DeferredInterrupt(), ComputeContext(self.settings), torch.no_grad():
            self.trainer.step()
        self.observers.deliver()

    def record_rate(self, *, due: bool = True) -> None:
        """A row of the throughput since the last, where it is ``due`` or that is long ago; none without training."""
        self.trainer.record_rate(due=due)

    def resume_clock(self) -> None:
        """Start the throughput clock: time up to now was not training."""
        self.trainer.start_clock()

    def measure(self) -> None:
        """Measure this very step, by hand: alignment, and the test split where that takes no time to speak of.

        The rows are in ``history`` for every reader and no part of its ``digest``: measured by hand or not, it is the
        same run, and its script makes it again. Nothing is done for what was measured since the last step and change
        of rule, feedback or derivative, nor where the weights are no numbers. ``probe_every=0`` leaves alignment out.
        """
        with self.held() as trainer:
            trainer.measure_by_hand()
        self.observers.deliver()

    def observe(self, moment: str, observer: Observer) -> Callable[[], None]:
        """Call ``observer`` with an ``Observation`` at each "step", "measure" (something was recorded), "change" (of
        settings) or "reset"; return a function that ends it. It is called between two steps in the thread that trains.
        What it raises stops nothing: ``train`` raises the last of it when it is done, a ``Runner`` says it on its
        status. A reset keeps observers; forks and checkpoints have none.

        >>> import dfa_lab as dfa
        >>> run, seen = dfa.Experiment(task="moons", widths=(8,)), []
        >>> end = run.observe("step", lambda one: seen.append(one.step))
        >>> run.train(2).last_step, end(), seen
        (2, None, [1, 2])
        """
        return self.observers.add(moment, observer)

    def evaluate(self) -> dict[str, float | list[float]]:
        """``test_loss`` and, for classes, ``test_accuracy`` (0–1) on the test split at this step; lists by replica."""
        with self.held() as trainer:
            found = trainer.probe.evaluate()
        return {name: one.item() if self.settings.replicas is None else one.tolist() for name, one in found.items()}

    def snapshot(self, *, replica: int = 0) -> Snapshot:
        """The tensors behind the angles at this step, of one replica on the probe batch: what ``VIEWS`` draw."""
        with self.held() as trainer:
            layers, rule = trainer.probe.layers(replica), RULES.label(self.settings.rule)
            return Snapshot(self.steps_done, self.samples_seen, rule, self.history.name, replica, layers)

    def references(self) -> Baselines:
        """The same run by BP and with frozen hidden layers, trained to this step here and now, in this thread.

        >>> import dfa_lab as dfa
        >>> [one.name for one in dfa.Experiment(task="moons", widths=(8,)).references()]
        ['bp', 'shallow']
        """
        with self._lock:
            found = self.baselines = self.baselines or Baselines(self)
        found.catch_up()
        return found

    def progress(self) -> tuple[list[tuple[int, dict[str, Any]]], int]:
        """The changes so far and the step, both of one moment."""
        with self._lock:
            return self.history.changes(), self.steps_done

    def session(self) -> Session:
        """What makes this run again, to the last bit. ``DfaLabError`` for a module, and for what has no name."""
        if self.module is not None:
            raise DfaLabError(
                f"the experiment trains a module of your own ({type(self.module).__name__}), which no session "
                "can hold; share the code that makes it, or describe an MLP by its widths."
            )
        with self.held() as trainer:
            trainer.learner.check_feedback()
            settings, (changes, steps) = Settings(**self.history.settings), self.progress()
        return Session(settings, tuple(changes), steps)

    @staticmethod
    def replay(session: Session) -> Experiment:
        """The run of ``session``, trained anew: the same history to the last bit. Its lanes are left out."""
        return Session.replay(session)

    def to_script(self) -> str:
        """A Python script that makes this run again and says whether it came out the same to the last bit."""
        with self._lock:
            return script_of(self.session(), digest=self.history.digest())

    def change(self, **fields: Any) -> None:
        """Change live settings; the next step uses them, and ``history.events`` says so. An error changes nothing.

        Raises ``DfaLabError`` for an unknown field, a value that cannot be used, and a field that only a new run takes.

        >>> import dfa_lab as dfa
        >>> run = dfa.Experiment(task="moons", widths=(8,))
        >>> run.change(rule="fa", lr=0.05)
        >>> run.history.changes()
        [(0, {'rule': 'fa', 'lr': 0.05})]
        """
        with self.held() as trainer:
            before, after = self.settings, self.settings.changed(**fields)
            changed = [name for name in fields if getattr(before, name) != getattr(after, name)]
            Settings.check_live({name: fields[name] for name in changed})
            trainer.change(after, changed)
            if changed:
                self.undoable.append({name: getattr(before, name) for name in changed})
        self.observers.deliver()

    def undo(self) -> dict[str, Any]:
        """Set the fields of the last change back, and return them; called again it goes further back, never forward.

        It is a change like any other, an event at this step; weights are not rolled back. ``reset`` leaves nothing to
        undo, a fork can undo what its run could. Raises ``DfaLabError`` where there is nothing to undo.
        """
        with self.held() as trainer:
            if not self.undoable:
                raise DfaLabError("there is nothing to undo: every change of this run is undone, or none was made.")
            trainer.change(self.settings.changed(**self.undoable[-1]), list(self.undoable[-1]))
            undone = self.undoable.pop()
        self.observers.deliver()
        return undone

    def reset(self, **fields: Any) -> None:
        """A new run from step 0 with the settings in force and, where given, others (structural ones too).

        The same ``seed`` gives the same initial weights. The former ``history`` object stays with whoever holds it.
        """
        with self._lock:
            self._begin(self.settings.changed(**fields), again=True)
        self.observers.deliver()

    def fork(self, *, name: str | None = None, **fields: Any) -> Experiment:
        """A second run that stands where this one stands, with its own history, and ``fields`` changed from here on.

        >>> import dfa_lab as dfa
        >>> run = dfa.Experiment(task="moons", widths=(8,))
        >>> run.fork(rule="bp")
        Experiment(task='moons', rule='bp', steps_done=0)
        """
        with self.held() as trainer:
            other = Experiment(self.settings, module=self.module, output=self.output, name=name)
            other.trainer.follow(trainer, name)
            other.undoable = list(self.undoable)
        other.change(**fields)
        other.history.name = name or RULES.label(other.settings.rule)
        return other

    def state(self) -> Checkpoint:
        """A copy of all that the run needs to go on from this step."""
        with self.held() as trainer:
            return trainer.capture()
