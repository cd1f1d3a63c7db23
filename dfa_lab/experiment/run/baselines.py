"""Baselines: the same run by BP and with frozen hidden layers, from the same seed, to compare with."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dfa_lab.errors import DfaLabError, shown
from dfa_lab.experiment.history import METRICS, History
from dfa_lab.experiment.run.no_copies import NoCopies
from dfa_lab.experiment.settings import DeferredInterrupt, Settings
from dfa_lab.experiment.training import SIGNAL_FIELDS
from dfa_lab.html_table import curve, number, table

if TYPE_CHECKING:
    from dfa_lab.experiment.run.experiment import Experiment


#: What a table of the three runs compares.
RESULTS = ("test_accuracy", "test_loss")


class Baselines(NoCopies):
    """Two twins of a run: ``bp``, with the true derivative, and ``shallow``, with its hidden layers frozen.

    They begin with the run's weights, see its batches and take its live changes at their steps, the rule's apart; they
    train by themselves, and the run is not touched. ``Experiment.references`` makes them and brings them up to date.
    """

    def __init__(self, run: Experiment) -> None:
        self._run = run
        self._own_process()

    def _own_process(self) -> None:
        self._process, self._lock = os.getpid(), threading.Lock()
        self._begin()

    def _begin(self) -> None:
        started = Settings(**self._run.history.settings).changed(activation_derivative="exact")
        run: Any = self._run
        own = {"module": run.module, "output": run.output}
        bp, shallow = (type(self._run)(started.changed(rule=rule), **own, name=rule) for rule in ("bp", "shallow"))
        with DeferredInterrupt():
            self.bp, self.shallow = bp, shallow
            #: The changes of the run that each has made.
            self._made: dict[Experiment, list[tuple[int, dict[str, Any]]]] = {bp: [], shallow: []}
            self._failed = False

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
                one.steps_done > target or made != changes[: len(made)] for one, made in self._made.items()
            ):
                self._begin()
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


def _result(history: History, metric: str) -> tuple[str, str]:
    """The newest value and the curve."""
    steps, values = history.values(metric)
    return number(history.last(metric)), curve(values.mean(1).tolist(), steps.tolist())
