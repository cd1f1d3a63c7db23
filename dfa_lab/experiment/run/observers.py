"""Observers: functions that are called when a run has made a step, was measured, changed, or began anew."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import ref

from dfa_lab.errors import DfaLabError, shown, unknown_name
from dfa_lab.experiment.history import METRICS, Event, History
from dfa_lab.experiment.settings import DeferredInterrupt

if TYPE_CHECKING:
    from dfa_lab.experiment.run.experiment import Experiment

#: What can be observed: an update, a measurement that was recorded, a change of settings, a reset.
MOMENTS = ("step", "measure", "change", "reset")


@dataclass(frozen=True, eq=False)
class Observation:
    """What an observer is given: ``moment`` of ``run``, after ``step`` updates, and what came with it.

    ``metrics`` are the rows that the history has of this very step, means over replicas: a number, or for what each
    layer has a tuple, layer 1 first. With "change" ``events`` are the settings that were changed together.

    >>> import dfa_lab as dfa
    >>> run, seen = dfa.Experiment(task="moons", widths=(8,)), []
    >>> end = run.observe("change", lambda one: seen.append((one.step, one.events[0].field)))
    >>> run.change(lr=0.5), seen
    (None, [(0, 'lr')])
    """

    moment: str
    run: Experiment
    step: int
    metrics: Mapping[str, float | tuple[float, ...]]
    events: tuple[Event, ...] = ()


Observer = Callable[[Observation], object]


class Observers:
    """The observers of one ``run``. What is noted waits until the run is whole again, and is then delivered in order.

    They belong to the run alone: no checkpoint, fork or session has them. ``watched`` says whether there is one at all,
    ``waiting`` what was noted, ``errors`` what observers raised and nobody has taken.
    """

    def __init__(self, run: Experiment) -> None:
        self._run, self._lock = ref(run), threading.Lock()  # no circle: a run that nobody holds is freed at once
        self._of: dict[str, tuple[Observer, ...]] = {}
        self._holds = 0
        self.watched = False
        self.waiting: deque[Observation] = deque()
        self.errors: deque[Exception] = deque(maxlen=1)

    def add(self, moment: str, observer: Observer) -> Callable[[], None]:
        """Call ``observer`` at each such ``moment`` until the function that is returned is called."""
        if moment not in MOMENTS:
            raise unknown_name("moment to observe", moment, MOMENTS)
        if not callable(observer):
            raise DfaLabError(f"observe got {shown(observer)}; expected a function of one argument, the observation.")

        def own(observation: Observation) -> object:  # so that the same function can be given twice
            return observer(observation)

        def end() -> None:
            self._set(moment, tuple(one for one in self._of.get(moment, ()) if one is not own))

        self._set(moment, (*self._of.get(moment, ()), own))
        return end

    def _set(self, moment: str, observers: tuple[Observer, ...]) -> None:
        with self._lock, DeferredInterrupt():  # a reader has the former dictionary, whole
            self._of = {**self._of, moment: observers}
            self.watched = any(self._of.values())

    def note(self, moment: str, step: int, history: History, events: Sequence[Event] = ()) -> None:
        """It happened, and is to be delivered."""
        if self._of.get(moment) and (run := self._run()) is not None:
            self.waiting.append(Observation(moment, run, step, rows_of(history, step), tuple(events)))

    def take_back(self, step: int) -> None:
        """The run went back to ``step``: what was noted of later steps is not delivered."""
        while self.waiting and self.waiting[-1].step > step:
            self.waiting.pop()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """What is noted inside is delivered at the end; never where an error took it back."""
        self._holds, before = self._holds + 1, len(self.waiting)
        try:
            yield
        except BaseException:
            while len(self.waiting) > before:
                self.waiting.pop()
            raise
        finally:
            self._holds -= 1
        self.deliver()

    def deliver(self) -> None:
        """Call the observers with what waits. What they raise is kept in ``errors``, and the others are called."""
        while not self._holds:
            try:
                observation = self.waiting.popleft()
            except IndexError:  # none is left, or another thread took the last one
                return
            for observer in self._of.get(observation.moment, ()):
                try:
                    observer(observation)
                except Exception as error:
                    self.errors.append(error)

    def finish(self) -> None:
        """Deliver, and raise the last error of an observer, unless it was taken already."""
        self.deliver()
        if self.errors:
            raise self.errors.pop()


def rows_of(history: History, step: int) -> dict[str, Any]:
    """The rows of one step, the newest: metric -> a number, or for each layer one."""
    found: dict[str, Any] = {}
    here = [(key, series) for key, series in history.series.items() if len(series) and series.steps[-1] == step]
    for (metric, layer), series in sorted(here, key=lambda item: (item[0][0], item[0][1] or 0)):
        values = series.values[(len(series) - 1) * history.replicas : len(series) * history.replicas]
        mean = sum(values) / history.replicas
        found[metric] = mean if not METRICS[metric].per_layer else (*found.get(metric, ()), mean)
        assert layer is None or METRICS[metric].per_layer
    return found
