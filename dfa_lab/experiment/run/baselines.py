"""Baselines: the same run by BP and with frozen hidden layers, from the same seed, to compare with."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.history import METRICS, History
from dfa_lab.experiment.run.no_copies import NoCopies
from dfa_lab.experiment.settings import DeferredInterrupt, Settings
from dfa_lab.experiment.training import SIGNAL_FIELDS
from dfa_lab.html_table import curve, number, table

if TYPE_CHECKING:
    from dfa_lab.experiment.run.experiment import Experiment


#: Twins of a run, with the changes of the run that each has made.
Made = dict["Experiment", list[tuple[int, dict[str, Any]]]]
#: What a table of the three runs compares.
RESULTS = ("test_accuracy", "test_loss")


class Baselines(NoCopies):
    """Two twins of a run: ``bp``, with the true derivative, and ``shallow``, with its hidden layers frozen.

    They begin with the run's weights, see its batches and take its live changes at their steps, the rule's apart; they
    train by themselves, and the run is not touched. ``Experiment.references`` makes them and brings them up to date.
    """

    def __init__(self, run: Experiment, made: Made | None = None) -> None:
        """``made`` are twins that stand somewhere, with the changes of the run that each has made, from a file."""
        self._run = run
        self._own_process(made)

    def _own_process(self, made: Made | None = None) -> None:
        self._process, self._lock, self._failed = os.getpid(), threading.Lock(), False
        self._made: Made = made or self._begun()
        self.bp, self.shallow = self._made

    def _begun(self) -> Made:
        started = Settings(**self._run.history.settings).changed(activation_derivative="exact")
        own: dict[str, Any] = {"module": self._run.module, "output": self._run.output}
        return {type(self._run)(started.changed(rule=rule), **own, name=rule): [] for rule in ("bp", "shallow")}

    @contextmanager
    def held_if_idle(self) -> Iterator[Made | None]:
        """The twins with the changes of the run that each has made, held; None where they are being trained."""
        if not self._lock.acquire(blocking=False):
            yield None
            return
        try:
            yield self._made
        finally:
            self._lock.release()

    def __repr__(self) -> str:
        steps = ", ".join(f"{one.history.name} at step {one.steps_done}" for one in self._made)
        return f"Baselines({steps}; the run {self._run.history.name!r} is at step {self._run.steps_done})"

    def _repr_html_(self) -> str:
        histories = [self._run.history, *self.histories]
        rows = [
            [f"{one.name}, the run" if one is self._run.history else one.name, f"{one.last_step:,}"]
            + [cell for metric in RESULTS for cell in _result(one, metric)]
            for one in histories
        ]
        head = ["run", "steps", *(name for metric in RESULTS for name in (METRICS[metric].label, ""))]
        return table(head, rows)

    def __iter__(self) -> Iterator[History]:
        """Over the histories, so that ``figure(…, references=run.references())`` takes it as it is."""
        return iter(self.histories)

    @property
    def histories(self) -> tuple[History, History]:
        """BP's and the frozen run's."""
        return self.bp.history, self.shallow.history

    def catch_up(self) -> None:
        """Train both to the step where the run stands. ``DivergedError`` where a baseline does not get there.

        Where the run went back, as it does when it diverges, or one of them failed, they begin anew.
        """
        if os.getpid() != self._process:  # forked, maybe while another thread trained them
            self._own_process()
        with self._lock:
            changes, target = self._run.progress()
            if self._failed or any(
                one.steps_done > target or made != changes[: len(made)] or _went_back(one, made)
                for one, made in self._made.items()
            ):
                begun = self._begun()
                with DeferredInterrupt():
                    self._made, self._failed = begun, False
                    self.bp, self.shallow = begun
            try:
                for twin, made in self._made.items():
                    for step, fields in changes[len(made) :]:
                        twin.train(max(0, step - twin.steps_done))
                        with DeferredInterrupt():
                            twin.change(**{name: value for name, value in fields.items() if name not in SIGNAL_FIELDS})
                            made.append((step, fields))
                    twin.train(max(0, target - twin.steps_done))
            except Exception:  # it went back, and what was changed since then came at another step
                self._failed = True
                raise

    def recovery(self, metric: str = "") -> float | list[float]:
        """(rule − frozen) / (BP − frozen) at the run's step: 0 learned nothing below the output, 1 is as good as BP.

        Of ``test_accuracy`` where the task has classes, else of ``test_loss``, or of the ``metric`` named; over the
        whole test split, a list with replicas. NaN where BP is no better than the frozen network. Raises
        ``DfaLabError`` for a metric that is not evaluated, and where the run has gone on since it was caught up with.
        """
        steps = [one.steps_done for one in (self._run, self.bp, self.shallow)]
        if len(set(steps)) > 1:
            raise DfaLabError(f"the run is at step {steps[0]}, its references at {steps[1]}: use catch_up() first.")
        own, bp, frozen = (one.evaluate() for one in (self._run, self.bp, self.shallow))
        metric = metric or ("test_accuracy" if "test_accuracy" in own else "test_loss")
        if metric not in own:
            raise DfaLabError(f"recovery of {shown(metric)} was asked for; expected one of {', '.join(own)}.")
        sign = -1 if metric == "test_loss" else 1
        columns = [one[metric] if isinstance(one[metric], list) else [one[metric]] for one in (own, bp, frozen)]
        found = [
            (rule - low) / (high - low) if sign * (high - low) > 0 else math.nan
            for rule, high, low in zip(*columns, strict=True)
        ]
        return found if isinstance(own[metric], list) else found[0]


def _went_back(twin: Experiment, made: list[tuple[int, dict[str, Any]]]) -> bool:
    """Whether a twin stands before a change that it has made, so that it made it at another step than the run."""
    return bool(made) and twin.steps_done < made[-1][0]


def _result(history: History, metric: str) -> tuple[str, str]:
    """The newest value and the curve."""
    steps, values = history.values(metric)
    return number(history.last(metric)), curve(values.mean(1).tolist(), steps.tolist())
