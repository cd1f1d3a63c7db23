"""Pace: how fast runs train and backpropagation would train the same network, timed alike and changing nothing."""

from __future__ import annotations

import copy
import statistics
import time
import weakref
from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

import torch

from dfa_lab.experiment.history import History
from dfa_lab.experiment.run import Experiment
from dfa_lab.experiment.settings import Computing, Settings
from dfa_lab.experiment.training import Batches, Mean, Updater
from dfa_lab.learning.mlp import MLP
from dfa_lab.learning.ops import WARM_UP_STEPS

K = TypeVar("K", bound=Hashable)

#: Seconds that a measurement may take in all, where one update does not take longer.
BUDGET = 0.04
#: Seconds after which a run whose settings stayed is measured again when it is played.
AGAIN = 10.0
#: Samples in the first update, which finds what torch loads at its first call.
WARM = 4
#: Small, so that the copy stays where it is; how long an update takes does not depend on it.
LR = 1e-9


class Pace:
    """Keeps ``samples_per_s`` and ``bp_samples_per_s`` of histories; ``tell`` is for when they may have changed."""

    def __init__(self) -> None:
        self._told: weakref.WeakKeyDictionary[History, tuple[Any, float]] = weakref.WeakKeyDictionary()

    def tell(self, experiments: Iterable[Experiment]) -> None:
        """Time the runs' own updates and BP's in turn, and record both at the step where each run stands.

        As soon as one is due all are measured, so that they compare. Runs that compute the same have one number: those
        that differ in other settings, and a run by BP and its reference. It takes half of ``BUDGET`` seconds a number,
        or one update of each where that is more. Modules are passed over.
        """
        now, runs, due = time.perf_counter(), [], False
        for experiment in experiments:
            if experiment.module is None:
                told, when = self._told.get(experiment.history, (None, 0.0))
                kind = _kind(experiment.settings), _own_kind(experiment.settings)
                runs.append((kind, experiment))
                due = due or told != kind or now - when > AGAIN
        for reference in dict.fromkeys(kind for (kind, _), _ in runs) if due else ():
            alike = {own: experiment for (kind, own), experiment in reversed(runs) if kind == reference}
            rates, bp = rates_beside_bp(alike, seconds=BUDGET * (len(alike) + 1) / 2)
            for kind, experiment in runs:
                if kind[0] == reference:
                    for metric, rate in (("samples_per_s", rates[kind[1]]), ("bp_samples_per_s", bp)):
                        experiment.history.record(metric, [rate] * experiment.history.replicas, **experiment.here)
                    self._told[experiment.history] = kind, now

    def forget(self, experiment: Experiment) -> None:
        """Measure it at the next ``tell`` whatever was told: the run went back, and may have lost the row."""
        self._told.pop(experiment.history, None)


def _kind(settings: Settings) -> Any:
    """What BP's speed depends on."""
    s = settings
    place = s.device, s.threads, s.precision
    return (str(s.task), s.widths, s.activation, s.batch_size, s.optimizer, s.momentum > 0, s.replicas, *place)


def _own_kind(settings: Settings) -> Any:
    """What another rule's speed depends on besides; a choice with parameters has no hash, but its text."""
    s = settings
    own = s.lr if isinstance(s.lr, tuple) else None
    return _text(s.rule), _text(s.activation_derivative), s.weight_decay > 0, own


def _text(choice: Any) -> str:
    """A choice's text, the same for a name alone and for a name without parameters."""
    return repr(choice["name"] if isinstance(choice, Mapping) and set(choice) == {"name"} else choice)


def _by_bp(settings: Settings) -> Settings:
    return settings.changed(rule="bp", activation_derivative="exact")


def rates_beside_bp(runs: Mapping[K, Experiment], *, seconds: float = BUDGET) -> tuple[dict[K, float], float]:
    """Training samples a second, over all replicas together, that the engine's update makes: of each run, and by BP.

    ``runs`` are of one kind but for their rules, derivatives and learning rates. All are timed update by update in
    turn, in ``seconds`` in all, on copies of the network with the batch size, optimizer and threads in force and
    batches of their own. An update that takes most of the time is the only one. A run by BP is the reference itself.
    """
    reference = next(iter(runs.values()))
    kinds = {name: _own_kind(run.settings) for name, run in runs.items()}
    bp = _own_kind(_by_bp(reference.settings))
    timed = {kind: (runs[name], False) for name, kind in kinds.items() if kind != bp}
    timed[bp] = reference, True
    found = dict(zip(timed, _samples_per_s(list(timed.values()), seconds), strict=True))
    return {name: found[kind] for name, kind in kinds.items()}, found[bp]


def _samples_per_s(runs: Sequence[tuple[Experiment, bool]], seconds: float) -> list[float]:
    """Of each run, by BP or as it is; they are of one kind."""
    until = time.perf_counter() + 0.9 * seconds  # the last update may end later
    with ExitStack() as held:
        for experiment in {id(one): one for one, _ in runs}.values():
            held.enter_context(experiment._lock)
        held.enter_context(Computing(runs[0][0].settings))
        held.enter_context(torch.no_grad())
        copies = [_Copy(experiment, by_bp=by_bp) for experiment, by_bp in runs]
        for one in copies:
            one.warm_up()
        now = time.perf_counter()
        times: list[list[float]] = [[] for _ in copies]
        # The first is a little slower, but where it is all there is time for, hardly so.
        while not times[0] or now + sum(map(statistics.median, times)) < until:
            for one, own in zip(copies, times, strict=True):
                began, now = now, one.update()
                own.append(now - began)
        # The middle one: another thread may hold the interpreter through some of them.
        return [one.samples / statistics.median(own[1:] or own) for one, own in zip(copies, times, strict=True)]


class _Copy:
    """A run's network and batches, to be trained in its place; the run's lock is held."""

    def __init__(self, experiment: Experiment, *, by_bp: bool) -> None:
        settings, task = experiment.settings, experiment.task
        lr = (LR,) * len(settings.lr) if isinstance(settings.lr, tuple) else LR
        settings = (_by_bp(settings) if by_bp else settings).changed(lr=lr)
        net = copy.deepcopy(experiment.net)
        assert isinstance(net, MLP)
        if by_bp:
            net.set_rule("bp")
            net.set_derivative("exact")
        self._updater, self._batches = Updater(net, task.objective, settings), Batches(task, settings)
        self._losses, self._size = Mean.of_nothing(settings.replicas or 1), settings.batch_size
        self._captures = next(net.parameters()).is_cuda
        self.samples = self._size * len(self._losses.total)

    def warm_up(self) -> None:
        """What torch loads at its first call, and on a GPU what its step is captured in."""
        self._do(min(self._size, WARM))
        for _ in range(WARM_UP_STEPS + 2 if self._captures else 0):
            self.update()

    def update(self) -> float:
        """One, and the time when it is done."""
        self._do(self._size)
        return time.perf_counter()

    def _do(self, samples: int) -> None:
        self._losses.add(self._updater.update(*self._batches.take(samples)))  # waits for a GPU
